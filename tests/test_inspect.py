"""What is said about models of several kinds: right, or unknown, never wrong."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from conftest import PHOTO
from export import pipeline
from export.__main__ import app
from export.coremltools_import import coremltools
from export.formats.coreml.build import build
from export.inspect.inspect import inspect
from export.prepared import prepare_checkpoint
from export.spec import ExportSpec
from export.verify.largest_values import largest_values
from inspected import Detector, ResNet50, detector_pipeline, small, traced
from made_detector import detector
from mobilenet.common import terminal
from mobilenet.common.errors import PackageError, UnsupportedError
from mobilenet.fold import fold
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.untrained import untrained
from test_networks import NETWORKS

pytestmark = pytest.mark.filterwarnings("ignore")  # torch deprecates tracing


def macs(module: torch.nn.Module, size: int) -> int:
    with FlopCounterMode(display=False) as flops, torch.no_grad():
        module.eval().to("meta")(torch.zeros(1, 3, size, size, device="meta"))
    return flops.get_total_flops() // 2


@pytest.fixture(scope="module")
def mobilenet(tmp_path_factory) -> Path:
    """The full network at 224 pixels."""
    checkpoint = fold(untrained(MobileNetConfig(), seed=0))
    path = tmp_path_factory.mktemp("inspect") / "net.mlpackage"
    build(prepare_checkpoint(checkpoint, ExportSpec(outputs="logits"))).save(str(path))
    return path


def test_mobilenet_costs_what_the_paper_says(mobilenet):
    found = inspect(mobilenet)
    (part,) = found.parts
    cost = MobileNetConfig().cost()
    assert (part.macs, part.parameters) == (cost.macs, cost.parameters)
    assert part.macs == 568_740_352  # Table 4: 569 million
    assert part.weight_bytes == {"float16": 2 * cost.parameters}
    assert part.pixels == ("image: pixels 0 to 255 reach the first layer as -1 to 1",)
    assert part.layers_of_unknown_macs == 0
    assert found.oldest == "iOS 15"
    assert [feature.kind for feature in found.inputs] == ["image, RGB, 224 x 224"]
    # the stem's output, 112 x 112 x 32 in float16, and the two largest maps alive at once
    conv0 = next(layer for layer in part.layers if layer.name == "conv0")
    assert (conv0.output_shape, conv0.activation_bytes) == ((1, 32, 112, 112), 802_816)
    assert part.peak_activation_bytes == 2 * 2 * 64 * 112 * 112


def test_resnet50(tmp_path):
    module = ResNet50(8, 10)
    traced(module, 64).save(str(tmp_path / "r.mlpackage"))
    (part,) = inspect(tmp_path / "r.mlpackage").parts
    assert part.macs == macs(module, 64)
    assert sum(layer.type == "conv" for layer in part.layers) == 53
    assert macs(ResNet50(), 224) == 4_089_184_256  # as torchvision publishes: 4.09 G


def test_detector_pipeline(tmp_path):
    module = detector_pipeline(tmp_path / "d.mlpackage")
    found = inspect(tmp_path / "d.mlpackage")
    network, last = found.parts
    assert (network.kind, network.macs) == ("mlProgram", macs(module, 64))
    assert [feature.name for feature in network.outputs] == ["raw_confidence", "raw_coordinates"]
    assert (last.kind, last.macs, last.parameters, last.unknown) == (
        "nonMaximumSuppression", 0, 0, "")  # fmt: skip
    (layer,) = last.layers
    assert layer.input_shape == (960, 4)
    assert [feature.kind for feature in last.inputs[2:]] == ["double, optional"] * 2
    assert [feature.name for feature in found.outputs] == ["confidence", "coordinates"]
    assert found.labels == tuple("abcd")


def test_neural_network(tmp_path):
    module, ct = NETWORKS["MobileNet V2"](), coremltools()
    options = {
        "convert_to": "neuralnetwork", "minimum_deployment_target": ct.target.iOS14,
        "classifier_config": ct.ClassifierConfig(list("abcdefg")),
    }  # fmt: skip
    traced(module, 64, **options).save(str(tmp_path / "n.mlmodel"))
    found = inspect(tmp_path / "n.mlmodel")
    assert found.parts[0].macs == macs(module, 64)
    assert found.labels == tuple("abcdefg")
    assert "logits-as-probabilities" in {finding.rule for finding in found.findings}


def test_flexible_input_is_counted_at_its_default_size(tmp_path):
    ct = coremltools()
    module = NETWORKS["MobileNet V2"]()
    shapes = ct.EnumeratedShapes([(1, 3, 64, 64), (1, 3, 96, 96)], default=(1, 3, 64, 64))
    traced(module, 64, inputs=[ct.ImageType("image", shapes)]).save(str(tmp_path / "f.mlpackage"))
    found = inspect(tmp_path / "f.mlpackage")
    assert found.parts[0].macs == macs(module, 64)
    assert "96 x 96" in found.inputs[0].kind


@pytest.mark.parametrize(
    ("name", "size"), [("int8", 1), ("4-bit palette", 1 / 2), ("sparse float16", None)]
)
def test_compressed_weights_by_form(mobilenet, name, size, tmp_path):
    ct = coremltools()
    import coremltools.optimize.coreml as cto

    apply, spec = {
        "int8": (cto.linear_quantize_weights, cto.OpLinearQuantizerConfig),
        "4-bit palette": (
            cto.palettize_weights,
            lambda weight_threshold: cto.OpPalettizerConfig(
                mode="uniform", nbits=4, weight_threshold=weight_threshold
            ),
        ),
        "sparse float16": (
            cto.prune_weights,
            lambda weight_threshold: cto.OpMagnitudePrunerConfig(
                0.5, weight_threshold=weight_threshold
            ),
        ),
    }[name]
    model = ct.models.MLModel(str(mobilenet), skip_model_load=True)
    config = cto.OptimizationConfig(global_config=spec(weight_threshold=10_000))
    apply(model, config).save(str(tmp_path / "c.mlpackage"))
    (part,) = inspect(tmp_path / "c.mlpackage").parts
    cost = MobileNetConfig().cost()
    assert (part.macs, part.parameters) == (cost.macs, cost.parameters)
    whole = sum(x.parameters for x in part.layers if x.stored_as == name)
    assert whole > 0.9 * cost.parameters
    if size is not None:
        assert part.weight_bytes[name] == pytest.approx(whole * size, rel=0.05)


def test_overflow_on_a_photograph(tmp_path):
    kernel = np.full((8, 3, 3, 3), 900.0)
    path = small(tmp_path / "m.mlpackage", kernel=kernel, scale=1 / 8, bias=(0, 0, 0))
    found = inspect(path, largest_values(path, [PHOTO]))
    finding = next(f for f in found.findings if f.rule == "float16-overflow")
    assert "'conv'" in finding.message
    assert max(x.largest or 0 for x in found.parts[0].layers) > 65504
    fine = small(tmp_path / "fine.mlpackage")
    largest = largest_values(fine, [PHOTO])
    assert not any(f.rule == "float16-overflow" for f in inspect(fine, largest).findings)


def test_values_of_a_detector_on_a_photograph_are_its_only_networks(tmp_path):
    path = pipeline.export(detector(), tmp_path / "d.mlpackage", verify=False).path
    parts = inspect(path, largest_values(path, [PHOTO])).parts
    assert [part.kind for part in parts] == ["mlProgram", "nonMaximumSuppression"]
    largest = {layer.name: layer.largest for layer in parts[0].layers}
    assert 0 < largest["scores"] <= 1


def test_pictures_need_a_model_of_pictures(tmp_path):
    ct = coremltools()
    model = traced(Detector(), 64, inputs=[ct.TensorType("x", (1, 3, 64, 64))])
    model.save(str(tmp_path / "t.mlpackage"))
    with pytest.raises(UnsupportedError, match="array"):
        largest_values(tmp_path / "t.mlpackage", [PHOTO])
    assert "preprocessing-in-the-app" in {
        f.rule for f in inspect(tmp_path / "t.mlpackage").findings
    }


def test_card(mobilenet, capsys):
    assert terminal.run(app, ["inspect", str(mobilenet)]) == 0
    text = capsys.readouterr().out
    assert "568.7 million" in text
    assert "conv13_pointwise" in text
    assert "pixels 0 to 255 reach the first layer as -1 to 1" in text


def test_json(mobilenet, capsys):
    assert terminal.run(app, ["inspect", str(mobilenet), "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["parts"][0]["macs"] == 568_740_352
    assert data["findings"] == []


def test_what_is_no_model(tmp_path, capsys):
    with pytest.raises(PackageError):
        inspect(tmp_path / "none.mlpackage")
    assert terminal.run(app, ["inspect", str(tmp_path)]) == 2
    assert "no Manifest.json" in capsys.readouterr().err


def test_nothing_heavy_is_imported(mobilenet):
    script = (
        "import sys; from pathlib import Path; from export.inspect.inspect import inspect;"
        f"inspect(Path({str(mobilenet)!r}));"
        "heavy = {'torch', 'coremltools', 'onnx', 'onnxruntime', 'pandas'} & sys.modules.keys();"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=Path(__file__).parents[1])
