"""What may be fed beside float32 arrays and colour pictures, and what is refused."""

import numpy as np
import pytest
import torch
from PIL import Image

from bench.workers import made_inputs
from export.coremltools_import import coremltools
from export.mil.read.model import read
from export.mil.read.specification import proto
from export.package.model_files import find
from export.runtimes.inputs import from_picture
from export.runtimes.portable import PortableRuntime
from flexible_models import flexible
from inspected import traced
from mobilenet.common.errors import UnsupportedError
from programs import run_package, save
from test_picture_outputs import COLORS, declare_image

HALVES = np.array([[0.1, 255.0, 2049.0], [-3.3, 1e-7, 0.5]], np.float32)


@pytest.fixture(scope="module")
def gray(tmp_path_factory):
    ct = coremltools()
    image = ct.ImageType(name="x0", shape=(1, 1, 2, 3),
                         color_layout=ct.colorlayout.GRAYSCALE_FLOAT16)  # fmt: skip
    return save(
        tmp_path_factory.mktemp("gray") / "g.mlpackage",
        lambda mb, x: mb.mul(x=x, y=np.float16(2), name="twice"),
        [np.zeros((1, 1, 2, 3), np.float16)], "iOS16", inputs=[image],
    )  # fmt: skip


def test_a_gray_picture_of_halves_goes_in_and_comes_out(gray):
    declare_image(find(gray).specification, COLORS["GRAYSCALE_FLOAT16"], 3, 2)
    (got,) = run_package(gray, {"x0": Image.fromarray(HALVES)}, "declared").values()
    assert got.mode == "F"
    held = HALVES.astype(np.float16)
    np.testing.assert_array_equal(np.asarray(got), (held * np.float16(2)).astype(np.float32))


def test_such_a_picture_is_made_and_checked(gray, tmp_path):
    description = read(gray).description
    made = made_inputs.make(description)["x0"]
    assert (made.mode, made.size) == ("F", (3, 2))
    files = made_inputs.write(description, tmp_path)
    np.testing.assert_array_equal(made_inputs.read(files, description)["x0"], made)
    (fed,) = from_picture(description, Image.new("RGB", (3, 2), (9, 9, 9))).values()
    assert fed.mode == "F"
    assert fed.getpixel((0, 0)) == 9
    with pytest.raises(UnsupportedError, match="'x0' is L, 3 x 2") as caught:
        run_package(gray, {"x0": Image.new("L", (3, 2))})
    assert "mode F and 2 high, 3 wide pixels" in caught.value.hint


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Whole numbers beside float32, in twice the size of what it is added to."""
    path = tmp_path_factory.mktemp("whole") / "w.mlpackage"
    return save(path, lambda mb, n, x: (mb.add(x=n, y=np.int32(1)), mb.identity(x=x)),
                [np.zeros((2,), np.int32), np.zeros((1,), np.float32)])  # fmt: skip


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.int32, np.int64, np.float32])
def test_whole_numbers_of_any_type_are_taken(whole, dtype):
    inputs = {"x0": np.array([3, 100], dtype), "x1": np.ones(1, np.float64)}
    sums, same = run_package(whole, inputs).values()
    assert (sums.dtype, same.dtype) == (np.int32, np.float32)
    assert sums.tolist() == [4, 101]


@pytest.mark.parametrize(
    "values", [np.array([0.5, 1]), np.array([np.nan, 1]), np.array([1 << 40, 1])]
)
def test_numbers_that_an_integer_input_does_not_hold_are_refused(whole, values):
    with pytest.raises(UnsupportedError, match=r"'x0' is an array of .* int32 does not hold"):
        run_package(whole, {"x0": values, "x1": np.ones(1, np.float32)})


@pytest.mark.parametrize("values", [np.array(["a", "b"]), np.array([1j, 0])])
def test_an_array_of_something_else_is_refused(whole, values):
    with pytest.raises(UnsupportedError, match="'x0' is an array of") as caught:
        run_package(whole, {"x0": values, "x1": np.ones(1, np.float32)})
    assert caught.value.hint == "give numbers of int32"


@pytest.mark.parametrize("suffix", [".mlpackage", ".mlmodel"])
def test_an_array_with_a_default_may_be_left_out(suffix, tmp_path):
    ct = coremltools()
    sevens = ct.TensorType(shape=(2, 3), default_value=np.full((2, 3), 7, np.float32))
    path = flexible(tmp_path / f"o{suffix}", lambda mb, x, y: mb.add(x=x, y=y),
                    ct.TensorType(shape=(2, 3)), sevens)  # fmt: skip
    session = PortableRuntime(1)
    model = session.load(session.compile(path, tmp_path), "CPU")
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    np.testing.assert_array_equal(*model.predict({"x0": x}).values(), x + 7)
    np.testing.assert_array_equal(*model.predict({"x0": x, "x1": x}).values(), x + x)
    with pytest.raises(UnsupportedError, match="'x0' is missing"):
        model.predict({"x1": x})


def test_a_gray_picture_that_stays_whole_numbers(tmp_path):
    """coremltools' `grayscale_use_uint8`: the function takes and gives uint8."""
    ct = coremltools()
    gray = ct.colorlayout.GRAYSCALE
    image = ct.ImageType("image", (1, 1, 2, 3), color_layout=gray, grayscale_use_uint8=True)
    traced(
        Turned(), 2, inputs=[image], outputs=[ct.ImageType("turned", color_layout=gray)],
        minimum_deployment_target=ct.target.iOS17,
    ).save(str(tmp_path / "w.mlpackage"))  # fmt: skip
    pixels = np.array([[1, 2, 255], [4, 5, 6]], np.uint8)
    path = tmp_path / "w.mlpackage"
    assert read(path).function().inputs[0].dtype == "uint8"
    (got,) = run_package(path, {"image": Image.fromarray(pixels)}).values()
    np.testing.assert_array_equal(np.asarray(got), pixels.T)


class Turned(torch.nn.Module):
    """The picture with its axes exchanged."""

    def forward(self, x):
        return x.transpose(2, 3)


def test_a_picture_enters_a_program_as_bytes(tmp_path):
    ct = coremltools()
    image = ct.ImageType(name="x0", shape=(1, 1, 2, 3), color_layout=ct.colorlayout.GRAYSCALE)
    path = save(tmp_path / "u.mlpackage", lambda mb, x: mb.cast(x=x, dtype="int32"),
                [np.zeros((1, 1, 2, 3), np.float32)], inputs=[image])  # fmt: skip
    specification = find(path).specification
    model = proto("Model_pb2").Model.FromString(specification.read_bytes())
    (taken,) = model.mlProgram.functions["main"].inputs
    taken.type.tensorType.dataType = proto("MIL_pb2").DataType.UINT8
    specification.write_bytes(model.SerializeToString())
    (got,) = run_package(path, {"x0": Image.new("L", (3, 2), 200)}).values()
    assert got.tolist() == [[[[200] * 3] * 2]]
