"""Packages run by the portable runtime, against PyTorch, and Core ML's manners of input and
output."""

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from PIL import Image

from export.coremltools_import import coremltools
from export.formats.coreml.build import build
from export.mil.onnx import to_onnx
from export.mil.ops import OPERATIONS
from export.mil.ops.operation import enter
from export.mil.read.model import read
from export.mil.read.specification import proto
from export.prepared import prepare_checkpoint
from export.runtimes.portable import PortableRuntime
from export.spec import ExportSpec
from export.verify.agreement import probe_pictures
from mobilenet.common.errors import OwnFaultError, PackageError, UnsupportedError, UserError
from mobilenet.torch_module import from_checkpoint
from programs import run_package, save

PIXELS = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)  # 2 high, 3 wide


def load(path: Path, folder: Path, **options):
    runtime = PortableRuntime(1, **options)
    return runtime.load(runtime.compile(path, folder), "CPU")


@pytest.fixture(scope="module")
def packages(hot, tmp_path_factory):
    folder = tmp_path_factory.mktemp("portable")
    paths = {}
    for precision in ("fp16", "fp32"):
        paths[precision] = folder / f"{precision}.mlpackage"
        build(prepare_checkpoint(hot, ExportSpec(precision=precision))).save(str(paths[precision]))
    return paths


def relative_l2(got, wanted) -> float:
    return float(np.linalg.norm(got - wanted) / np.linalg.norm(wanted))


@pytest.fixture(scope="module")
def wanted(hot):
    picture = probe_pictures(96)[1]
    return picture, from_checkpoint(hot)(
        torch.from_numpy(hot.normalization.apply(picture))
    ).numpy()  # fmt: skip


def test_logits_are_those_of_the_network(packages, wanted):
    picture, logits = wanted
    for precision, path in packages.items():
        got = run_package(path, {"image": picture}, outputs=("logits",))["logits"]
        assert relative_l2(got, logits) < (5e-6 if precision == "fp32" else 1e-2)


def test_declared_precision_rounds_half_and_leaves_float_alone(packages, wanted):
    picture, logits = wanted
    run = {
        (package, precision): run_package(path, {"image": picture}, precision, ["logits"])[
            "logits"
        ]
        for package, path in packages.items()
        for precision in ("float32", "declared")
    }
    np.testing.assert_array_equal(run["fp32", "float32"], run["fp32", "declared"])
    declared = run["fp16", "declared"]
    np.testing.assert_array_equal(declared, declared.astype(np.float16).astype(np.float32))
    assert 1e-4 < relative_l2(declared, run["fp16", "float32"]) < 1e-2
    assert relative_l2(declared, logits) < 1.2e-2


def test_a_classifier_answers_as_core_ml_does(packages, wanted, tmp_path):
    session = load(packages["fp32"], tmp_path)
    outputs = session.predict({"image": wanted[0]})
    assert set(outputs) == {"classLabel", "classLabel_probs"}
    probabilities = torch.from_numpy(wanted[1]).softmax(1).numpy()[0]
    assert outputs["classLabel"] == f"class {probabilities.argmax()}"
    assert list(outputs["classLabel_probs"]) == list(session.description.labels)
    assert isinstance(outputs["classLabel_probs"]["class 0"], float)
    np.testing.assert_allclose(
        list(outputs["classLabel_probs"].values()), probabilities, rtol=1e-4, atol=1e-7
    )


def test_integer_labels(tmp_path):
    def three(mb, x):
        return mb.softmax(x=x, axis=-1)

    labels = coremltools().ClassifierConfig([70, 80, 90])
    path = save(tmp_path / "i.mlpackage", three, [np.zeros((1, 3), np.float32)],
                classifier_config=labels)  # fmt: skip
    outputs = run_package(path, {"x0": np.array([[0, 9, 0]], np.float32)})
    assert outputs["classLabel"] == 80
    assert set(outputs["classLabel_probs"]) == {70, 80, 90}


def test_a_launch_imports_onnx_runtime_and_numpy_alone(packages, tmp_path):
    compiled = PortableRuntime().compile(packages["fp16"], tmp_path)
    code = (
        "import sys; from pathlib import Path; from PIL import Image\n"
        "from export.runtimes.portable import PortableRuntime\n"
        f"session = PortableRuntime(1).load(Path({str(compiled)!r}), 'CPU')\n"
        "session.predict({'image': Image.new('RGB', (96, 96))})\n"
        "print({'onnx', 'coremltools', 'google.protobuf', 'torch', 'pandas'} & sys.modules.keys())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("set()\n", "")


@pytest.mark.parametrize(("layout", "mode"), [("RGB", "RGB"), ("BGR", "RGB"), ("GRAYSCALE", "L")])
def test_pixels_arrive_in_the_order_of_the_description(layout, mode, tmp_path):
    channels = len(mode)
    pixels = PIXELS[..., :channels]
    example = np.zeros((1, channels, 2, 3), np.float32)
    ct = coremltools()
    image = ct.ImageType(
        name="x0", shape=example.shape, color_layout=getattr(ct.colorlayout, layout), scale=0.5,
        bias=[1, 2, 3][:channels] if channels > 1 else 1,
    )  # fmt: skip
    path = save(
        tmp_path / "p.mlpackage", lambda mb, x: mb.identity(x=x), [example], inputs=[image]
    )
    (got,) = run_package(path, {"x0": Image.fromarray(pixels.squeeze())}).values()
    expected = pixels[..., ::-1] if layout == "BGR" else pixels
    expected = 0.5 * expected.astype(np.float32) + np.array([1, 2, 3][:channels], np.float32)
    np.testing.assert_array_equal(got, expected.transpose(2, 0, 1)[None])


WRONG = {
    "missing": ({}, "input 'image' is missing"),
    "unknown": ({"image": Image.new("RGB", (96, 96)), "mask": 1}, "input 'mask' is unknown"),
    "array": ({"image": np.zeros((96, 96, 3), np.uint8)}, "input 'image' is a ndarray"),
    "gray": ({"image": Image.new("L", (96, 96))}, "is L, 96 x 96 pixels"),
    "alpha": ({"image": Image.new("RGBA", (96, 96))}, "is RGBA, 96 x 96 pixels"),
    "size": ({"image": Image.new("RGB", (96, 97))}, "is RGB, 96 x 97 pixels"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_inputs(case, packages, tmp_path_factory):
    inputs, message = WRONG[case]
    session = load(packages["fp32"], tmp_path_factory.mktemp("wrong"))
    with pytest.raises(UserError, match=message) as caught:
        session.predict(inputs)
    assert caught.value.hint


def test_arrays_in_and_out(tmp_path):
    path = save(tmp_path / "a.mlpackage", lambda mb, x, y: mb.add(x=x, y=y),
                [np.zeros((2, 3), np.float32), np.zeros(3, np.float32)])  # fmt: skip
    session = load(path, tmp_path)
    left, right = np.arange(6.0).reshape(3, 2).T, np.ones(3)  # float64, and not contiguous
    (total,) = session.predict({"x0": left, "x1": right}).values()
    np.testing.assert_array_equal(total, left + right)
    with pytest.raises(UserError, match=r"input 'x0' has shape \(3, 2\)"):
        session.predict({"x0": left.T, "x1": right})


HALF_LIMIT = 65504


def test_rounding_survives_the_optimizer(tmp_path):
    """To the nearest half, ties to even, overflow to infinity: after every operation."""

    def chain(mb, x):
        half = mb.cast(x=x, dtype="fp16")
        doubled = mb.mul(x=half, y=np.float16(2.0))
        return mb.cast(x=mb.mul(x=doubled, y=np.float16(0.5)), dtype="fp32")

    values = np.array([0.1, 1 + 2**-11, 1 + 3 * 2**-11, 1e-8, 40000, -40000, HALF_LIMIT, 70000])
    path = save(tmp_path / "r.mlpackage", chain, [values.astype(np.float32)])
    model = to_onnx(read(path).function(), "declared")
    assert [node.op_type for node in model.graph.node].count("Cast") == 6
    (got,) = run_package(path, {"x0": values}, "declared").values()
    assert got.tolist() == [
        float(np.float16(0.1)), 1.0, 1 + 2**-9, 0.0, np.inf, -np.inf, np.inf, np.inf,
    ]  # fmt: skip
    (exact,) = run_package(path, {"x0": values}).values()
    np.testing.assert_array_equal(exact, values.astype(np.float32))


def test_convolution_and_clip_become_one_kernel(packages, tmp_path):
    compiled = PortableRuntime().compile(packages["fp16"], tmp_path)
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimized.onnx")
    options.log_severity_level = 3
    onnxruntime.InferenceSession(str(compiled), options, providers=["CPUExecutionProvider"])
    kinds = [node.op_type for node in onnx.load(tmp_path / "optimized.onnx").graph.node]
    assert "Clip" not in kinds
    assert sum(kind in ("Conv", "FusedConv") for kind in kinds) == 27


def test_the_graph_is_valid_onnx(packages):
    for precision in ("float32", "declared"):
        model = to_onnx(read(packages["fp16"]).function(), precision, ("logits", "pool"))
        onnx.checker.check_model(model, full_check=True)
        assert {"logits", "pool"} < {output.name for output in model.graph.output}


DAMAGE = {
    "no operand": (lambda op: op.inputs.pop("x"), "conv 'conv0' has 0 values for 'x'"),
    "no output": (
        lambda op: op.outputs.pop(),
        "'conv0' cannot be run here: it has 0 outputs, not 1",
    ),
    "short pads": (
        lambda op: op.inputs["pad"].arguments[0].CopyFrom(op.inputs["groups"].arguments[0]),
        "cannot be run here: Conv 'conv0': ",
    ),
    "too many outputs": (
        lambda op: op.outputs.add(name="more"),
        "'conv0' cannot be run here: it has 2 outputs, not 1",
    ),
    "text for a number": (
        lambda op: op.inputs["groups"].arguments[0].CopyFrom(op.inputs["pad_type"].arguments[0]),
        "'conv0' cannot be run here: ValueError",
    ),
    "unknown operand": (
        lambda op: setattr(op.inputs["weight"].arguments[0], "name", "nothing"),
        "'nothing' is used before it is computed",
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_what_is_not_understood_is_our_own_fault(damage, packages, tmp_path):
    change, message = DAMAGE[damage]
    path = Path(shutil.copytree(packages["fp16"], tmp_path / "d.mlpackage"))
    specification = path / "Data/com.apple.CoreML/model.mlmodel"
    model = proto("Model_pb2").Model.FromString(specification.read_bytes())
    function = model.mlProgram.functions["main"]
    operations = function.block_specializations[function.opset].operations
    change(next(operation for operation in operations if operation.type == "conv"))
    specification.write_bytes(model.SerializeToString())
    with pytest.raises(OwnFaultError) as caught:
        load(path, tmp_path)
    assert message in caught.value.message
    assert "report it" in caught.value.hint


def test_all_missing_operations_are_named_at_once(tmp_path):
    def build_unknown(mb, x):
        for _ in range(2):
            x = mb.add(x=x, y=mb.random_normal(shape=[2, 3]))
        return mb.add(x=x, y=mb.random_uniform(shape=[2, 3]))

    path = save(tmp_path / "u.mlpackage", build_unknown, [np.zeros((2, 3), np.float32)])
    with pytest.raises(UnsupportedError, match=r"random_normal \(2\), random_uniform \(1\)$"):
        PortableRuntime().compile(path, tmp_path)


def test_an_operation_stands_once_in_the_table():
    with pytest.raises(ValueError, match="conv is entered twice"):
        enter("conv", OPERATIONS["conv"])


def test_unknown_intermediates_functions_and_units(packages, tmp_path):
    with pytest.raises(UserError, match="computes no value called 'nothing'"):
        PortableRuntime(extra_outputs=("nothing",)).compile(packages["fp16"], tmp_path)
    with pytest.raises(UnsupportedError, match="no function 'r128'"):
        PortableRuntime(function="r128").compile(packages["fp16"], tmp_path)
    with pytest.raises(UnsupportedError, match="no unit 'ALL'"):
        PortableRuntime().load(tmp_path / "x.onnx", "ALL")


def test_what_was_not_compiled_here(packages, tmp_path):
    with pytest.raises(PackageError, match="cannot be read"):
        PortableRuntime().load(tmp_path / "nothing.onnx", "CPU")
    compiled = PortableRuntime().compile(packages["fp16"], tmp_path)
    compiled.write_bytes(compiled.read_bytes()[:1000])
    with pytest.raises(UnsupportedError, match="fp16 cannot be run here: Protobuf parsing"):
        PortableRuntime().load(compiled, "CPU")


def test_functions_of_one_package(hot, tmp_path):
    """Two sizes that share their weights; each has a picture of its own."""
    ct = coremltools()
    descriptor = ct.utils.MultiFunctionDescriptor()
    for size in (64, 96):
        checkpoint = replace(hot, config=replace(hot.config, resolution=size))
        build(prepare_checkpoint(checkpoint, ExportSpec())).save(
            str(tmp_path / f"{size}.mlpackage")
        )
        descriptor.add_function(str(tmp_path / f"{size}.mlpackage"), "main", f"r{size}")
    descriptor.default_function_name = "r96"
    merged = tmp_path / "merged.mlpackage"
    ct.utils.save_multifunction(descriptor, str(merged))
    for size in (64, 96):
        inputs = {"image": probe_pictures(size)[1]}
        alone = run_package(tmp_path / f"{size}.mlpackage", inputs)
        assert run_package(merged, inputs, function=f"r{size}") == alone
    assert run_package(merged, inputs) == alone


def test_flexible_sizes_run_at_their_default(tmp_path):
    ct = coremltools()
    shape = ct.EnumeratedShapes([(1, 3, 2, 3), (1, 3, 4, 6)], default=(1, 3, 2, 3))
    path = save(
        tmp_path / "f.mlpackage",
        lambda mb, x: mb.reduce_mean(x=x, axes=[2, 3]),
        [np.zeros((1, 3, 2, 3), np.float32)],
        inputs=[ct.ImageType(name="x0", shape=shape)],
    )
    (means,) = run_package(path, {"x0": Image.fromarray(PIXELS)}).values()
    np.testing.assert_allclose(means[0], PIXELS.mean((0, 1)), rtol=1e-6)
