"""What a package of ours says about itself, beyond Core ML's own fields.

One JSON document under one user-defined metadata key, so that it survives every tool that keeps
metadata. The verification's result is not in it, since the last digits differ between machines
and a package must not: it lies beside the package (`Verified`, `NAME.verified.json`).
"""

from dataclasses import dataclass
from pathlib import Path

import msgspec

from mobilenet.checkpoint import Provenance
from mobilenet.common.errors import PackageError
from mobilenet.networks import families
from mobilenet.networks.config import NetworkConfig
from mobilenet.preprocess import Geometry, Normalization

KEY = "mobilenet"
SCHEMA = 1


@dataclass(frozen=True)
class Facts:
    """Facts about an exported package, as stored in it."""

    schema: int
    tool: str
    config: NetworkConfig
    normalization: Normalization
    geometry: Geometry
    provenance: Provenance
    format: str
    precision: str
    target: str
    compute_units: str  # recommended MLComputeUnits: "all", "cpuAndNeuralEngine", ...
    min_ios: int
    compression: str
    macs: int  # of the default function
    parameters: int
    resolutions: tuple[int, ...] = ()  # of a package with a function for each; config has the last

    def encode(self) -> str:
        """JSON text for the metadata."""
        return msgspec.json.encode(self, order="deterministic").decode()


@dataclass(frozen=True)
class Verified:
    """How far a package was from PyTorch when it was last verified: relative L2 of logits."""

    identity: str  # of the package that was verified
    structure: float  # float32 arithmetic: the graph is right
    agreement: float  # as declared; compressed: against PyTorch with the package's own weights
    images: int
    runtime: str
    loss: float | None = None  # compressed, as declared, against the original network


def facts_of(metadata: dict[str, str]) -> Facts | None:
    """The facts in a package's user-defined metadata; None for a package made elsewhere.

    Raises `PackageError` when they are there but cannot be read.
    """
    text = metadata.get(KEY)
    if text is None:
        return None
    try:
        return msgspec.json.decode(text, type=Facts, dec_hook=families.decode)
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise PackageError(
            f"the package's own metadata cannot be read: {error}",
            "was it made by a newer version?",
        ) from error


def verified_path(package: Path) -> Path:
    return package.with_suffix(".verified.json")


def verified(package: Path, identity: str) -> Verified | None:
    """The last verification of exactly this package, if there was one."""
    path = verified_path(package)
    if not path.is_file():
        return None
    try:
        result = msgspec.json.decode(path.read_bytes(), type=Verified)
    except (msgspec.ValidationError, msgspec.DecodeError):
        return None  # a stale note is no proof
    return result if result.identity == identity else None
