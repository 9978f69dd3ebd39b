"""Our baselines hold torchvision's weights and give torchvision's answers."""

import importlib
from types import ModuleType

import pytest
import torch

import torchvision_operators
from bench.baselines import BASELINES
from bench.baselines.make import skeleton

pytestmark = pytest.mark.peers
THEIRS = {"VGG16": "vgg16", "InceptionV3": "inception_v3", "SqueezeNet11": "squeezenet1_1"}


@pytest.fixture(scope="module")
def models() -> ModuleType:
    """torchvision's models."""
    torchvision_operators.declare()
    return importlib.import_module("torchvision.models")


@pytest.mark.parametrize("name", BASELINES)
def test_weights_carry_over_in_order_and_outputs_agree(name: str, models: ModuleType) -> None:
    size = BASELINES[name].size
    torch.manual_seed(0)
    extra = {"aux_logits": True, "init_weights": False} if name == "InceptionV3" else {}
    theirs = getattr(models, THEIRS[name])(weights=None, **extra).eval()
    if name == "InceptionV3":
        theirs.aux_logits, theirs.AuxLogits = False, None
        for norm in (m for m in theirs.modules() if isinstance(m, torch.nn.BatchNorm2d)):
            torch.nn.init.uniform_(norm.running_mean, -0.1, 0.1)
            torch.nn.init.uniform_(norm.running_var, 0.5, 2)
    ours = skeleton(name)
    values = theirs.state_dict().values()
    state = dict(zip(ours.state_dict(), values, strict=True))
    ours.load_state_dict(state, strict=True, assign=True)
    x = torch.rand(2, 3, size, size) * 2 - 1
    with torch.inference_mode():
        torch.testing.assert_close(ours(x), theirs(x), rtol=1e-5, atol=1e-5)
