"""Preprocessing that is not what the network was trained on, in packages as they are made."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from torch import nn

from export.coremltools_import import coremltools
from export.inspect.inspect import inspect
from export.inspect.rules.finding import RuleFinding
from export.mil.read.specification import proto
from export.package.model_files import find
from export.pipeline import export
from export.spec import ExportSpec
from inspected import traced
from mobilenet.checkpoint import Checkpoint
from mobilenet.preprocess import CAFFE, IMAGENET, INCEPTION, Normalization

pytestmark = pytest.mark.filterwarnings("ignore")  # torch deprecates tracing

MEAN, STD = np.array((0.485, 0.456, 0.406)), np.array((0.229, 0.224, 0.225))


def findings(path: Path) -> dict[str, RuleFinding]:
    return {finding.rule: finding for finding in inspect(path).findings}


@pytest.mark.parametrize(
    "normalization", [INCEPTION, IMAGENET, CAFFE], ids=lambda each: each.title
)
@pytest.mark.parametrize(
    "options",
    [{}, {"target": "cpu"}, {"min_ios": 14}, {"input": "tensor"}, {"compress": "int8"}],
    ids=str,
)
def test_nothing_is_advised_of_our_own(
    normalization: Normalization, options: dict[str, object], hot: Checkpoint, tmp_path: Path
) -> None:
    checkpoint = replace(hot, normalization=normalization)
    spec = ExportSpec(**options)
    path = export(checkpoint, tmp_path, spec=spec, verify=False).path
    assert not {*findings(path)} - {"untrained"}


def changed(path: Path, **scaler: float) -> Path:
    """The `.mlmodel` with other numbers of its image input."""
    model = proto("Model_pb2").Model.FromString(find(path).specification.read_bytes())
    (preprocessing,) = model.neuralNetworkClassifier.preprocessing
    for name, value in scaler.items():
        setattr(preprocessing.scaler, name, value)
    path.write_bytes(model.SerializeToString())
    return path


def test_what_was_changed_after_the_export_is_found(hot: Checkpoint, tmp_path: Path) -> None:
    path = export(hot, tmp_path / "m.mlmodel", verify=False).path
    assert "preprocessing-changed" not in findings(path)
    bias = dict.fromkeys(("blueBias", "greenBias", "redBias"), 0.0)
    finding = findings(changed(path, channelScale=1 / 255, **bias))["preprocessing-changed"]
    assert finding.severity == "warning"
    assert "as 0 to 1" in finding.message
    assert INCEPTION.title in finding.message


def test_bgr_into_a_network_trained_on_rgb(hot: Checkpoint, tmp_path: Path) -> None:
    path = export(hot, tmp_path / "m.mlmodel", verify=False).path
    model = proto("Model_pb2").Model.FromString(path.read_bytes())
    model.description.input[0].type.imageType.colorSpace = 30  # BGR, in FeatureTypes.proto
    path.write_bytes(model.SerializeToString())
    finding = findings(path)["colours-turned"]
    assert finding.severity == "warning"
    assert "declared BGR" in finding.message


def beginning(path: Path, scale: float, bias: float | np.ndarray, depthwise: bool = True) -> Path:
    """A foreign `.mlmodel` that begins as MobileNets do, or with two full convolutions."""
    ct = coremltools()
    second = nn.Conv2d(8, 8, 3, groups=8 if depthwise else 1)
    module = nn.Sequential(
        nn.Conv2d(3, 8, 3, 2), nn.ReLU(), second, nn.AdaptiveAvgPool2d(1), nn.Flatten(1)
    )
    image = ct.ImageType("image", (1, 3, 16, 16), scale=scale, bias=list(np.full(3, bias)))
    options = {
        "inputs": [image], "convert_to": "neuralnetwork",
        "minimum_deployment_target": ct.target.iOS14,
    }  # fmt: skip
    traced(module, 16, **options).save(str(path))
    return path


def test_zero_to_one_into_a_mobilenet(tmp_path: Path) -> None:
    path = tmp_path / "m.mlmodel"
    assert findings(beginning(path, 1 / 255, 0.0))["zero-to-one"].severity == "warning"
    assert "zero-to-one" not in findings(beginning(path, 1 / 127.5, -1.0))
    assert "zero-to-one" not in findings(beginning(path, 1 / 255, 0.0, depthwise=False))


def test_an_averaged_scale_is_found_in_an_mlmodel(tmp_path: Path) -> None:
    path, scale = tmp_path / "m.mlmodel", 1 / (255 * 0.226)
    assert "scale-averaged" in findings(beginning(path, scale, -MEAN / STD))
    assert "scale-averaged" in findings(beginning(path, scale, np.array((-2.12, -2.04, -1.8))))
    assert "scale-averaged" not in findings(beginning(path, scale, -MEAN / 0.226))
