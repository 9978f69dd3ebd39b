"""The claim: a pipeline takes no more than a single model may, however often it names one, and
what a suppression would take is told before it is taken."""

import resource
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from export.inspect.inspect import inspect
from export.mil import footprint
from export.mil.read.model import read_any
from export.mil.read.pipeline_file import MAX_MODELS
from export.mil.read.specification import Message
from export.runtimes.suppression_session import MAX_CANDIDATES
from mobilenet.common.errors import PackageError, UnsupportedError, UserError
from model_messages import ProgramMessage, image, save
from programs import run_package
from small_models import detector

GIB_IN_KB = 1 << 20


@pytest.fixture(autouse=True)
def memory() -> Iterator[None]:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < GIB_IN_KB


def nested(depth: int) -> Message:
    model = detector().model
    for _ in range(depth):
        outer = image()
        outer.description.CopyFrom(model.description)
        outer.pipeline.models.add().CopyFrom(model)
        model = outer
    return model


def crowded() -> Message:
    model = image()
    for _ in range(MAX_MODELS + 1):
        model.pipeline.models.add().CopyFrom(detector().model.pipeline.models[0])
    return model


def rows() -> Message:
    model = detector().model
    array = model.pipeline.models[1].description.output[0].type.multiArrayType
    array.shapeRange.sizeRanges[0].lowerBound = 1 << 40
    return model


def classes() -> Message:
    """Names for more classes than there are scores."""
    model = detector().model
    nms = model.pipeline.models[1].nonMaximumSuppression
    nms.stringClassLabels.vector.extend(["one more"])
    return model


ATTACKS: dict[str, tuple[Callable[[], Message], str]] = {
    "deep": (lambda: nested(9), "nests pipelines 8 deep"),
    "many": (crowded, f"a pipeline has {MAX_MODELS + 1} models"),
    "rows": (rows, "gives at least 1,099,511,627,776 boxes"),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_what_no_pipeline_has_is_refused_at_once(name: str, tmp_path: Path) -> None:
    build, message = ATTACKS[name]
    path = save(tmp_path / "p.mlpackage", build(), bytes(detector().weights))
    for work in (read_any, inspect):
        with pytest.raises(PackageError, match=message):
            work(path)


def test_depth_that_is_allowed_runs(tmp_path: Path) -> None:
    path = save(tmp_path / "p.mlpackage", nested(7), bytes(detector().weights))
    white = np.full((8, 8, 3), 255, np.uint8)
    assert len(run_package(path, {"image": picture(white)})["scores"]) >= 2


def picture(pixels: np.ndarray) -> object:
    from PIL import Image

    return Image.fromarray(pixels)


def test_scores_of_other_classes_than_are_named(tmp_path: Path) -> None:
    path = save(tmp_path / "p.mlpackage", classes(), bytes(detector().weights))
    with pytest.raises(UserError, match=r"have shapes \(48, 4\) and \(48, 4\)"):
        run_package(path, {"image": picture(np.zeros((8, 8, 3), np.uint8))})


def test_weights_that_many_models_share_count_for_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are stored once, and would be held as often as they are named."""
    program = ProgramMessage()
    program.blob("table", np.ones((3, 8, 8), np.float32))
    program.gives(program.op("add", "image2", (1, 3, 8, 8), x="image", y="table"))
    model = image()
    model.description.output.add().CopyFrom(program.model.description.output[0])
    for _ in range(40):
        model.pipeline.models.add().CopyFrom(program.model)
    path = save(tmp_path / "p.mlpackage", model, bytes(program.weights))
    inputs = {"image": picture(np.zeros((8, 8, 3), np.uint8))}
    monkeypatch.setattr(footprint, "MAX_WEIGHT_BYTES", 40 * 192 * 4)
    assert run_package(path, inputs)["image2"].shape == (1, 3, 8, 8)
    monkeypatch.setattr(footprint, "MAX_WEIGHT_BYTES", 40 * 192 * 4 - 1)
    with pytest.raises(UnsupportedError, match="the model takes 30,720 bytes of weights"):
        run_package(path, inputs)


def test_boxes_that_would_take_minutes_are_refused(tmp_path: Path) -> None:
    count = MAX_CANDIDATES + 8
    model = image()
    model.CopyFrom(detector().model.pipeline.models[1])
    for feature in model.description.input[:2]:
        feature.type.multiArrayType.shape[:] = [count, 4]
    path = save(tmp_path / "s.mlpackage", model)
    arrays = {"small_scores": np.ones((count, 4)), "small_boxes": np.ones((count, 4))}
    with pytest.raises(UnsupportedError, match=f"{count:,} boxes are above the confidence"):
        run_package(path, arrays)
