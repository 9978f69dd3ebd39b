"""Networks that are not read here, told by plain signs in the names and shapes of tensors."""

import re
from collections.abc import Callable
from typing import NamedTuple

from mobilenet.sources.stored import Tensors

EXPORT_MODULE = "from Python, export(model, ...) takes any PyTorch module"


class TensorSigns(NamedTuple):
    """Names, and shapes of the kernels (out, in / groups, height, width)."""

    names: frozenset[str]
    kernels: list[tuple[int, ...]]

    @property
    def has_depthwise(self) -> bool:
        """Whether a convolution is of each channel for itself."""
        return any(kernel[1] == 1 and kernel[2] > 1 for kernel in self.kernels)

    @property
    def sides(self) -> set[int]:
        """Of the kernels."""
        return {kernel[2] for kernel in self.kernels}

    def has_name(self, pattern: str) -> bool:
        """Whether one matches."""
        return any(re.search(pattern, name) for name in self.names)


# Shapes are those of v1, strides are not: kuangliu/pytorch-cifar, weiaicunzai/pytorch-cifar100
CIFAR = (
    {"layers.0.conv1.weight", "linear.weight"},
    {"stem.1.depthwise.0.weight", "conv1.0.depthwise.0.weight"},
)
# The first that fits; names as torchvision, timm and pytorch-cifar give them.
_KINDS: tuple[tuple[str, Callable[[TensorSigns], bool]], ...] = (
    ("a network without a convolution (an MLP or a transformer)", lambda signs: not signs.kernels),
    (
        "a detector (heads for boxes and for classes)",
        lambda signs: signs.has_name(r"\b(regression|bbox|box)_head(er)?s?\.|\bloc\.\d|\brpn\.")
        and signs.has_name(r"\b(classification|cls|class)_head(er)?s?\.|\bconf\.\d|\brpn\."),
    ),
    (
        "a DeepLab with ASPP branches (several dilations side by side)",
        lambda signs: signs.has_name(r"\.convs\.3\.0\.weight$|\baspp(\.\w*|_)?[2-9]\b"),
    ),
    (
        "a SqueezeNet (fire modules)",
        lambda signs: signs.has_name(r"\bfire\d|\.squeeze\.weight$|\.expand3x3\."),
    ),
    (
        "a MobileNet v3 or an EfficientNet (squeeze and excitation)",
        lambda signs: signs.has_depthwise
        and signs.has_name(r"\.se\.|\.fc[12]\.(0\.)?weight$|\.conv_reduce\.|\._se_reduce\."),
    ),
    (
        "a MobileNet v3, MnasNet or EfficientNet (kernels of 5 x 5)",
        lambda signs: signs.has_depthwise and 5 in signs.sides,
    ),
    (
        "a MobileNet for pictures of 32 pixels (as in pytorch-cifar, with strides of its own)",
        lambda signs: any(cifar <= signs.names for cifar in CIFAR),
    ),
    (
        "a MobileNet for segmentation (DeepLab)",
        lambda signs: signs.has_name(r"^segmentation_head\.|\baspp\b"),
    ),
    (
        "a ResNet (blocks that are added up)",
        lambda signs: not signs.has_depthwise
        and signs.has_name(r"\bdownsample\.|\bshortcut\.|\blayer[1-4]\.\d+\.conv2\."),
    ),
    (
        "an Inception network (branches side by side)",
        lambda signs: not signs.has_depthwise and signs.has_name(r"\bbranch|Mixed_|inception"),
    ),
    (
        "a network of plain convolutions, such as VGG",
        lambda signs: not signs.has_depthwise and 1 not in signs.sides,
    ),
)  # fmt: skip


def network(tensors: Tensors) -> str | None:
    """In words, the network that these are of; None where nothing tells."""
    shapes = (tensors.shape(name) for name in tensors.names)
    signs = TensorSigns(tensors.names, [shape for shape in shapes if len(shape) == 4])
    return next((name for name, fits in _KINDS if fits(signs)), None)
