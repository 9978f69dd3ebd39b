"""Outputs that are declared as images come out as PIL images, whatever the format of the model."""

from pathlib import Path

import numpy as np
import pytest

from bench.workers import outputs
from export.coremltools_import import coremltools
from export.mil.read.model import read
from export.mil.read.specification import proto
from export.package.model_files import find
from mobilenet.common.errors import PackageError, UnsupportedError
from programs import run_package, save

COLORS = {"GRAYSCALE": 10, "RGB": 20, "BGR": 30, "GRAYSCALE_FLOAT16": 40}
MODES = {"GRAYSCALE": "L", "RGB": "RGB", "BGR": "RGB", "GRAYSCALE_FLOAT16": "F"}


def declare_image(specification: Path, color: int, width: int = 4, height: int = 2) -> Path:
    """Edit the first output of a model: coremltools does not declare it for a built program."""
    model = proto("Model_pb2").Model.FromString(specification.read_bytes())
    image = model.description.output[0].type.imageType
    image.width, image.height, image.colorSpace = width, height, color
    specification.write_bytes(model.SerializeToString())
    return specification


def program(folder: Path, values: np.ndarray, color: str) -> Path:
    path = save(folder / "p.mlpackage", lambda mb, x: mb.identity(x=x, name="mask"), [values])
    declare_image(find(path).specification, COLORS[color])
    return path


def network(folder: Path, values: np.ndarray, color: str) -> Path:
    ct = coremltools()
    builder = ct.models.neural_network.NeuralNetworkBuilder(
        [("x0", ct.models.datatypes.Array(*values.shape[1:]))],
        [("mask", ct.models.datatypes.Array(*values.shape[1:]))],
    )
    builder.add_activation("l", "LINEAR", "x0", "mask", [1.0, 0.0])
    ct.utils.save_spec(builder.spec, str(folder / "n.mlmodel"))
    return declare_image(folder / "n.mlmodel", COLORS[color])


@pytest.mark.parametrize("color", COLORS)
@pytest.mark.parametrize("make", [program, network])
def test_an_image_output_is_a_picture(make, color: str, tmp_path: Path) -> None:
    channels = 3 if color in ("RGB", "BGR") else 1
    values = np.linspace(-3, 260, channels * 8, dtype=np.float32).reshape(1, channels, 2, 4)
    values[0, 0, 0, 1] = 20.5
    given = values[0] if make is network else values
    path = make(tmp_path, values, color)
    (output,) = read(path).description.outputs
    assert (output.kind, output.picture.color) == ("image", color)
    picture = run_package(path, {"x0": given})["mask"]
    assert (picture.mode, picture.size) == (MODES[color], (4, 2))
    planes = values[0, ::-1] if color == "BGR" else values[0]
    wanted = planes.transpose(1, 2, 0).squeeze()
    if color == "GRAYSCALE_FLOAT16":
        np.testing.assert_array_equal(np.asarray(picture), wanted.astype(np.float16))
    else:
        np.testing.assert_array_equal(np.asarray(picture), np.rint(wanted).clip(0, 255))


def test_what_is_no_number_is_black_and_what_is_infinite_white(tmp_path: Path) -> None:
    values = np.full((1, 1, 2, 4), np.inf, np.float32)
    values[0, 0, 0, :2] = np.nan, -np.inf
    picture = run_package(program(tmp_path, values, "GRAYSCALE"), {"x0": values})["mask"]
    assert np.asarray(picture).tolist() == [[0, 0, 255, 255], [255] * 4]


def test_a_picture_of_another_size_and_unknown_colours(tmp_path: Path) -> None:
    values = np.zeros((1, 1, 2, 4), np.float32)
    path = program(tmp_path, values, "GRAYSCALE")
    declare_image(find(path).specification, 10, width=5)
    with pytest.raises(PackageError, match=r"output 'mask' has shape \(1, 1, 2, 4\)"):
        run_package(path, {"x0": values})
    declare_image(find(path).specification, 70)
    with pytest.raises(UnsupportedError, match="output 'mask' has colour space 70"):
        read(path)


def test_a_launch_records_pictures(tmp_path: Path) -> None:
    values = np.arange(8, dtype=np.float32).reshape(1, 1, 2, 4)
    results = run_package(program(tmp_path, values, "GRAYSCALE"), {"x0": values})
    np.testing.assert_array_equal(outputs.vector(results), np.arange(8))
    assert outputs.top1(results) == "7"
