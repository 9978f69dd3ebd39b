"""What is learned from photographs: options of an export, checked against its form.

Stands behind `--help`: no numpy, no torch, no coremltools.
"""

from dataclasses import dataclass
from pathlib import Path

from cyclopts import Parameter

from export.spec import ExportSpec
from mobilenet.common.errors import ConfigError
from mobilenet.common.options import Handed
from mobilenet.common.progress import SILENT


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class CalibrationOptions:
    """Photographs that compression learns from."""

    calibrate: Path | None = None
    """A folder of photographs, which show w8a8 the ranges of activations."""
    progress: Handed = SILENT

    def check(self, spec: ExportSpec) -> None:
        """Raise `ConfigError` unless pictures are given where, and only where, they are needed."""
        from mobilenet.common.images import pictures_in

        if spec.compress == "w8a8" and self.calibrate is None:
            raise ConfigError(
                "compress w8a8 without calibration pictures",
                "add --calibrate, a folder of photographs",
            )
        if spec.compress != "w8a8" and self.calibrate is not None:
            raise ConfigError(
                f"calibrate {self.calibrate} without compress w8a8", "nothing else is calibrated"
            )
        if self.calibrate is not None:
            pictures_in(self.calibrate)


NO_CALIBRATION = CalibrationOptions()
