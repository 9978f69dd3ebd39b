"""The numbers of a package that were learned from photographs, which are not at hand any more.

They are read off the package: it says of each layer in which form it is, which bounds its levels,
and of all numbers their SHA-256 and how far they lie from the original's. What is then proved anew
is that the package computes what a network with these numbers does.
"""

from collections.abc import Mapping
from dataclasses import replace

import msgspec
import numpy as np

from export.compression.compressed_network import CompressedNetwork
from export.compression.kernels import CompressedKernel
from export.compression.stored_kernels import kernels_of
from export.compression.stored_weights import layers_of, roundings_of
from export.mil.program import Function
from export.package.calibration_record import CalibrationRecord
from export.prepared import Prepared
from export.targets import MIXED
from mobilenet.checkpoint import Checkpoint
from mobilenet.common.errors import PackageError, VerificationError

SLACK = 1e-4  # of a distance: the original weights are the same to the bit, and so are sums nearly


def with_numbers_of(
    function: Function, prepared: Prepared, record: CalibrationRecord | msgspec.UnsetType
) -> Prepared:
    """`prepared` with the numbers that the package holds, which `record` is about.

    As it is where no weights were learned. Raises `VerificationError` where they are others, or
    the original weights are; `PackageError` for forms that nothing is said of.
    """
    if not record or not record.numbers:
        if prepared.compress in MIXED:
            raise PackageError(
                f"the package has {prepared.compress} forms and does not say which layer has "
                "which",
                "its metadata were changed: export it again",
            )
        return prepared
    assert prepared.folded is not None, "of a checkpoint"
    config = prepared.folded.config
    layers, kernels = layers_of(function, config), kernels_of(function, config)
    check_stored_forms(kernels, record.forms)
    learned = CompressedNetwork.of(replace(prepared.folded, layers=layers), kernels)
    dtype = np.float16 if prepared.precision == "fp16" else np.float32
    roundings = roundings_of(function, config)
    quantizers = {name: rounding.quantizer for name, rounding in roundings.items()}
    numbers = learned.numbers(prepared.folded, quantizers, dtype)
    if numbers.digest != record.numbers.digest:
        raise VerificationError(
            "weights: the package's numbers are not those that were learned (SHA-256 "
            f"{numbers.digest[:12]}, at its export {record.numbers.digest[:12]})",
            "the package was changed: export it again",
        )
    if not abs(numbers.distance - record.numbers.distance) <= SLACK * record.numbers.distance:
        raise VerificationError(
            f"weights: the package's numbers lie {numbers.distance:.4g} (relative L2 over all "
            f"layers) from the original weights, at its export {record.numbers.distance:.4g}",
            "are these the --weights that it was exported with?",
        )
    return _with_learned(prepared, learned)


def _with_learned(prepared: Prepared, learned: CompressedNetwork) -> Prepared:
    """Every function of `prepared` with the same numbers."""
    parts = {}
    for name, part in prepared.parts.items():
        assert isinstance(part.network, Checkpoint), "of a checkpoint, as the whole is"
        parts[name] = replace(part, compressed=learned.at(part.network.config.size))
    return replace(prepared, compressed=learned, parts=parts)


def check_stored_forms(
    stored: Mapping[str, CompressedKernel], expected: Mapping[str, str]
) -> None:
    """Raise `VerificationError` naming the layer that is stored in another form than expected."""
    for name in {**stored, **expected}:
        form = str(stored[name].layer_form) if name in stored else "dense"
        if form != expected.get(name, "dense"):
            raise VerificationError(
                f"{name}.kernel of the package is stored as {form}, it should be "
                f"{expected.get(name, 'dense')}",
                "the package was changed, or made by another version: export it again",
            )
