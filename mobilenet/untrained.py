"""A seeded network that was never trained, yet is alive in every layer.

With default batch-norm statistics, activations of a random network die out or explode over 27
layers, and a check on its outputs proves little. Here the statistics are measured on images, and
scales and biases are drawn so that both ends of the clip at 0 and 6 are reached: an error in
padding, clipping or folding moves the logits.
"""

from typing import TYPE_CHECKING

from mobilenet.checkpoint import Checkpoint, Provenance, known_labels
from mobilenet.common.size import Size
from mobilenet.networks.config import NetworkConfig
from mobilenet.networks.rows import COLORS

if TYPE_CHECKING:
    import torch

IMAGES = 8
PREDICTOR_GAIN = 0.1


def untrained(config: NetworkConfig, seed: int = 0) -> Checkpoint:
    """The same network for the same config and seed, on every machine.

    The statistics are measured in float64: rounded to float32 they do not depend on the order in
    which a machine, or a number of threads, adds.
    """
    import torch
    from torch import nn

    from mobilenet.torch_module import MobileNet, to_layers

    generator = torch.Generator().manual_seed(seed)
    with torch.device("meta"):
        module = MobileNet(config)
    module = module.to_empty(device="cpu")
    for parameter in module.parameters():
        if parameter.dim() > 1:
            fan_in = parameter[0].numel()
            parameter.data.normal_(0, (2 / fan_in) ** 0.5, generator=generator)
        else:
            parameter.data.zero_()
    for each in module.readout.predictors:
        for name in (each.boxes, each.scores):  # boxes near where they start, as trained ones
            dict(module.units())[name].conv.weight.data.mul_(PREDICTOR_GAIN)
    for norm in (m for m in module.modules() if isinstance(m, nn.BatchNorm2d)):
        norm.reset_running_stats()
        norm.momentum = None  # cumulative average: after one pass, that pass's own statistics
        norm.weight.data.uniform_(1, 3, generator=generator)
        norm.bias.data.normal_(1, 1, generator=generator)
    with torch.no_grad():
        module.double().train()(_images(config.size, generator).double())
    provenance = Provenance.drawn(seed)
    labels = known_labels(config).labels
    return Checkpoint(config, to_layers(module), provenance, labels=labels)


def _images(size: Size, generator: "torch.Generator") -> "torch.Tensor":
    """Smooth patches with noise over them, in [-1, 1]: (IMAGES, 3, height, width)."""
    import torch
    import torch.nn.functional as F

    patches = torch.rand((IMAGES, COLORS, 7, 7), generator=generator) * 2 - 1
    noise = torch.rand((IMAGES, COLORS, *size), generator=generator) * 2 - 1
    smooth = F.interpolate(patches, tuple(size), mode="bilinear", align_corners=False)
    return 0.7 * smooth + 0.3 * noise
