"""Two models, layer by layer: the first layer at fault is named, whatever layers are called."""

import json
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from bench.results.layer_errors import LayerErrors
from export.__main__ import app
from export.formats.coreml.build import build
from export.formats.coreml.trace import trace
from export.package.model_files import find
from export.prepared import TracedModule, prepare_checkpoint
from export.spec import ExportSpec
from export.verify import layer_matching
from export.verify.diff import diff
from export.verify.intermediates import LayerOutput
from export.verify.layer_matching import match
from inspected import small
from mobilenet.checkpoint import Checkpoint
from mobilenet.common import terminal
from mobilenet.common.errors import UnsupportedError
from mobilenet.store import save as save_checkpoint
from mobilenet.torch_module import from_checkpoint

pytestmark = pytest.mark.filterwarnings("ignore")  # torch deprecates tracing


def package(checkpoint: Checkpoint, path: Path, **options) -> Path:
    build(prepare_checkpoint(checkpoint, ExportSpec(**options))).save(str(path))
    return path


@pytest.fixture(scope="module")
def folder(hot: Checkpoint, tmp_path_factory) -> Path:
    """net: float32; half: float16; wrong: one kernel off; weights: the checkpoint itself."""
    folder = tmp_path_factory.mktemp("diff")
    package(hot, folder / "net.mlpackage", target="cpu")
    package(hot, folder / "half.mlpackage")
    layer = hot.layers["conv5_depthwise"]
    kernel = layer.kernel.copy()
    kernel[3] *= -1
    layers = {**hot.layers, "conv5_depthwise": replace(layer, kernel=kernel)}
    package(replace(hot, layers=layers), folder / "wrong.mlpackage", target="cpu")
    save_checkpoint(hot, folder / "weights.safetensors")
    return folder


def test_a_model_and_itself(folder):
    found = diff(folder / "net.mlpackage", folder / "net.mlpackage")
    assert found.first_difference is None
    assert {layer.relative_l2 for layer in found.layers} == {0.0}
    assert found.unmatched == found.unmatched_reference == ()


def test_the_layer_at_fault_is_named(folder):
    found = diff(folder / "wrong.mlpackage", folder / "net.mlpackage")
    assert found.first_difference == "conv5_depthwise"
    errors = {layer.name: layer for layer in found.layers}
    assert errors["conv4_pointwise_relu6"].relative_l2 == 0
    assert errors["conv5_depthwise"].weights > 0.05
    assert errors["conv5_pointwise"].weights == 0


def test_float16_is_near(folder):
    found = diff(folder / "half.mlpackage", folder / "net.mlpackage")
    assert found.first_difference is None
    assert found.unmatched == ()
    last = found.layers[-2]
    assert (last.name, last.reference_name) == ("logits", "logits")
    assert 1e-5 < last.relative_l2 < 3e-2
    assert last.weights == pytest.approx(2e-4, rel=0.5)  # rounding to 11 bits


def test_a_checkpoint_as_reference(folder):
    found = diff(folder / "net.mlpackage", folder / "weights.safetensors", tolerance=1e-4)
    assert found.first_difference is None
    assert len(found.layers) == 2 * 27 + 2  # units before and after their clip, pool, logits
    assert max(layer.weights or 0 for layer in found.layers) < 1e-6


def test_names_of_another_converter(hot, folder, tmp_path):
    """Traced: other names, clip for relu6, and the same layers."""
    traced = TracedModule(
        from_checkpoint(hot), "MobileNet", hot.config.size, 1000, 0, 0,
        hot.provenance, hot.normalization, hot.geometry, hot.labels,
    )  # fmt: skip
    model = trace(traced, ExportSpec(target="cpu", outputs="classifier").resolved(), "fp32")
    model.save(str(tmp_path / "traced.mlpackage"))
    found = diff(tmp_path / "traced.mlpackage", folder / "net.mlpackage", tolerance=1e-4)
    assert found.first_difference is None
    pairs = {layer.reference_name for layer in found.layers}
    assert {"conv0", "conv13_pointwise_relu6", "logits", "probabilities"} <= pairs


def made(*layers: tuple[str, str, tuple[int, ...]]) -> list[LayerOutput]:
    return [LayerOutput(name, kind, np.zeros(shape)) for name, kind, shape in layers]


@pytest.mark.parametrize("comparisons", [layer_matching.MAX_COMPARISONS, 0])
def test_matching_by_name_then_by_order_and_shape(comparisons, monkeypatch):
    monkeypatch.setattr(layer_matching, "MAX_COMPARISONS", comparisons)  # 0: in turn
    ours = made(("a", "conv", (1, 4, 8, 8)), ("x", "relu", (1, 4, 8, 8)),
                ("b.1", "conv", (1, 8, 4, 4)), ("only", "tanh", (1, 8, 4, 4)),
                ("c_cast_fp16", "linear", (1, 5)))  # fmt: skip
    theirs = made(("a", "conv", (1, 4, 8, 8)), ("y", "clip", (1, 4, 8, 8)),
                  ("b_1", "conv", (1, 8, 4, 4)), ("c", "conv", (1, 5, 1, 1)))  # fmt: skip
    pairs = [(a.name, b.name) for a, b in match(ours, theirs)]
    assert pairs == [("a", "a"), ("x", "y"), ("b.1", "b_1"), ("c_cast_fp16", "c")]


def test_pictures_of_two_sizes_are_refused(folder, tmp_path):
    with pytest.raises(UnsupportedError, match="16 x 16"):
        diff(small(tmp_path / "s.mlpackage"), folder / "net.mlpackage")


def test_overflow_is_a_distance_that_is_not_finite(tmp_path):
    kernel = np.full((8, 3, 3, 3), 60000.0)
    half = small(tmp_path / "half.mlpackage", kernel=kernel)
    full = small(tmp_path / "full.mlpackage", kernel=kernel, half=False)
    found = diff(half, full)
    assert found.first_difference == "conv"
    assert next(layer for layer in found.layers if layer.name == "conv").relative_l2 is None


def test_command_record_and_plot(folder, tmp_path, capsys):
    arguments = ["diff", str(folder / "wrong.mlpackage"), str(folder / "net.mlpackage")]
    output = tmp_path / "layers.jsonl"
    assert terminal.run(app, [*arguments, "-o", str(output)]) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith("they differ from layer conv5_depthwise on, which is off by")
    assert "\n>  conv5_depthwise" in printed.out
    assert "  weights of conv5_depthwise: off by" in printed.out
    assert f"python -m reports plots {output}" in printed.err
    record = msgspec.json.decode(output.read_bytes(), type=LayerErrors)
    assert record.package == "wrong.mlpackage"
    assert terminal.run(app, [*arguments, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["first_difference"] == "conv5_depthwise"
    from reports.__main__ import app as reports

    assert terminal.run(reports, ["plots", str(output), "-o", str(tmp_path / "plots")]) == 0
    assert any(path.suffix == ".png" for path in (tmp_path / "plots").iterdir())


def test_a_record_takes_no_place_but_a_files(folder, tmp_path, capsys):
    thesis = tmp_path / "thesis.txt"
    thesis.write_text("irreplaceable")
    model, reference = folder / "net.mlpackage", folder / "weights.safetensors"
    before = find(model).identity(), reference.read_bytes()
    for first, output, said in (
        ("nowhere.mlpackage", tmp_path, "is a folder"),
        ("nowhere.mlpackage", f"{tmp_path}/new/", "new/ is a folder"),
        ("nowhere.mlpackage", reference, "would replace what is read"),
        (model, model / "Manifest.json", "would replace what is read"),
        (model, model / "layers.json", "would replace what is read"),
    ):
        assert terminal.run(app, ["diff", str(first), str(reference), "-o", str(output)]) == 2
        printed = capsys.readouterr()
        assert said in printed.err
        assert printed.err.count("\n") == 1
    command = ["diff", "nowhere", "nowhere", "--image", str(thesis), "-o", str(thesis)]
    assert terminal.run(app, command) == 2
    assert "would replace what is read" in capsys.readouterr().err
    assert thesis.read_text() == "irreplaceable"
    assert (find(model).identity(), reference.read_bytes()) == before
