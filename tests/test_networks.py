"""What coremltools makes of traced networks, with all its passes: the patterns of torchvision's
classifiers in miniature, each run by the portable runtime and by PyTorch."""

import warnings

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from export.coremltools_import import coremltools
from programs import run_package


def unit(inputs: int, outputs: int, kernel: int = 3, act: type[nn.Module] = nn.ReLU, **options):
    """Convolution, batch norm with numbers that matter, activation."""
    conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False, **options)
    norm = nn.BatchNorm2d(outputs)
    for tensor in (norm.weight, norm.running_var):
        nn.init.uniform_(tensor, 0.5, 1.5)
    for tensor in (norm.bias, norm.running_mean):
        nn.init.normal_(tensor)
    return nn.Sequential(conv, norm, act())


class Head(nn.Sequential):
    def __init__(self, width: int) -> None:
        super().__init__(nn.AdaptiveAvgPool2d(1), nn.Flatten(1), nn.Dropout(), nn.Linear(width, 7))


class ResNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(unit(3, 8, 7, stride=2), nn.MaxPool2d(3, 2, 1))
        self.block = nn.Sequential(
            unit(8, 8, 1), unit(8, 8), unit(8, 16, 1, nn.Identity, stride=2)
        )
        self.down, self.head = unit(8, 16, 1, nn.Identity, stride=2), Head(16)

    def forward(self, x):
        x = self.stem(x)
        return self.head(F.relu(self.block(x) + self.down(x)))


class VGG(nn.Sequential):
    def __init__(self) -> None:
        super().__init__(
            nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(2, 2),
            nn.AdaptiveAvgPool2d((4, 4)), nn.Flatten(1), nn.Linear(128, 16), nn.ReLU(),
            nn.Dropout(), nn.Linear(16, 7),
        )  # fmt: skip


class Inception(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2), nn.ReLU())
        self.a, self.b = unit(8, 4, 1), unit(8, 4, 5)
        self.wide = nn.Conv2d(8, 4, (1, 7), padding=(0, 3))
        self.head = Head(20)

    def forward(self, x):
        parts = [x[:, i : i + 1] * (0.2 + i) + 0.1 for i in range(3)]  # transform_input
        x = self.stem(torch.cat(parts, 1))
        pooled = F.avg_pool2d(x, 3, stride=1, padding=1)
        return self.head(torch.cat([self.a(x), self.b(x), self.wide(x), pooled], 1))


class SqueezeNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        pool = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 2), nn.ReLU(), pool)
        self.left, self.right = nn.Conv2d(8, 8, 1), nn.Conv2d(8, 8, 3, padding=1)
        self.last = nn.Conv2d(16, 7, 1)

    def forward(self, x):
        x = self.stem(x)
        x = self.last(torch.cat([self.left(x).relu(), self.right(x).relu()], 1)).relu()
        return torch.flatten(F.adaptive_avg_pool2d(x, (1, 1)), 1)


class SqueezeExcitation(nn.Module):
    def __init__(self, width: int, act: type[nn.Module], gate: type[nn.Module]) -> None:
        super().__init__()
        self.down, self.up = nn.Conv2d(width, 4, 1), nn.Conv2d(4, width, 1)
        self.act, self.gate = act(), gate()

    def forward(self, x):
        return x * self.gate(self.up(self.act(self.down(F.adaptive_avg_pool2d(x, 1)))))


class Mobile(nn.Sequential):
    """MobileNet V2 with nn.ReLU6, V3 with nn.Hardswish, EfficientNet with nn.SiLU."""

    def __init__(self, act: type[nn.Module], gate: type[nn.Module]) -> None:
        super().__init__(
            unit(3, 8, act=act, stride=2), unit(8, 8, 5, act, groups=8, stride=2),
            SqueezeExcitation(8, nn.ReLU, gate), unit(8, 16, 1, nn.Identity), Head(16),
        )  # fmt: skip


class DenseNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem, self.norm = unit(3, 8), nn.BatchNorm2d(8)
        nn.init.normal_(self.norm.running_mean)
        self.grow = nn.Sequential(nn.ReLU(), nn.Conv2d(8, 4, 3, padding=1, bias=False))
        self.transition = nn.Sequential(nn.BatchNorm2d(12), nn.ReLU(), nn.AvgPool2d(2, 2))
        self.head = Head(12)

    def forward(self, x):
        x = self.stem(x)
        return self.head(self.transition(torch.cat([x, self.grow(self.norm(x))], 1)))


class ShuffleNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem, self.branch, self.last = unit(3, 8), unit(4, 4), unit(8, 8, 1)
        self.fc = nn.Linear(8, 7)

    def forward(self, x):
        x = self.stem(x)
        left, right = x.chunk(2, dim=1)
        x = torch.cat((left, self.branch(right)), 1)
        n, c, h, w = 1, 8, x.shape[2], x.shape[3]
        x = x.view(n, 2, c // 2, h, w).transpose(1, 2).contiguous().view(n, -1, h, w)
        return self.fc(self.last(x).mean([2, 3]))


class ConvNeXt(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem, self.depth = nn.Conv2d(3, 8, 4, 4), nn.Conv2d(8, 8, 7, padding=3, groups=8)
        self.norm, self.first = nn.LayerNorm(8, eps=1e-6), nn.LayerNorm(8, eps=1e-6)
        self.up, self.down = nn.Linear(8, 32), nn.Linear(32, 8)
        self.scale, self.fc = nn.Parameter(torch.full((8, 1, 1), 0.3)), nn.Linear(8, 7)

    def forward(self, x):
        x = self.first(self.stem(x).permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        y = self.norm(self.depth(x).permute(0, 2, 3, 1))
        y = self.down(F.gelu(self.up(y))).permute(0, 3, 1, 2)
        return self.fc((x + self.scale * y).mean([-1, -2]))


class RegNet(nn.Sequential):
    def __init__(self) -> None:
        super().__init__(
            unit(3, 8, stride=2), unit(8, 8, groups=2, stride=2),
            SqueezeExcitation(8, nn.ReLU, nn.Sigmoid), Head(8),
        )  # fmt: skip


NETWORKS = {
    "ResNet": ResNet, "VGG": VGG, "Inception": Inception, "SqueezeNet": SqueezeNet,
    "MobileNet V2": lambda: Mobile(nn.ReLU6, nn.Sigmoid),
    "MobileNet V3": lambda: Mobile(nn.Hardswish, nn.Hardsigmoid),
    "EfficientNet": lambda: Mobile(nn.SiLU, nn.Sigmoid),
    "DenseNet": DenseNet, "ShuffleNet V2": ShuffleNet, "ConvNeXt": ConvNeXt, "RegNet": RegNet,
}  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.filterwarnings("ignore")  # torch deprecates tracing, coremltools asks numpy for more
def test_traced_network(name, tmp_path, rng):
    ct = coremltools()
    torch.manual_seed(0)
    module = NETWORKS[name]().eval().requires_grad_(False)
    height = 32 if name == "VGG" else 33  # an adaptive pool of 4 x 4 needs a multiple
    x = torch.from_numpy(rng.normal(size=(1, 3, height, 32)).astype(np.float32))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        traced = torch.jit.trace(module, x, check_trace=False)
    model = ct.convert(
        traced, inputs=[ct.TensorType("x", x.shape)], skip_model_load=True,
        compute_precision=ct.precision.FLOAT32, minimum_deployment_target=ct.target.iOS17,
    )  # fmt: skip
    model.save(str(tmp_path / "n.mlpackage"))
    (got,) = run_package(tmp_path / "n.mlpackage", {"x": x.numpy()}).values()
    np.testing.assert_allclose(got, module(x).numpy(), rtol=1e-4, atol=1e-5)
