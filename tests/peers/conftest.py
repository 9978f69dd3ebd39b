"""Peers beside a CPU build of torch, and networks of theirs that are alive in every layer."""

import os
import warnings
from collections.abc import Callable
from types import ModuleType

import numpy as np
import pytest
import torch
from torch import nn

import torchvision_operators

os.environ["KERAS_BACKEND"] = "torch"
Peer = Callable[[str], ModuleType]


@pytest.fixture(scope="session")
def peer() -> Peer:
    """Import a peer by name, or skip the test where it is not installed."""
    torchvision_operators.declare()

    def load(name: str) -> ModuleType:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # theirs, not ours
            return pytest.importorskip(name)

    return load


@pytest.fixture
def enliven(rng: np.random.Generator) -> Callable[[nn.Module, torch.Tensor], None]:
    """Give a torch module statistics that fit its own activations, and scales that clip."""

    def apply(module: nn.Module, x: torch.Tensor) -> None:
        generator = torch.Generator().manual_seed(int(rng.integers(1 << 31)))
        for norm in (m for m in module.modules() if isinstance(m, nn.BatchNorm2d)):
            norm.reset_running_stats()
            norm.momentum = None
            norm.weight.data.uniform_(1, 3, generator=generator)
            norm.bias.data.normal_(1, 1, generator=generator)
        with torch.no_grad():
            module.train()(x)
        for norm in (m for m in module.modules() if isinstance(m, nn.BatchNorm2d)):
            norm.running_var.clamp_(min=0.01)  # a dead channel would only amplify rounding
        module.eval()

    return apply
