"""What a detector and a segmenter say of a photograph: in its own pixels, printed and drawn."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from conftest import PHOTO
from export import pipeline
from export.__main__ import main
from export.mil.read.model import network
from export.package.metadata import Verified, metadata_of
from export.runtimes.in_pictures import NO_CLASS
from export.spec import ExportSpec
from export.verify import picture_answer
from export.verify.agreement import run
from export.verify.picture_answer import DetectedObject, PictureAnswer
from export.verify.reverify import Reverification
from export.views import answer_card, export_card
from made_detector import LABELS as BOXED
from made_detector import detector
from made_segmenter import LABELS as PAINTED
from made_segmenter import segmenter
from mobilenet.checkpoint import Checkpoint
from mobilenet.common.drawing import colour_of
from mobilenet.common.size import Size
from mobilenet.preprocess import IN_CORNER, Geometry
from mobilenet.store import save

SIZE = (451, 300)  # of the photograph


def answered(made: Checkpoint, folder: Path, outputs: str, **options: object) -> PictureAnswer:
    spec = ExportSpec(outputs=outputs, precision="fp32", **options)
    exported = pipeline.export(made, folder / f"{outputs}.mlpackage", spec=spec, verify=False)
    function = network(exported.path).function()
    about = metadata_of(function.description.metadata)
    assert about is not None
    photograph = Image.open(PHOTO)
    return picture_answer.answer_of(exported.path, function, about, photograph, "portable")


@pytest.mark.parametrize("geometry", [None, IN_CORNER])
def test_objects_lie_in_the_photographs_pixels(geometry: Geometry | None, tmp_path: Path) -> None:
    """Worked out once more from all boxes: the best ones, each of its best class."""
    made = detector() if geometry is None else replace(detector(), geometry=geometry)
    limits = {"iou": 1.0, "confidence": 0.9}  # every box stays
    objects = answered(made, tmp_path, "boxes", **limits).objects
    assert objects
    picture = made.geometry.apply(Image.open(PHOTO), 96)
    (outputs,) = run(tmp_path / "boxes.mlpackage", [{"image": picture}], "declared")
    boxes, scores = np.asarray(outputs["boxes"]), np.asarray(outputs["scores"])[:, : len(BOXED)]
    best = scores.max(1)
    order = [row for row in np.argsort(-best, kind="stable") if best[row] >= 0.9]
    assert [each.confidence for each in objects] == pytest.approx(best[order])
    assert [each.label for each in objects] == [BOXED[scores[row].argmax()] for row in order]
    whole = np.array(SIZE)
    if geometry is not None:  # of the input, the photograph has 96 x 64 pixels
        whole = np.array([SIZE[0], SIZE[1] * 96 / 64])
    for each, (x, y, width, height) in zip(objects, boxes[order], strict=True):
        centre = np.array([x, y]) * whole
        sides = np.array([width, height]) * whole
        assert each.box == pytest.approx([*(centre - sides / 2), *sides], rel=1e-5, abs=1e-3)


def test_every_kind_of_output_gives_the_same_objects(tmp_path: Path) -> None:
    usual = detector().config.readout.detection
    options = {"iou": usual.iou, "confidence": usual.confidence}
    detections = answered(detector(), tmp_path, "detections", **options).objects
    boxes = answered(detector(), tmp_path, "boxes", **options).objects
    tensors = answered(detector(), tmp_path, "tensors").objects  # by the detector's own thresholds
    assert detections
    for other in (boxes, tensors):
        assert [each.label for each in other] == [each.label for each in detections]
        for ours, theirs in zip(other, detections, strict=True):
            assert ours.confidence == pytest.approx(theirs.confidence, abs=1e-5)
            assert ours.box == pytest.approx(theirs.box, rel=1e-4, abs=1e-2)
    assert {each.label for each in detections} <= {*BOXED}  # none of those that fill it up


def test_no_object_is_an_answer_too(tmp_path: Path) -> None:
    assert answered(detector(), tmp_path, "detections", confidence=1.0).objects == ()


def test_every_kind_of_output_gives_the_same_classes(tmp_path: Path) -> None:
    """Of the photograph alone: what it was padded with is left out."""
    answers = [answered(segmenter(), tmp_path, kind) for kind in ("labels", "mask", "logits")]
    picture = IN_CORNER.apply(Image.open(PHOTO), 65)
    (outputs,) = run(tmp_path / "labels.mlpackage", [{"image": picture}], "declared")
    photograph = np.asarray(outputs["labels"])[0][:43]  # of 65 rows
    for answer in answers:
        np.testing.assert_array_equal(answer.classes, answers[0].classes)
        assert answer.classes.shape == SIZE[::-1]
        assert sum(share for _, share in answer.shares) == pytest.approx(1)
        assert [share for _, share in answer.shares] == sorted(
            (share for _, share in answer.shares), reverse=True
        )
        for label, share in answer.shares:
            expected = (photograph == PAINTED.index(label)).mean()
            assert share == pytest.approx(expected, abs=0.01)


def test_classes_and_boxes_are_drawn_on_the_photograph(tmp_path: Path) -> None:
    photograph = Image.new("RGB", (400, 300), (10, 10, 10))
    classes = np.zeros((300, 400), np.uint8)
    classes[:, 100:200] = 2
    classes[:, 200:] = NO_CLASS
    PictureAnswer(classes=classes).draw(photograph, tmp_path / "map.png")
    drawn = pixels(tmp_path / "map.png")
    assert drawn.shape == (300, 400, 3)
    assert (drawn[:, :100] == 10).all()
    assert (drawn[:, 200:] == 10).all()
    mixed = 0.45 * 10 + 0.55 * np.array(colour_of(2))
    assert np.abs(drawn[:, 100:200] - mixed).max() <= 1
    boxed = DetectedObject("owl", 0.5, (50, 60, 200, 100), 1)
    for name in ("boxes.png", "boxes.JPG"):
        PictureAnswer(objects=(boxed,)).draw(photograph, tmp_path / name)
    drawn = pixels(tmp_path / "boxes.png")
    assert (drawn[160, 50:251] == colour_of(1)).all()
    assert (drawn[80:158, 53:248] == 10).all()
    assert np.abs(drawn - pixels(tmp_path / "boxes.JPG")).mean() < 5


def test_an_untrained_answer_is_marked_on_the_drawing(tmp_path: Path) -> None:
    photograph = Image.new("RGB", (400, 300), (10, 10, 10))
    PictureAnswer(objects=()).draw(photograph, tmp_path / "plain.png")
    PictureAnswer(objects=()).draw(photograph, tmp_path / "marked.png", "untrained")
    assert (pixels(tmp_path / "plain.png") == 10).all()
    drawn = pixels(tmp_path / "marked.png")
    assert (drawn[-1] == colour_of(0)).all()
    assert (drawn[:30, :100] < 10).any()  # letters


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture, np.float32)


def command(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr("sys.argv", ["export", "verify", *words])
    return main()


def test_the_command_prints_and_draws_classes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    weights, drawing = tmp_path / "net.safetensors", tmp_path / "answer.png"
    save(segmenter(), weights)
    package = str(pipeline.export(segmenter(), tmp_path / "net.mlpackage", verify=False).path)
    words = [package, "--weights", str(weights), "--image", str(PHOTO)]
    assert command(monkeypatch, *words, "--drawing", str(drawing)) == 0
    assert pixels(drawing).shape == (*SIZE[::-1], 3)
    rows = capsys.readouterr().out.splitlines()[-len(PAINTED) :]
    labels = {row.split()[-1] for row in rows if "%" in row}
    assert labels
    assert labels <= {*PAINTED}


def test_the_command_gives_and_draws_objects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    weights, drawing = tmp_path / "net.safetensors", tmp_path / "answer.png"
    save(detector(), weights)
    package = str(pipeline.export(detector(), tmp_path / "net.mlpackage", verify=False).path)
    words = [package, "--weights", str(weights), "--image", str(PHOTO), "--json"]
    assert command(monkeypatch, *words, "--drawing", str(drawing)) == 0
    answer = json.loads(capsys.readouterr().out)
    assert pixels(drawing).shape == (*SIZE[::-1], 3)
    assert {each["label"] for each in answer["objects"]} <= {*BOXED}
    assert answer["network"].endswith("UNTRAINED: its answers mean nothing")
    assert answer["objects"][0].keys() == {"label", "confidence", "box", "number"}


def test_objects_are_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    owl = DetectedObject("great owl", 0.51, (-4.6, 60.2, 200, 100), 1)
    verified = Verified("", 0, 0, 1, "portable")
    for objects in ((owl,) * 23, ()):
        answer_card.show(Reverification("net", "SSDLite", verified, "weights", objects=objects))
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert lines[1] == "score object left top width height"
    assert lines[2:22] == ["0.510 great owl -5 60 200 100"] * 20
    assert lines[22] == "and 3 objects more: --json has all of them"
    assert lines[-1] == "no object in the photograph"


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--drawing", "answer.png"], "without a photograph to draw on"),
        (["--image", str(PHOTO), "--drawing", "answer.gif"], r"drawing is answer.gif"),
        (
            ["--image", str(PHOTO), "--drawing", "answer.png"],
            "only boxes and classes of pixels are drawn",
        ),
    ],
)
def test_what_cannot_be_drawn_is_refused_before_work(
    options: list[str], problem: str, hot: Checkpoint, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    pipeline.export(hot, tmp_path / "net.mlpackage", verify=False)
    assert command(monkeypatch, "net.mlpackage", *options) == 2
    assert problem in capsys.readouterr().err
    assert not [*tmp_path.glob("answer.*")]


def test_the_card_says_that_classes_were_added(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    padded = pipeline.export(detector(), tmp_path / "a.mlpackage", verify=False)
    spec = ExportSpec(format="neuralnetwork")
    plain = pipeline.export(detector(), tmp_path / "b.mlmodel", spec=spec, verify=False)
    export_card.show(padded, json=False)
    export_card.show(plain, json=False)
    text = " ".join(capsys.readouterr().out.split())
    assert text.count("3, filled up to 80 with unused ones, which score 0") == 1
    assert (padded.unused_classes, plain.unused_classes) == (77, 0)
    assert padded.metadata.size == Size(96, 96)
