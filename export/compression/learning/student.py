"""A compressed network that is trained against the uncompressed one, and what both are asked."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrize

from export.compression.compressed_network import CompressedNetwork
from export.compression.learning.trained_kernels import (
    RoundedNumbers,
    Stepped,
    Tabled,
    torch_type,
    trained_kernel,
)
from mobilenet.checkpoint import Checkpoint
from mobilenet.networks.classifier import Readout
from mobilenet.preprocess import Normalization
from mobilenet.torch_module import MobileNet, from_checkpoint, to_layers

# Per update by Adam, at most about, to begin with: small, since all weights that lead to an output
# have inputs above 0, and move together.
ROUNDING_RATE = 1e-3  # of a step between two values of a kernel
NUMBER_RATE = 1e-4  # of the mean size of a layer's steps, values or weights
BIAS_RATE = 1e-5  # of that of its biases: each moves all pixels of a channel


class ObservedAnswer(NamedTuple):
    """What a network says of a batch of pictures."""

    maps: tuple[Tensor, ...]
    """Those that the head reads."""
    result: Tensor
    """See `MobileNet`."""


class ObservedNetwork:
    """A network that is fed pixels, and tells the maps that its head reads too."""

    def __init__(self, checkpoint: Checkpoint, device: torch.device) -> None:
        self.module: MobileNet = from_checkpoint(checkpoint).to(device)
        self._normalization = checkpoint.normalization
        self._maps: dict[str, Tensor] = {}
        for name, unit in self.module.units():
            if name in self.module.readout.kept:
                unit.register_forward_hook(self._keeping(name))

    def answer(self, pixels: Tensor) -> ObservedAnswer:
        """Of pixels (B, 3, H, W) from 0 to 255, RGB."""
        x = normalized(pixels, self._normalization)
        result = self.module(x.contiguous(memory_format=torch.channels_last))  # a tenth faster
        return ObservedAnswer(
            tuple(self._maps.pop(name) for name in self.module.readout.kept), result
        )

    def _keeping(self, name: str) -> Any:
        def hook(_: nn.Module, __: Any, output: Tensor) -> None:
            self._maps[name] = output

        return hook


class Student(ObservedNetwork):
    """`start` in training: all its numbers, as they are stored."""

    def __init__(self, start: CompressedNetwork, device: torch.device) -> None:
        super().__init__(start.folded, torch.device("cpu"))
        self._folded, self._names = start.folded, tuple(start.kernels)
        stored = {torch_type(kernel.dense()) for kernel in start.kernels.values()}
        [dtype] = stored or {torch.float32}
        for name, layer in _weighted(self.module):
            kernel = start.kernels.get(name)
            _train(layer, "bias", RoundedNumbers(layer.get_parameter("bias"), dtype))
            _train(
                layer, "weight",
                RoundedNumbers(layer.get_parameter("weight"), dtype)
                if kernel is None
                else trained_kernel(kernel),
            )  # fmt: skip
        self.module.requires_grad_(True).to(device)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """For the optimizer: what decides which value a weight takes, other numbers, biases."""
        weights, biases = self._trained("weight"), self._trained("bias")
        rounding = [
            each.original for each in weights.values() if isinstance(each[0], Stepped | Tabled)
        ]
        shifts = [each.original for each in biases.values()]
        others = {id(each) for each in (*rounding, *shifts)}
        numbers = [each for each in self.module.parameters() if id(each) not in others]
        return [
            {"params": rounding, "lr": ROUNDING_RATE},
            {"params": numbers, "lr": NUMBER_RATE},
            {"params": shifts, "lr": BIAS_RATE},
        ]

    def network(self) -> CompressedNetwork:
        """What a file holds of it."""
        weights = self._trained("weight")
        kernels = {name: weights[name][0].stored(weights[name].original) for name in self._names}
        folded = replace(self._folded, layers=to_layers(self.module))
        return CompressedNetwork.of(folded, kernels)

    def _trained(self, part: str) -> dict[str, Any]:
        """A `ParametrizationList` for the weight or the bias of each layer."""
        layers: dict[str, Any] = dict(_weighted(self.module))
        return {name: layer.parametrizations[part] for name, layer in layers.items()}


def difference(student: ObservedAnswer, teacher: ObservedAnswer, readout: Readout) -> Tensor:
    """How far the student's answer to a batch is from the teacher's.

    The maps that the head reads count beside its result: of few photographs they tell more.
    """
    pairs = zip(student.maps, teacher.maps, strict=True)
    maps = torch.stack([_relative(*pair) for pair in pairs]).mean()
    if is_softmax(readout):
        ours, theirs = student.result.log_softmax(1), teacher.result.log_softmax(1)
        return maps + F.kl_div(ours, theirs, reduction="batchmean", log_target=True)
    return maps + _relative(student.result, teacher.result)


def is_softmax(readout: Readout) -> bool:
    """Whether the result is logits (B, classes) of which one class is right."""
    return bool(readout.dense) and readout.scores == "softmax" and not readout.is_one_number


def normalized(pixels: Tensor, normalization: Normalization) -> Tensor:
    """Pixels (B, 3, H, W) from 0 to 255, RGB, as `Normalization.of_pixels` makes them."""
    scale, bias = (
        pixels.new_tensor(each)[:, None, None]
        for each in (normalization.scale, normalization.bias)
    )
    turned = pixels.flip(1) if normalization.order == "BGR" else pixels
    return turned * scale + bias


def _relative(student: Tensor, teacher: Tensor) -> Tensor:
    """Squared error as a share of what there is."""
    return (student - teacher).square().mean() / teacher.square().mean().clamp_min(1e-12)


def _train(layer: nn.Module, part: str, trained: nn.Module) -> None:
    """Let `trained` stand before a parameter of `layer`."""
    parametrize.register_parametrization(layer, part, trained, unsafe=True)


def _weighted(module: MobileNet) -> Iterator[tuple[str, nn.Module]]:
    """What holds the weights of each layer, by the layer's name."""
    for name, unit in module.units():
        yield name, unit.conv
    for dense in module.readout.dense:
        yield dense.name, module.dense(dense.name)
