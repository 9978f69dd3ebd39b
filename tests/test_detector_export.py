"""Detectors in every format: what they give, say, and refuse."""

from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch

from export import pipeline
from export.formats.registry import format_of
from export.head_outputs import DETECTOR_OUTPUTS
from export.mil.cost import cost
from export.mil.read.model import network, read_any
from export.package.metadata import listed_labels
from export.prepared import prepare_checkpoint
from export.runtimes.inputs import from_picture
from export.spec import ExportSpec
from export.verify.agreement import probe_pictures, run
from export.verify.kept_boxes import Thresholds, kept, undecided
from made_detector import LABELS, detector
from mobilenet.common.errors import ConfigError
from mobilenet.networks.ssdlite import priors
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.torch_module import from_checkpoint

FORMATS = {
    "mlprogram": {"confidence": 0.5},
    "float32": {"precision": "fp32"},
    "mlmodel": {"format": "neuralnetwork", "confidence": 0.5},
}


def answers(path: Path, **thresholds: float) -> dict[str, np.ndarray]:
    """What the package gives for a made picture."""
    description = network(path).function().description
    feed = from_picture(description, probe_pictures(96)[1], detector().normalization)
    (output,) = run(path, [feed | thresholds], "declared")
    return output


def decoded() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """PyTorch's predictions (n, 8), boxes (n, 4) and scores (n, 3), box by box."""
    made = detector()
    picture = torch.from_numpy(made.normalization.apply(probe_pictures(96)[1]))
    values = from_checkpoint(made)(picture)[0].double().numpy()
    readout = made.config.readout
    starts = np.array([*priors([each.size for each in readout.predictors], readout.detection)])
    y, x = starts[:, :2].T + values[:, :2].T / 10 * starts[:, 2:].T
    height, width = np.exp(values[:, 2:4] / 5).T * starts[:, 2:].T
    return values, np.stack([x, y, width, height], 1), 1 / (1 + np.exp(-values[:, 5:]))


@pytest.mark.parametrize(
    ("name", "outputs"),
    [
        ("mlprogram", None), ("mlprogram", "tensors"), ("float32", "boxes"),
        ("mlmodel", None), ("mlmodel", "tensors"),
    ],
)  # fmt: skip
def test_every_format_computes_them(name: str, outputs: str | None, tmp_path: Path) -> None:
    options = FORMATS[name] if outputs != "tensors" else FORMATS[name] | {"confidence": None}
    spec = ExportSpec(outputs=outputs, **options)
    path = tmp_path / f"net{spec.file_kind.suffix}"
    exported = pipeline.export(detector(), path, spec=spec)
    assert exported.verified is not None
    function = network(path).function()
    assert listed_labels(function.description.metadata) == LABELS
    assert cost(function).macs == detector().config.cost().macs
    values, boxes, scores = decoded()
    given = answers(path)
    if outputs == "tensors":
        np.testing.assert_allclose(given["box_encodings"][0], values[:, :4], atol=0.05)
        np.testing.assert_allclose(given["class_logits"][0], values[:, 4:], atol=0.05)
    elif outputs == "boxes":
        np.testing.assert_allclose(given["boxes"], boxes, atol=1e-5)
        np.testing.assert_allclose(given["scores"], scores, atol=1e-5)
    else:
        rows = kept(boxes, scores, Thresholds(0.6, 0.5))
        assert 0 < len(rows) < len(boxes)
        assert abs(len(given["confidence"]) - len(rows)) <= 0.2 * len(rows)
        columns = 80 if name == "mlprogram" else 3
        assert given["confidence"].shape == (len(given["coordinates"]), columns)
        assert function.description.labels[:4] == (*LABELS, "unused 3")[: min(columns, 4)]
        assert not given["confidence"][:, 3:].any()


def test_a_pipeline_says_its_thresholds_and_takes_others(tmp_path: Path) -> None:
    path = tmp_path / "net.mlpackage"
    spec = ExportSpec(iou=0.4, confidence=0.55, agnostic=True)
    pipeline.export(detector(), path, spec=spec, verify=False)
    _, last = read_any(path).models
    assert (last.iou, last.confidence_threshold, last.per_class) == (0.4, 0.55, False)
    description = read_any(path).description
    assert [number.name for number in description.numbers] == [
        "iouThreshold", "confidenceThreshold",
    ]  # fmt: skip
    assert description.metadata["confidenceThreshold"] == "0.55"
    given = answers(path)
    assert given["confidence"].max(1).min() >= 0.55
    assert len(answers(path, confidenceThreshold=0.99)["confidence"]) < len(given["confidence"])
    labels = msgspec.json.decode(description.metadata["labels"])
    assert tuple(labels) == LABELS


def test_a_package_has_the_same_bytes_every_time(tmp_path: Path) -> None:
    for name in ("a", "b"):
        spec = ExportSpec(outputs="detections").resolved()
        format_of(spec).write(prepare_checkpoint(detector(), spec), tmp_path / f"{name}.mlpackage")
    first, second = (
        {p.relative_to(root): p.read_bytes() for p in root.rglob("*") if p.is_file()}
        for root in (tmp_path / "a.mlpackage", tmp_path / "b.mlpackage")
    )
    assert first == second


def test_it_has_a_name_of_its_own() -> None:
    names = [prepare_checkpoint(detector(), ExportSpec(outputs=o)).name for o in (None, "boxes")]
    assert names == ["SSDLiteV1_025_96_untrained", "SSDLiteV1_025_96_boxes_untrained"]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"outputs": "classifier"}, "outputs classifier for a detector"),
        ({"format": "coreai"}, "a detector in the coreai format"),
        ({"compress": "w8a8"}, "compress w8a8 for a detector"),
        ({"resolutions": "96,128"}, "resolutions 96,128 for a pipeline"),
        ({"outputs": "tensors", "iou": 0.5}, "iou 0.5 for outputs that name no boxes"),
    ],
)
def test_what_a_detector_does_not_give_is_refused(options: dict[str, str], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        prepare_checkpoint(detector(), ExportSpec(**options))


@pytest.mark.parametrize("options", [{"iou": 0.5}, {"agnostic": True}, *(
    {"outputs": outputs} for outputs in DETECTOR_OUTPUTS
)])  # fmt: skip
def test_only_a_detector_finds_boxes(hot: object, options: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="boxes"):
        prepare_checkpoint(hot, ExportSpec(**options))


def test_thresholds_are_shares() -> None:
    with pytest.raises(ConfigError, match=r"iou is 1\.5"):
        ExportSpec(iou=1.5)


def test_a_shallow_backbone_is_refused() -> None:
    with pytest.raises(ConfigError, match="a shallow MobileNet with SSDLite"):
        MobileNetConfig(0.25, 96, shallow=True, head="ssdlite")


def test_the_better_of_two_stays_and_a_tie_is_open() -> None:
    boxes = np.array([[0.5, 0.5, 0.4, 0.4], [0.52, 0.5, 0.4, 0.4], [0.2, 0.2, 0.1, 0.1]])
    scores = np.array([[0.9, 0.1], [0.8, 0.1], [0.2, 0.7]])
    thresholds = Thresholds(0.6, 0.3)
    assert kept(boxes, scores, thresholds).tolist() == [0, 2]
    certain = undecided(boxes, scores, thresholds, 1e-3, 1e-3)
    assert (certain.stays, certain.goes, certain.open_share) == ({0, 2}, {1}, 0)
    certain = undecided(boxes, scores, thresholds, 1e-3, 0.06)  # either may be the better
    assert (certain.stays, certain.goes) == ({2}, set())
