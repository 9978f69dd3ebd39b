"""The list: image networks of torchvision and timm, and how each is made. Weights are random.

Resolutions are small where a network allows it. Every part of a network is made to count: an
untrained one begins many of its branches with zeros, and whatever a converter made of those
would not be seen.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from conformance.small_yolo import SmallYolo
from torchvision_operators import declare

SEED = 0
TINY = 1e-3  # a scale of a branch that begins this small has to be learned


class Network(NamedTuple):
    """`make` gives the module for square pictures of `size` pixels."""

    make: Callable[[], nn.Module]
    size: int
    source: str


class _Named(nn.Module):
    """The values of a dictionary as a tuple, in order."""

    def __init__(self, module: nn.Module, names: tuple[str, ...]) -> None:
        super().__init__()
        self.module, self.names = module, names

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        values = self.module(x)
        return tuple(values[name] for name in self.names)


class _Head(nn.Module):
    """A detector of torchvision up to its raw boxes and scores."""

    def __init__(self, detector: nn.Module) -> None:
        super().__init__()
        self.backbone, self.head = detector.backbone, detector.head

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        values = self.head(list(self.backbone(x).values()))
        return values["bbox_regression"], values["cls_logits"]


def _torchvision(name: str, size: int, **options: Any) -> Network:
    def make() -> nn.Module:
        declare()
        from torchvision.models import get_model

        return get_model(name, weights=None, **options)

    return Network(make, size, "torchvision")


def _timm(name: str, size: int, **options: Any) -> Network:
    def make() -> nn.Module:
        declare()
        import timm

        return timm.create_model(name, pretrained=False, **options)

    return Network(make, size, "timm")


def _segmenter(name: str, size: int) -> Network:
    whole = _torchvision(name, size, weights_backbone=None)
    return whole._replace(make=lambda: _Named(whole.make(), ("out",)))


def _ssdlite() -> Network:
    whole = _torchvision("ssdlite320_mobilenet_v3_large", 320, weights_backbone=None)
    return whole._replace(make=lambda: _Head(whole.make()))


NO_AUXILIARY = {"aux_logits": False, "init_weights": False}
NETWORKS: Mapping[str, Network] = {
    "resnet18": _torchvision("resnet18", 96),
    "resnet50": _torchvision("resnet50", 96),
    "mobilenet_v2": _torchvision("mobilenet_v2", 96),
    "mobilenet_v3_small": _torchvision("mobilenet_v3_small", 96),
    "mobilenet_v3_large": _torchvision("mobilenet_v3_large", 96),
    "mobilenetv4_conv_small": _timm("mobilenetv4_conv_small", 96),
    "efficientnet_b0": _torchvision("efficientnet_b0", 96),
    "efficientnet_v2_s": _torchvision("efficientnet_v2_s", 96),
    "convnext_tiny": _torchvision("convnext_tiny", 96),
    "regnet_y_400mf": _torchvision("regnet_y_400mf", 96),
    "shufflenet_v2_x1_0": _torchvision("shufflenet_v2_x1_0", 96),
    "squeezenet1_1": _torchvision(
        "squeezenet1_1", 95
    ),  # odd: its pooling counts a part of a window
    "densenet121": _torchvision("densenet121", 96),
    "googlenet": _torchvision("googlenet", 96, **NO_AUXILIARY),
    "inception_v3": _torchvision("inception_v3", 139, **NO_AUXILIARY),
    "mnasnet0_5": _torchvision("mnasnet0_5", 96),
    "alexnet": _torchvision("alexnet", 96),
    "vgg11_bn": _torchvision("vgg11_bn", 64),
    "vit_b_16": _torchvision("vit_b_16", 64, image_size=64),
    "vit_tiny_patch16": _timm("vit_tiny_patch16_224", 96, img_size=96),
    "deit_tiny_distilled": _timm("deit_tiny_distilled_patch16_224", 96, img_size=96),
    "swin_t": _torchvision("swin_t", 112),
    "swin_tiny_timm": _timm("swin_tiny_patch4_window7_224", 224),
    "mobilevit_xs": _timm("mobilevit_xs", 128),
    "mobilevitv2_050": _timm("mobilevitv2_050", 128),
    "mobileone_s0": _timm("mobileone_s0", 96),
    "repvgg_a0": _timm("repvgg_a0", 96),
    "ghostnet_100": _timm("ghostnet_100", 96),
    "lcnet_050": _timm("lcnet_050", 96),
    "tinynet_e": _timm("tinynet_e", 106),
    "fastvit_t8": _timm("fastvit_t8", 128),
    "efficientformer_l1": _timm("efficientformer_l1", 224),
    "poolformer_s12": _timm("poolformer_s12", 96),
    "mixer_s16": _timm("mixer_s16_224", 96, img_size=96),
    "deeplabv3_mobilenet_v3_large": _segmenter("deeplabv3_mobilenet_v3_large", 129),
    "lraspp_mobilenet_v3_large": _segmenter("lraspp_mobilenet_v3_large", 128),
    "ssdlite320_mobilenet_v3_large": _ssdlite(),
    "small_yolo": Network(lambda: SmallYolo(64), 64, "tests"),
}


def made(network: Network) -> tuple[nn.Module, Tensor]:
    """The module, alive in every part and in eval mode, and a picture for it; always the same."""
    torch.manual_seed(SEED)
    module = network.make().eval()
    pictures = torch.rand(4, 3, network.size, network.size) * 2 - 1
    _enliven(module, pictures)
    return module, pictures[:1]


def _enliven(module: nn.Module, pictures: Tensor) -> None:
    """Random numbers for parameters that are all equal, and statistics that fit activations."""
    for parameter in module.parameters():
        first = parameter.data.flatten()[0]
        if parameter.numel() == 1 or not (parameter.data == first).all():
            continue
        if first.abs() < TINY:
            parameter.data.normal_(0, 0.2)
        else:
            parameter.data.mul_(torch.empty_like(parameter).uniform_(0.5, 1.5))
    norms = [part for part in module.modules() if isinstance(part, nn.BatchNorm2d)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
        norm.train()
    with torch.no_grad():
        module(pictures)
    for norm in norms:
        norm.running_var.clamp_(min=0.01)  # a dead channel would only amplify rounding
        norm.eval()
