"""--size and --batch: which inputs take them, and what commands make of them."""

import json

import numpy as np
import pytest
from PIL import Image

from export.__main__ import app
from export.inspect.inspect import inspect
from export.mil.allowed_shapes import EnumeratedShapes, ShapeRange
from export.mil.chosen_sizes import chosen_sizes
from export.mil.description import ImageInput, ModelDescription, TensorInput
from flexible_models import CASES, KERNEL, MAP, flexible, pictures, ranged
from mobilenet.common.errors import ConfigError, UnsupportedError
from mobilenet.common.options import SizeOptions
from mobilenet.common.size import Size

WIDE = Size(8, 20)
PICTURE = ImageInput("picture", 16, 16, allowed=ShapeRange((8, 8), (16, 32)))
FIXED = ImageInput("fixed", 10, 10)
MAPS = TensorInput("maps", (1, 3, 16, 16), allowed=ShapeRange((1, 3, 8, 8), (4, 3, 20, 20)))
ROWS = TensorInput(
    "rows", (1, 16, 16, 3), allowed=EnumeratedShapes(((1, 16, 16, 3), (1, 8, 20, 3)))
)


@pytest.mark.parametrize(
    ("items", "size", "batch", "expected"),
    [
        ((PICTURE,), WIDE, None, {"picture": (8, 20)}),
        ((PICTURE, FIXED), WIDE, None, {"picture": (8, 20)}),
        ((PICTURE, MAPS, ROWS), WIDE, None,
         {"picture": (8, 20), "maps": (1, 3, 8, 20), "rows": (1, 8, 20, 3)}),
        ((MAPS, ROWS), None, 4, {"maps": (4, 3, 16, 16)}),
        ((MAPS,), WIDE, 2, {"maps": (2, 3, 8, 20)}),
        ((FIXED,), Size(10, 10), None, {"fixed": (10, 10)}),
        ((PICTURE,), None, None, {}),
    ],
)  # fmt: skip
def test_every_input_that_can_takes_what_is_asked_for(items, size, batch, expected):
    description = ModelDescription(items, ())
    sizes = chosen_sizes(description, size, batch)
    assert {name: sizes[name] for name in expected} == expected
    assert not description.at(sizes).is_flexible


@pytest.mark.parametrize(
    ("items", "size", "batch", "message"),
    [
        ((PICTURE,), Size(8, 33), None, "no input can be 33 wide and 8 high"),
        ((FIXED,), WIDE, None, "no input can be 20 wide and 8 high"),
        ((PICTURE,), None, 2, "no input can be 2 at once"),
        ((MAPS,), WIDE, 5, "no input can be 20 wide and 8 high, 5 at once"),
    ],
)
def test_what_no_input_takes_is_refused_with_what_they_take(items, size, batch, message):
    with pytest.raises(UnsupportedError) as caught:
        chosen_sizes(ModelDescription(items, ()), size, batch)
    assert caught.value.message == message
    assert caught.value.hint == f"it takes {items[0].name!r}: {items[0].words}"


def run(*words: str) -> int:
    try:
        return app([*map(str, words)], exit_on_error=False) or 0
    except SystemExit as end:
        return int(end.code or 0)


def test_inspect_counts_at_the_size_asked_for(tmp_path, capsys):
    path = flexible(tmp_path / "m.mlpackage", CASES["convolution"].build, ranged(*MAP))
    macs = [inspect(path, sizes=SizeOptions(size=size)).parts[0].macs
            for size in (None, Size(16, 16), Size(16, 40))]  # fmt: skip
    assert macs == [8 * 8 * KERNEL.size, 8 * 8 * KERNEL.size, 8 * 20 * KERNEL.size]
    run("inspect", path, "--size", "40x16", "--json")
    (part,) = json.loads(capsys.readouterr().out)["parts"]
    assert part["counted_at"] == ["x0: (1, 3, 16, 40)"]
    assert part["layers"][0]["output_shape"] == [1, 4, 8, 20]


def test_run_makes_a_picture_of_the_size_asked_for(tmp_path, capsys):
    path = flexible(tmp_path / "m.mlpackage", lambda mb, x: mb.reduce_sum(x=x, axes=[1, 2, 3]),
                    pictures((24, 24), (16, 20)))  # fmt: skip
    Image.new("RGB", (100, 80), (1, 1, 1)).save(tmp_path / "one.png")
    for words, count in (((), 24 * 24), (("--size", "20x16"), 16 * 20)):
        run("run", path, "--image", tmp_path / "one.png", "-o", tmp_path / "o.npz", *words)
        (total,) = np.load(tmp_path / "o.npz").values()
        assert total == 3 * count
    capsys.readouterr()


def test_a_picture_that_is_no_square_says_which_side_is_which(tmp_path, capsys):
    path = flexible(tmp_path / "m.mlpackage", lambda mb, x: mb.relu(x=x),
                    pictures((24, 24), (16, 20)))  # fmt: skip
    Image.new("RGB", (100, 80)).save(tmp_path / "one.png")
    run("run", path, "--image", tmp_path / "one.png", "--size", "20x16")
    assert "squashed to 16 high, 20 wide, bilinear" in capsys.readouterr().out
    with pytest.raises(ConfigError, match="an image of 16 high, 20 wide pixels"):
        run("run", path, "--size", "20x16")
