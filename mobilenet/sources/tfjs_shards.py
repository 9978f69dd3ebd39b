"""The weights beside a TensorFlow.js `model.json`: tensors one after another, cut into shards.

tfjs-core/src/io/types.ts (`WeightsManifestEntry`) and tfjs-core/src/io/io_utils.ts
(`decodeWeights`): the shards of a group, joined, hold its weights without gaps, in little-endian
order. Quantised numbers are `scale` x q + `min`.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from mobilenet.common.errors import CheckpointError
from mobilenet.common.git_lfs import POINTER, refuse_pointer
from mobilenet.common.text import one_line
from mobilenet.graph import FileConstant
from mobilenet.sources.stored import MAX_NAME, OTHER_NETWORK, Allowance, shaped

MAX_SHARDS = 1000
MAX_SHARD_BYTES = 1 << 28
MAX_WEIGHTS = 10_000
BESIDE = "put the .bin files beside model.json, as they were published"
_STORED = {
    "float32": "<f4", "float16": "<f2", "int32": "<i4",
    "uint16": "<u2", "uint8": "u1", "bool": "u1",
}  # fmt: skip


class Quantization(msgspec.Struct, forbid_unknown_fields=True):
    """How a weight is stored; float16 has neither scale nor minimum."""

    dtype: str
    scale: float = 1.0
    min: float = 0.0
    original_dtype: str = "float32"


class ShardedWeight(msgspec.Struct, forbid_unknown_fields=True):
    """A tensor's entry in the manifest."""

    name: str
    shape: list[int]
    dtype: str
    quantization: Quantization | None = None
    group: str = "model"


class ShardGroup(msgspec.Struct, forbid_unknown_fields=True):
    """Shards that are one file when they are joined, and the tensors in it."""

    paths: list[str]
    weights: list[ShardedWeight]


class _Shard(NamedTuple):
    path: Path
    start: int  # in the joined file
    end: int


def constants(manifest: Sequence[ShardGroup], folder: Path) -> Mapping[str, FileConstant]:
    """The weights by name, each read from its shards when it is loaded.

    Raises `CheckpointError` for a shard that is missing, too short or outside of `folder`, and
    for a weight that is too large, of an unknown type, or there twice.
    """
    allowance, by_name = Allowance(), dict[str, FileConstant]()
    if (count := sum(len(group.weights) for group in manifest)) > MAX_WEIGHTS:
        raise CheckpointError(f"model.json lists {count:,} weights", OTHER_NETWORK)
    if (count := sum(len(group.paths) for group in manifest)) > MAX_SHARDS:
        raise CheckpointError(f"model.json lists {count:,} shards", OTHER_NETWORK)
    for group in manifest:
        shards, start = tuple(_shards(group.paths, folder)), 0
        for weight in group.weights:
            what = f"weight {one_line(weight.name, MAX_NAME)}"
            allowance.spend(what, weight.shape)
            if weight.name in by_name:
                raise CheckpointError(f"{what} is in model.json twice", "which one is meant?")
            end = start + np.dtype(_stored_as(weight, what)).itemsize * math.prod(weight.shape)
            load = partial(_array, weight, what, shards, start, end)
            by_name[weight.name], start = FileConstant(tuple(weight.shape), load), end
        if start != (size := shards[-1].end if shards else 0):
            raise CheckpointError(
                f"the shards hold {size:,} bytes, the weights in model.json {start:,}", BESIDE
            )
    return by_name


def _shards(paths: Sequence[str], folder: Path) -> Iterator[_Shard]:
    start = 0
    for name in paths:
        path, shown = folder / name, one_line(name, MAX_NAME)
        if "\0" in name or not path.resolve().is_relative_to(folder.resolve()):
            raise CheckpointError(
                f"shard {shown} lies outside of the folder of model.json", "do not trust this file"
            )
        if not path.is_file():
            raise CheckpointError(f"shard {shown} is missing", BESIDE)
        if (size := path.stat().st_size) > MAX_SHARD_BYTES:
            raise CheckpointError(f"shard {shown} has {size:,} bytes", OTHER_NETWORK)
        with path.open("rb") as file:
            refuse_pointer(file.read(len(POINTER)), f"shard {shown}")
        yield _Shard(path, start, start + size)
        start += size


def _stored_as(weight: ShardedWeight, what: str) -> str:
    """The numpy type that lies in the shards. Raises `CheckpointError` for one not read here."""
    stored = weight.quantization.dtype if weight.quantization else weight.dtype
    is_whole = weight.dtype != "float32" and weight.quantization is not None
    if stored not in _STORED or is_whole:
        raise CheckpointError(
            f"{what} holds {one_line(weight.dtype, 20)} as {one_line(stored, 20)}",
            f"read are {', '.join(_STORED)}, and float32 that is quantised",
        )
    return _STORED[stored]


def _array(
    weight: ShardedWeight, what: str, shards: Sequence[_Shard], start: int, end: int
) -> NDArray[np.float32] | NDArray[np.int64]:
    stored = shaped(_bytes(shards, start, end), _stored_as(weight, what), weight.shape, what)
    if weight.quantization is not None:
        real = stored * np.float64(weight.quantization.scale) + weight.quantization.min
        return real.astype(np.float32)
    if stored.dtype.kind == "f":
        return stored.astype(np.float32)
    return stored.astype(np.int64)


def _bytes(shards: Sequence[_Shard], start: int, end: int) -> bytes:
    parts = []
    for shard in shards:
        if shard.start < end and start < shard.end:
            with shard.path.open("rb") as file:
                file.seek(max(start - shard.start, 0))
                parts.append(file.read(min(end, shard.end) - max(start, shard.start)))
    return b"".join(parts)
