"""PyTorch's files, of which only tensors are ever made: no code in them is run."""

import io
import pickletools
import re
import warnings
import zipfile
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from mobilenet.common.decoding import decoding
from mobilenet.common.errors import CheckpointError
from mobilenet.sources import archive
from mobilenet.sources.stored import Stored

if TYPE_CHECKING:
    import torch

HINT = "save it with torch.save(model.state_dict(), path)"
MAX_OPCODES = 1_000_000  # a state dict has 30 for each tensor
PICKLES_BEFORE_STORAGES = 5  # torch/serialization.py, _legacy_load: magic, version, system, ...


def load(path: Path) -> Any:
    """What `torch.save` wrote. Raises `CheckpointError` for a pickle of more than tensors."""
    import torch

    _check_opcodes(path)
    with path.open("rb") as file, decoding(path.name, HINT), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they are meant for who wrote the file
        try:
            return torch.load(file, map_location="cpu", weights_only=True)
        except Exception as error:
            if asked := re.search(r"GLOBAL (\S{1,100})", str(error)):  # torch says it at length
                raise CheckpointError(
                    f"{path.name} is a pickle of more than tensors: it asks for {asked[1]}", HINT
                ) from error
            raise


def stored(name: str, value: Any) -> Stored:
    """What lies under a name of a state dict. Raises `CheckpointError` for no plain tensor."""
    import torch

    if not isinstance(value, torch.Tensor):
        raise CheckpointError(f"{name} is {type(value).__name__}, not a dense tensor", HINT)
    if value.layout != torch.strided or value.is_nested or value.is_quantized or value.is_meta:
        raise CheckpointError(
            f"tensor {name} is quantised, sparse, nested or empty, not a dense tensor",
            "convert it to a dense one of float32 first",
        )
    floats = {torch.float16, torch.bfloat16, torch.float32, torch.float64}
    dtype = str(value.dtype).removeprefix("torch.")
    return Stored(tuple(value.shape), dtype, value.dtype in floats, lambda: _array(value))


def _array(value: "torch.Tensor") -> Any:
    return value.detach().resolve_neg().float().numpy()


def _check_opcodes(path: Path) -> None:
    """Raise for a pickle that makes more things than any state dict: each takes 50 bytes."""
    if zipfile.is_zipfile(path):
        names = [name for name in archive.check_zip(path) if name.endswith("data.pkl")]
        with decoding(path.name), zipfile.ZipFile(path) as zipped:
            steps = sum(_opcodes(io.BytesIO(zipped.read(name)), 1) for name in names)
    else:
        with path.open("rb") as file:
            steps = _opcodes(file, PICKLES_BEFORE_STORAGES)
    if steps > MAX_OPCODES:
        raise CheckpointError(f"{path.name} takes over {MAX_OPCODES:,} steps to unpickle", HINT)


def _opcodes(file: IO[bytes], pickles: int) -> int:
    """How many come before the first fault, which torch is to name; one too many at most."""
    count = 0
    with suppress(Exception):
        for _ in range(pickles):
            for _ in islice(pickletools.genops(file), MAX_OPCODES + 1 - count):
                count += 1
    return count
