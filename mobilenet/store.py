"""Our own weight file: safetensors whose tensors bear the PyTorch module's own names.

`torch.load`-free: `MobileNet.load_state_dict(safetensors.torch.load_file(path))` works as it is.
The header's metadata holds config, preprocessing, labels and provenance as JSON (string to
string by the format: huggingface/safetensors README, "Format").
"""

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np

from mobilenet.checkpoint import Array, BatchNorm, Checkpoint, Layer, Provenance
from mobilenet.common import files
from mobilenet.common.decoding import decode_json, decoding
from mobilenet.common.errors import CheckpointError
from mobilenet.networks import families
from mobilenet.networks.classifier import LOGITS
from mobilenet.networks.config import NetworkConfig
from mobilenet.preprocess import Geometry, Normalization
from mobilenet.reading import Reading

METADATA_KEY = "mobilenet"
SCHEMA = 1
_LENGTH = struct.Struct("<Q")  # of the header of safetensors
_NORM_NAMES = {
    "gamma": "weight",
    "beta": "bias",
    "mean": "running_mean",
    "variance": "running_var",
}


@dataclass(frozen=True)
class Header:
    """Everything of a checkpoint but its numbers."""

    schema: Annotated[int, msgspec.Meta(ge=1, le=1 << 16)]
    config: NetworkConfig
    normalization: Normalization
    geometry: Geometry
    labels: tuple[str, ...]
    provenance: Provenance


def state_arrays(checkpoint: Checkpoint) -> dict[str, Array]:
    """Arrays under the names of `mobilenet.torch_module.MobileNet.state_dict()`."""
    state: dict[str, Array] = {}
    hidden = {layer.name for layer in checkpoint.config.readout.dense} - {LOGITS}
    for name, layer in checkpoint.layers.items():
        prefix = f"hidden.{name}" if name in hidden else f"layers.{name}.conv"
        prefix = name if name == LOGITS else prefix
        state[f"{prefix}.weight"] = layer.kernel
        if layer.bias is not None:
            state[f"{prefix}.bias"] = layer.bias
        if layer.norm is not None:
            for field, theirs in _NORM_NAMES.items():
                state[f"layers.{name}.norm.{theirs}"] = getattr(layer.norm, field)
    return state


def layers_of(state: dict[str, Array]) -> dict[str, Layer]:
    """The inverse of `state_arrays`. Raises `CheckpointError` naming what is missing."""
    layers: dict[str, Layer] = {}
    for key, kernel in state.items():
        if key == f"{LOGITS}.weight" or (key.startswith("hidden.") and key.endswith(".weight")):
            name = key.removesuffix(".weight")
            layers[name.removeprefix("hidden.")] = Layer(kernel, state.get(f"{name}.bias"))
        elif key.startswith("layers.") and key.endswith(".conv.weight"):
            name = key.split(".")[1]
            norm = _norm(state, name) if f"layers.{name}.norm.weight" in state else None
            layers[name] = Layer(kernel, state.get(f"layers.{name}.conv.bias"), norm)
    return layers


def _norm(state: dict[str, Array], name: str) -> BatchNorm:
    keys = {field: f"layers.{name}.norm.{theirs}" for field, theirs in _NORM_NAMES.items()}
    if missing := [key for key in keys.values() if key not in state]:
        raise CheckpointError(f"tensor {missing[0]} is missing", "is the file complete?")
    return BatchNorm(**{field: state[key] for field, key in keys.items()})


def header(checkpoint: Checkpoint) -> Header:
    """What `save` writes beside the tensors."""
    return Header(
        SCHEMA, checkpoint.config, checkpoint.normalization, checkpoint.geometry,
        checkpoint.labels, checkpoint.provenance,
    )  # fmt: skip


def save(checkpoint: Checkpoint, path: Path) -> None:
    """Write `path` whole or not at all; the same bytes for the same checkpoint."""
    from safetensors.numpy import save as serialize

    metadata = {METADATA_KEY: families.encode(header(checkpoint)).decode(), "format": "pt"}
    arrays = {name: np.ascontiguousarray(a) for name, a in state_arrays(checkpoint).items()}
    files.write_atomically(path, _with_metadata(serialize(arrays), metadata))


def _with_metadata(data: bytes, metadata: dict[str, str]) -> bytes:
    """A file of safetensors with metadata in this order; the library's own has none.

    huggingface/safetensors README, "Format": the header's length, the header, the numbers.
    """
    end = _LENGTH.size + _LENGTH.unpack_from(data)[0]
    text = msgspec.json.encode(
        {"__metadata__": metadata, **msgspec.json.decode(data[_LENGTH.size : end])}
    )
    text += b" " * (-len(text) % 8)  # so that numbers lie where they can be read in place
    return b"".join((_LENGTH.pack(len(text)), text, memoryview(data)[end:]))


def load(path: Path) -> Checkpoint:
    """Read what `save` wrote. Raises `CheckpointError` for anything else."""
    from safetensors import safe_open

    with decoding(path.name), safe_open(path, framework="numpy") as file:
        metadata: dict[str, str] = file.metadata() or {}
        state: dict[str, Any] = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118  # not a dict
    header = _header(metadata.get(METADATA_KEY), path)
    return Checkpoint(
        header.config, layers_of(state), header.provenance, header.normalization,
        header.geometry, header.labels, Reading("own file"),
    )  # fmt: skip


def _header(text: str | None, path: Path) -> Header:
    if text is None:
        raise CheckpointError(f"{path.name} has no metadata of ours", "was it saved by this tool?")
    header = decode_json(text, Header, f"the metadata of {path.name}", hook=families.decode)
    if header.schema > SCHEMA:
        raise CheckpointError(
            f"{path.name} has schema {header.schema}, this version reads up to {SCHEMA}",
            "update the tool",
        )
    return header
