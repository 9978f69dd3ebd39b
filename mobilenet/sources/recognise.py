"""Which family a weight file belongs to: asked of its content, never of its name."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from mobilenet import files
from mobilenet.checkpoint import Checkpoint
from mobilenet.errors import CheckpointError

# alpha 8 with a thousand classes has 225 million parameters
MAX_FILE_BYTES = 1 << 30
KNOWN = "a TF-Slim frozen graph"


def read(path: Path) -> Checkpoint:
    """The network in any weight file we know, with all that belongs to its use.

    Raises `CheckpointError` for a file of another kind, of another network, or damaged.
    """
    reader = _reader(path)
    checkpoint = reader(path)
    provenance = checkpoint.provenance
    if path.is_file() and not provenance.sha256:
        provenance = replace(provenance, sha256=files.sha256(path))
    return replace(checkpoint, provenance=provenance)


def _reader(path: Path) -> Callable[[Path], Checkpoint]:
    from mobilenet.sources import slim

    if not path.exists():
        raise CheckpointError(f"{path} does not exist", "give a file or folder of weights")
    size = path.stat().st_size
    if size > MAX_FILE_BYTES:
        raise CheckpointError(
            f"{path.name} has {size:,} bytes, more than any MobileNet v1", "is it another network?"
        )
    with path.open("rb") as file:
        head = file.read(64)
    if head[:1] == b"\n":
        return slim.read
    raise CheckpointError(f"{path.name} is no weight file that is known here", f"read are {KNOWN}")
