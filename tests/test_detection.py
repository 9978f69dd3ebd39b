"""mAP of packages: made detectors whose boxes are known, from pictures to records."""

import json
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
from PIL import Image

from bench.__main__ import app
from bench.accuracy import coco, detection_run, detectors, journal, recipes
from bench.accuracy.box_answers import BoxedAnswers
from bench.accuracy.command import carry_out, log_path
from bench.accuracy.detection_run import DetectionRun
from bench.results.metrics import GROUND_TRUTH, MetricComparison
from bench.results.records import Metrics, Record
from export.package.metadata import KEY
from export.prepared import prepare_checkpoint
from export.runtimes import in_pictures
from export.spec import ExportSpec
from made_detector import detector as made_detector
from mobilenet.common import terminal
from mobilenet.common.errors import ConfigError, RecordError, UnsupportedError
from mobilenet.common.size import Size
from mobilenet.preprocess import IN_CORNER
from picture_models import QUARTERS, FakeSession, boxed_set, packaged
from picture_models import detector as saved_detector

PICTURES = [
    ["red", "", "green", ""], ["", "", "", "blue"], ["red", "red", "red", "red"],
    *([["", "green", "blue", ""]] * 9),
]  # fmt: skip
Answer = dict[str, np.ndarray]


def strengths(picture: Image.Image) -> np.ndarray:
    """(quarters, colours) of .9 where the quarter has the colour."""
    parts = np.asarray(picture.resize((2, 2), Image.Resampling.BOX), np.float32).reshape(4, 3)
    return parts * np.float32(0.9 / 255)


def suppressed(picture: Image.Image) -> Answer:
    """Core ML's own: only the boxes that are left."""
    scores = strengths(picture)
    rows = scores.max(axis=1) > 0.25
    filled = (0, int(not rows.any())), (0, 0)
    return {
        "confidence": np.pad(scores[rows], filled), "coordinates": np.pad(QUARTERS[rows], filled),
    }  # fmt: skip


def colour_blind(picture: Image.Image) -> Answer:
    """Takes green for blue."""
    answer = suppressed(picture)
    return {**answer, "confidence": answer["confidence"][:, [0, 2, 1]]}


def prepared(data: Path, *sessions: FakeSession, recipe: str = "package") -> DetectionRun:
    subjects = [
        detectors.of_package(packaged(session, f"net{number}"))
        for number, session in enumerate(sessions)
    ]
    return detection_run.prepare(coco.read(data), subjects, [recipe])


def value(metrics: Metrics, name: str) -> float | None:
    return next(metric.value for metric in metrics.metrics if metric.name == name)


# --- boxes of the square and of the picture ------------------------------------------------


@pytest.mark.parametrize("name", ["squash", "fit", "deeplab"])
@pytest.mark.parametrize("size", [(64, 48), (30, 77)])
@pytest.mark.parametrize("taken", [Size(256, 256), Size(192, 256)])
def test_boxes_go_back_the_way_the_picture_came(
    name: str, size: tuple[int, int], taken: Size
) -> None:
    """A white part of a picture, found in the input."""
    width, height = size
    picture = Image.new("RGB", size)
    picture.paste((255, 255, 255), (width // 4, height // 2, width // 2, height))
    recipe, sides = recipes.named(name), (taken.width, taken.height)
    rows, columns = np.nonzero(np.asarray(recipe.apply(picture, taken).convert("L")) > 140)
    low = np.array([columns.min(), rows.min()]) / sides
    high = np.array([columns.max() + 1, rows.max() + 1]) / sides
    box = np.concatenate([(low + high) / 2, high - low])[None]
    assert recipe.region is not None
    back = in_pictures.in_picture(box, recipe.region(size, taken), width, height)
    expected = [width // 4, height // 2, width // 2 - width // 4, height - height // 2]
    np.testing.assert_allclose(back[0], expected, atol=0.6)


def test_recipes_that_cut_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="recipe 'timm' cuts off") as error:
        prepared(boxed_set(tmp_path, PICTURES), FakeSession(suppressed), recipe="timm")
    assert error.value.hint == "one of package, keras, squash, fit, deeplab"


def test_a_package_of_ours_is_fed_as_its_metadata_say(tmp_path: Path) -> None:
    """Those of others as detectors of the family are trained."""
    data = boxed_set(tmp_path, PICTURES)
    corner = replace(made_detector(), geometry=IN_CORNER)
    said = {KEY: prepare_checkpoint(corner, ExportSpec()).metadata.encode()}
    theirs, ours = prepared(
        data, FakeSession(suppressed), FakeSession(suppressed, metadata=said)
    ).evaluations
    assert (theirs.recipe.name, ours.recipe.name) == ("squash", "package")
    assert theirs.region((64, 32)) == (0, 0, 1, 1)
    assert ours.region((64, 32)) == (0, 0, 1, 0.5)


# --- what a detector gives -------------------------------------------------------------------


def test_a_pipelines_boxes_are_its_own(tmp_path: Path) -> None:
    """No box at all in a black picture, where Core ML may give rows of zeros instead."""
    session = FakeSession(suppressed)
    run = prepared(boxed_set(tmp_path / "data", [*PICTURES, [""] * 4]), session)
    metrics, truth = carry_out(run, tmp_path / "a.jsonl", jobs=1)
    assert isinstance(metrics, Metrics)
    assert value(metrics, "mAP") == value(metrics, "AP50") == pytest.approx(1)
    assert value(metrics, "APl") is None
    assert "suppressed by the package" in metrics.geometry
    assert isinstance(truth, MetricComparison)
    assert (truth.reference, truth.alike, truth.differences) == (GROUND_TRUTH, 1, ())
    assert session.asked == 1 + 13


def test_classes_go_by_name(tmp_path: Path) -> None:
    """A detector with more classes, in another order, and columns that are no class."""
    names = ("unused", "blue", "green", "red")

    def turned(picture: Image.Image) -> Answer:
        scores = strengths(picture)[:, ::-1]
        scores = np.concatenate([np.full((4, 1), 0.3, np.float32), scores], axis=1)
        return {"boxes": QUARTERS[None], "scores": scores[None]}

    run = prepared(boxed_set(tmp_path / "data", PICTURES), FakeSession(turned, names))
    metrics, _ = carry_out(run, tmp_path / "a.jsonl", jobs=1)
    assert isinstance(metrics, Metrics)
    assert value(metrics, "mAP") == pytest.approx(1)
    with pytest.raises(ConfigError, match=r"no output for 1 of 3 categories: green"):
        prepared(tmp_path / "data/instances.json", FakeSession(turned, ("a", "blue", "b", "red")))


def test_what_is_no_detector_is_refused() -> None:
    cases = {
        "gives label: no boxes": lambda _: {"label": "cat"},
        "names 3 classes and answers with 2": lambda _: {
            "boxes": QUARTERS, "scores": np.zeros((4, 2)),
        },
    }  # fmt: skip
    for complaint, answer in cases.items():
        with pytest.raises(UnsupportedError, match=complaint):
            detectors.of_package(packaged(FakeSession(answer)))
    unnamed = detectors.of_package(packaged(FakeSession(suppressed, ())))
    assert unnamed.labels == ("class 0", "class 1", "class 2")


# --- records ---------------------------------------------------------------------------------


def test_records_compare_detectors_and_survive_a_file(tmp_path: Path) -> None:
    sessions = FakeSession(suppressed), FakeSession(colour_blind)
    run = prepared(boxed_set(tmp_path / "data", PICTURES), *sessions)
    records = carry_out(run, tmp_path / "a.jsonl", jobs=2)
    lines = (tmp_path / "a.jsonl").read_bytes().splitlines()[1:]
    assert [msgspec.json.decode(line, type=Record) for line in lines] == records
    good, blind, _, to_blind, pair = records
    assert isinstance(good, Metrics)
    assert isinstance(blind, Metrics)
    assert [metric.name for metric in good.metrics] == ["mAP", "AP50", "AP75", "APs", "APm", "APl"]
    assert value(blind, "mAP") == pytest.approx(1 / 3)
    assert [(each.label, each.value, each.count) for each in blind.classes] == [
        ("red", pytest.approx(1), 5), ("green", 0, 10), ("blue", 0, 10),
    ]  # fmt: skip
    low, high = next(metric.interval for metric in blind.metrics if metric.name == "mAP") or (1, 0)
    assert low == 0 < high == pytest.approx(1 / 3)  # red is in two pictures alone
    assert "bootstrap over pictures" in blind.method
    assert isinstance(to_blind, MetricComparison)
    assert isinstance(pair, MetricComparison)
    assert (pair.reference, pair.other) == (good.name, blind.name)
    assert pair.difference == pytest.approx(-2 / 3)
    assert pair.interval is not None
    assert pair.interval[1] < 0
    assert pair.alike == pytest.approx(5 / 25)
    assert len(pair.differences) == 11  # the red one is alike
    first = pair.differences[0]
    assert [each.caption for each in first.drawings] == [GROUND_TRUTH, good.name, blind.name]
    thumbnails = {each.thumbnail for each in first.drawings}
    assert len(thumbnails) == 3  # captions with scores, and other colours
    assert all(text.startswith("data:image/jpeg;base64,") for text in thumbnails)


def test_pictures_that_do_not_open_or_fit_are_named_and_left_out(tmp_path: Path) -> None:
    data = boxed_set(tmp_path / "data", PICTURES)
    (tmp_path / "data/1.png").write_bytes(b"no picture")
    Image.new("RGB", (48, 64)).save(tmp_path / "data/2.png")
    metrics, _ = carry_out(prepared(data, FakeSession(suppressed)), tmp_path / "a.jsonl", jobs=1)
    assert isinstance(metrics, Metrics)
    assert metrics.images == 10
    assert metrics.broken[0].startswith("1.png: it is none of JPEG, PNG")
    assert metrics.broken[1] == "2.png: it has 48 x 64 pixels, 64 x 48 by the annotations"
    assert value(metrics, "mAP") == pytest.approx(1)
    assert [each.count for each in metrics.classes] == [1, 10, 9]


def test_no_picture_at_all_is_no_figure(tmp_path: Path) -> None:
    data = boxed_set(tmp_path / "data", PICTURES[:2])
    for number in range(2):
        (tmp_path / f"data/{number}.png").write_bytes(b"no picture")
    run = prepared(data, FakeSession(suppressed), FakeSession(colour_blind))
    metrics, *_, pair = carry_out(run, tmp_path / "a.jsonl", jobs=1)
    assert isinstance(metrics, Metrics)
    assert isinstance(pair, MetricComparison)
    assert {each.value for each in metrics.metrics} == {pair.difference, pair.alike} == {None}


def test_answers_of_another_set_are_not_gone_on_with(tmp_path: Path) -> None:
    run = prepared(boxed_set(tmp_path / "data", PICTURES), FakeSession(suppressed))
    log = tmp_path / "log.ndjson"
    line = next(run.answers(0, jobs=1))
    wrong = [
        BoxedAnswers("other.png", answers=line.answers), BoxedAnswers("0.png"),
        BoxedAnswers("0.png", answers=(msgspec.structs.replace(line.answers[0], scores=()),)),
        BoxedAnswers("0.png", answers=(msgspec.structs.replace(line.answers[0], classes=(0, 9)),)),
    ]  # fmt: skip
    for number, each in enumerate([line, *wrong]):
        log.unlink(missing_ok=True)
        with journal.opened(log, run.head) as file:
            file.file.append(each)
        if number:
            with pytest.raises(RecordError, match="line 2 is not of this comparison"):
                list(run.kept(log))
        else:
            assert list(run.kept(log)) == [line]


# --- the command -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved_detector(tmp_path_factory.mktemp("package") / "quarters.mlpackage")


def test_the_command_from_coco_to_records(
    package: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    data, output = boxed_set(tmp_path / "data", PICTURES), tmp_path / "a.jsonl"
    command = [
        "accuracy", str(package), "--data", str(data), "--output", str(output), "--jobs", "2",
        "--runtime", "portable",
    ]  # fmt: skip
    assert terminal.run(app, command) == 0
    text = capfd.readouterr().out
    assert "detection: mAP by COCO's rules" in text
    assert "100.00 (100.0 to 100.0)" in text
    assert "published, mAP on COCO: " in text
    assert "top-1" not in text
    whole = log_path(output).read_bytes()
    log_path(output).write_bytes(b"".join(whole.splitlines(keepends=True)[:6]))
    assert terminal.run(app, [*command, "--json"]) == 0
    text = capfd.readouterr()
    assert "5 of 12 were answered before" in text.err
    assert log_path(output).read_bytes() == whole
    metrics, truth = json.loads(text.out)
    assert metrics["metrics"][0]["value"] == pytest.approx(1)
    assert truth["alike"] == 1


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--labels", "x.txt"], "--labels was named, and --data is COCO's instances"),
        (["--against", "x.h5"], "--against was named"),
        (["--images", "nowhere"], "nowhere lacks 12 of 12 pictures"),
        (["--limit", "0"], "limit is 0"),
        (["--recipe", "slim"], "recipe 'slim' cuts off"),
    ],
)
def test_mistakes_are_one_line(
    package: Path, arguments: list[str], complaint: str, tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    data = boxed_set(tmp_path / "data", PICTURES)
    command = ["accuracy", str(package), "--data", str(data), "--runtime", "portable"]
    assert terminal.run(app, [*command, *arguments]) == 2
    error = capfd.readouterr().err
    assert complaint in error
    assert error.count("\n") == 1
