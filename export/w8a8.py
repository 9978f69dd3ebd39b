"""Eight bits for activations too: where they are rounded, and to which steps.

The input of every layer but the first goes through uint8, so that a Neural Engine that has an
int8 path (A17 Pro and M4 on: coremltools guide, "Quantization Overview") can multiply integers.
Behind ReLU6 the range is known: nothing is above 6. Behind ReLU, and behind pooling, calibration
pictures show it. The first layer reads pixels, which have eight bits already: rounded again at
the middle between two of them, half of the levels would be lost.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from export.build import LOGITS, Quantizer
from export.pictures import open_picture, pictures_in
from mobilenet.checkpoint import Checkpoint

if TYPE_CHECKING:
    from torch import Tensor

    from mobilenet.model import MobileNet

LEVELS = 255  # steps of a uint8 above 0
RELU6_BOUND = 6.0


def calibrated(checkpoint: Checkpoint, folder: Path) -> dict[str, Quantizer]:
    """Quantizers of the layers' inputs, by the layer's name, from the pictures in `folder`.

    Every value that enters a layer but the first is 0 or more: the zero point is 0.
    """
    highest = _highest_inputs(checkpoint, folder)
    if checkpoint.config.activation == "relu6":
        highest |= {name: RELU6_BOUND for name in highest if name != LOGITS}
    highest.pop("conv0")
    return {name: Quantizer(max(value, 1e-3) / LEVELS) for name, value in highest.items()}


def quantize_inputs(module: "MobileNet", quantizers: Mapping[str, Quantizer]) -> None:
    """Let a PyTorch module round what enters its layers as the package does."""
    for name, layer in _layers(module):
        if name in quantizers:
            layer.register_forward_pre_hook(_rounding(quantizers[name]))


def _rounding(quantizer: Quantizer) -> Any:
    scale, zero = np.float32(quantizer.scale).item(), quantizer.zero_point

    def hook(_: Any, given: tuple["Tensor"]) -> tuple["Tensor"]:
        rounded = (given[0] / scale).round() + zero  # half to even, as numpy and MIL
        return ((rounded.clamp(0, LEVELS) - zero) * scale,)

    return hook


def _highest_inputs(checkpoint: Checkpoint, folder: Path) -> dict[str, float]:
    """The highest value that enters each layer over all pictures."""
    import torch

    from mobilenet.model import from_checkpoint

    module = from_checkpoint(checkpoint)
    highest: dict[str, float] = {}

    def watch(name: str) -> Any:
        def hook(_: Any, given: tuple["Tensor"]) -> None:
            highest[name] = max(highest.get(name, 0.0), float(given[0].max()))

        return hook

    for name, layer in _layers(module):
        layer.register_forward_pre_hook(watch(name))
    size = checkpoint.config.resolution
    for path in pictures_in(folder):
        square = checkpoint.geometry.apply(open_picture(path), size)
        module(torch.from_numpy(checkpoint.normalization.apply(square)))
    return highest


def _layers(module: "MobileNet") -> Iterator[tuple[str, Any]]:
    for name, unit in module.units():
        yield name, unit.conv
    if module.logits is not None:
        yield LOGITS, module.logits
