"""A PyTorch module as it answers, not as it trains."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn


@contextmanager
def evaluated(module: "nn.Module") -> "Iterator[nn.Module]":
    """`module` in eval mode for as long as the context lasts, whatever its parts are in."""
    modes = {part: part.training for part in module.modules()}
    try:
        yield module.eval()
    finally:
        for part, training in modes.items():
            part.training = training
