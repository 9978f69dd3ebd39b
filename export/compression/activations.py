"""Eight bits for activations too: where they are rounded, and to which steps.

The input of every layer behind the first goes through uint8, so that a Neural Engine that has an
int8 path (A17 Pro and M4 on: coremltools guide, "Quantization Overview") can multiply integers.
Behind ReLU6 the range is known: nothing is above 6. Behind ReLU, a sum, a linear layer or a join,
and behind pooling, calibration pictures show it. The first layer reads pixels, which have eight
bits already: rounded again at the middle between two of them, half of the levels would be lost.
"""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from export.compression.quantizer import Quantizer
from export.compression.stored_weights import Rounding
from mobilenet.checkpoint import Checkpoint
from mobilenet.common.errors import VerificationError
from mobilenet.common.images import open_picture, pictures_in
from mobilenet.networks.classifier import LOGITS, Readout
from mobilenet.networks.rows import IMAGE

if TYPE_CHECKING:
    from torch import Tensor

    from mobilenet.torch_module import MobileNet

LEVELS = 255  # steps of a uint8 above 0
LEAST_HIGH = 1e-3  # of a value that is never above 0


def calibrated(folded: Checkpoint, folder: Path) -> dict[str, Quantizer]:
    """Quantizers of the layers' inputs, by the layer's name, from the pictures in `folder`."""
    bounded = {
        row.name: BOUNDS[row.activation]
        for row in folded.config.rows()
        if row.activation in BOUNDS and row.adds is None
    }
    ranges: dict[str, Range | None] = {
        row.name: None if row.pooled or row.joins else bounded.get(row.reads)
        for row in folded.config.rows()
        if row.reads != IMAGE
    }
    ranges |= _head_ranges(folded.config.readout, bounded)
    unbounded = [name for name, bounds in ranges.items() if bounds is None]
    measured = _input_ranges(folded, unbounded, folder)
    return {name: (bounds or measured[name]).quantizer() for name, bounds in ranges.items()}


class Range(NamedTuple):
    """The lowest value, or 0 where none is below it, and the highest."""

    low: float = 0.0
    high: float = 0.0

    def quantizer(self) -> Quantizer:
        """In 255 equal steps, 0 being one of them."""
        scale = (max(self.high, LEAST_HIGH) - self.low) / LEVELS
        return Quantizer(scale, round(-self.low / scale))


BOUNDS = {"relu6": Range(0.0, 6.0), "sigmoid": Range(0.0, 1.0), "tanh": Range(-1.0, 1.0)}
"""Of the values behind an activation, whatever the picture."""


def _head_ranges(readout: Readout, bounded: Mapping[str, Range]) -> dict[str, Range | None]:
    """What is known of the inputs of the head's matrices: nothing of a mean, or behind none."""
    ranges, bounds = {}, bounded.get(readout.reads) if readout.pool == "flatten" else None
    for layer in readout.dense:
        ranges[layer.name] = bounds
        bounds = BOUNDS.get(layer.activation or "")
    return ranges


def quantize_inputs(module: "MobileNet", quantizers: Mapping[str, Quantizer]) -> None:
    """Let a PyTorch module round what enters its layers as the package does."""
    for name, unit in units(module):
        if name in quantizers:
            unit.register_forward_pre_hook(
                lambda _, arguments, quantizer=quantizers[name]: (
                    rounded(arguments[0], quantizer),
                    *arguments[1:],
                )
            )


def rounded(x: "Tensor", quantizer: Quantizer) -> "Tensor":
    """Through eight bits and back; half to even, as numpy and MIL."""
    scale, zero = np.float32(quantizer.scale).item(), quantizer.zero_point
    return (((x / scale).round() + zero).clamp(0, LEVELS) - zero) * scale


def step_by_step(
    module: "MobileNet",
    x: "Tensor",
    roundings: Mapping[str, Rounding],
    values: Mapping[str, "Tensor"],
) -> Iterator[tuple["Tensor", "Tensor"]]:
    """What the package computed between two roundings, and what PyTorch makes of the same input.

    Run from end to end, two right implementations part: one sum in another order moves one
    activation by a step, and the layers behind amplify it. So every layer is given what the
    package gave it. `values` are the package's, by name, with its results as "logits".

    Raises `VerificationError` where the package does not round as its own numbers say.
    """
    seen: dict[str, Tensor] = {}

    def handing_over(name: str) -> Any:
        def hook(_: Any, arguments: tuple["Tensor", ...]) -> tuple["Tensor", ...]:
            seen[name] = arguments[0]
            # the pool before a convolutional head keeps its axes
            x = values[roundings[name].after].reshape(arguments[0].shape)
            return (x, *arguments[1:])

        return hook

    for name, unit in units(module):
        if name in roundings:
            unit.register_forward_pre_hook(handing_over(name))
    logits = module(x)
    for name, rounding in roundings.items():
        before, after = values[rounding.before], values[rounding.after]
        if not (rounded(before, rounding.quantizer) == after).all():
            raise VerificationError(
                f"the input of {name} is not rounded in steps of {rounding.quantizer.scale:.6g}",
                "please report this with the command you ran",
            )
        yield before, seen[name]
    yield values[LOGITS], logits


def _input_ranges(
    checkpoint: Checkpoint, names: Collection[str], folder: Path
) -> dict[str, Range]:
    """The range of what enters each of these layers over all pictures."""
    import torch

    from mobilenet.torch_module import from_checkpoint

    module = from_checkpoint(checkpoint)
    ranges = dict.fromkeys(names, Range())

    def watch(name: str) -> Any:
        def hook(_: Any, arguments: tuple["Tensor"]) -> None:
            low, high = (float(bound) for bound in arguments[0].aminmax())
            ranges[name] = Range(min(ranges[name].low, low), max(ranges[name].high, high))

        return hook

    for name, unit in units(module):
        if name in names:
            unit.register_forward_pre_hook(watch(name))
    size = checkpoint.config.size
    for path in pictures_in(folder):
        picture = checkpoint.geometry.apply(open_picture(path), size)
        module(torch.from_numpy(checkpoint.normalization.apply(picture)))
    return ranges


def units(module: "MobileNet") -> Iterator[tuple[str, Any]]:
    """The modules of all layers by name, in order."""
    yield from module.units()
    for layer in module.readout.dense:
        yield layer.name, module.dense(layer.name)
