"""Accuracy of packages: made photographs with known answers, and peers for every formula."""

import csv
import json
import math
import pickle
import struct
import zlib
from collections.abc import Callable, Sequence
from functools import partial
from itertools import combinations
from pathlib import Path
from types import SimpleNamespace

import msgspec
import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import crashing
import fake_native
from bench.__main__ import app
from bench.accuracy import (
    classifiers,
    evaluate,
    journal,
    photographs,
    picture_pass,
    plan,
    predictions,
    recipes,
)
from bench.accuracy.class_mapping import imagenet_offset, outputs_of
from bench.accuracy.classifiers import Classifier
from bench.accuracy.command import log_path
from bench.accuracy.decode import Wanted, decode, decode_all
from bench.accuracy.evaluate import Evaluation
from bench.accuracy.evaluate import predictions as answer_all
from bench.accuracy.predictions import Answer, Prediction
from bench.accuracy.tally import MAX_DISAGREEMENTS, AccuracyTally
from bench.results.disagreements import Agreement
from bench.results.records import Accuracy, Model, Record
from bench.session import cases
from bench.workers.process import Outcome
from bench.workers.protocol import Units
from conftest import PHOTO
from export.runtimes import coreml
from mobilenet.checkpoint import Checkpoint
from mobilenet.common import proportions, terminal
from mobilenet.common.children import ChildPool
from mobilenet.common.errors import ConfigError, RecordError
from mobilenet.common.size import Size
from mobilenet.labels import BACKGROUND, imagenet_labels, wordnet_ids
from mobilenet.preprocess import STANDARD_CROP, Geometry

SIZE = Size(24, 32)
SQUARE = Size(64, 64)
COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}
LABELS = tuple(COLOURS)
SQUASH = recipes.named("squash")


# --- statistics -----------------------------------------------------------------------------


@given(total=st.integers(1, 5000), share=st.floats(0, 1))
def test_interval_is_scipys_wilson(total: int, share: float) -> None:
    right = round(share * total)
    expected = scipy.stats.binomtest(right, total).proportion_ci(0.95, "wilson")
    assert proportions.wilson(right, total) == pytest.approx(tuple(expected), abs=1e-12)


def test_interval_of_nothing_is_everything() -> None:
    assert proportions.wilson(0, 0) == (0, 1)


@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_is_scipys_binomial_test(only_reference: int, only_other: int) -> None:
    p = proportions.mcnemar_worse(only_reference, only_other)
    if only_reference + only_other == 0:
        assert p == 1
        return
    n = only_reference + only_other
    expected = scipy.stats.binomtest(only_reference, n, 0.5, "greater").pvalue
    assert p == pytest.approx(expected, rel=1e-9)


def test_mcnemar_on_a_whole_validation_set() -> None:
    assert 0 < proportions.mcnemar_worse(2600, 2400) < 0.01
    assert proportions.mcnemar_worse(5000, 0) == 0.5**5000 == 0


def test_quantile_is_a_value_that_was() -> None:
    values = [float(i) for i in range(1, 101)]
    assert [proportions.quantile(values, q) for q in (0, 0.5, 0.99, 1)] == [1, 50, 99, 100]


# --- classes --------------------------------------------------------------------------------


def test_imagenet_classes_by_any_name() -> None:
    names = ["n02123045", "tabby", "Tabby", "281"]
    assert outputs_of(names, imagenet_labels(), 1000, "net") == dict.fromkeys(names, 281)
    background = (BACKGROUND, *imagenet_labels())
    assert outputs_of(names, background, 1001, "net") == dict.fromkeys(names, 282)
    assert outputs_of(names, (), 1001, "net") == dict.fromkeys(names, 282)


def test_every_wordnet_id_is_its_place() -> None:
    assert list(outputs_of(wordnet_ids(), (), 1000, "net").values()) == list(range(1000))


def test_labels_of_others_are_imagenets_when_they_are_worded_alike() -> None:
    wordy = tuple(f"{label.split(' (')[0]}, and so on" for label in imagenet_labels())
    assert imagenet_offset(wordy, 1000) == 0
    assert outputs_of(["n02123045"], wordy, 1000, "net") == {"n02123045": 281}
    assert imagenet_offset(tuple(f"thing {i}" for i in range(1000)), 1000) is None


def test_own_labels() -> None:
    labels = ("golden retriever", "tabby", "7")
    expected = {"Golden_Retriever": 0, "n02123045": 1, "7": 2}
    assert outputs_of(expected, labels, 3, "net") == expected
    assert outputs_of(["1"], labels, 3, "net") == {"1": 1}


def test_a_class_without_an_output_is_an_error() -> None:
    with pytest.raises(ConfigError, match="no output for 2 of 3 classes: 'val', '12'"):
        outputs_of(["tabby", "val", "12"], ("tabby",), 1, "net")


# --- photographs ----------------------------------------------------------------------------


def made(folder: Path, names: Sequence[str], colour: tuple[int, int, int] = (9, 99, 200)) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (40, 30), colour).save(folder / name, "PNG")
    return folder


def truths(folder: Path, labels: Path | None = None) -> dict[str, str]:
    return {one.name: one.truth for one in photographs.find(folder, labels).photographs}


def test_folders_by_class(tmp_path: Path) -> None:
    names = ["n02123045/b.JPEG", "tabby/a.png", "n02085620-Chihuahua/images/c.jpg"]
    made(tmp_path, [*names, ".hidden/x.jpg", "tabby/._a.png"])
    (tmp_path / "README.md").write_text("hello")
    assert truths(tmp_path) == {
        names[2]: "n02085620", names[0]: "n02123045", names[1]: "tabby",
    }  # fmt: skip
    assert photographs.find(tmp_path).notes == ("left out: README.md, no photograph by name",)


def test_names_that_begin_with_a_wordnet_id(tmp_path: Path) -> None:
    made(tmp_path, ["n02123045_1.jpg", "n01440764.png"])
    assert truths(tmp_path) == {"n01440764.png": "n01440764", "n02123045_1.jpg": "n02123045"}
    made(tmp_path, ["n0212304567.jpg"])
    with pytest.raises(ConfigError, match=r"class of n0212304567.jpg cannot be told"):
        photographs.find(tmp_path)


def test_a_list_of_classes(tmp_path: Path) -> None:
    made(tmp_path, ["a.jpg", "sub/b.jpg", "c.jpg"])
    (tmp_path / "val.txt").write_text("a.jpg 281\nb.jpg\tGolden retriever\ngone.jpg 3\n\n")
    assert truths(tmp_path) == {"a.jpg": "281", "sub/b.jpg": "Golden retriever"}
    assert photographs.find(tmp_path).notes == (
        "left out: c.jpg, not named in val.txt", "not found: gone.jpg, named in val.txt",
    )  # fmt: skip


def test_kaggles_list(tmp_path: Path) -> None:
    made(tmp_path / "data", ["ILSVRC2012_val_00048981.JPEG"])
    with (tmp_path / "list.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["ImageId", "PredictionString"])
        rows.writerow(["ILSVRC2012_val_00048981", "n03995372 85 1 499 272 "])
    found = truths(tmp_path / "data", tmp_path / "list.csv")
    assert found == {"ILSVRC2012_val_00048981.JPEG": "n03995372"}


def test_a_list_opens_nothing_outside_the_folder(tmp_path: Path) -> None:
    made(tmp_path, ["secret.jpg", "data/a.jpg"])
    (tmp_path / "data/val.txt").write_text("a.jpg 1\n../secret.jpg 2\n/etc/passwd 3\n")
    assert truths(tmp_path / "data") == {"a.jpg": "1"}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [("a.jpg\n", "line 1.*no class"), ("a.jpg 1\na.jpg 2\n", "line 2: a.jpg has two classes"),
     ("\xff", "not UTF-8"), ("b.jpg 1\n", "names none")],
)  # fmt: skip
def test_lists_that_are_none(tmp_path: Path, text: str, complaint: str) -> None:
    made(tmp_path, ["a.jpg"])
    (tmp_path / "val.txt").write_bytes(text.encode("latin-1"))
    with pytest.raises(ConfigError, match=complaint):
        photographs.find(tmp_path)


def test_folders_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is not a folder"):
        photographs.find(tmp_path / "missing")
    with pytest.raises(ConfigError, match="holds no photographs"):
        photographs.find(tmp_path)


def test_a_limit_is_spread_evenly(tmp_path: Path) -> None:
    made(tmp_path, [f"{c}/{i}.png" for c in "abcd" for i in range(5)])
    dataset = photographs.find(tmp_path)
    assert [one.name for one in dataset.limited(4).photographs] == [f"{c}/0.png" for c in "abcd"]
    assert dataset.limited(None) is dataset.limited(99) is dataset
    assert dataset.summary().digest != dataset.limited(4).summary().digest
    with pytest.raises(ConfigError, match="limit is 0"):
        dataset.limited(0)


# --- recipes --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", recipes.RECIPES)
@pytest.mark.parametrize("size", [(90, 40), (31, 77), (5, 5)])
@pytest.mark.parametrize("wanted", [Size(48, 48), Size(32, 48)])
def test_every_recipe_gives_the_size(name: str, size: tuple[int, int], wanted: Size) -> None:
    recipe = pickle.loads(pickle.dumps(recipes.named(name)))
    picture = recipe.apply(Image.new("RGB", size, (10, 20, 30)), wanted)
    assert (picture.size, picture.mode) == ((48, wanted.height), "RGB")
    corner = name == "deeplab"
    assert picture.getpixel((5, 5) if corner else (24, 16)) == (10, 20, 30)
    assert f"{wanted.height} x 48" in recipe.describe(wanted)


def test_recipes_of_one_photograph_differ() -> None:
    photo = Image.open(PHOTO).convert("RGB")
    pictures = {name: np.asarray(r.apply(photo, SQUARE)) for name, r in recipes.RECIPES.items()}
    for (one, first), (other, second) in combinations(pictures.items(), 2):
        assert np.abs(first - second.astype(float)).mean() > 1, (one, other)


def test_named_recipes_are_what_they_cite() -> None:
    photo = Image.open(PHOTO).convert("RGB")
    for name, geometry in [("torchvision", Geometry()), ("timm", Geometry(0.875, "bicubic"))]:
        np.testing.assert_array_equal(
            recipes.named(name).apply(photo, SQUARE), geometry.apply(photo, 64)
        )
    package = recipes.of_package(Geometry(0.9, "bicubic"), SQUARE)
    np.testing.assert_array_equal(
        package.apply(photo, SQUARE), Geometry(0.9, "bicubic").apply(photo, 64)
    )
    assert package.describe(SQUARE) == "shorter side 71, bicubic, centre 64 x 64"
    oblong = recipes.of_package(Geometry(0.9, "bicubic"), Size(64, 96))
    assert oblong.describe(Size(64, 96)) == "to cover 71 x 106, bicubic, centre 64 x 96"
    with pytest.raises(ConfigError, match="recipe 'caffe' is unknown"):
        recipes.named("caffe")


@pytest.mark.parametrize("shape", [(40, 30), (17, 23), (101, 64)])
def test_slim_is_tensorflows_crop_and_legacy_resize(
    shape: tuple[int, int], rng: np.random.Generator
) -> None:
    pixels = rng.integers(0, 256, (*shape, 3), np.uint8)
    got = np.asarray(recipes.slim(Image.fromarray(pixels), Size(24, 24)))
    top, left = (int((n - n * 0.875) / 2) for n in shape)
    cut = pixels[top : shape[0] - top, left : shape[1] - left].astype(np.float64)
    height, width = cut.shape[:2]
    for i in range(24):
        for j in range(24):
            y, x = i * height / 24, j * width / 24  # LegacyScaler: no half pixel
            y0, x0 = int(y), int(x)
            y1, x1 = min(y0 + 1, height - 1), min(x0 + 1, width - 1)
            upper = cut[y0, x0] + (cut[y0, x1] - cut[y0, x0]) * (x - x0)
            lower = cut[y1, x0] + (cut[y1, x1] - cut[y1, x0]) * (x - x0)
            assert np.abs(got[i, j] - (upper + (lower - upper) * (y - y0))).max() <= 0.501


# --- decoding -------------------------------------------------------------------------------


def test_broken_photographs_say_why(tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "cut.jpg").write_bytes(PHOTO.read_bytes()[:5000])
    (tmp_path / "text.png").write_text("hello")
    (tmp_path / "head.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 30)
    (tmp_path / "folder.jpg").mkdir()
    for path in tmp_path.iterdir():
        reason = decode(path, [Wanted(SQUASH, SIZE)])
        assert isinstance(reason, str)
        assert reason
        assert str(tmp_path) not in reason
        assert "\n" not in reason


def bomb() -> bytes:
    """The beginning of a PNG of 400 megapixels."""
    header = b"IHDR" + struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0)
    checksum = struct.pack(">I", zlib.crc32(header))
    data = struct.pack(">I", 100) + b"IDAT"
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + checksum + data


def test_a_photograph_that_kills_the_decoder_is_named(tmp_path: Path) -> None:
    made(tmp_path, ["a.png", "c.png"])
    made(tmp_path, ["b.png"], COLOURS["red"])
    (tmp_path / "d.png").write_bytes(bomb())
    paths = sorted(tmp_path.iterdir())
    wanted = [Wanted(recipes.Recipe("x", "", "", crashing.on_red), SIZE)]
    with ChildPool(1) as pool:
        results = pool.submit(partial(decode_all, paths, wanted)).result()
        assert [isinstance(one, str) for one in results] == [False, True, False, True]
        assert results[1] == "its process ended: exit code 7"
        assert "exceeds limit" in str(results[3])
        again = pool.submit(partial(decode_all, paths[:1], wanted)).result()
    assert again == [results[0]]
    assert len(results[0][0]) == SIZE.area * 3


# --- answering ------------------------------------------------------------------------------


def model(name: str) -> Model:
    return Model(name=name, identity=name * 3, size_bytes=1, trained=True)


def by_colour(pictures: Sequence[Image.Image]) -> np.ndarray:
    """Log-probabilities of a network that tells the three colours apart."""
    means = np.stack([np.asarray(p, np.float32).mean((0, 1)) for p in pictures])
    return classifiers.log_probabilities(means / 20, True)


def classifier(
    name: str = "net",
    answer: Callable[..., np.ndarray] = by_colour,
    labels: tuple[str, ...] = LABELS,
) -> Classifier:
    return Classifier(
        model(name),
        "fake",
        "CPU",
        SIZE,
        len(labels),
        labels,
        True,
        answer,
        geometry=STANDARD_CROP,
    )


def evaluation(one: Classifier) -> Evaluation:
    return Evaluation(one, SQUASH, outputs_of(LABELS, one.labels, one.outputs, "net"))


def colours(folder: Path, each: int = 10) -> Path:
    """`each` photographs of every colour, and one green one that is filed as blue."""
    for name, colour in COLOURS.items():
        made(folder, [f"{name}/{i}.png" for i in range(each)], colour)
    return made(folder, ["blue/wrong.png"], COLOURS["green"])


def test_known_answers_in_order_and_with_bounded_memory(tmp_path: Path) -> None:
    dataset = photographs.find(colours(tmp_path, each=80))
    (tmp_path / "green/5.png").write_bytes(b"broken")
    asked: list[int] = []

    def counting(pictures: Sequence[Image.Image]) -> np.ndarray:
        asked.append(len(pictures))
        return by_colour(pictures)

    answers = answer_all(
        dataset.photographs, [evaluation(classifier(answer=counting))], [], jobs=2
    )
    first = next(answers)
    assert sum(asked) <= (picture_pass.AHEAD * 2 + 1) * picture_pass.BATCH
    everything = [first, *answers]
    assert [one.image for one in everything] == [one.name for one in dataset.photographs]
    assert sum(asked) == len(everything) - 1
    for one in everything:
        if one.image == "green/5.png":
            assert "none of JPEG, PNG" in one.broken
        elif one.image == "blue/wrong.png":
            assert one.answers[0].first == (1, 0, 2)
            assert one.answers[0].rank == 3
        else:
            assert one.answers[0].rank == 1
            assert one.answers[0].probability > 0.99


def test_nan_is_wrong_whatever_its_place() -> None:
    good = evaluate.answer(np.log(np.array([0.7, 0.2, 0.1], np.float32)), 1)
    assert good == Answer((0, 1, 2), 0.7, 2)
    nan = evaluate.answer(np.array([np.nan, -0.1, -3], np.float32), 1)
    assert (nan.rank, nan.finite) == (0, False)
    certain = evaluate.answer(np.array([0, -np.inf, -np.inf], np.float32), 0)
    assert (certain.rank, certain.finite) == (1, True)


def test_equal_scores_are_ranked_by_output() -> None:
    assert evaluate.answer(np.zeros(9, np.float32), 4).rank == 5
    assert evaluate.answer(np.zeros(9, np.float32), 5).rank == 0


def test_log_probabilities() -> None:
    logits = np.array([[3.0, 1.0, -900.0]])
    softmax = np.exp(logits) / np.exp(logits).sum()
    np.testing.assert_allclose(
        np.exp(classifiers.log_probabilities(logits, True)), softmax, atol=1e-7
    )
    assert classifiers.log_probabilities(softmax, False)[0, 2] == -np.inf


def test_difference_of_probabilities_ends_where_float16_does() -> None:
    one, other = np.log(np.array([[0.9, 1e-6], [0.8, 1e-9]], np.float32))
    assert classifiers.largest_difference(one, other, True) == pytest.approx(math.log(1000), 1e-5)
    assert classifiers.largest_difference(one, other, False) == pytest.approx(
        math.log(9 / 8), 1e-5
    )
    assert classifiers.largest_difference(one, other[:1], True) is None
    assert classifiers.largest_difference(one, other * np.nan, True) is None


# --- records --------------------------------------------------------------------------------


def compared(
    tmp_path: Path, *others: Classifier
) -> tuple[plan.AccuracyRun, list[Accuracy | Agreement]]:
    dataset = photographs.find(colours(tmp_path))
    ready = plan.prepare(dataset, [classifier(), *others], ["squash"])
    summary = AccuracyTally(ready.head, ready.evaluations, tmp_path)
    for one in answer_all(dataset.photographs, ready.evaluations, ready.head.pairs, jobs=1):
        summary.add(one)
    return ready, list(summary.records("now"))


def colour_blind(pictures: Sequence[Image.Image]) -> np.ndarray:
    """Takes red for green."""
    scores = by_colour(pictures)
    return scores[:, [1, 0, 2]] if scores[0, 0] > scores[0, 1] else scores


def test_records_count_compare_and_survive_a_file(tmp_path: Path) -> None:
    worded = ("Blue", "Green", "Red")  # the same network with its outputs the other way round
    turned = classifier("turned", lambda p: by_colour(p)[:, ::-1], worded)

    def each(pictures: Sequence[Image.Image]) -> np.ndarray:
        return np.concatenate([colour_blind([picture]) for picture in pictures])

    _, records = compared(tmp_path, classifier("blind", each), turned)
    lines = b"\n".join(map(msgspec.json.encode, records)).splitlines()
    assert [msgspec.json.decode(line, type=Record) for line in lines] == records
    good, blind, same = (record for record in records if isinstance(record, Accuracy))
    assert (good.images, good.top1, good.top5) == (31, 30, 31)
    assert good.top1_interval == proportions.wilson(30, 31)
    assert (same.top1, blind.top1) == (30, 20)
    to_blind, to_same = (record for record in records if isinstance(record, Agreement))
    assert (to_blind.same_top1, to_same.same_top1) == (21, 31)
    assert (to_blind.only_reference_right, to_blind.only_other_right) == (10, 0)
    assert to_blind.p_worse == 0.5**10
    assert to_same.p_worse == 1
    assert len(to_blind.disagreements) == 10
    disagreement = to_blind.disagreements[0]
    assert (disagreement.truth, disagreement.answers) == ("red", ("red", "green"))
    assert disagreement.thumbnail.startswith("data:image/jpeg;base64,")
    assert len(disagreement.thumbnail) < 4000
    assert to_blind.error_of == "logits"
    assert to_blind.error_p50 == 0
    assert to_blind.error_max == pytest.approx(255 / 20, rel=1e-3)


def test_partings_are_few_and_the_weightiest(tmp_path: Path) -> None:
    ready, _ = compared(tmp_path, classifier("other"))
    summary = AccuracyTally(ready.head, ready.evaluations, tmp_path)
    for i in range(100):
        right = i % 10 == 3
        answers = (Answer((0, 1), i / 100, 1 if right else 0), Answer((1, 0), 0.5, 0))
        summary.add(Prediction(image=f"{i}.png", truth="red", answers=answers, errors=(None,)))
    *_, agreement = summary.records("now")
    assert isinstance(agreement, Agreement)
    assert len(agreement.disagreements) == MAX_DISAGREEMENTS
    first = [disagreement.image for disagreement in agreement.disagreements]
    assert first[:10] == [f"{i}.png" for i in range(93, 0, -10)]
    assert first[10:12] == ["99.png", "98.png"]
    assert agreement.error_max is None
    assert agreement.disagreements[0].thumbnail == ""  # there is no such file


def test_pairs_are_rivals_and_recipes(tmp_path: Path) -> None:
    dataset = photographs.find(colours(tmp_path, each=1))
    names = ["package", "squash", "package"]
    ready = plan.prepare(dataset, [classifier("a"), classifier("b")], names)
    named = [one.name for one in ready.head.evaluations]
    assert named == [f"{s} | fake | CPU | {r}" for s in "ab" for r in ("package", "squash")]
    pairs = {(pair.reference, pair.other) for pair in ready.head.pairs}
    assert pairs == {(0, 1), (0, 2), (1, 3), (2, 3)}


# --- the log --------------------------------------------------------------------------------


def test_a_log_goes_on_where_it_was_cut(tmp_path: Path) -> None:
    ready, _ = compared(tmp_path / "photographs")
    path = tmp_path / "new" / "log.ndjson"
    shown = ready.dataset.photographs
    some = [Prediction(image=p.name, truth=p.truth, broken="why") for p in shown[:3]]
    with journal.opened(path, ready.head) as log:
        assert log.done == 0
        for one in some[:2]:
            log.file.append(one)
        with pytest.raises(RecordError, match="another run"), journal.opened(path, ready.head):
            pass
    with path.open("ab") as file:
        file.write(b'{"image": "cut in the mi' + b"x" * 70_000)
    with journal.opened(path, ready.head) as log:
        assert log.done == 2
        log.file.append(some[2])
    assert list(predictions.read(path, ready.head, shown)) == some
    other = msgspec.structs.replace(ready.head, tool="another")
    with pytest.raises(RecordError, match="another comparison"), journal.opened(path, other):
        pass
    path.write_bytes(path.read_bytes() + b"nonsense\n")
    with pytest.raises(RecordError, match="line 5"):
        list(predictions.read(path, ready.head, shown))
    for line in (some[0], Prediction(image=shown[3].name, truth=shown[3].truth)):
        lines = path.read_bytes().splitlines(keepends=True)
        path.write_bytes(b"".join([*lines[:4], msgspec.json.encode(line) + b"\n"]))
        with pytest.raises(RecordError, match="line 5 is not of this comparison"):
            list(predictions.read(path, ready.head, shown))


# --- the command ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def package(hot: Checkpoint, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from export import pipeline
    from export.spec import ExportSpec

    path = tmp_path_factory.mktemp("package") / "hot.mlpackage"
    return pipeline.export(hot, path, spec=ExportSpec(precision="fp32"), verify=False).path


@pytest.fixture
def answered(hot: Checkpoint, tmp_path: Path) -> Path:
    """Photographs filed under what PyTorch says of them."""
    from export.verify import reference

    photo = Image.open(PHOTO).convert("RGB")
    for i in range(20):
        part = photo.crop((10 * i, 5 * i, 10 * i + 150, 5 * i + 180))
        logits = reference.of_network(hot, [hot.geometry.apply(part, 96)]).logits
        folder = tmp_path / "photographs" / hot.labels[int(logits.argmax())]
        folder.mkdir(parents=True, exist_ok=True)
        part.save(folder / f"{i}.png")
    return tmp_path / "photographs"


def test_the_command_from_photographs_to_records(
    package: Path,
    answered: Path,
    hot: Checkpoint,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from mobilenet import store

    store.save(hot, tmp_path / "hot.safetensors")
    output = tmp_path / "a.jsonl"
    (answered / hot.labels[3]).mkdir(exist_ok=True)
    (answered / hot.labels[3] / "broken.jpg").write_bytes(b"no photograph")
    command = [
        "accuracy", str(package), "--data", str(answered), "--output", str(output), "--jobs", "1",
        "--runtime", "portable", "--against", str(tmp_path / "hot.safetensors"),
    ]  # fmt: skip
    assert terminal.run(app, command) == 0
    text = capfd.readouterr()
    assert "1 of 21 photographs not opened: " in text.out
    assert "broken.jpg: it is none of JPEG, PNG" in text.out
    assert "untrained" in text.out
    records = [msgspec.json.decode(line, type=Record) for line in output.read_bytes().splitlines()]
    torch, portable, agreement = records[1:]
    assert isinstance(torch, Accuracy)
    assert isinstance(portable, Accuracy)
    assert isinstance(agreement, Agreement)
    assert torch.top1 == torch.images == portable.top1 == portable.images == 20
    assert (portable.precision, portable.recipe) == ("float32", "package")
    assert agreement.same_top1 == 20
    assert agreement.error_of == "logits"
    assert agreement.error_max is not None
    assert agreement.error_max < 1e-3

    log = log_path(output)
    whole = log.read_bytes()
    log.write_bytes(b"".join(whole.splitlines(keepends=True)[:8]))  # as if it had been stopped
    assert terminal.run(app, [*command, "--json"]) == 0
    text = capfd.readouterr()
    assert "7 of 21 were answered before" in text.err
    assert log.read_bytes() == whole
    again = json.loads(text.out)
    assert [one["top1"] for one in again[:2]] == [20, 20]

    monkeypatch.setattr(evaluate, "predictions", None)  # nothing is answered twice
    assert terminal.run(app, [*command, "--limit", "5"]) == 2
    assert "another comparison" in capfd.readouterr().err


def test_core_mls_units_are_compared(
    package: Path, answered: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_native.install(monkeypatch)
    monkeypatch.setattr(coreml, "sys", SimpleNamespace(platform="darwin"))
    dataset = photographs.find(answered)
    units = ("CPU_ONLY", "ALL")
    here = Outcome("ok", "", Units(units))  # a worker is a process of its own, without the fake
    monkeypatch.setattr(cases, "units_here", lambda *_: here)
    ready = plan.prepare(
        dataset, plan.load([package], ["coreml"], units, None, tmp_path), ["package"]
    )
    answers = list(answer_all(dataset.photographs, ready.evaluations, ready.head.pairs, jobs=2))
    assert [one.name for one in ready.head.evaluations] == [
        f"hot | coreml | {unit} | package" for unit in units
    ]
    assert all(one.answers[0].rank == one.answers[1].rank == 1 for one in answers)
    assert [pair.logits for pair in ready.head.pairs] == [False]  # probabilities are all there is
    assert all(one.errors[0] is not None and one.errors[0] < 1e-3 for one in answers)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--recipe", "caffe"], "recipe 'caffe' is unknown"),
        (["--precision", "declared", "--runtime", "coreml"], "precision declared on coreml"),
        (["--runtime", "tflite"], "runtime 'tflite' is unknown"),
        (["--jobs", "0"], "jobs is 0"),
        (["--data", "missing"], "is not a folder"),
    ],
)
def test_mistakes_are_one_line(
    package: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], arguments: list[str],
    complaint: str,
) -> None:  # fmt: skip
    data = [] if "--data" in arguments else ["--data", str(colours(tmp_path))]
    assert terminal.run(app, ["accuracy", str(package), *data, *arguments]) == 2
    error = capfd.readouterr().err
    assert complaint in error
    assert error.count("\n") == 1


def test_help_needs_neither_numpy_nor_pillow() -> None:
    import subprocess
    import sys

    code = (
        "import sys, bench.accuracy.command; "
        "print({'numpy', 'PIL', 'torch', 'coremltools'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_real_weights_on_real_photographs(tmp_path: Path) -> None:
    """Answers of TensorFlow 2.21 to the same weights: shorter side 256, bilinear, centre crop."""
    import skimage.data

    from export import pipeline
    from mobilenet.weights.resolve import load_weights

    checkpoint, _ = load_weights(alpha=0.25, offline=True)
    path = tmp_path / "full.mlpackage"
    pipeline.export(checkpoint, path, verify=False)
    expected = {"chelsea": 0.527, "coffee": 0.897, "rocket": 0.432}
    for name, label in zip(expected, ("Egyptian cat", "espresso", "mosque"), strict=True):
        folder = tmp_path / "data" / label
        folder.mkdir(parents=True)
        Image.fromarray(getattr(skimage.data, name)()).save(folder / f"{name}.png")
    dataset = photographs.find(tmp_path / "data")
    for precision, error in (("float32", 0.5), ("declared", 1.0)):
        (tmp_path / precision).mkdir()
        made = plan.load([path], ["portable"], (), precision, tmp_path / precision)
        ready = plan.prepare(dataset, [classifiers.of_checkpoint(checkpoint), *made], ["package"])
        for one in answer_all(dataset.photographs, ready.evaluations, ready.head.pairs, jobs=1):
            probability = expected[Path(one.image).stem]
            assert [answer.rank for answer in one.answers] == [1, 1]
            assert one.answers[0].probability == pytest.approx(probability, abs=0.006)
            assert one.answers[1].probability == pytest.approx(probability, abs=0.03)
            assert one.errors[0] is not None
            assert one.errors[0] < error
