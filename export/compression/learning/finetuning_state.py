"""Where finetuning stands, in a file: whole, and of nothing but the run that it belongs to."""

import io
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from export.compression.compressed_network import CompressedNetwork
from mobilenet import __version__
from mobilenet.checkpoint import Checkpoint
from mobilenet.common import files
from mobilenet.common.decoding import decoding
from mobilenet.common.errors import ConfigError

KIND = "mobilenet finetuning"
MAX_BYTES = 1 << 32


class FinetuningState(NamedTuple):
    """A run after so many steps, the one with the least loss beside the last one."""

    step: int
    setbacks: int
    first: tuple[Any, ...]
    best: tuple[Any, ...]
    numbers: dict[str, Tensor]
    best_numbers: dict[str, Tensor]
    optimizer: dict[int, Any]
    """What it keeps of each parameter."""


class StateFile:
    """The file at `path`, or none; `digest` names the run."""

    def __init__(self, path: Path | None, digest: str) -> None:
        self._path, self._digest = path, digest

    def read(self, example: Callable[[], FinetuningState]) -> tuple[FinetuningState | None, str]:
        """What to go on from, on the CPU; and a note where a file is of no use.

        Raises `ConfigError` for a file that is no state at all, or has other names, types or
        shapes than the `example` of its run: it is not replaced.
        """
        if self._path is None or not self._path.exists():
            return None, ""
        refusal = f"move {self._path.name} away"
        with (
            files.open_regular(self._path, MAX_BYTES) as file,
            decoding(f"the state of finetuning {self._path}", refusal, ConfigError),
        ):
            held = torch.load(file, map_location="cpu", weights_only=True)
        if not isinstance(held, dict) or held.get("kind") != KIND or "digest" not in held:
            raise ConfigError(f"{self._path} is no state of finetuning", refusal)
        if held["digest"] != self._digest:
            return None, (
                f"finetuning begins anew: {self._path.name} is of other photographs, weights, "
                "options or versions"
            )
        if not _is_like(held.get("state"), example()._asdict()):
            raise ConfigError(f"{self._path} holds other numbers than this network has", refusal)
        return FinetuningState(**held["state"]), ""

    def write(self, state: FinetuningState) -> bool:
        """Replace the file; whether there is one."""
        if self._path is None:
            return False
        buffer = io.BytesIO()
        torch.save({"kind": KIND, "digest": self._digest, "state": state._asdict()}, buffer)
        files.write_atomically(self._path, buffer.getvalue())
        return True


def _is_like(value: Any, example: Any) -> bool:
    """Whether it has the example's names, types and shapes."""
    if type(value) is not type(example):
        return False
    if isinstance(value, dict):
        return value.keys() == example.keys() and all(
            _is_like(value[k], example[k]) for k in value
        )
    if isinstance(value, tuple):
        return len(value) == len(example) and all(map(_is_like, value, example))
    return not isinstance(value, Tensor) or _layout(value) == _layout(example)


def _layout(tensor: Tensor) -> tuple[Any, ...]:
    strides = tensor.stride() if tensor.layout == torch.strided else ()
    return tensor.shape, strides, tensor.dtype, tensor.layout, tensor.is_meta


def digest_of(
    start: CompressedNetwork, teacher: Checkpoint, photographs: str, options: str
) -> str:
    """Of all that a run depends on; `photographs` is their own digest, `options`
    whatever else there is."""
    digest = sha256(repr((photographs, options, __version__, torch.__version__)).encode())
    for checkpoint in (start.folded, teacher):
        digest.update(repr((checkpoint.config, checkpoint.normalization)).encode())
        for name, layer in checkpoint.layers.items():
            digest.update(name.encode())
            digest.update(layer.kernel.tobytes())
            digest.update(b"" if layer.bias is None else layer.bias.tobytes())
    for name, kernel in start.kernels.items():
        digest.update(repr((name, kernel.form, kernel.bits)).encode())
        for operand in kernel.operands.values():
            digest.update(operand.tobytes())
    return digest.hexdigest()
