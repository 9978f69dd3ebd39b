"""Options of `python -m export` and its `all`: what a grid shares, and what it cannot have.

Stands behind `--help`: no numpy, no torch, no coremltools.
"""

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from export.calibration_options import NO_CALIBRATION, CalibrationOptions
from export.spec import PackageForm, WeightOptions
from export.targets import Target
from mobilenet.common.errors import ConfigError
from mobilenet.common.options import ON, SEVERAL

Formats = tuple[Literal["coreml", "mlprogram", "neuralnetwork", "coreai"], ...]


HIDDEN = Parameter(show=False)
REFUSED = {
    "rho": "name the sides: --resolution 192 160",
    "shallow": "--depth shallow, or --depth both",
    "resolutions": "each size has its package here: --resolution 192 160",
}


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class CellOptions:
    """How each network of a grid is made and written."""

    weights: Annotated[WeightOptions, Parameter(name="*")] = field(default_factory=WeightOptions)
    target: Annotated[tuple[Target, ...], SEVERAL] = ("all",)
    """Where they will run; several are allowed."""
    format: Annotated[Formats, SEVERAL] = ("coreml",)
    """coreml (what the other options ask for), or mlprogram, neuralnetwork, coreai; several."""
    form: Annotated[PackageForm, Parameter(name="*")] = field(default_factory=PackageForm)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class MakingOptions:
    """What goes into a package besides its network, and what is done with it."""

    verify: Annotated[bool, ON] = True
    """Run the finished package and compare its logits with PyTorch's."""
    offline: bool = False
    """Use what is in the cache; reach for nothing."""
    classes: Path | None = None
    """Labels, one per line or as JSON. Default: the weights' own, or a file's beside them."""
    keep_background: bool = False
    """Keep class 0 of the 1001-class checkpoints."""
    calibration: CalibrationOptions = NO_CALIBRATION
    swift: bool = False
    """Write a Swift file beside the package that puts photographs to it in an app."""


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class SweepOptions(MakingOptions):
    """The same of every package, how the grid is worked through, and what is refused."""

    workers: int | None = None
    """Processes at once, with half an hour for each package. Default: one for each core."""
    rho: Annotated[float | None, HIDDEN] = None
    shallow: Annotated[bool | None, HIDDEN] = None
    resolutions: Annotated[str | None, HIDDEN] = None

    def __post_init__(self) -> None:
        for name, hint in REFUSED.items():
            if getattr(self, name) is not None:
                raise ConfigError(f"--{name} is of a single export, not of a grid", hint)


def shared(options: WeightOptions | PackageForm) -> dict[str, Any]:
    """The options by their names, as the dataclasses of a single export take them."""
    return {each.name: getattr(options, each.name) for each in fields(options)}
