"""SqueezeNet 1.1 (Iandola et al. 2016, arXiv 1602.07360, and the authors' release 1.1)."""

import torch
from torch import Tensor, nn


class Fire(nn.Module):
    """A 1x1 squeeze, then 1x1 and 3x3 expansions side by side: (B, C, H, W) to (B, 2 E, H, W)."""

    def __init__(self, channels: int, squeezed: int, expanded: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(channels, squeezed, 1)
        self.expand1 = nn.Conv2d(squeezed, expanded, 1)
        self.expand3 = nn.Conv2d(squeezed, expanded, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.squeeze(x).relu()
        return torch.cat([self.expand1(x).relu(), self.expand3(x).relu()], 1)


def squeezenet1_1(classes: int = 1000) -> nn.Module:
    """(B, 3, 224, 224) to (B, classes)."""

    def pool() -> nn.Module:
        return nn.MaxPool2d(3, stride=2, ceil_mode=True)

    return nn.Sequential(
        nn.Conv2d(3, 64, 3, stride=2), nn.ReLU(), pool(),       # (B, 64, 55, 55)
        Fire(64, 16, 64), Fire(128, 16, 64), pool(),            # (B, 128, 27, 27)
        Fire(128, 32, 128), Fire(256, 32, 128), pool(),         # (B, 256, 13, 13)
        Fire(256, 48, 192), Fire(384, 48, 192),
        Fire(384, 64, 256), Fire(512, 64, 256),                 # (B, 512, 13, 13)
        nn.Conv2d(512, classes, 1), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(),
    )  # fmt: skip
