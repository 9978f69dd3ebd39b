"""Kernels that are trained in the form they are stored in: computed with is what a file holds.

Each stands before a weight of a module (`torch.nn.utils.parametrize`): the number that is trained,
the latent, goes in, the stored kernel comes out. Rounding passes gradients as if it were not there
(straight through; Bengio et al. 2013, arXiv 1308.3432), steps and tables have their own (Esser et
al. 2019, arXiv 1902.08153). All is trained in units of its own size, so that one rate suits all.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from export.compression.kernels import (
    CLUSTERED,
    QUANTIZED,
    CompressedKernel,
    clustered,
    quantized,
    sparse,
)

LEAST_UNIT = 1e-6


def trained_kernel(kernel: CompressedKernel) -> "Stepped | Tabled | Pruned":
    """That of the form of `kernel`."""
    if kernel.form == QUANTIZED:
        return Stepped(kernel)
    return Tabled(kernel) if kernel.form == CLUSTERED else Pruned(kernel)


class RoundedNumbers(nn.Module):
    """Biases, and kernels that are not compressed: rounded to `dtype`."""

    def __init__(self, values: Tensor, dtype: torch.dtype) -> None:
        super().__init__()
        self.dtype, self.unit = dtype, _unit(values)

    def forward(self, latent: Tensor) -> Tensor:
        return rounded_to(latent * self.unit, self.dtype)

    def right_inverse(self, dense: Tensor) -> Tensor:
        """Numbers in units of their mean size."""
        return dense / self.unit


class Stepped(nn.Module):
    """Whole numbers of steps; the latent counts steps, `change` is a share of a step's size."""

    def __init__(self, kernel: CompressedKernel) -> None:
        super().__init__()
        self.bits, self.shape = kernel.bits, kernel.elements.shape
        self.ends = (-(2 ** (self.bits - 1)), 2 ** (self.bits - 1) - 1)
        scale = kernel.operands["scale"]
        self.dtype = torch_type(scale)
        blocks = scale.reshape(*scale.shape[:2], 1)
        self.codes: Tensor
        self.scale: Tensor
        self.register_buffer("codes", _numbers(kernel.elements), persistent=False)
        self.register_buffer("scale", _numbers(blocks), persistent=False)
        self.change = nn.Parameter(torch.zeros(blocks.shape))

    def forward(self, latent: Tensor) -> Tensor:
        codes = straight_through(latent.clamp(*self.ends), self._nearest(latent))
        blocked = codes.reshape(*self.scale.shape[:2], -1)
        return rounded_to(blocked * self._steps(), self.dtype).reshape(latent.shape)

    def right_inverse(self, dense: Tensor) -> Tensor:
        """The stored numbers of steps."""
        return self.codes.reshape(dense.shape).clone()

    def stored(self, latent: Tensor) -> CompressedKernel:
        """What a file holds, in the shape that the kernel had."""
        codes = self._nearest(latent).reshape(self.shape)
        return quantized(_array(codes), _array(self._steps()[..., 0], self.dtype), self.bits)

    def _nearest(self, latent: Tensor) -> Tensor:
        return latent.round().clamp(*self.ends)

    def _steps(self) -> Tensor:
        return rounded_to(self.scale * (1 + self.change), self.dtype)


class Tabled(nn.Module):
    """The nearest value of a table; latent and table are in units of the mean gap of the table."""

    def __init__(self, kernel: CompressedKernel) -> None:
        super().__init__()
        self.shape, lut = kernel.elements.shape, kernel.operands["lut"]
        self.dtype = torch_type(lut)
        tables = _numbers(lut.reshape(len(lut), -1))
        gap = (tables.amax(1) - tables.amin(1)) / (tables.shape[1] - 1)
        self.unit: Tensor
        self.indices: Tensor
        self.register_buffer("unit", gap.clamp_min(LEAST_UNIT)[:, None], persistent=False)
        indices = torch.from_numpy(kernel.elements.reshape(len(lut), -1).astype(np.int64))
        self.register_buffer("indices", indices, persistent=False)
        self.tables = nn.Parameter(tables / self.unit)

    def forward(self, latent: Tensor) -> Tensor:
        blocked = latent.reshape(self.indices.shape)
        values = self._values().gather(1, self._nearest(blocked))
        return passing(values, blocked * self.unit).reshape(latent.shape)

    def right_inverse(self, dense: Tensor) -> Tensor:
        """The values of the table."""
        return self.tables.detach().gather(1, self.indices).reshape(dense.shape)

    def stored(self, latent: Tensor) -> CompressedKernel:
        """What a file holds, in the shape that the kernel had."""
        indices = self._nearest(latent.reshape(self.indices.shape)).reshape(self.shape)
        return clustered(_array(indices), _array(self._values(), self.dtype))

    def _values(self) -> Tensor:
        return rounded_to(self.tables * self.unit, self.dtype)

    @torch.no_grad()
    def _nearest(self, blocked: Tensor) -> Tensor:
        ascending, order = self.tables.sort(dim=1)
        middles = ((ascending[:, 1:] + ascending[:, :-1]) / 2).contiguous()
        return order.gather(1, torch.searchsorted(middles, blocked.contiguous()))


class Pruned(nn.Module):
    """Zeros stay; all others are trained."""

    def __init__(self, kernel: CompressedKernel) -> None:
        super().__init__()
        dense = kernel.dense()
        self.shape, self.dtype = dense.shape, torch_type(dense)
        self.mask: Tensor
        self.register_buffer("mask", _numbers(dense != 0), persistent=False)
        self.unit = _unit(_numbers(dense))

    def forward(self, latent: Tensor) -> Tensor:
        mask = self.mask.reshape(latent.shape)
        return rounded_to(latent * self.unit, self.dtype) * mask

    def right_inverse(self, dense: Tensor) -> Tensor:
        """Weights in units of their mean size."""
        return dense / self.unit

    def stored(self, latent: Tensor) -> CompressedKernel:
        """What a file holds, in the shape that the kernel had."""
        return sparse(_array(self(latent).reshape(self.shape), self.dtype))


def straight_through(latent: Tensor, rounded: Tensor) -> Tensor:
    """`rounded`, with the gradient of `latent`."""
    return passing(rounded.detach(), latent)


def passing(values: Tensor, latent: Tensor) -> Tensor:
    """Exactly `values`, with their gradient and that of `latent`."""
    return values + (latent - latent.detach())


def rounded_to(values: Tensor, dtype: torch.dtype) -> Tensor:
    """Float32 values that `dtype` holds exactly, with the gradient of `values`."""
    return straight_through(values, values.to(dtype).float())


def _unit(values: Tensor) -> float:
    return max(float(values.abs().mean()), LEAST_UNIT)


def torch_type(array: NDArray[Any]) -> torch.dtype:
    """What PyTorch calls the type of `array`."""
    return torch.from_numpy(np.empty(0, array.dtype)).dtype


def _numbers(array: NDArray[Any]) -> Tensor:
    return torch.from_numpy(np.array(array, np.float32, order="C"))


def _array(values: Tensor, dtype: torch.dtype | None = None) -> NDArray[Any]:
    array: NDArray[Any] = values.detach().cpu().to(dtype or values.dtype).numpy()
    return array
