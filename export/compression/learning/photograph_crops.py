"""Photographs made many: cropped, mirrored, and pieces of one put into another.

No label is lost by it: the uncompressed network says what is right of whatever is seen. Pieces:
CutMix (Yun et al. 2019, arXiv 1905.04899).
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from export.compression.calibration import Calibration

LEAST_SCALE = 0.85  # of the network's input; what is smaller is enlarged, and blurs
PIECE = (0.25, 0.75)  # of each side


def drawn_batch(photographs: Calibration, count: int, generator: torch.Generator) -> Tensor:
    """`count` pictures (B, 3, H, W) that follow from the generator, in levels from 0 to 255.

    A piece of each one goes into every second one.
    """
    at = torch.randint(len(photographs.learned_from), (count,), generator=generator)
    batch = torch.cat([_crop(photographs, int(number), generator) for number in at])
    for into in range(0, count - 1, 2):
        _put_piece(batch, into, into + 1, generator)
    return batch


def _crop(photographs: Calibration, number: int, generator: torch.Generator) -> Tensor:
    """A part of a photograph (1, 3, H, W), of the network's size."""
    pixels, size = photographs.learned_from[number], photographs.size
    most = min(pixels.shape[0] / size.height, pixels.shape[1] / size.width)
    scale = LEAST_SCALE + (most - LEAST_SCALE) * float(torch.rand((), generator=generator))
    height, width = round(size.height * scale), round(size.width * scale)
    top = _whole(pixels.shape[0] - height, generator)
    left = _whole(pixels.shape[1] - width, generator)
    part = pixels[top : top + height, left : left + width]
    if torch.rand((), generator=generator) < 0.5:
        part = part[:, ::-1]
    values = torch.from_numpy(np.ascontiguousarray(part.transpose(2, 0, 1)))[None].float()
    return F.interpolate(values, tuple(size), mode="bilinear", align_corners=False, antialias=True)


def _put_piece(batch: Tensor, into: int, other: int, generator: torch.Generator) -> None:
    height, width = (
        int(side * (PIECE[0] + (PIECE[1] - PIECE[0]) * float(torch.rand((), generator=generator))))
        for side in batch.shape[2:]
    )
    top = _whole(batch.shape[2] - height, generator)
    left = _whole(batch.shape[3] - width, generator)
    place = (slice(None), slice(top, top + height), slice(left, left + width))
    batch[into][place] = batch[other][place]


def _whole(most: int, generator: torch.Generator) -> int:
    """From 0 to `most`, both included."""
    return int(torch.randint(most + 1, (), generator=generator))
