"""What a PyTorch module of any kind gives and costs, found by running it once."""

from typing import TYPE_CHECKING, NamedTuple

from export.evaluated import evaluated
from mobilenet.common.decoding import MAX_REASON
from mobilenet.common.errors import ConfigError
from mobilenet.common.size import Size
from mobilenet.common.text import one_line
from mobilenet.networks.rows import COLORS

if TYPE_CHECKING:
    from torch import nn


class ModuleCost(NamedTuple):
    """Values it gives for a picture, multiply-accumulates, and parameters."""

    outputs: int
    macs: int  # of convolutions and matrix products
    parameters: int


def measured(module: "nn.Module", size: Size) -> ModuleCost:
    """Run `module` on one picture of `size`, all zeros.

    Raises `ConfigError` for one that is not float32 on the CPU, takes no such picture, or does not
    give one array.
    """
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    parameters = list(module.parameters())
    for parameter in parameters:
        if parameter.device.type != "cpu" or parameter.dtype != torch.float32:
            raise ConfigError(
                f"the module has {parameter.dtype} parameters on {parameter.device}",
                "export module.cpu().float()",
            )
    counter = FlopCounterMode(display=False)
    try:
        with evaluated(module), torch.no_grad(), counter:
            answer = module(torch.zeros(1, COLORS, *size))
    except RuntimeError as error:  # such as a matrix that reads a map of another size
        raise ConfigError(
            f"the module takes no picture of {size}: {one_line(str(error), MAX_REASON)}",
            "give the resolution that it was trained for",
        ) from error
    if not isinstance(answer, torch.Tensor) or answer.shape[:1] != (1,):
        shape = tuple(answer.shape) if isinstance(answer, torch.Tensor) else type(answer).__name__
        raise ConfigError(
            f"the module gives {shape} for a picture of {size}",
            "it must give one array (1, classes)",
        )
    macs = counter.get_total_flops() // 2
    return ModuleCost(answer.numel(), macs, sum(each.numel() for each in parameters))
