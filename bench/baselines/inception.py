"""Inception-v3 without its auxiliary head (Szegedy et al. 2015, arXiv 1512.00567).

The widths are those of the released network, as in torchvision: `branches` stand in its order.
"""

import itertools
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Conv(nn.Module):
    """Convolution, batch norm, ReLU."""

    def __init__(
        self, channels: int, width: int, kernel: int | tuple[int, int], stride: int = 1,
        padding: int | tuple[int, int] = 0,
    ) -> None:  # fmt: skip
        super().__init__()
        self.conv = nn.Conv2d(channels, width, kernel, stride, padding, bias=False)
        self.norm = nn.BatchNorm2d(width, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.norm(self.conv(x)))


class Fork(nn.Module):
    """Modules side by side on one input, their outputs stacked by channel."""

    def __init__(self, *branches: nn.Module) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([branch(x) for branch in self.branches], 1)


def inception_v3(classes: int = 1000) -> nn.Module:
    """(B, 3, 299, 299) to (B, classes)."""
    return nn.Sequential(
        Conv(3, 32, 3, 2), Conv(32, 32, 3), Conv(32, 64, 3, padding=1),
        nn.MaxPool2d(3, 2),                                              # (B, 64, 73, 73)
        Conv(64, 80, 1), Conv(80, 192, 3),
        nn.MaxPool2d(3, 2),                                              # (B, 192, 35, 35)
        block_a(192, 32), block_a(256, 64), block_a(288, 64),            # (B, 288, 35, 35)
        block_b(288),                                                    # (B, 768, 17, 17)
        block_c(128), block_c(160), block_c(160), block_c(192),
        block_d(),                                                       # (B, 1280, 8, 8)
        block_e(1280), block_e(2048),                                    # (B, 2048, 8, 8)
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2048, classes),
    )  # fmt: skip


def block_a(channels: int, pooled: int) -> nn.Module:
    """35 x 35: (B, channels, H, W) to (B, 224 + pooled, H, W)."""
    return Fork(
        Conv(channels, 64, 1),
        chain(Conv(channels, 48, 1), Conv(48, 64, 5, padding=2)),
        chain(Conv(channels, 64, 1), Conv(64, 96, 3, padding=1), Conv(96, 96, 3, padding=1)),
        chain(average(), Conv(channels, pooled, 1)),
    )


def block_b(channels: int) -> nn.Module:
    """35 x 35 to 17 x 17: (B, channels, H, W) to (B, 480 + channels, H / 2, W / 2)."""
    return Fork(
        Conv(channels, 384, 3, 2),
        chain(Conv(channels, 64, 1), Conv(64, 96, 3, padding=1), Conv(96, 96, 3, 2)),
        nn.MaxPool2d(3, 2),
    )


def block_c(width: int) -> nn.Module:
    """17 x 17: (B, 768, H, W) to the same; `width` is that of the 1x7 and 7x1 layers."""
    return Fork(
        Conv(768, 192, 1),
        chain(Conv(768, width, 1), *cross([width, width, 192], (1, 7))),
        chain(Conv(768, width, 1), *cross([width, width, width, width, 192], (7, 1))),
        chain(average(), Conv(768, 192, 1)),
    )


def block_d() -> nn.Module:
    """17 x 17 to 8 x 8: (B, 768, H, W) to (B, 1280, H / 2, W / 2)."""
    return Fork(
        chain(Conv(768, 192, 1), Conv(192, 320, 3, 2)),
        chain(Conv(768, 192, 1), *cross([192, 192, 192], (1, 7)), Conv(192, 192, 3, 2)),
        nn.MaxPool2d(3, 2),
    )


def block_e(channels: int) -> nn.Module:
    """8 x 8: (B, channels, H, W) to (B, 2048, H, W)."""

    def split(width: int) -> nn.Module:
        return Fork(
            Conv(width, 384, (1, 3), padding=(0, 1)), Conv(width, 384, (3, 1), padding=(1, 0))
        )

    return Fork(
        Conv(channels, 320, 1),
        chain(Conv(channels, 384, 1), split(384)),
        chain(Conv(channels, 448, 1), Conv(448, 384, 3, padding=1), split(384)),
        chain(average(), Conv(channels, 192, 1)),
    )


def cross(widths: Sequence[int], kernel: tuple[int, int]) -> list[nn.Module]:
    """1x7 and 7x1 in turn, from `kernel` on, through these widths."""
    made: list[nn.Module] = []
    for channels, width in itertools.pairwise(widths):
        made.append(Conv(channels, width, kernel, padding=(kernel[0] // 2, kernel[1] // 2)))
        kernel = (kernel[1], kernel[0])
    return made


def chain(*modules: nn.Module) -> nn.Module:
    """Modules one after the other."""
    return nn.Sequential(*modules)


def average() -> nn.Module:
    """The 3x3 mean around each place, (B, C, H, W) to the same."""
    return nn.AvgPool2d(3, stride=1, padding=1)
