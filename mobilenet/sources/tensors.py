"""Files of named tensors, safetensors and PyTorch's, and which family the names are of."""

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from mobilenet import store
from mobilenet.checkpoint import Checkpoint
from mobilenet.common.decoding import MAX_JSON_BYTES, decode_json, decoding
from mobilenet.sources import (
    ordered_layers,
    pickled,
    state_dict,
    timm,
    torchvision,
    transformers,
    wrapped,
)
from mobilenet.sources.conventions import Conventions
from mobilenet.sources.ordered_layers import natural
from mobilenet.sources.stored import Stored, Tensors

FLOATS = {"F16", "F32", "F64"}  # of safetensors' types, those that numpy has
_Json = TypeVar("_Json")


def read_safetensors(path: Path, conventions: Conventions) -> Checkpoint:
    """Any family's safetensors; raises `CheckpointError` for a damaged or foreign file."""
    from safetensors import safe_open

    with ExitStack() as stack:
        with decoding(path.name):
            file = stack.enter_context(safe_open(path, framework="numpy"))
            names, metadata = file.keys(), file.metadata() or {}
        if store.METADATA_KEY in metadata:
            return store.load(path)
        # its order is that of the alphabet
        return _read(natural(names), partial(_in_safetensors, file), path, conventions)


def _in_safetensors(file: Any, name: str) -> Stored:
    with decoding(f"tensor {name}"):
        part = file.get_slice(name)
        shape, dtype = tuple(part.get_shape()), str(part.get_dtype())
    return Stored(shape, dtype, dtype in FLOATS, partial(file.get_tensor, name))


def read_torch(path: Path, conventions: Conventions) -> Checkpoint:
    """Any state dict as `torch.save` wrote it; no code in it is ever run."""
    state = wrapped.state_of(pickled.load(path), path.name)
    return _read(state, lambda name: pickled.stored(name, state[name]), path, conventions)


def _read(
    names: Iterable[str], stored: Callable[[str], Stored], path: Path, conventions: Conventions
) -> Checkpoint:
    originals = wrapped.names_inside(names, lambda name: stored(name).is_float)
    tensors = Tensors(originals, lambda name: stored(originals[name]))
    beside = path.with_name(transformers.CONFIG)
    if transformers.model_of(tensors):
        return transformers.read(
            tensors,
            conventions,
            _json(beside, transformers.TransformersConfig),
            _json(path.with_name(transformers.PROCESSOR), transformers.Processor),
        )
    if "conv_stem.weight" in tensors.names:
        return timm.read(tensors, conventions, _json(beside, timm.TimmConfig))
    if any(name.startswith(state_dict.PREFIX) for name in tensors.names):
        return state_dict.read(tensors, conventions)
    if tensors.names >= torchvision.NAMES:
        return torchvision.read(tensors, conventions)
    return ordered_layers.read(tensors, conventions)


def _json(path: Path, kind: type[_Json]) -> _Json | None:
    """The JSON that a repository keeps beside its weights, or None without one."""
    if not path.is_file():
        return None
    with path.open("rb") as file:
        text = file.read(MAX_JSON_BYTES + 1)
    return decode_json(
        text, kind, f"{path.name} beside the weights", "move it away, or correct it"
    )
