"""mIOU of packages: made segmenters whose maps are known, from pictures and masks to records."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from bench.__main__ import app
from bench.accuracy import (
    class_overlap,
    journal,
    map_answers,
    masks,
    recipes,
    segmentation_run,
    segmenters,
)
from bench.accuracy.command import carry_out, log_path
from bench.accuracy.map_answers import MappedAnswers, SmallMap
from bench.accuracy.segmentation_run import SegmentationRun
from bench.results.metrics import GROUND_TRUTH, MetricComparison
from bench.results.records import Metrics, Record
from export.package import metadata
from export.prepared import prepare_checkpoint
from export.runtimes import in_pictures
from export.spec import ExportSpec
from made_segmenter import segmenter as made_segmenter
from mobilenet.common import terminal
from mobilenet.common.errors import ConfigError, RecordError, UnsupportedError
from mobilenet.common.size import Size
from mobilenet.preprocess import IN_CORNER
from picture_models import LABELS, SIZE, FakeSession, masked_set, packaged
from picture_models import segmenter as saved_segmenter

PICTURES = [
    ["red", "", "green", ""], ["blue", "blue", "", "blue"], *([["red", "green", "blue", ""]] * 9)
]  # fmt: skip
Answer = dict[str, np.ndarray | Image.Image]


def by_colour(picture: Image.Image) -> Answer:
    return {"logits": np.asarray(picture, np.float32).transpose(2, 0, 1)[None]}


def green_for_blue(picture: Image.Image) -> Answer:
    logits = np.array(by_colour(picture)["logits"])
    logits[:, 1] = logits[:, 1:].max(axis=1)
    logits[:, 2] = -1
    return {"logits": logits}


def prepared(data: Path, *sessions: FakeSession, recipe: str = "package") -> SegmentationRun:
    subjects = [
        segmenters.of_package(packaged(session, f"net{number}"))
        for number, session in enumerate(sessions)
    ]
    return segmentation_run.prepare(masks.find(data), subjects, [recipe], jobs=1)


# --- the metric ------------------------------------------------------------------------------


@given(st.integers(0, 1 << 32))
def test_overlap_is_that_of_sets(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 4, (3, 30)).astype(np.uint8)
    answer = np.where(rng.random((3, 30)) < 0.5, truth, rng.integers(0, 6, (3, 30))).astype(
        np.uint8
    )
    answers = [
        map_answers.MapAnswer(map_answers.class_counts(a, t), 1, SmallMap(1, 1, b""))
        for a, t in zip(answer, truth, strict=True)
    ]
    counts = map_answers.table(answers, 6)
    overlaps = []
    for number in range(6):
        both = ((truth == number) & (answer == number)).sum()
        either = ((truth == number) | (answer == number)).sum()
        overlaps.append(both / either if either else np.nan)
    np.testing.assert_allclose(class_overlap.class_overlaps(counts.sum(0)), overlaps)
    result = class_overlap.metrics(counts.sum(0))
    assert result.mean == pytest.approx(np.nanmean(overlaps))
    assert result.pixel_accuracy == pytest.approx((truth == answer).mean())
    times = np.array([[0, 2, 1]])
    again = class_overlap.resampled(counts, times)
    assert again.mean[0] == class_overlap.metrics(counts[[1, 1, 2]].sum(0)).mean


def test_ignored_pixels_do_not_count() -> None:
    truth = np.array([[0, 255, 1, 255]], np.uint8)
    (answer,) = map_answers.answers_of([np.array([[0, 1, 0, 2]], np.uint8)], truth)
    assert answer.counts == ((0, 1, 1, 2), (1, 0, 1, 0))
    (nothing,) = map_answers.answers_of([truth], np.full((1, 4), 255, np.uint8))
    assert (nothing.counts, nothing.alike) == ((), 1)


def test_small_maps_come_back() -> None:
    classes = np.arange(12, dtype=np.uint8).reshape(3, 4)
    np.testing.assert_array_equal(SmallMap.of(classes).classes(), classes)
    large = SmallMap.of(np.repeat(np.repeat(classes, 100, 0), 100, 1))
    assert (large.width, large.height) == (192, 144)
    np.testing.assert_array_equal(np.unique(large.classes()), np.arange(12))
    assert msgspec.structs.replace(large, height=143).classes() is None
    assert msgspec.structs.replace(large, pixels=b"zlib?").classes() is None


# --- geometry --------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(64, 48), (48, 64), (500, 333), (7, 90), (513, 513)])
def test_deeplabs_square_is_cropped_back(size: tuple[int, int]) -> None:
    """Stripes as wide as a tenth of the picture are where they were, but for their edges."""
    stripes = (np.arange(size[0]) * 10 // size[0] % 2 * 255).astype(np.uint8)
    picture = Image.fromarray(np.repeat(stripes[None], size[1], 0)).convert("RGB")
    recipe = recipes.named("deeplab")
    square = np.asarray(recipe.apply(picture, Size(513, 513)).convert("L"))
    assert recipe.region is not None
    region = recipe.region(size, Size(513, 513))
    back = in_pictures.at_size((square > 127).astype(np.uint8), region, size)
    assert back.shape == size[::-1]
    wrong = (back != (stripes > 127)[None]).mean()
    assert wrong < (0.03 if max(size) > 60 and min(size) > 10 else 0.2)
    outside = square[round(513 * region[3]) :]
    assert (outside == 128).all()


def test_nearest_is_the_pixel_of_each_centre() -> None:
    classes = np.arange(4, dtype=np.uint8).reshape(2, 2)
    expected = np.repeat(np.repeat(classes, 3, 0), 2, 1)
    np.testing.assert_array_equal(in_pictures.at_size(classes, (0, 0, 1, 1), (4, 6)), expected)
    np.testing.assert_array_equal(in_pictures.at_size(classes, (0, 0, 0.5, 1), (1, 2)), [[0], [2]])


# --- what a segmenter gives ------------------------------------------------------------------


def test_maps_in_every_form_are_one() -> None:
    labels = np.array([[0, 1], [2, 7]], np.int32)
    expected = [[0, 1], [2, in_pictures.NO_CLASS]]
    for value in (labels, labels[None, None], Image.fromarray(labels.astype(np.uint8))):
        np.testing.assert_array_equal(in_pictures.of_labels(value, 3), expected)
    np.testing.assert_array_equal(in_pictures.of_labels(-labels, 3), [[0, 255], [255, 255]])
    logits = np.zeros((1, 3, 1, 2), np.float32)
    logits[0, 2], logits[0, 1, 0, 1] = 1, np.nan
    np.testing.assert_array_equal(in_pictures.of_logits(logits, 3), [[2, in_pictures.NO_CLASS]])


METADATA = prepare_checkpoint(made_segmenter(), ExportSpec()).metadata.encode()
LISTED = {metadata.KEY: METADATA, metadata.LABELS_KEY: json.dumps(["c", "d"])}  # by our exports


def test_the_classes_of_a_map_are_named_somewhere() -> None:
    def labels(_: Image.Image) -> Answer:
        return {"semanticPredictions": np.zeros((SIZE, SIZE), np.int32)}

    preview = {"com.apple.coreml.model.preview.params": json.dumps({"labels": ["a", "b"]})}
    named = segmenters.of_package(packaged(FakeSession(labels, (), preview)))
    assert named.labels == ("a", "b")
    ours = segmenters.of_package(packaged(FakeSession(labels, (), LISTED)))
    assert ours.labels == ("c", "d")
    assert (named.geometry, ours.geometry) == (None, IN_CORNER)
    with pytest.raises(UnsupportedError, match="does not name its classes"):
        segmenters.of_package(packaged(FakeSession(labels, ())))
    with pytest.raises(UnsupportedError, match="gives label: no map"):
        segmenters.of_package(packaged(FakeSession(lambda _: {"label": np.zeros(3)})))
    many = FakeSession(labels, tuple(map(str, range(256))))
    with pytest.raises(UnsupportedError, match="has 256 classes"):
        segmenters.of_package(packaged(many))


# --- records ---------------------------------------------------------------------------------


def test_records_compare_segmenters_and_survive_a_file(tmp_path: Path) -> None:
    run = prepared(
        masked_set(tmp_path / "data", PICTURES),
        FakeSession(by_colour),
        FakeSession(green_for_blue),
    )
    records = carry_out(run, tmp_path / "a.jsonl", jobs=2)
    lines = (tmp_path / "a.jsonl").read_bytes().splitlines()[1:]
    assert [msgspec.json.decode(line, type=Record) for line in lines] == records
    good, truth, blind, to_blind, pair = records
    assert isinstance(good, Metrics)
    assert isinstance(blind, Metrics)
    assert [(each.name, round(each.value or 0, 2)) for each in good.metrics] == [
        ("mIOU", 1), ("pixel accuracy", 1),
    ]  # fmt: skip
    # red is right; green is 10 of 10 + 12 quarters, blue none of 12
    assert blind.metrics[0].value == pytest.approx((1 + 10 / 22 + 0) / 3, abs=0.02)
    assert blind.metrics[0].interval is not None
    assert [each.label for each in blind.classes] == list(LABELS)
    assert blind.classes[0].count == 10 * 64 * 48 // 4
    assert (blind.photographs.images, blind.photographs.classes) == (11, 3)
    for comparison in (truth, to_blind, pair):
        assert isinstance(comparison, MetricComparison)
    assert pair.difference == pytest.approx(-0.5152, abs=0.02)
    assert pair.interval is not None
    assert pair.interval[1] < 0
    assert len(to_blind.differences) == 10
    first = pair.differences[0]
    assert (first.image, first.alike) == ("01.png", 0)
    assert [each.caption for each in first.drawings] == [GROUND_TRUTH, good.name, blind.name]
    assert first.drawings[0].thumbnail != first.drawings[2].thumbnail


def test_answers_of_another_set_are_not_gone_on_with(tmp_path: Path) -> None:
    run = prepared(masked_set(tmp_path / "data", PICTURES[:2]), FakeSession(by_colour))
    line = next(run.answers(0, jobs=1))
    small = msgspec.structs.replace(line.answers[0], small=SmallMap(5, 5, b"x"))
    for number, each in enumerate(
        [line, MappedAnswers("01.png", answers=line.answers), MappedAnswers("00.png"),
         MappedAnswers("00.png", answers=(small,))]
    ):  # fmt: skip
        log = tmp_path / f"{number}.ndjson"
        with journal.opened(log, run.head) as file:
            file.file.append(each)
        if number:
            with pytest.raises(RecordError, match="line 2 is not of this comparison"):
                list(run.kept(log))
        else:
            assert list(run.kept(log)) == [line]


# --- data that does not fit ------------------------------------------------------------------


def repainted(name: str, mode: str, size: tuple[int, int], value: int) -> Callable[[Path], None]:
    picture = Image.new(mode, size, value)
    if mode == "P":
        picture.putpalette(bytes(range(256)) * 3)
    return lambda data: picture.save(data / "masks" / name)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (repainted("01.png", "L", (48, 64), 0), r"01\.png has 48 x 64 pixels, its picture 64 x"),
        (repainted("01.png", "L", (64, 48), 3), r"01\.png has class 3: the network has 3, from 0"),
        (repainted("01.png", "P", (64, 48), 254), r"01\.png has class 254"),
        (repainted("01.png", "RGB", (64, 48), 0), r"01\.png .*its pixels are RGB"),
        (repainted("01.png", "1", (64, 48), 0), r"01\.png .*its pixels are 1, not"),
        (repainted("77.png", "L", (64, 48), 0), r"77\.png: no picture"),
        (lambda data: (data / "masks/01.png").write_bytes(b"no"), r"01\.png is not a picture"),
        (lambda data: shutil.copy(data / "images/01.png", data / "images/01.jpg"), "of one stem"),
        (lambda data: [path.unlink() for path in (data / "masks").iterdir()], "holds no PNG"),
    ],
)  # fmt: skip
def test_masks_that_do_not_fit_are_one_line(
    change: Callable[[Path], object], complaint: str, tmp_path: Path
) -> None:
    data = masked_set(tmp_path / "data", PICTURES[:2])
    change(data)
    with pytest.raises(ConfigError, match=complaint) as error:
        prepared(data, FakeSession(by_colour))
    assert error.value.hint
    assert "\n" not in error.value.message


def test_pictures_without_a_mask_are_left_out_and_broken_ones_named(tmp_path: Path) -> None:
    data = masked_set(tmp_path / "data", PICTURES[:3])
    (data / "masks/00.png").unlink()
    (data / "images/02.png").write_bytes(b"no picture")
    assert masks.find(data).notes == ("left out: 00.png, without a mask",)
    metrics, _ = carry_out(prepared(data, FakeSession(by_colour)), tmp_path / "a.jsonl", jobs=1)
    assert isinstance(metrics, Metrics)
    assert metrics.images == 1
    assert metrics.broken[0].startswith("02.png: it is none of")
    assert metrics.metrics[0].interval is None  # of one picture


def test_no_picture_at_all_is_no_figure(tmp_path: Path) -> None:
    data = masked_set(tmp_path / "data", PICTURES[:1])
    (data / "images/00.png").write_bytes(b"no picture")
    run = prepared(data, FakeSession(by_colour), FakeSession(green_for_blue))
    metrics, *_, pair = carry_out(run, tmp_path / "a.jsonl", jobs=1)
    assert isinstance(metrics, Metrics)
    assert isinstance(pair, MetricComparison)
    assert {each.value for each in metrics.metrics} == {pair.difference, pair.alike} == {None}


def test_segmenters_of_other_classes_do_not_meet(tmp_path: Path) -> None:
    data = masked_set(tmp_path / "data", PICTURES[:1])
    with pytest.raises(ConfigError, match="net1 and net0 have different classes"):
        prepared(data, FakeSession(by_colour), FakeSession(by_colour, ("a", "b", "c")))


# --- the command -----------------------------------------------------------------------------


def test_the_command_from_masks_to_records(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    packages = [
        saved_segmenter(tmp_path / f"{output}.mlpackage", output)
        for output in ("logits", "labels")
    ]
    data, output = masked_set(tmp_path / "data", PICTURES), tmp_path / "a.jsonl"
    command = [
        "accuracy", *map(str, packages), "--data", str(data), "--output", str(output),
        "--jobs", "1", "--runtime", "portable",
    ]  # fmt: skip
    assert terminal.run(app, command) == 0
    text = capfd.readouterr().out
    assert "segmentation: mIOU" in text
    assert "published, mIOU on Cityscapes val: " in text
    assert "alike in 100.00 % of pixels that are not ignored" in text
    assert "top-1" not in text
    whole = log_path(output).read_bytes()
    log_path(output).write_bytes(b"".join(whole.splitlines(keepends=True)[:4]))
    assert terminal.run(app, [*command, "--json"]) == 0
    text = capfd.readouterr()
    assert "3 of 11 were answered before" in text.err
    assert log_path(output).read_bytes() == whole
    first, _, second, *_ = json.loads(text.out)
    assert first["metrics"] == second["metrics"]
    assert first["metrics"][0]["value"] > 0.99
