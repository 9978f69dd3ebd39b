"""Files of named tensors, safetensors and PyTorch's, and which family the names are of."""

import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from mobilenet import store
from mobilenet.checkpoint import Checkpoint
from mobilenet.common.errors import CheckpointError
from mobilenet.sources import archive, state_dict, timm, transformers
from mobilenet.sources.assemble import Tensors

MAX_JSON_BYTES = 1 << 24
WRAPPERS = ("state_dict", "model")  # under which training scripts keep the state dict
_Json = TypeVar("_Json")


def read_safetensors(path: Path) -> Checkpoint:
    """Any family's safetensors; raises `CheckpointError` for a damaged or foreign file."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            if store.METADATA_KEY in (file.metadata() or {}):
                return store.load(path)
            return _read(Tensors(file.keys(), file.get_tensor), path)
    except (SafetensorError, TypeError) as error:  # TypeError: a type that numpy has not
        raise CheckpointError(
            f"{path.name} is no whole safetensors file: {error}", "download or copy it again"
        ) from error


def read_torch(path: Path) -> Checkpoint:
    """Any family's state dict as `torch.save` wrote it; no code in it is ever run."""
    import torch

    if zipfile.is_zipfile(path):
        archive.check_zip(path)
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged pickle fails in any way it likes
        raise CheckpointError(
            f"{path.name} is damaged, or a pickle of more than tensors: {_reason(error)}",
            "save it with torch.save(state_dict.state_dict(), path)",
        ) from error
    for wrapper in WRAPPERS:
        if isinstance(state, Mapping) and isinstance(state.get(wrapper), Mapping):
            state = state[wrapper]
    if not isinstance(state, Mapping):
        raise CheckpointError(
            f"{path.name} holds {type(state).__name__}, not a state dict",
            "save it with torch.save(state_dict.state_dict(), path)",
        )
    arrays = {str(name): value for name, value in state.items()}
    return _read(Tensors(arrays, lambda name: _array(name, arrays[name])), path)


def _array(name: str, value: Any) -> Any:
    import torch

    if not isinstance(value, torch.Tensor) or value.layout != torch.strided:
        raise CheckpointError(f"{name} is {type(value).__name__}, not a dense tensor")
    if not value.is_floating_point():
        raise CheckpointError(f"tensor {name} holds {value.dtype}, not floats")
    return value.detach().float().numpy()


def _reason(error: Exception) -> str:
    """What torch says at length, in a few words."""
    if callable_name := re.search(r"GLOBAL (\S+)", str(error)):
        return f"it asks for {callable_name[1]}"
    return re.split(r"[.\n]", str(error), maxsplit=1)[0] or type(error).__name__


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
    some = ", ".join(sorted(tensors.names)[:3]) or "none"
    raise CheckpointError(
        f"{path.name} holds no MobileNet v1 that is known here (tensors: {some} ...)",
        "known are timm's, transformers' and our own names",
    )


def _json(path: Path, kind: type[_Json]) -> _Json | None:
    """The JSON that a repository keeps beside its weights, or None without one."""
    if not path.is_file():
        return None
    if path.stat().st_size > MAX_JSON_BYTES:
        raise CheckpointError(
            f"{path.name} has {path.stat().st_size:,} bytes", "is it the right one?"
        )
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CheckpointError(
            f"{path} does not fit the weights beside it: {error}", "move it away, or correct it"
        ) from error
