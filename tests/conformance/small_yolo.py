"""A detector as YOLO has them: stages that split and join, pooled context, two scales, boxes."""

import torch
from torch import Tensor, nn

CHANNELS, CLASSES = 16, 5


def _block(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.SiLU(),
    )


class _Split(nn.Module):
    """Half of the channels pass a residual block, and all are joined (C2f)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.inner = nn.Sequential(_block(half, half), _block(half, half))
        self.join = _block(3 * half, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        first, second = x.chunk(2, 1)
        return self.join(torch.cat([first, second, second + self.inner(second)], 1))


class _Context(nn.Module):
    """One window of 5 pooled three times over (SPPF)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.pool = nn.MaxPool2d(5, 1, 2)
        self.join = _block(4 * channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        maps = [x]
        for _ in range(3):
            maps.append(self.pool(maps[-1]))
        return self.join(torch.cat(maps, 1))


class SmallYolo(nn.Module):
    """Pictures to boxes (1, N, 4), centre and size in pixels, and scores (1, N, classes)."""

    def __init__(self, size: int) -> None:
        super().__init__()
        c = CHANNELS
        self.fine = nn.Sequential(_block(3, c, 3, 2), _block(c, 2 * c, 3, 2), _Split(2 * c))
        self.coarse = nn.Sequential(_block(2 * c, 4 * c, 3, 2), _Split(4 * c), _Context(4 * c))
        self.up = nn.Upsample(scale_factor=2, mode="nearest")
        self.merge = _block(6 * c, 2 * c)
        self.heads = nn.ModuleList([nn.Conv2d(n * c, 4 + CLASSES, 1) for n in (2, 4)])
        for name, stride in (("fine", 4), ("coarse", 8)):
            steps = (torch.arange(size // stride) + 0.5) * stride
            grid = torch.stack(torch.meshgrid(steps, steps, indexing="xy")).flatten(1)
            self.register_buffer(f"{name}_grid", grid)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Both scales, one behind the other."""
        fine = self.fine(x)
        coarse = self.coarse(fine)
        fine = self.merge(torch.cat([fine, self.up(coarse)], 1))
        levels = ((fine, self.fine_grid, 4), (coarse, self.coarse_grid, 8))
        boxes, scores = [], []
        for head, (values, grid, stride) in zip(self.heads, levels, strict=True):
            raw = head(values).flatten(2)
            centre = (raw[:, :2].sigmoid() * 2 - 0.5) * stride + grid
            boxes.append(torch.cat([centre, (raw[:, 2:4].sigmoid() * 2) ** 2 * stride], 1))
            scores.append(raw[:, 4:].sigmoid())
        return torch.cat(boxes, 2).transpose(1, 2), torch.cat(scores, 2).transpose(1, 2)
