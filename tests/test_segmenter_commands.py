"""`--head deeplab`: what it exports, verifies again and refuses, as a user types it."""

import json
from pathlib import Path

import pytest

from bench.accuracy import classifiers
from export import pipeline
from export.__main__ import main
from export.inspect.inspect import inspect
from export.spec import ExportSpec
from export.verify.reverify import reverify
from made_detector import detector
from made_segmenter import segmenter
from mobilenet.checkpoint import Checkpoint
from mobilenet.common.errors import CheckpointError, ConfigError, UnsupportedError
from mobilenet.store import save
from mobilenet.weights.resolve import load_weights

SMALL = ("--alpha", "0.25", "--shallow", "--resolution", "65", "--head", "deeplab")


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr("sys.argv", ["export", *words])
    return main()


def test_an_untrained_segmenter_says_so_and_is_verified_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "labels.txt").write_text("sky\nground\nhouse\n")
    words = (*SMALL, "--classes", str(tmp_path / "labels.txt"), "-o", f"{tmp_path}/", "--json")
    assert run(monkeypatch, *words, "--offline") == 0
    output = capsys.readouterr()
    assert (
        "no weights of DeepLab with 3 classes are known by a name; going on UNTRAINED"
        in output.err
    )
    exported = json.loads(output.out)
    path = Path(exported["path"])
    assert path.name == "DeepLabV1_025_65_shallow_os16_untrained.mlpackage"
    assert 0 <= exported["verified"]["undecided"] < 0.2
    again = reverify(path)
    assert again.verified.undecided == exported["verified"]["undecided"]
    assert "UNTRAINED" in again.network
    assert "dilated-convolutions" in {finding.rule for finding in inspect(path).findings}


def test_a_card_says_how_many_pixels_are_too_close_to_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = tmp_path / "net.safetensors"
    save(segmenter(), weights)
    assert run(monkeypatch, "--weights", str(weights), "-o", f"{tmp_path}/net.mlpackage") == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "output stride 16, DeepLab, 5 classes" in text
    assert "every pixel's class, or box, as PyTorch has it, but for" in text


def test_the_output_stride_of_a_file_may_be_another(tmp_path: Path) -> None:
    """Its authors train at 16 and evaluate at 8: the weights are the same."""
    weights = tmp_path / "net.safetensors"
    save(segmenter(), weights)
    checkpoint, _ = load_weights(weights, output_stride=8)
    assert (checkpoint.config.output_stride, checkpoint.config.readout.size) == (8, (9, 9))


def test_pascals_classes_at_513_pixels_are_the_default() -> None:
    checkpoint, _ = load_weights("untrained", alpha=0.1, shallow=True, head="deeplab")
    assert checkpoint.config.size == (513, 513)
    assert (len(checkpoint.labels), checkpoint.labels[0]) == (21, "background")


def test_another_head_than_the_file_s_is_refused_by_name(tmp_path: Path, hot: object) -> None:
    classifier, weights = tmp_path / "classifier.safetensors", tmp_path / "net.safetensors"
    save(hot, classifier)
    save(segmenter(), weights)
    with pytest.raises(CheckpointError, match=r"is no deeplab: it holds MobileNet v1, .* 1000 cl"):
        load_weights(classifier, head="deeplab")
    with pytest.raises(CheckpointError, match=r"is no classifier: it holds .* DeepLab, 5 classes"):
        load_weights(weights, head="classifier")
    with pytest.raises(ConfigError, match="output-stride 8 for a network that is no segmenter"):
        load_weights(classifier, output_stride=8)
    with pytest.raises(ConfigError, match="output-stride 8 for a network that is no segmenter"):
        load_weights("slim", head="ssdlite", output_stride=8)  # before weights are looked for
    with pytest.raises(ConfigError, match="head 'ssd' is unknown"):
        load_weights("untrained", head="ssd")
    with pytest.raises(CheckpointError, match="no weights of DeepLab with 21 classes are known"):
        load_weights("slim", head="deeplab")


@pytest.mark.parametrize(
    ("made", "says"), [(segmenter(), "is a segmenter"), (detector(), "is a detector")]
)
def test_neither_has_a_top1(made: Checkpoint, says: str) -> None:
    with pytest.raises(UnsupportedError, match=f"{says}: it has no top-1") as raised:
        classifiers.of_checkpoint(made)
    assert "--data takes" in raised.value.hint


@pytest.mark.parametrize(
    ("layer", "says"), [("extra2", "layer extra2"), (None, "outputs features")]
)
def test_features_of_a_detector_are_its_backbones(
    layer: str | None, says: str, tmp_path: Path
) -> None:
    spec = ExportSpec(outputs="features", layer=layer)
    with pytest.raises(ConfigError, match=f"{says} of a detector") as raised:
        pipeline.export(detector(), tmp_path / "n.mlpackage", spec=spec)
    assert "--layer conv0 to conv13_pointwise" in raised.value.hint
