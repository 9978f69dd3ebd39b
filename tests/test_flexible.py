"""Models of several sizes: each is described, run and counted, and what is not allowed refused."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.flop_counter import FlopCounterMode

from export.coremltools_import import coremltools
from export.inspect.inspect import inspect
from export.mil.allowed_shapes import EnumeratedShapes, ShapeRange
from export.mil.cost import cost
from export.mil.program import is_fixed
from export.mil.read.model import read
from export.mil.read.specification import proto
from export.mil.shapes import at
from export.package.model_files import find
from export.runtimes import flexible_session
from export.runtimes.portable import PortableRuntime
from flexible_models import CASES, MAP, flexible, pictures, ranged
from mobilenet.common.errors import OwnFaultError, UnsupportedError
from test_picture_outputs import COLORS, declare_image

CHANCE = np.random.default_rng(0)


def load(path: Path, folder: Path, **options):
    runtime = PortableRuntime(1, **options)
    return runtime.load(runtime.compile(path, folder), "CPU")


def photograph(height: int, width: int, mode: str = "RGB") -> Image.Image:
    channels = (3,) if mode == "RGB" else ()
    return Image.fromarray(CHANCE.integers(0, 256, (height, width, *channels), np.uint8))


@pytest.mark.parametrize("suffix", [".mlpackage", ".mlmodel"])
@pytest.mark.parametrize("name", CASES)
def test_every_size_is_computed_as_pytorch_does(name, suffix, tmp_path):
    case = CASES[name]
    model = load(flexible(tmp_path / f"m{suffix}", case.build, ranged(*case.sizes)), tmp_path)
    for shape in (*case.shapes, case.shapes[0]):
        x = CHANCE.normal(size=shape).astype(np.float32)
        (got,) = model.predict({"x0": x}).values()
        expected = case.oracle(torch.from_numpy(x)).numpy()
        assert got.shape == expected.shape
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", CASES)
def test_at_a_size_a_function_is_like_any_other(name, tmp_path):
    case = CASES[name]
    path = flexible(tmp_path / "m.mlpackage", case.build, ranged(*case.sizes))
    function = read(path).function()
    for shape in case.shapes:
        fixed = at(function, {"x0": shape})
        assert all(is_fixed(value.shape) for value in fixed.types().values())
        assert not fixed.description.is_flexible
        assert fixed.description.inputs[0].shape == shape
        x = torch.rand(shape)
        with FlopCounterMode(display=False) as counter:
            expected = case.oracle(x)
        assert fixed.description.outputs[0].shape == tuple(expected.shape)
        assert cost(fixed).macs == counter.get_total_flops() // 2
    assert at(function).types() == at(function, {"x0": case.shapes[0]}).types()


@pytest.fixture(scope="module")
def enumerated(tmp_path_factory):
    """A picture of three sizes, larger when it comes out."""

    def build(mb, x):
        return mb.upsample_nearest_neighbor(x=x, scale_factor_height=2.0, scale_factor_width=2.0)

    path = tmp_path_factory.mktemp("pictures") / "p.mlpackage"
    return flexible(path, build, pictures((24, 24), (16, 16), (32, 20)))


def test_a_picture_may_have_each_size_that_is_listed(enumerated, tmp_path):
    model = load(enumerated, tmp_path)
    assert model.description.inputs[0].allowed == EnumeratedShapes(((24, 24), (16, 16), (32, 20)))
    for size in ((24, 24), (16, 16), (32, 20)):
        picture = photograph(*size)
        (got,) = model.predict({"x0": picture}).values()
        planes = np.asarray(picture, np.float32).transpose(2, 0, 1)[None]
        np.testing.assert_array_equal(got, planes.repeat(2, 2).repeat(2, 3))


def test_a_picture_that_comes_out_has_the_size_of_its_values(tmp_path):
    path = flexible(tmp_path / "p.mlpackage", lambda mb, x: mb.relu(x=x, name="y"),
                    pictures((24, 24), (16, 8)))  # fmt: skip
    declare_image(find(path).specification, COLORS["RGB"], 24, 24)
    model = load(path, tmp_path)
    for size in ((24, 24), (16, 8)):
        picture = photograph(*size)
        (got,) = model.predict({"x0": picture}).values()
        np.testing.assert_array_equal(got, picture)


def test_a_size_that_is_not_allowed_is_refused_with_those_that_are(enumerated, tmp_path):
    model = load(enumerated, tmp_path)
    with pytest.raises(UnsupportedError, match="'x0' is RGB, 32 x 20 pixels") as caught:
        model.predict({"x0": photograph(20, 32)})
    assert "24 x 24, or 16 x 16; 32 high, 20 wide pixels" in caught.value.hint
    ranges = load(flexible(tmp_path / "m.mlpackage", CASES["flat"].build, ranged(*MAP)), tmp_path)
    for shape in ((1, 3, 7, 16), (1, 3, 65, 16), (1, 2, 16, 16), (3, 16, 16)):
        with pytest.raises(UnsupportedError, match="'x0' has shape") as caught:
            ranges.predict({"x0": np.zeros(shape, np.float32)})
        assert "(1, 3, 16, 16), or (1, 3, 8 to 64, 8 to 90)" in caught.value.hint
    with pytest.raises(UnsupportedError, match=r"cannot be \(1, 3, 7, 16\)"):
        at(read(tmp_path / "m.mlpackage").function(), {"x0": (1, 3, 7, 16)})
    with pytest.raises(UnsupportedError, match="no input 'x1'"):
        at(read(tmp_path / "m.mlpackage").function(), {"x1": (1, 3, 8, 16)})


def test_a_size_is_compiled_once_and_few_are_kept(tmp_path, monkeypatch):
    from export.mil import onnx

    made, to_onnx = [], onnx.to_onnx

    def counted(function, *options):
        made.append(function.inputs[0].shape[-1])
        return to_onnx(function, *options)

    monkeypatch.setattr(onnx, "to_onnx", counted)
    monkeypatch.setattr(flexible_session, "MAX_SIZES", 2)
    model = load(flexible(tmp_path / "m.mlpackage", CASES["flat"].build, ranged(*MAP)), tmp_path)
    for width in (16, 9, 9, 16, 10, 9, 11, 10, 9):
        model.predict({"x0": np.zeros((1, 3, 16, width), np.float32)})
    assert made == [16, 9, 10, 11, 10, 9]


def test_inspect_says_what_is_allowed(enumerated, tmp_path):
    (facts,) = inspect(enumerated).inputs
    assert facts.kind == "image, RGB, 24 x 24, or 16 x 16; 32 high, 20 wide"
    assert facts.default == (24, 24)
    path = flexible(tmp_path / "m.mlpackage", CASES["flat"].build, ranged(*MAP))
    (facts,) = inspect(path).inputs
    assert facts.kind == "float32 (1, 3, 16, 16), or (1, 3, 8 to 64, 8 to 90)"
    assert facts.allowed == ShapeRange((1, 3, 8, 8), (1, 3, 64, 90))


def test_a_default_that_is_not_written_is_the_first_or_the_least(enumerated, tmp_path):
    copy = tmp_path / "copy.mlpackage"
    shutil.copytree(enumerated, copy)
    specification = copy / "Data/com.apple.CoreML/model.mlmodel"
    model = proto("Model_pb2").Model.FromString(specification.read_bytes())
    image = model.description.input[0].type.imageType
    image.ClearField("width")
    image.ClearField("height")
    specification.write_bytes(model.SerializeToString())
    assert read(copy).description.inputs[0].sizes == (24, 24)
    image.imageSizeRange.widthRange.lowerBound = 12
    image.imageSizeRange.widthRange.upperBound = -1
    image.imageSizeRange.heightRange.lowerBound = 8
    image.imageSizeRange.heightRange.upperBound = 9
    specification.write_bytes(model.SerializeToString())
    assert read(copy).description.inputs[0].words == (
        "8 high, 12 wide, or 8 to 9 high, 12 or more wide"
    )


def test_a_pipeline_hands_every_size_on(tmp_path):
    ct = coremltools()
    first = flexible(tmp_path / "a.mlpackage", lambda mb, x: mb.mul(x=x, y=2.0, name="m"),
                     ranged(*MAP))  # fmt: skip
    second = flexible(tmp_path / "b.mlpackage", lambda mb, x: mb.add(x=x, y=1.0), ranged(*MAP))
    models = [ct.models.MLModel(str(path), skip_model_load=True) for path in (first, second)]
    spec = models[1].get_spec()
    ct.utils.rename_feature(spec, "x0", "m")
    models[1] = ct.models.MLModel(spec, weights_dir=models[1].weights_dir, skip_model_load=True)
    path = tmp_path / "p.mlpackage"
    ct.utils.make_pipeline(*models).save(str(path))
    model = load(path, tmp_path)
    for shape in ((1, 3, 16, 16), (1, 3, 8, 30)):
        x = CHANCE.normal(size=shape).astype(np.float32)
        (got,) = model.predict({"x0": x}).values()
        np.testing.assert_array_equal(got, 2 * x + 1)


def test_another_size_is_compiled_when_the_model_itself_is_gone(tmp_path):
    path = flexible(tmp_path / "m.mlpackage", CASES["flat"].build, ranged(*MAP))
    model = load(path, tmp_path)
    shutil.rmtree(path)
    (got,) = model.predict({"x0": np.ones((1, 3, 8, 9), np.float32)}).values()
    assert got.shape == (1, 72, 3)


def test_a_default_that_cannot_be_run_keeps_no_other_size_from_it(tmp_path):
    def third(mb, x):
        return mb.slice_by_index(x=x, begin=[0, 2], end=[0, 3], begin_mask=[True, False],
                                 end_mask=[True, False], squeeze_mask=[False, True])  # fmt: skip

    model = load(flexible(tmp_path / "m.mlpackage", third, ranged((1, 5, 1), (1, 5, 1))), tmp_path)
    (got,) = model.predict({"x0": np.arange(8, dtype=np.float32).reshape(2, 4)}).values()
    assert got.tolist() == [2, 6]
    with pytest.raises(OwnFaultError, match="cannot be run here"):
        model.predict({"x0": np.ones((1, 1), np.float32)})
