"""Files of named tensors, safetensors and PyTorch's, and which family the names are of."""

from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from mobilenet import store
from mobilenet.checkpoint import Checkpoint
from mobilenet.common.decoding import MAX_JSON_BYTES, decode_json, decoding
from mobilenet.common.errors import CheckpointError
from mobilenet.common.text import one_line
from mobilenet.sources import pickled, state_dict, timm, transformers
from mobilenet.sources.stored import Stored, Tensors

FLOATS = {"F16", "F32", "F64"}  # of safetensors' types, those that numpy has
WRAPPERS = ("state_dict", "model")  # under which training scripts keep the state dict
_Json = TypeVar("_Json")


def read_safetensors(path: Path) -> Checkpoint:
    """Any family's safetensors; raises `CheckpointError` for a damaged or foreign file."""
    from safetensors import safe_open

    with ExitStack() as stack:
        with decoding(path.name):
            file = stack.enter_context(safe_open(path, framework="numpy"))
            names, metadata = file.keys(), file.metadata() or {}
        if store.METADATA_KEY in metadata:
            return store.load(path)
        return _read(Tensors(names, partial(_in_safetensors, file)), path)


def _in_safetensors(file: Any, name: str) -> Stored:
    with decoding(f"tensor {name}"):
        part = file.get_slice(name)
        shape, dtype = tuple(part.get_shape()), str(part.get_dtype())
    return Stored(shape, dtype, dtype in FLOATS, partial(file.get_tensor, name))


def read_torch(path: Path) -> Checkpoint:
    """Any family's state dict as `torch.save` wrote it; no code in it is ever run."""
    state = pickled.load(path)
    for wrapper in WRAPPERS:
        if isinstance(state, Mapping) and isinstance(state.get(wrapper), Mapping):
            state = state[wrapper]
    if not isinstance(state, Mapping):
        raise CheckpointError(
            f"{path.name} holds {type(state).__name__}, not a state dict", pickled.HINT
        )
    if foreign := [type(name).__name__ for name in state if not isinstance(name, str)]:
        raise CheckpointError(f"{path.name} has a key that is {foreign[0]}, no name", pickled.HINT)
    return _read(Tensors(state, lambda name: pickled.stored(name, state[name])), path)


def _read(tensors: Tensors, path: Path) -> Checkpoint:
    if any(name.startswith(transformers.PREFIX) for name in tensors.names):
        return transformers.read(
            tensors,
            _json(path.with_name("config.json"), transformers.TransformersConfig),
            _json(path.with_name("preprocessor_config.json"), transformers.Processor),
        )
    if "conv_stem.weight" in tensors.names:
        return timm.read(tensors, _json(path.with_name("config.json"), timm.TimmConfig))
    if any(name.startswith("layers.conv0.") for name in tensors.names):
        return state_dict.read(tensors)
    some = one_line(", ".join(sorted(tensors.names)[:3]), 100) or "none"
    raise CheckpointError(
        f"{path.name} holds no MobileNet v1 that is known here (tensors: {some} ...)",
        "known are timm's, transformers' and our own names",
    )


def _json(path: Path, kind: type[_Json]) -> _Json | None:
    """The JSON that a repository keeps beside its weights, or None without one."""
    if not path.is_file():
        return None
    with path.open("rb") as file:
        text = file.read(MAX_JSON_BYTES + 1)
    return decode_json(
        text, kind, f"{path.name} beside the weights", "move it away, or correct it"
    )
