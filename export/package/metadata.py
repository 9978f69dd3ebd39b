"""What a package of ours says about itself, beyond the fields of its format.

One JSON document under one user-defined metadata key, so that it survives every tool that keeps
metadata. The verification's result is not in it, since the last digits differ between machines
and a package must not: it lies beside the package (`Verified`, `NAME.verified.json`).
"""

from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from export.package.calibration_record import CalibrationRecord
from mobilenet.checkpoint import Provenance
from mobilenet.common.decoding import MAX_JSON_BYTES, decode_json, decoding
from mobilenet.common.errors import CheckpointError, PackageError
from mobilenet.common.size import Size
from mobilenet.networks import families
from mobilenet.networks.config import NetworkConfig
from mobilenet.preprocess import Geometry, Normalization

KEY = "mobilenet"
LABELS_KEY = "labels"  # of classes that Core ML or Core AI has no place for: JSON, in order
SCHEMA = 1
MAX_RESOLUTION = 1 << 11  # pixels of a side
MAX_COUNT = 1 << 53  # beyond, JSON's numbers are no longer whole everywhere


@dataclass(frozen=True)
class ModuleMetadata:
    """A traced module, of which only this is known once it has been exported."""

    name: str  # of its class, or what its exporter calls it
    resolution: int  # height of the input in pixels, and its width unless that is given
    outputs: int  # values it gives for a picture
    input_width: int | msgspec.UnsetType = msgspec.UNSET

    @property
    def size(self) -> Size:
        """Of the input."""
        return Size(self.resolution, self.input_width or self.resolution)


@dataclass(frozen=True)
class PackageMetadata:
    """What an exported package is, how it is fed, and where it comes from, as stored in it.

    Either `config` or `module` says what network it is.
    """

    schema: int
    tool: str
    config: NetworkConfig | None
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
    parameters: int  # of a traced module before batch norm is folded
    resolutions: tuple[int, ...] = ()  # of a package with a function for each; config has the last
    module: ModuleMetadata | msgspec.UnsetType = msgspec.UNSET
    labels_from: str | msgspec.UnsetType = msgspec.UNSET  # where the weights do not name classes
    calibration: CalibrationRecord | msgspec.UnsetType = msgspec.UNSET  # of learned weights

    @property
    def size(self) -> Size:
        """Of the default function's input."""
        if self.config is not None:
            return self.config.size
        assert self.module, "a network of one of both kinds"
        return self.module.size

    @property
    def without_calibration(self) -> "PackageMetadata":
        """What is known before anything is learned."""
        return replace(self, calibration=msgspec.UNSET)

    @property
    def title(self) -> str:
        """The network in words."""
        if self.config is not None:
            return self.config.title
        assert self.module, "a network of one of both kinds"
        return f"{self.module.name}, {self.size}, {self.module.outputs} outputs"

    @property
    def summary(self) -> str:
        """The package in one line: the network, and whether it was trained."""
        marks = [] if self.provenance.trained else ["UNTRAINED: its answers mean nothing"]
        return "; ".join([self.title, *marks])

    def check(self) -> None:
        """Raise `ValueError` for what no package of ours says."""
        if (self.config is None) == (self.module is msgspec.UNSET):
            raise ValueError("it must name one network")
        if not all(1 <= side <= MAX_RESOLUTION for side in self.size):
            raise ValueError(f"the resolution is {self.size}")
        if not (0 <= self.macs <= MAX_COUNT and 0 <= self.parameters <= MAX_COUNT):
            raise ValueError(f"{self.macs} macs and {self.parameters} parameters are counted")
        if self.calibration:
            self.calibration.check()

    def encode(self) -> str:
        """JSON text for the metadata."""
        return families.encode(self).decode()


@dataclass(frozen=True)
class StoredLogits:
    """What PyTorch answered to the probe pictures when a traced module was exported."""

    pictures: str  # SHA-256 of the pictures' pixels
    values: int  # of one picture
    logits: bytes  # little-endian float32, picture by picture; base64 in the file


@dataclass(frozen=True)
class Verified:
    """How far a package was from PyTorch when it was last verified: relative L2 of logits."""

    identity: str  # of the package that was verified
    structure: float  # float32 arithmetic: the graph is right
    agreement: float  # as declared; compressed: against PyTorch with the package's own weights
    images: int
    runtime: str
    loss: float | None = None  # compressed, as declared, against the original network
    structure_limit: float = 1e-5  # the largest that would have passed
    agreement_limit: float = 3e-2
    reference: StoredLogits | None = None  # of a traced module
    file: float | None = None  # float32 arithmetic, against the weight file's own graph
    file_limit: float = 1e-5
    undecided: float | None = None  # share of pixels, or of detections, too close to call
    stand_ins: tuple[str, ...] = ()  # functions that were run for those that take an image


def metadata_of(user_defined: dict[str, str]) -> PackageMetadata | None:
    """What a package of ours says in its user-defined metadata; None for one made elsewhere.

    Raises `PackageError` when it is there but cannot be read.
    """
    text = user_defined.get(KEY)
    if text is None:
        return None
    what, hint = "the package's own metadata", "was it made by a newer version?"
    metadata = decode_json(text, PackageMetadata, what, hint, families.decode, error=PackageError)
    with decoding(what, hint, PackageError):
        metadata.check()
    return metadata


def listed_labels(user_defined: dict[str, str]) -> tuple[str, ...]:
    """Those that a package of ours lists for an array of probabilities; empty where it has none.

    Raises `PackageError` for a list that cannot be read.
    """
    if KEY not in user_defined or LABELS_KEY not in user_defined:
        return ()
    text, what = user_defined[LABELS_KEY], "the package's labels"
    return decode_json(text, tuple[str, ...], what, error=PackageError)


def verified_path(package: Path) -> Path:
    """Where the result of a package's last verification lies."""
    return package.with_suffix(".verified.json")


def verified(package: Path, identity: str) -> Verified | None:
    """The last verification of exactly this package, if there was one."""
    path = verified_path(package)
    if not path.is_file() or path.stat().st_size > MAX_JSON_BYTES:
        return None
    try:
        result = decode_json(path.read_bytes(), Verified, str(path))
    except CheckpointError:
        return None  # a stale note is no proof
    return result if result.identity == identity else None
