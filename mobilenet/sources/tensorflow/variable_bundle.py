"""A checkpoint of TensorFlow's second version: an index, and the tensors beside it in shards.

tensorflow/core/protobuf/tensor_bundle.proto; tensorflow/core/util/tensor_bundle/tensor_bundle.cc.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mobilenet.common.decoding import decoding
from mobilenet.common.errors import CheckpointError
from mobilenet.common.text import one_line
from mobilenet.graph import FileConstant
from mobilenet.sources.protobuf import varint
from mobilenet.sources.stored import MAX_NAME
from mobilenet.sources.tensorflow import leveldb_table
from mobilenet.sources.tensorflow.graph_messages import bundle_entry_class, parse_bundle_header
from mobilenet.sources.tensorflow.operations import STRING, shape_of
from mobilenet.sources.tensorflow.tensor_values import stored_array

MAX_SHARDS = 1000
MAX_TEXT_BYTES = 1 << 25  # of the objects of a model
BESIDE = "put the folder variables beside saved_model.pb, as it was saved"


@dataclass(frozen=True, eq=False)
class VariableBundle:
    """The tensors of a checkpoint, by key, each read when it is loaded."""

    folder: Path
    shards: int
    entries: Mapping[str, Any]  # BundleEntryProto

    def constant(self, key: str) -> FileConstant:
        """A tensor. Raises `CheckpointError` for one that is not there, or in slices."""
        entry = self._entry(key)
        if (shape := shape_of(entry.shape)) is None or entry.slices:
            raise CheckpointError(f"{_shown(key)} is stored in parts", "save it whole")
        return FileConstant(shape, partial(self._array, key, entry, shape))

    def text(self, key: str) -> bytes:
        """A single text: its length, four bytes of a checksum, then itself."""
        entry = self._entry(key)
        if entry.dtype != STRING or entry.size > MAX_TEXT_BYTES:
            raise CheckpointError(f"{_shown(key)} holds {entry.size:,} bytes", BESIDE)
        data = self._bytes(key, entry)
        length, at = varint(data, 0)
        return data[at + 4 : at + 4 + length]

    def _entry(self, key: str) -> Any:
        if key not in self.entries:
            raise CheckpointError(f"{_shown(key)} is not in the checkpoint", BESIDE)
        return self.entries[key]

    def _array(
        self, key: str, entry: Any, shape: tuple[int, ...]
    ) -> NDArray[np.float32] | NDArray[np.int64]:
        return stored_array(self._bytes(key, entry), entry.dtype, shape, _shown(key))

    def _bytes(self, key: str, entry: Any) -> bytes:
        path = self.folder / f"variables.data-{entry.shard_id:05}-of-{self.shards:05}"
        if not 0 <= entry.shard_id < self.shards or not path.is_file():
            raise CheckpointError(f"{path.name}, which holds {_shown(key)}, is missing", BESIDE)
        if min(entry.offset, entry.size) < 0 or entry.offset + entry.size > path.stat().st_size:
            raise CheckpointError(f"{path.name} ends before {_shown(key)} does", BESIDE)
        with path.open("rb") as file:
            file.seek(entry.offset)
            return file.read(entry.size)


def read_bundle(folder: Path) -> VariableBundle:
    """The checkpoint in a folder called "variables". Raises `CheckpointError`."""
    index = folder / "variables.index"
    if not index.is_file() or index.stat().st_size > leveldb_table.MAX_INDEX_BYTES:
        raise CheckpointError(f"{index.name} is missing, or no index", BESIDE)
    values = leveldb_table.entries(index.read_bytes(), index.name)
    header = parse_bundle_header(values.pop(b"", b""), index.name)
    if not 0 < header.num_shards <= MAX_SHARDS or header.endianness:
        raise CheckpointError(f"{index.name} tells of {header.num_shards} shards, endianness"
                              f" {header.endianness}", "save the checkpoint again")  # fmt: skip
    entry = bundle_entry_class()
    with decoding(index.name):
        entries = {
            key.decode("utf-8", "backslashreplace"): entry.FromString(value)
            for key, value in values.items()
        }
    return VariableBundle(folder, header.num_shards, entries)


def _shown(key: str) -> str:
    return f"variable {one_line(key, MAX_NAME)}"
