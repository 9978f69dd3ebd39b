"""MobileNet v1 as a PyTorch module, from a config (Howard et al. 2017, Table 1)."""

from collections.abc import Iterable
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mobilenet.checkpoint import BatchNorm, Checkpoint, Layer
from mobilenet.networks.v1 import ConvSpec, MobileNetConfig, Pads
from mobilenet.store import state_arrays


class ConvUnit(nn.Module):
    """Convolution, batch norm (unless folded), activation; pads as the config says."""

    def __init__(self, spec: ConvSpec, config: MobileNetConfig, folded: bool) -> None:
        super().__init__()
        self.spec, self.config = spec, config
        self.conv = nn.Conv2d(
            spec.in_channels, spec.out_channels, spec.kernel,
            stride=spec.stride, groups=spec.groups, bias=folded,
        )  # fmt: skip
        self.norm = None if folded else nn.BatchNorm2d(spec.out_channels, eps=config.bn_epsilon)

    def forward(self, x: Tensor) -> Tensor:
        if self.spec.kernel > 1:  # the pads depend on the size at hand: any size may come in
            top, bottom, _, _ = self._pads(x.shape[-2])
            _, _, left, right = self._pads(x.shape[-1])
            x = F.pad(x, (left, right, top, bottom))
        x = self.conv(x)
        if self.norm is not None:
            x = self.norm(x)
        return F.relu6(x) if self.config.activation == "relu6" else F.relu(x)

    def _pads(self, size: int) -> Pads:
        return self.config.pads(int(size), self.spec.stride, self.spec.kind)


class MobileNet(nn.Module):
    """Normalized images (B, 3, H, W) to logits (B, classes), or to features.

    Features are pooled, (B, C), or the map (B, C, H, W) of the layer that the config ends with.

    `layers` holds one `ConvUnit` per row of `MobileNetConfig.convolutions`, by its name.
    """

    def __init__(self, config: MobileNetConfig | None = None, *, folded: bool = False) -> None:
        super().__init__()
        self.config = config or MobileNetConfig()
        self.layers = nn.ModuleDict(
            {spec.name: ConvUnit(spec, self.config, folded) for spec in self.config.convolutions()}
        )
        width = self.config.feature_channels
        classifier = self.config.head == "classifier"
        self.logits = nn.Linear(width, self.config.classes) if classifier else None

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers.values():
            x = layer(x)
        if self.config.until:
            return x  # (B, C, H, W)
        x = x.mean((2, 3))  # (B, C)
        return x if self.logits is None else self.logits(x)  # (B, classes)

    def units(self) -> Iterable[tuple[str, ConvUnit]]:
        """The convolution units by name, in order."""
        return cast("Iterable[tuple[str, ConvUnit]]", self.layers.items())


def from_checkpoint(checkpoint: Checkpoint) -> MobileNet:
    """The module holding exactly the checkpoint's numbers, in eval mode."""
    with torch.device("meta"):  # no time spent on initial values that are replaced at once
        module = MobileNet(checkpoint.config, folded=checkpoint.folded)
    state = {name: torch.from_numpy(value) for name, value in state_arrays(checkpoint).items()}
    module.load_state_dict(state, strict=True, assign=True)
    return module.eval().requires_grad_(False)


def to_layers(module: MobileNet) -> dict[str, Layer]:
    """The module's numbers as layers in numpy, copied."""
    layers = {}
    for name, unit in module.units():
        norm = unit.norm and BatchNorm(
            _numpy(unit.norm.weight), _numpy(unit.norm.bias),
            _numpy(unit.norm.running_mean), _numpy(unit.norm.running_var),
        )  # fmt: skip
        bias = None if unit.conv.bias is None else _numpy(unit.conv.bias)
        layers[name] = Layer(_numpy(unit.conv.weight), bias, norm or None)
    if module.logits is not None:
        layers["logits"] = Layer(_numpy(module.logits.weight), _numpy(module.logits.bias))
    return layers


def _numpy(tensor: Tensor | None) -> np.ndarray:
    assert tensor is not None, "batch norm without running statistics"
    return tensor.detach().cpu().float().numpy().copy()
