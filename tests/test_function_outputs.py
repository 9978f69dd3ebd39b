"""What a function gives without computing it, or more than once: constants, inputs, pictures."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from export.coremltools_import import coremltools
from export.mil.read.specification import proto
from export.package.model_files import find
from export.runtimes.portable import PortableRuntime
from mobilenet.common.errors import OwnFaultError, PackageError, UnsupportedError
from programs import run_package, save

X = np.array([[1.5, -2.0, 3.0]], np.float32)
PIXELS = np.arange(3 * 2 * 3, dtype=np.uint8).reshape(2, 3, 3)


def run(tmp_path: Path, build, *inputs: np.ndarray, **options) -> list:
    path = save(tmp_path / "m.mlpackage", build, inputs, **options)
    feeds = {f"x{at}": value for at, value in enumerate(inputs)}
    return [*run_package(path, feeds).values()]


@pytest.mark.parametrize("value", [X, np.float32(7), np.array([3, -4], np.int32)])
def test_a_constant(value, tmp_path):
    computed, constant = run(
        tmp_path, lambda mb, x: (mb.relu(x=x), mb.const(val=value, name="c")), X
    )
    np.testing.assert_array_equal(computed, np.maximum(X, 0))
    np.testing.assert_array_equal(constant, np.atleast_1d(value))
    assert (constant.dtype, constant.shape) == (value.dtype, np.atleast_1d(value).shape)


def test_a_constant_that_is_computed_with_as_well(tmp_path):
    def build(mb, x):
        constant = mb.const(val=2 * X, name="c")
        return mb.add(x=x, y=constant), constant

    total, constant = run(tmp_path, build, X)
    np.testing.assert_array_equal(total, 3 * X)
    np.testing.assert_array_equal(constant, 2 * X)


def test_an_input(tmp_path):
    given, doubled = run(tmp_path, lambda mb, x: (x, mb.add(x=x, y=x)), X)
    np.testing.assert_array_equal(given, X)
    np.testing.assert_array_equal(doubled, 2 * X)


def test_an_input_rounded_as_it_is_declared(tmp_path):
    values = np.array([0.1], np.float16)
    path = save(tmp_path / "h.mlpackage", lambda mb, x: (x, mb.relu(x=x)), [values])
    for got in run_package(path, {"x0": np.array([0.1])}, "declared").values():
        np.testing.assert_array_equal(got, values)


@pytest.mark.parametrize("layout", ["RGB", "BGR"])
def test_a_picture(layout, tmp_path):
    ct = coremltools()
    color = getattr(ct.colorlayout, layout)
    path = save(
        tmp_path / "p.mlpackage", lambda mb, x: mb.identity(x=x, name="y"),
        [np.zeros((1, 3, 2, 3), np.float32)],
        inputs=[ct.ImageType(name="x0", shape=(1, 3, 2, 3), color_layout=color)],
    )  # fmt: skip
    specification = path / "Data/com.apple.CoreML/model.mlmodel"
    model = proto("Model_pb2").Model.FromString(specification.read_bytes())
    model.description.output[0].CopyFrom(model.description.input[0])
    function = model.mlProgram.functions["main"]
    block = function.block_specializations[function.opset]
    del block.operations[:]
    block.outputs[0] = "x0"
    specification.write_bytes(model.SerializeToString())
    picture = Image.fromarray(PIXELS)
    outputs = run_package(path, {"x0": picture})
    assert outputs == {"x0": picture}


def test_one_value_twice(tmp_path):
    def build(mb, x):
        x = mb.relu(x=x, name="y")
        return x, x

    (got,) = run(tmp_path, build, X)
    np.testing.assert_array_equal(got, np.maximum(X, 0))


def test_what_nothing_comes_of_is_not_run(tmp_path):
    """Not even where it could not be."""

    def build(mb, x):
        mb.random_normal(shape=[2])
        return mb.relu(x=x)

    (got,) = run(tmp_path, build, X)
    np.testing.assert_array_equal(got, np.maximum(X, 0))


def test_a_scalar_has_one_axis_as_in_core_ml(tmp_path):
    (got,) = run(tmp_path, lambda mb, x: mb.reduce_sum(x=x, keep_dims=False), X)
    assert got.shape == (1,)
    assert got.tolist() == [2.5]


def test_what_onnx_runtime_says_of_a_run_is_one_line(tmp_path):
    indices = np.array([0], np.int32)
    path = save(
        tmp_path / "g.mlpackage", lambda mb, x, at: mb.gather(x=x, indices=at, axis=1),
        [X, indices], opset="iOS15",
    )  # fmt: skip
    with pytest.raises(UnsupportedError, match=r"on these values: .*gather.*out of") as caught:
        run_package(path, {"x0": X, "x1": np.array([9], np.int32)})
    assert "\n" not in caught.value.message
    assert "what the model takes" in caught.value.hint


def test_what_onnx_says_of_a_graph_is_one_line(tmp_path, monkeypatch):
    path = save(tmp_path / "s.mlpackage", lambda mb, x: mb.relu(x=x), [X])

    def fails(*_):
        raise ValueError("of\n3 GB")

    monkeypatch.setattr("export.mil.onnx.to_onnx", fails)
    with pytest.raises(OwnFaultError, match="s cannot be run here: of 3 GB"):
        PortableRuntime().compile(path, tmp_path)


@pytest.mark.parametrize(
    ("side", "said"),
    [("input", "takes 'x0', which the model does not declare"), ("output", "gives nothing")],
)
def test_a_model_that_declares_nothing_says_so(side, said, tmp_path):
    path = save(tmp_path / "m.mlpackage", lambda mb, x: mb.relu(x=x), [X])
    specification = find(path).specification
    model = proto("Model_pb2").Model.FromString(specification.read_bytes())
    model.description.ClearField(side)
    if side == "output":
        function = model.mlProgram.functions["main"]
        function.block_specializations[function.opset].ClearField("outputs")
    specification.write_bytes(model.SerializeToString())
    with pytest.raises(PackageError, match=said):
        PortableRuntime(1).compile(path, tmp_path)
