"""Eight bits for activations too: where they are rounded, and to which steps.

The input of every layer but the first goes through uint8, so that a Neural Engine that has an
int8 path (A17 Pro and M4 on: coremltools guide, "Quantization Overview") can multiply integers.
Behind ReLU6 the range is known: nothing is above 6. Behind ReLU, and behind pooling, calibration
pictures show it. The first layer reads pixels, which have eight bits already: rounded again at
the middle between two of them, half of the levels would be lost.
"""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from export.compression.stored_weights import Rounding
from export.formats.coreml.build import LOGITS, Quantizer
from mobilenet import fold
from mobilenet.checkpoint import Checkpoint
from mobilenet.common.errors import VerificationError
from mobilenet.common.images import open_picture, pictures_in

if TYPE_CHECKING:
    from torch import Tensor

    from mobilenet.torch_module import MobileNet

LEVELS = 255  # steps of a uint8 above 0
RELU6_BOUND = 6.0


def calibrated(checkpoint: Checkpoint, folder: Path) -> dict[str, Quantizer]:
    """Quantizers of the layers' inputs, by the layer's name, from the pictures in `folder`.

    Every value that enters a layer but the first is 0 or more: the zero point is 0.
    """
    names = [name for name in checkpoint.layers if name != "conv0"]
    highest = dict.fromkeys(names, RELU6_BOUND)
    bounded = checkpoint.config.activation == "relu6"
    unknown = [name for name in names if not bounded or name == LOGITS]
    highest |= _highest_inputs(checkpoint, unknown, folder)
    return {name: Quantizer(max(highest[name], 1e-3) / LEVELS) for name in names}


def quantize_inputs(module: "MobileNet", quantizers: Mapping[str, Quantizer]) -> None:
    """Let a PyTorch module round what enters its layers as the package does."""
    for name, unit in _units(module):
        if name in quantizers:
            unit.register_forward_pre_hook(
                lambda _, given, quantizer=quantizers[name]: (rounded(given[0], quantizer),)
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
        def hook(_: Any, given: tuple["Tensor"]) -> tuple["Tensor"]:
            seen[name] = given[0]
            # the pool before a convolutional head keeps its axes
            return (values[roundings[name].after].reshape(given[0].shape),)

        return hook

    for name, unit in _units(module):
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


def _highest_inputs(
    checkpoint: Checkpoint, names: Collection[str], folder: Path
) -> dict[str, float]:
    """The highest value that enters each of these layers over all pictures."""
    import torch

    from mobilenet.torch_module import from_checkpoint

    module = from_checkpoint(fold.fold(checkpoint))
    highest: dict[str, float] = {}

    def watch(name: str) -> Any:
        def hook(_: Any, given: tuple["Tensor"]) -> None:
            highest[name] = max(highest.get(name, 0.0), float(given[0].max()))

        return hook

    for name, unit in _units(module):
        if name in names:
            unit.register_forward_pre_hook(watch(name))
    size = checkpoint.config.resolution
    for path in pictures_in(folder):
        square = checkpoint.geometry.apply(open_picture(path), size)
        module(torch.from_numpy(checkpoint.normalization.apply(square)))
    return highest


def _units(module: "MobileNet") -> Iterator[tuple[str, Any]]:
    yield from module.units()
    if module.logits is not None:
        yield LOGITS, module.logits
