"""A network as a PyTorch module, from the rows of its config."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mobilenet.checkpoint import BatchNorm, Checkpoint, Layer
from mobilenet.common.size import Size
from mobilenet.networks.classifier import LOGITS
from mobilenet.networks.config import NetworkConfig
from mobilenet.networks.rows import IMAGE, Row, last_uses
from mobilenet.networks.ssdlite import Predictor
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.store import state_arrays

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu6": F.relu6, "relu": F.relu, "sigmoid": torch.sigmoid, "tanh": torch.tanh,
}  # fmt: skip


class ConvUnit(nn.Module):
    """One row: convolution, batch norm (unless folded), activation, and what is added."""

    def __init__(self, row: Row, folded: bool) -> None:
        super().__init__()
        self.row = row
        has_bias = folded or row.biased
        self.conv = nn.Conv2d(
            row.in_channels, row.out_channels, row.kernel, stride=row.stride,
            dilation=row.dilation, groups=row.groups, bias=has_bias,
        )  # fmt: skip
        self.norm = None if has_bias else nn.BatchNorm2d(row.out_channels, eps=row.epsilon)

    def forward(self, x: Tensor, added: Tensor | None = None) -> Tensor:
        """Map (B, in, H, W) to (B, out, H', W'); `added` is of that shape."""
        return self.activated(self.before_activation(x), added)

    def before_activation(self, x: Tensor) -> Tensor:
        """What the convolution gives, behind batch norm if there is one."""
        x = self.conv(self.padded(x))
        return x if self.norm is None else self.norm(x)

    def activated(self, x: Tensor, added: Tensor | None = None) -> Tensor:
        """The row's value of what the convolution gave."""
        if self.row.activation is not None:
            x = ACTIVATIONS[self.row.activation](x)
        return x if added is None else x + added

    def padded(self, x: Tensor) -> Tensor:
        """As the convolution reads it; the pads depend on the size at hand: any may come in."""
        if self.row.kernel == 1:
            return x
        size = Size(int(x.shape[-2]), int(x.shape[-1]))
        top, bottom, left, right = self.row.pads_at(size)
        return F.pad(x, (left, right, top, bottom))


class MobileNet(nn.Module):
    """Normalized images (B, 3, H, W) to logits (B, classes), or to features.

    Features are pooled, (B, C), or the map (B, C, H, W) of the layer that the config ends with.
    DeepLab gives the scores (B, classes, h, w) of its small map, SSDLite the encoded boxes and the
    classes' logits (B, boxes, 4 + 1 + classes), the background's first.

    `layers` holds one `ConvUnit` per row of the config, by its name; `hidden` the matrices before
    the logits.
    """

    def __init__(self, config: NetworkConfig | None = None, *, folded: bool = False) -> None:
        super().__init__()
        self.config = config or MobileNetConfig()
        self.readout = self.config.readout
        rows = self.config.rows()
        self.layers = nn.ModuleDict({row.name: ConvUnit(row, folded) for row in rows})
        dense = {
            layer.name: nn.Linear(layer.inputs, layer.outputs) for layer in self.readout.dense
        }
        self.logits = dense.pop(LOGITS, None)
        self.hidden = nn.ModuleDict(dense)
        self._last_uses = last_uses(rows, self.readout.kept)

    def forward(self, x: Tensor) -> Tensor:
        """Images (B, 3, H, W) to what the head gives: see the class."""
        values = self._values(x)
        if self.readout.predictors:
            return _predictions(self.readout.predictors, values)
        x = values[self.readout.reads]
        if not self.readout.pooled:
            return x  # (B, C, H, W)
        x = x.flatten(1) if self.readout.pool == "flatten" else x.mean((2, 3))
        for layer in self.readout.dense:  # (B, inputs) to (B, outputs)
            x = self.dense(layer.name)(x)
            if layer.activation is not None:
                x = ACTIVATIONS[layer.activation](x)
        return x

    def dense(self, name: str) -> nn.Linear:
        """The matrix of the head that is called so."""
        layer = self.logits if name == LOGITS else self.hidden[name]
        return cast("nn.Linear", layer)

    def _values(self, x: Tensor) -> dict[str, Tensor]:
        """The maps that the head reads; others are let go as soon as no row needs them."""
        values = {IMAGE: x}
        for name, unit in self.units():
            row = unit.row
            added = () if row.adds is None else (values[row.adds],)
            values[name] = unit(row_input(row, values), *added)
            for done in self._last_uses[name]:
                del values[done]
        return values

    def units(self) -> Iterable[tuple[str, ConvUnit]]:
        """The units of the rows by name, in order."""
        return cast("Iterable[tuple[str, ConvUnit]]", self.layers.items())


def _predictions(predictors: Iterable[Predictor], values: Mapping[str, Tensor]) -> Tensor:
    """Of every box in the order of the priors: (B, boxes, 4 + columns)."""
    parts = []
    for each in predictors:
        pair = (values[each.boxes], values[each.scores])
        count = each.anchors * each.size.area
        parts.append(torch.cat([x.reshape(len(x), -1, count) for x in pair], 1))
    return torch.cat(parts, 2).transpose(1, 2)


def row_input(row: Row, values: Mapping[str, Tensor]) -> Tensor:
    """What the convolution of a row takes (B, C, H, W), of `values` by name."""
    x = values[row.reads]
    if row.pooled:
        x = x.mean((2, 3), keepdim=True)
    if row.joins is None:
        return x
    joined = values[row.joins]
    return torch.cat([x.expand(-1, -1, *joined.shape[2:]), joined], 1)


def enlarged(scores: Tensor, picture: Size) -> Tensor:
    """DeepLab's scores (B, C, h, w) as its authors spread them over the picture: (B, C, H, W).

    research/deeplab/model.py: resize_bilinear(align_corners=True).
    """
    return F.interpolate(scores, tuple(picture), mode="bilinear", align_corners=True)


@contextmanager
def on_one_thread() -> Iterator[None]:
    """Let PyTorch compute on the calling thread alone, in one order of sums everywhere."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def from_checkpoint(checkpoint: Checkpoint) -> MobileNet:
    """A module with exactly the checkpoint's numbers, copied, in eval mode."""
    with torch.device("meta"):  # no time spent on initial values that are replaced at once
        module = MobileNet(checkpoint.config, folded=checkpoint.folded)
    state = {name: torch.tensor(value) for name, value in state_arrays(checkpoint).items()}
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
    for dense in module.readout.dense:
        matrix = module.dense(dense.name)
        layers[dense.name] = Layer(_numpy(matrix.weight), _numpy(matrix.bias))
    return layers


def _numpy(tensor: Tensor | None) -> np.ndarray:
    assert tensor is not None, "batch norm without running statistics"
    return tensor.detach().cpu().float().numpy().copy()
