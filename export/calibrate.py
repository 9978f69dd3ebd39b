"""What photographs show, between a network that is ready and the file that is written of it."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from export.calibration_options import CalibrationOptions
from export.compression.quantizer import Quantizer
from export.prepared import Prepared
from mobilenet import fold
from mobilenet.checkpoint import Checkpoint


def calibrated(prepared: Prepared, options: CalibrationOptions) -> Prepared:
    """`prepared` with what the photographs show, if there are any: every function of it."""
    folder = options.calibrate
    if folder is None:
        return prepared
    if not prepared.parts:
        return replace(prepared, quantizers=_quantizers(prepared, folder))
    parts = {name: calibrated(part, options) for name, part in prepared.parts.items()}
    *_, last = parts.values()
    return replace(prepared, quantizers=last.quantizers, parts=parts)


def _quantizers(prepared: Prepared, folder: Path) -> Mapping[str, Quantizer]:
    """Of the inputs of layers, which w8a8 rounds."""
    from export.compression import activations  # loads PyTorch

    assert isinstance(prepared.network, Checkpoint), "refused of a traced module"
    return activations.calibrated(fold.fold(prepared.network), folder)
