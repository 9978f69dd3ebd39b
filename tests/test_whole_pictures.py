"""How detectors and segmenters see a photograph: the package says it, and all keep to it."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.accuracy import recipes
from export import pipeline
from export.inspect.inspect import inspect
from export.mil.read.model import read_any
from export.package.metadata import KEY, metadata_of
from export.prepared import prepare_checkpoint
from export.spec import ExportSpec
from export.verify.trial import Trial
from export.views import export_card, inspect_card
from made_detector import detector
from made_segmenter import segmenter
from mobilenet import store
from mobilenet.checkpoint import Checkpoint
from mobilenet.common.errors import CheckpointError
from mobilenet.common.size import Size
from mobilenet.preprocess import IN_CORNER, SQUASHED, STANDARD_CROP, Geometry
from mobilenet.store import load, save
from mobilenet.torch_module import from_checkpoint
from mobilenet.views import weights_card

HEADS = [(detector, SQUASHED), (segmenter, IN_CORNER)]
RED = (255, 0, 0)


@pytest.mark.parametrize(("made", "geometry"), HEADS)
def test_a_head_that_says_where_things_are_sees_all(made, geometry: Geometry) -> None:
    checkpoint = made()
    assert checkpoint.geometry == geometry
    assert replace(checkpoint, geometry=Geometry(0.9)).geometry == geometry
    bicubic = Geometry(1, "bicubic", "squash")
    assert replace(checkpoint, geometry=bicubic).geometry == bicubic
    layer = checkpoint.config.rows()[3].name
    assert checkpoint.as_features(layer).geometry == geometry  # it was trained so


def test_a_classifier_crops_and_its_files_are_what_they_were(hot: Checkpoint) -> None:
    assert hot.geometry == STANDARD_CROP
    about = json.loads(prepare_checkpoint(hot, ExportSpec()).metadata.encode())
    assert about["geometry"] == {"crop": 0.875, "interpolation": "bilinear"}


@pytest.mark.parametrize(("made", "geometry"), HEADS)
def test_it_survives_files_and_what_older_files_say_is_put_right(
    made, geometry: Geometry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "net.safetensors"
    save(made(), path)
    assert load(path).geometry == geometry
    older = replace(store.header(made()), geometry=STANDARD_CROP)
    monkeypatch.setattr(store, "header", lambda _: older)
    save(made(), path)
    assert load(path).geometry == geometry


@pytest.mark.parametrize(("made", "geometry"), HEADS)
def test_all_who_feed_a_package_take_it_from_its_metadata(
    made, geometry: Geometry, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    exported = pipeline.export(made(), tmp_path / "net.mlpackage", verify=False)
    description = read_any(exported.path).description
    about = metadata_of(description.metadata)
    assert about is not None
    assert about.geometry == geometry
    assert json.loads(description.metadata[KEY])["geometry"]["whole"] == geometry.whole
    words = geometry.describe(about.size)
    export_card.show(exported, json=False)
    weights_card.show(made(), layers=False, json=False)
    shown = " ".join(capsys.readouterr().out.split())
    assert shown.count(words) == 2
    inspection = inspect(exported.path)
    assert (inspection.photographs, inspection.labels) == (words, made().labels)
    inspect_card.show(inspection, layers=False, json=False)
    assert words in " ".join(capsys.readouterr().out.split())
    recipe = recipes.whole("package", about.geometry, about.size, "fit")
    assert (recipe.name, recipe.describe(about.size)) == ("package", words)
    assert recipe is recipes.whole("package", about.geometry, about.size, "fit")
    photo = Image.new("RGB", (120, 60), RED)
    trial = Trial.of(exported.path, "main", lambda: None, prepare_checkpoint(made(), ExportSpec()),
                     [photo])  # fmt: skip
    fed = np.asarray(trial.pictures[-1])
    np.testing.assert_array_equal(fed, np.asarray(recipe.apply(photo, about.size)))
    red = (fed == RED).all(-1).mean()
    assert red == pytest.approx(1 if geometry is SQUASHED else 0.5, abs=0.01)


def test_a_package_without_such_a_geometry_is_fed_as_usual() -> None:
    """Ours of before, and those of others."""
    for geometry in (None, STANDARD_CROP):
        assert recipes.whole("package", geometry, Size(96, 96), "squash").name == "squash"


def test_a_module_of_ours_with_such_a_head_sees_all(tmp_path: Path) -> None:
    """Whose `geometry=` says how classifiers see it, unless it is told otherwise."""
    module = from_checkpoint(detector())
    exported = pipeline.export(
        module, tmp_path / "n.mlpackage", labels=("a", "b", "c"), verify=False
    )
    assert exported.metadata.geometry == SQUASHED


@pytest.mark.parametrize("size", [Size(64, 64), Size(48, 96)])
@pytest.mark.parametrize("photo", [(100, 40), (40, 100), (7, 9), (1, 300)])
@pytest.mark.parametrize("geometry", [SQUASHED, IN_CORNER])
def test_the_region_is_where_the_photograph_is(
    geometry: Geometry, photo: tuple[int, int], size: Size
) -> None:
    fed = np.asarray(geometry.apply(Image.new("RGB", photo, RED), size))
    left, top, right, bottom = geometry.region(photo, size)
    rows, columns = round(bottom * size.height), round(right * size.width)
    assert (left, top) == (0, 0)
    assert (fed[:rows, :columns] == RED).all()
    assert (fed[rows:] == 128).all()
    assert (fed[:, columns:] == 128).all()
    assert (rows == size.height) or (columns == size.width)


def test_a_crop_of_what_is_kept_whole_is_refused() -> None:
    with pytest.raises(CheckpointError, match=r"crop fraction is 0.875 of a picture that is kept"):
        Geometry(0.875, whole="squash")
