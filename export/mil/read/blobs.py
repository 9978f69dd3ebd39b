"""The weight file of an ML Program, mapped and checked before it is believed.

Layout (coremltools, `mlmodel/src/MILBlob/Blob/StorageFormat.hpp`): a header of 64 bytes, then
blobs, each of 64 bytes of metadata and its data. A program refers to a blob by the offset of
its metadata. Elements of less than a byte are packed from the least significant bit on.
"""

import math
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.mil.program import BITS, TensorType
from export.package.model_files import refuse_pointer
from mobilenet.common.errors import PackageError, UnsupportedError

METADATA_BYTES = 64
SENTINEL = 0xDEADBEEF
STORED_AS = {
    1: "float16", 2: "float32", 3: "uint8", 4: "int8", 5: "bfloat16", 6: "int16", 7: "uint16",
    8: "int4", 9: "uint1", 10: "uint2", 11: "uint4", 12: "uint3", 13: "uint6", 14: "int32",
    15: "uint32",
}  # fmt: skip
NUMPY: dict[str, type[np.generic]] = {
    "bool": np.bool_, "float16": np.float16, "float32": np.float32, "float64": np.float64,
    "int8": np.int8, "int16": np.int16, "int32": np.int32, "int64": np.int64,
    "uint8": np.uint8, "uint16": np.uint16, "uint32": np.uint32, "uint64": np.uint64,
}  # fmt: skip


class BlobFile:
    """One weight file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._sizes: dict[int, int] = {}  # of the blobs that were read, by the place they begin
        self._total = 0

    @cached_property
    def _bytes(self) -> NDArray[np.uint8]:
        if not self.path.is_file():
            raise PackageError(f"{self.path} is missing", "copy the package again, all of it")
        if self.path.stat().st_size == 0:
            raise PackageError(f"{self.path} is empty", "copy the package again")
        refuse_pointer(self.path)
        return np.memmap(self.path, np.uint8, "r")

    def read(self, tensor: TensorType, offset: int) -> NDArray[Any]:
        """The tensor whose metadata lie at `offset`: a view of the file where bytes allow it."""
        return decode(self.stored(tensor, offset), tensor)

    def stored(self, tensor: TensorType, offset: int) -> NDArray[np.uint8]:
        """Its bytes, of which none is read. Raises `PackageError` where they are not there."""
        metadata = self._slice(tensor, offset, METADATA_BYTES)
        sentinel, code = (int(number) for number in metadata[:8].view("<u4"))
        size, start = (int(number) for number in metadata[8:24].view("<u8"))
        if sentinel != SENTINEL:
            raise self._error(tensor, f"no blob begins at byte {offset}")
        stored = STORED_AS.get(code, f"type {code}")
        if stored != tensor.dtype:
            raise self._error(tensor, f"{stored} is stored where {tensor.dtype} is declared")
        if size != stored_size(tensor):
            raise self._error(
                tensor,
                f"{size} bytes are stored, shape {tensor.shape} takes {stored_size(tensor)}",
            )
        stored_bytes = self._slice(tensor, start, size)
        if offset not in self._sizes:
            self._sizes[offset] = size
            self._total += size
        if self._total > self._bytes.size:
            raise self._error(tensor, "it lies over other tensors")
        return stored_bytes

    def _slice(self, tensor: TensorType, start: int, size: int) -> NDArray[np.uint8]:
        if start + size > self._bytes.size:
            raise self._error(
                tensor,
                f"it ends at byte {self._bytes.size}, bytes {start} to {start + size} are needed",
            )
        return self._bytes[start : start + size]

    def _error(self, tensor: TensorType, problem: str) -> PackageError:
        return PackageError(
            f"{self.path} is damaged at {tensor.name!r}: {problem}", "copy the package again"
        )


def stored_size(tensor: TensorType) -> int:
    """Bytes that a tensor takes when it is stored."""
    if tensor.dtype not in BITS or min(tensor.shape, default=0) < 0:
        raise PackageError(
            f"{tensor.name!r} is stored as {tensor.dtype} of shape {tensor.shape}",
            "such a tensor cannot lie in a file: the package is damaged",
        )
    return -(-math.prod(tensor.shape) * BITS[tensor.dtype] // 8)


def decode(raw: NDArray[np.uint8], tensor: TensorType) -> NDArray[Any]:
    """Stored bytes as an array; elements of less than a byte become int8 or uint8."""
    if tensor.dtype in NUMPY:
        return raw.view(NUMPY[tensor.dtype]).reshape(tensor.shape)
    if BITS[tensor.dtype] < 8:
        unpacked = unpack(raw, BITS[tensor.dtype], tensor.elements)
        if tensor.dtype == "int4":  # two's complement: 15 is -1
            unpacked = np.where(unpacked > 7, unpacked - 16, unpacked).astype(np.int8)
        return unpacked.reshape(tensor.shape)
    raise UnsupportedError(
        f"{tensor.name!r} is stored as {tensor.dtype}, which numpy does not have",
        "export the model with float16 or integer weights",
    )


def unpack(raw: NDArray[np.uint8], bits: int, count: int) -> NDArray[np.uint8]:
    """`count` unsigned numbers of `bits` bits each."""
    if bits < 1 or raw.size < -(-count * bits // 8):
        raise ValueError(f"{raw.size} bytes hold no {count} numbers of {bits} bits")
    if bits == 8:
        return raw[:count]
    if 8 % bits == 0:  # the common case, without the detour over single bits
        shifts = np.arange(0, 8, bits, dtype=np.uint8)
        mask = np.uint8((1 << bits) - 1)
        return ((raw[:, None] >> shifts) & mask).reshape(-1)[:count]
    single = np.unpackbits(raw, count=count * bits, bitorder="little").reshape(count, bits)
    return np.packbits(single, axis=1, bitorder="little").reshape(-1)
