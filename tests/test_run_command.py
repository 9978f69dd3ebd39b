"""`export run`: what models of any maker say, on the terminal and in files."""

import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import coreai_graphs
import export
from conftest import PHOTO
from detectors import detector
from export import pipeline
from export.__main__ import app
from export.answers.model_answer import PREVIEW, answer, foreign_answer
from export.answers.output_files import record
from export.coremltools_import import coremltools
from export.mil.description import ModelDescription
from export.mil.read.specification import proto
from export.package.model_files import find
from export.spec import ExportSpec
from inspected import small
from made_segmenter import LABELS, segmenter
from mobilenet.common import terminal
from mobilenet.common.drawing import colour_of
from mobilenet.common.images import open_picture
from mobilenet.common.text import json_text
from programs import save
from test_picture_outputs import declare_image

HOSTILE = "../../../out\x1b[2J"
BLUE = (10, 20, 250)


def run(*words: object) -> int:
    return terminal.run(app, ["run", *map(str, words)])


def photograph(path: Path, width: int = 80, height: int = 40, **options: Any) -> Path:
    """Red on the left, blue on the right."""
    picture = Image.new("RGB", (width, height), (250, 20, 10))
    picture.paste(BLUE, (width // 2, 0, width, height))
    picture.save(path, quality=100, **options)
    return path


def reader(path: Path, size: int = 16, **options: Any) -> Path:
    """A model that gives the picture that it took, as an array."""
    image = coremltools().ImageType("x0", (1, 3, size, size))
    example = np.zeros((1, 3, size, size), np.float32)
    return save(path, lambda mb, x: mb.identity(x=x, name="y"), [example], inputs=[image])


def edited(path: Path, edit: Callable[[Any], object]) -> Path:
    specification = find(path).specification
    model = proto("Model_pb2").Model.FromString(specification.read_bytes())
    edit(model)
    specification.write_bytes(model.SerializeToString())
    return path


def map_of_classes(path: Path) -> Path:
    """The class of each pixel of 16 x 16: 2 where red is more than blue, else 0."""
    image = coremltools().ImageType("x0", (1, 3, 16, 16))

    def classes(mb: Any, x: Any) -> Any:
        red, _, blue = mb.split(x=x, num_splits=3, axis=1)
        scores = mb.concat(values=[blue, mb.sub(x=blue, y=np.float32(999)), red], axis=1)
        return mb.reduce_argmax(x=scores, axis=1, keep_dims=False, name="classes")

    return save(path, classes, [np.zeros((1, 3, 16, 16), np.float32)], inputs=[image])


def test_a_classifier_says_its_five_best_classes(tmp_path: Path, capsys: Any) -> None:
    path = small(tmp_path / "m.mlpackage", labels=[f"kind {n}" for n in range(10)])
    assert run(path, "--image", PHOTO) == 0
    said, lines = capsys.readouterr().out, []
    assert "image: chelsea.jpg, its middle, as 16 x 16 (assumed: the package does not say" in said
    lines = [line.split("%  ") for line in said.splitlines() if "%  kind" in line]
    middle = Image.open(PHOTO).crop((75, 0, 375, 300)).resize((16, 16), Image.Resampling.BICUBIC)
    outputs = export.load(path).predict({"image": middle})
    (chances,) = (value for value in outputs.values() if isinstance(value, dict))
    best = sorted(chances, key=chances.__getitem__, reverse=True)[:5]
    assert [label for _, label in lines] == best
    assert [float(chance) for chance, _ in lines] == pytest.approx(
        [100 * chances[label] for label in best], abs=1
    )
    assert "classLabel" in said


def test_a_package_of_ours_says_how_it_is_fed_and_that_it_is_untrained(
    hot: Any, tmp_path: Path, capsys: Any
) -> None:
    path = tmp_path / "net.mlpackage"
    pipeline.export(hot, path, spec=ExportSpec(input="tensor"), verify=False)
    assert run(path, "--image", PHOTO) == 0
    printed = capsys.readouterr()
    assert "shorter side to 109, bilinear, centre 96 x 96 (as the package says)" in printed.out
    assert "%  class " in printed.out
    assert "never trained" in printed.err


def test_objects_lie_in_the_photograph_and_are_drawn(tmp_path: Path, capsys: Any) -> None:
    """A photograph of twice the width is squashed; a box of half the input is half of it."""
    scores = np.array([[0.1, 0.9], [0.2, 0.1]])
    boxes = np.array([[0.25, 0.5, 0.5, 1.0], [0.5, 0.5, 0.1, 0.1]])
    path = detector(tmp_path / "d.mlpackage", scores, boxes, ["cat", "owl"])
    picture = tmp_path / "white.png"
    Image.new("RGB", (80, 40), "white").save(picture)
    drawing = tmp_path / "drawn.png"
    given = answer(path, [str(picture)], drawing=drawing)
    (found,) = given.said.objects
    assert (found.label, found.number, found.box) == ("owl", 1, (0, 0, 40, 40))
    assert found.confidence == pytest.approx(0.9)
    drawn = np.asarray(Image.open(drawing))
    assert tuple(drawn[39, 20]) == colour_of(1)
    assert tuple(drawn[20, 60]) == (255, 255, 255)
    assert run(path, "--image", picture, "--input", "confidenceThreshold=0.95") == 0
    said = capsys.readouterr().out
    assert "squashed to 4 x 4, bilinear (assumed" in said
    assert "no object in the photograph" in said


def test_boxes_that_no_picture_holds_are_told_and_not_drawn(tmp_path: Path) -> None:
    """A box of 1e9 pixels took Pillow half a minute; NaN and negative sides, a ValueError."""
    scores = np.full((4, 1), 0.9)
    boxes = np.array([[0, 0, 1e9, 1e9], [np.nan, 0, 1, 1], [0.5, 0.5, -1, 1], [0, 0, np.inf, 1]])
    path = detector(tmp_path / "d.mlmodel", scores, boxes, ["cat"], iou=1)
    picture = tmp_path / "white.png"
    Image.new("RGB", (80, 40), "white").save(picture)
    given = answer(path, [str(picture)], drawing=tmp_path / "drawn.png")
    assert len(given.said.objects) == 4
    assert open_picture(tmp_path / "drawn.png").size == (80, 40)
    assert json.loads(json_text(record(given)))["objects"][0]["label"] == "cat"


def test_classes_of_pixels_have_names_shares_and_colours(tmp_path: Path, capsys: Any) -> None:
    labels = json.dumps({"labels": ["background", "cat", "dog"], "colors": ["#000000"]})
    path = edited(
        map_of_classes(tmp_path / "s.mlpackage"),
        lambda model: model.description.metadata.userDefined.update({PREVIEW: labels}),
    )
    drawing = tmp_path / "drawn.png"
    assert run(path, "--image", photograph(tmp_path / "p.png"), "--drawing", drawing) == 0
    said = capsys.readouterr().out
    assert " 50.0%  background" in said
    assert " 50.0%  dog" in said
    drawn = np.asarray(Image.open(drawing))
    assert drawn.shape == (40, 80, 3)
    mixed = 0.45 * np.array((250, 20, 10)) + 0.55 * np.array(colour_of(2))
    assert np.abs(drawn[20, 10] - mixed).max() <= 1
    assert tuple(drawn[20, 70]) == BLUE


def test_a_segmenter_of_ours(tmp_path: Path) -> None:
    path = tmp_path / "s.mlpackage"
    pipeline.export(segmenter(), path, spec=ExportSpec(outputs="mask"), verify=False)
    given = answer(path, [str(PHOTO)])
    assert {label for label, _ in given.said.shares} <= set(LABELS)
    assert given.said.classes.shape == (300, 451)
    assert "grey to the right and below" in given.inputs[0]


def test_everything_in_one_file_or_a_file_each(tmp_path: Path, capsys: Any) -> None:
    path = small(tmp_path / "m.mlpackage", labels=[*"abcdefghij"])
    assert run(path, "--image", PHOTO, "--json", "-o", tmp_path / "a.json") == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads((tmp_path / "a.json").read_text())
    (chances,) = (each for each in printed["outputs"].values() if each["kind"] == "dictionary")
    assert sum(chances["value"].values()) == pytest.approx(1, abs=1e-3)
    assert printed["top5"][0][0] == printed["outputs"]["classLabel"]["value"]
    assert run(path, "--image", PHOTO, "-o", tmp_path / "a.npz") == 0
    with np.load(tmp_path / "a.npz") as arrays:
        (name,) = (name for name in arrays if name.endswith(".labels"))
        assert [*arrays[name]] == [*"abcdefghij"]
        assert arrays[name.removesuffix(".labels")].tolist() == [*chances["value"].values()]
    assert run(path, "--image", PHOTO, "-o", f"{tmp_path}/folder/") == 0
    names = {file.suffix for file in (tmp_path / "folder").iterdir()}
    assert names == {".json"}
    assert (
        json.loads((tmp_path / "folder" / "classLabel.json").read_text()) == printed["top5"][0][0]
    )


def test_pictures_and_arrays_in_a_folder_under_harmless_names(tmp_path: Path) -> None:
    values = np.full((1, 3, 2, 4), 7, np.float32)

    def both(mb: Any, x: Any) -> Any:
        return mb.identity(x=x, name="y"), mb.add(x=x, y=x, name="n")

    path = save(tmp_path / "p.mlpackage", both, [values])
    declare_image(find(path).specification, 20)

    def rename(model: Any) -> None:
        (function,) = model.mlProgram.functions.values()
        (block,) = function.block_specializations.values()
        for feature in model.description.output:
            feature.name = f"{HOSTILE}{feature.name}"
        block.outputs[:] = [f"{HOSTILE}{name}" for name in block.outputs]
        for operation in block.operations:
            for output in operation.outputs:
                output.name = f"{HOSTILE}{output.name}"

    edited(path, rename)
    np.save(tmp_path / "x.npy", values)
    folder = tmp_path / "in" / "here"
    assert run(path, "--input", f"x0={tmp_path}/x.npy", "-o", f"{folder}/") == 0
    assert sorted(file.name for file in folder.iterdir()) == [
        "_.._.._out__2Jn.npy", "_.._.._out__2Jy.png"
    ]  # fmt: skip
    assert Image.open(folder / "_.._.._out__2Jy.png").getpixel((0, 0)) == (7, 7, 7, 255)
    assert (np.load(folder / "_.._.._out__2Jn.npy") == 14).all()
    assert run(path, "--input", f"x0={tmp_path}/x.npy", "-o", tmp_path / "o.npz") == 0
    assert not [name for name in np.load(tmp_path / "o.npz") if "/" in name]


def test_a_preview_that_cannot_be_read_names_no_classes() -> None:
    said = ModelDescription((), (), metadata={PREVIEW: "[[["})
    given = foreign_answer(said, {"y": np.ones((1, 2, 2), np.int32)}, open_picture(PHOTO))
    assert given.shares == (("class 1", 1.0),)


@pytest.mark.skipif(importlib.util.find_spec("coreai") is None, reason="needs coreai-core")
def test_an_asset_of_core_ai(tmp_path: Path) -> None:
    path = coreai_graphs.write(tmp_path / "a.aimodel")
    outputs = answer(path, [], ["x=[1,2,3,4]"]).outputs
    assert outputs["twice"].tolist() == [[2, 4, 6, 8]]


def test_neither_pytorch_nor_coremltools_is_loaded(tmp_path: Path) -> None:
    model = reader(tmp_path / "r.mlpackage")
    code = (
        "import sys; from export.__main__ import main; from mobilenet.common import terminal;"
        f"sys.argv = ['export', 'run', {str(model)!r}, '--image', {str(PHOTO)!r}];"
        "code = main(); assert code == 0, code;"
        "heavy = {'torch', 'coremltools', 'pandas'} & sys.modules.keys(); assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
