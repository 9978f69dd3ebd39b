"""The networks MobileNet is compared with: their published sizes, and a package of one."""

from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from bench.baselines import BASELINES, KEY, metadata_of
from bench.baselines.make import export, module, skeleton
from bench.runtimes.torch_runtime import TorchRuntime
from bench.session.model_facts import model_of
from bench.workers import made_inputs, outputs
from export.runtimes.portable import PortableRuntime
from mobilenet.common.errors import PackageError

PUBLISHED = {"VGG16": 138_357_544, "InceptionV3": 23_834_568, "SqueezeNet11": 1_235_496}


@pytest.mark.parametrize("name", BASELINES)
def test_parameters_are_the_published_ones_and_macs_are_counted(name: str) -> None:
    network, baseline = skeleton(name), BASELINES[name]
    assert sum(p.numel() for p in network.parameters()) == baseline.parameters == PUBLISHED[name]
    counter = FlopCounterMode(display=False)
    with counter, torch.device("meta"):
        shape = network(torch.empty(1, 3, baseline.size, baseline.size)).shape
    assert shape == (1, 1000)
    assert counter.get_total_flops() == 2 * baseline.macs


def test_drawn_weights_are_the_same_every_time_and_alive_to_the_end() -> None:
    one, two = module("SqueezeNet11"), module("SqueezeNet11")
    x = torch.linspace(-1, 1, 3 * 224 * 224).view(1, 3, 224, 224)
    with torch.inference_mode():
        assert torch.equal(one(x), two(x))
        assert one(x).std() > 0.1
        assert not torch.allclose(one(x), one(-x), atol=0.1)


def test_a_baseline_is_exported_measured_and_known(tmp_path: Path) -> None:
    path = export("SqueezeNet11", tmp_path)
    model = model_of(path)
    assert model.trained is False
    assert model.parameters == PUBLISHED["SqueezeNet11"]
    portable, eager = PortableRuntime(threads=2), TorchRuntime(threads=2)
    vectors = []
    for runtime in (portable, eager):
        session = runtime.load(runtime.compile(path, tmp_path), "CPU")
        vectors.append(outputs.vector(session.predict(made_inputs.make(session.description))))
    assert outputs.difference(*vectors) < 0.02


@pytest.mark.parametrize("text", ["{", "{}", '{"name": 1, "seed": 0, "precision": "fp16"}'])
def test_damaged_metadata_is_one_line(text: str) -> None:
    with pytest.raises(PackageError, match="metadata cannot be read"):
        metadata_of({KEY: text})


def test_an_unknown_baseline_is_named() -> None:
    about = metadata_of({KEY: '{"name": "AlexNet", "seed": 0, "precision": "fp16"}'})
    assert about is not None
    with pytest.raises(PackageError, match="'AlexNet' is unknown"):
        _ = about.baseline
