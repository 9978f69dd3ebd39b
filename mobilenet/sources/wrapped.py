"""What training scripts put around a state dict: dictionaries, and prefixes of its names."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from mobilenet.common.errors import CheckpointError
from mobilenet.sources import pickled

# Under which scripts keep the state dict, beside optimizer and epoch; Lightning, timm, torchvision
WRAPPERS = (
    "state_dict", "model", "model_state_dict", "model_state", "net", "network", "module",
    "weights", "params", "ema", "model_ema", "state_dict_ema", "ema_state_dict",
)  # fmt: skip
# DataParallel, Lightning, torch.compile, and modules that hold the network as one of theirs
PREFIXES = ("module.", "model.", "_orig_mod.", "net.", "network.", "backbone.", "ema.")
MAX_DEPTH = 4  # of either


def state_of(loaded: Any, file: str) -> Mapping[str, Any]:
    """The state dict in what a file holds. Raises `CheckpointError` for none, and for two."""
    state = loaded
    for depth in range(MAX_DEPTH, 0, -1):
        inside = _wrapped(state, depth)
        if len(inside) > 1:
            raise CheckpointError(
                f"{file} holds {' and '.join(inside)}: several sets of weights",
                "save the one that is meant: torch.save(model.state_dict(), path)",
            )
        if not inside:
            break
        state = next(iter(inside.values()))
    if not isinstance(state, Mapping):
        raise CheckpointError(
            f"{file} holds {type(state).__name__}, not a state dict", pickled.HINT
        )
    if foreign := [type(name).__name__ for name in state if not isinstance(name, str)]:
        raise CheckpointError(f"{file} has a key that is {foreign[0]}, no name", pickled.HINT)
    return state


def _wrapped(state: Any, depth: int) -> dict[str, Mapping[Any, Any]]:
    """What is under a wrapper's name and has tensors, itself or under further ones, so deep."""
    if not isinstance(state, Mapping) or depth == 0:
        return {}
    values = {name: state.get(name) for name in WRAPPERS}
    return {
        name: value
        for name, value in values.items()
        if isinstance(value, Mapping) and (_has_tensors(value) or _wrapped(value, depth - 1))
    }


def _has_tensors(state: Mapping[Any, Any]) -> bool:
    import torch

    return any(isinstance(value, torch.Tensor) for value in state.values())


def names_inside(names: Iterable[str], is_float: Callable[[str], bool]) -> dict[str, str]:
    """Names as the network has them, without what was put before all floats; and the file's own.

    What is no float and bears no such prefix counts something: averages, steps.
    """
    originals = {name: name for name in names}
    for _ in range(MAX_DEPTH):
        for prefix in PREFIXES:
            inside = {
                name.removeprefix(prefix): original
                for name, original in originals.items()
                if name.startswith(prefix)
            }
            rest = (own for name, own in originals.items() if not name.startswith(prefix))
            if inside and not any(is_float(name) for name in rest):
                originals = inside
                break
        else:
            break
    return originals
