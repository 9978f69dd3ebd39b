"""Programs as data: what is read, what is refused, and what is not imported for it."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from export.mil.description import ImageInput, ModelOutput
from export.mil.program import Constant, TensorType
from export.mil.read.blobs import unpack
from export.mil.read.model import read
from export.mil.read.specification import proto
from mobilenet.common.errors import PackageError, UnsupportedError
from programs import convert, save

KERNEL = np.arange(5 * 3 * 4 * 4, dtype=np.float16).reshape(5, 3, 4, 4)


def network(mb, x):
    x = mb.conv(x=mb.cast(x=x, dtype="fp16"), weight=KERNEL, pad_type="valid", name="stem")
    return mb.reshape(x=mb.cast(x=x, dtype="fp32"), shape=[1, 5], name="scores")


PICTURE = np.zeros((1, 3, 4, 4), np.float32)


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    from export.coremltools_import import coremltools

    ct = coremltools()
    model = convert(
        network, [PICTURE], classifier_config=ct.ClassifierConfig(list("abcde")),
        inputs=[ct.ImageType(name="x0", shape=PICTURE.shape, scale=0.5, color_layout="BGR")],
    )  # fmt: skip
    model.short_description, model.author, model.license, model.version = "s", "a", "l", "v"
    model.user_defined_metadata["note"] = "ü"
    model.input_description["x0"] = "a picture"
    path = tmp_path_factory.mktemp("read") / "c.mlpackage"
    model.save(str(path))
    return path


@pytest.fixture
def package(classifier, tmp_path):
    """A copy that may be damaged."""
    return Path(shutil.copytree(classifier, tmp_path / "c.mlpackage"))


def weights(package: Path) -> Path:
    return package / "Data/com.apple.CoreML/weights/weight.bin"


def specification(package: Path) -> Path:
    return package / "Data/com.apple.CoreML/model.mlmodel"


def edit(package: Path, change) -> None:
    """Apply `change` to the protobuf."""
    model = proto("Model_pb2").Model.FromString(specification(package).read_bytes())
    change(model)
    specification(package).write_bytes(model.SerializeToString())


def operations(model):
    function = model.mlProgram.functions["main"]
    return function.block_specializations[function.opset].operations


def test_face(classifier):
    program = read(classifier)
    assert (program.kind, program.specification_version, program.default) == (
        "mlprogram",
        8,
        "main",
    )
    assert (program.short_description, program.author) == ("s", "a")
    assert (program.license, program.version) == ("l", "v")
    face = program.description
    assert face.inputs == (ImageInput("x0", 4, 4, "BGR", "a picture"),)
    assert face.outputs == (
        ModelOutput("classLabel", "string"), ModelOutput("classLabel_probs", "dictionary"),
    )  # fmt: skip
    assert face.labels == ("a", "b", "c", "d", "e")
    assert face.metadata["note"] == "ü"


def test_operations_and_constants(classifier):
    function = read(classifier).function()
    assert [op.type for op in function.ops] == [
        "mul",
        "cast",
        "conv",
        "cast",
        "reshape",
        "classify",
    ]
    conv = function.ops[2]
    assert list(conv.inputs) == sorted(conv.inputs)  # protobuf's map has another order each time
    assert (conv.name, conv.outputs[0].dtype, conv.outputs[0].shape) == (
        "stem",
        "float16",
        (1, 5, 1, 1),
    )
    weight = function.argument(conv, "weight")
    assert (weight.type.dtype, weight.size_bytes, weight.form) == ("float16", 480, "const")
    np.testing.assert_array_equal(function.array(conv, "weight"), KERNEL)
    assert function.array(conv, "x") is None
    assert function.argument(conv, "bias") is None
    assert function.constant(conv.outputs[0].name) is None
    assert function.types()["x0"].shape == (1, 3, 4, 4)
    assert weight.location[0] == "@model_path/weights/weight.bin"


def test_weights_stay_in_the_file(classifier):
    function = read(classifier).function()
    mapped = function.array(function.ops[2], "weight")
    assert isinstance(mapped.base, np.memmap) or isinstance(mapped, np.memmap)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: data[:200], "ends at byte 200"),
        (lambda data: b"", "is empty"),
        (lambda data: data[:64] + b"\0" * 4 + data[68:], "no blob begins at byte 64"),
        (lambda data: data[:68] + b"\x02" + data[69:], "float32 is stored where float16"),
        (lambda data: data[:68] + b"\x63" + data[69:], "type 99 is stored where float16"),
        (lambda data: data[:72] + b"\x02" + data[73:], "258 bytes are stored, shape (5, 3, 4, 4)"),
        (lambda data: data[:80] + b"\xff" * 8 + data[88:], "are needed"),
    ],
)
def test_damaged_weight_files(package, damage, message):
    weights(package).write_bytes(damage(weights(package).read_bytes()))
    function = read(package).function()
    with pytest.raises(PackageError) as caught:
        function.array(function.ops[2], "weight")
    assert message in caught.value.message
    assert "weight.bin" in caught.value.message
    if "empty" not in message:
        assert "stem_weight_0" in caught.value.message


def test_weights_elsewhere(package):
    def change(model):
        for operation in operations(model):
            value = operation.attributes["val"]
            if value.WhichOneof("value") == "blobFileValue":
                value.blobFileValue.fileName = "@model_path/../../../../etc/passwd"

    edit(package, change)
    with pytest.raises(PackageError, match="points outside"):
        read(package)


def test_offset_beyond_the_file(package):
    def change(model):
        for operation in operations(model):
            value = operation.attributes["val"]
            if value.WhichOneof("value") == "blobFileValue":
                value.blobFileValue.offset = 2**63

    edit(package, change)
    function = read(package).function()
    with pytest.raises(PackageError, match="are needed"):
        function.array(function.ops[2], "weight")


def test_a_shape_that_its_elements_do_not_fill(package):
    def change(model):
        for operation in operations(model):
            if operation.type == "const" and operation.outputs[0].name.startswith("stem_strides"):
                operation.attributes["val"].type.tensorType.dimensions[0].constant.size = 2**62

    edit(package, change)
    function = read(package).function()
    with pytest.raises(PackageError, match=f"shape \\({2**62},\\) takes {2**62}"):
        function.array(function.ops[2], "strides")


def test_what_is_no_program(package, tmp_path):
    specification(package).write_bytes(b"\xff\xff\xff")
    with pytest.raises(PackageError, match="cannot be read: Error parsing"):
        read(package)
    specification(package).write_bytes(b"")
    with pytest.raises(PackageError, match="holds no model"):
        read(package)
    model = proto("Model_pb2").Model()
    model.gazetteer.SetInParent()
    (tmp_path / "trees.mlmodel").write_bytes(model.SerializeToString())
    with pytest.raises(UnsupportedError, match="holds a gazetteer"):
        read(tmp_path / "trees.mlmodel")


def test_functions_by_name(package):
    def change(model):
        function = model.mlProgram.functions["main"]
        model.mlProgram.functions["small"].CopyFrom(function)
        face = model.description
        for name in ("main", "small"):
            described = face.functions.add(name=name)
            described.input.extend(face.input)
            described.output.extend(face.output)
        face.functions[1].input[0].type.imageType.width = 2
        face.defaultFunctionName = "small"

    edit(package, change)
    program = read(package)
    assert program.description.inputs[0].width == 2
    assert program.function("main").description.inputs[0].width == 4
    first, second = (
        function.argument(function.ops[2], "weight") for function in program.functions.values()
    )
    assert first.location == second.location
    with pytest.raises(UnsupportedError, match="no function 'large'"):
        program.function("large")


VALUES = {
    "float32": np.linspace(0, 1, 20, dtype=np.float32), "float16": np.arange(3, dtype=np.float16),
    "int32": np.arange(20, dtype=np.int32), "bool": np.array([True, False]),
    "int8": np.arange(-10, 10, dtype=np.int8), "uint8": np.arange(20, dtype=np.uint8),
    "uint16": np.arange(3, dtype=np.uint16), "scalar": np.float32(2.5),
}  # fmt: skip


def test_every_type_of_value(tmp_path):
    """In the file from ten elements on, in the program below."""

    def build(mb, x):
        constants = [mb.const(val=value, name=f"value_{name}") for name, value in VALUES.items()]
        assert constants
        return mb.relu(x=x)

    function = read(save(tmp_path / "v.mlpackage", build, [PICTURE])).function()
    for name, value in VALUES.items():
        got = function.constant(f"value_{name}")
        assert got.dtype == value.dtype
        np.testing.assert_array_equal(got, value)
    assert function.constants["value_int8"].location is not None
    assert function.constants["value_uint16"].location is None


@pytest.mark.parametrize("bits", [1, 2, 3, 4, 6, 8])
def test_unpacking(bits, rng):
    numbers = rng.integers(0, 1 << bits, 101)
    as_bits = "".join(format(number, f"0{bits}b")[::-1] for number in numbers)
    raw = bytes(int(as_bits[i : i + 8][::-1], 2) for i in range(0, len(as_bits), 8))
    np.testing.assert_array_equal(unpack(np.frombuffer(raw, np.uint8), bits, 101), numbers)
    with pytest.raises(ValueError, match="bytes hold no"):
        unpack(np.frombuffer(raw, np.uint8), bits, 120)


def test_size_of_a_compressed_constant():
    def leaf(dtype, *shape):
        return Constant(TensorType("leaf", dtype, shape), lambda: np.zeros(shape))

    operands = {"indices": leaf("uint3", 7, 3), "lut": leaf("float16", 8)}
    dense = Constant(
        TensorType("w", "float16", (7, 3)), lambda: np.zeros(1), "constexpr", operands
    )
    assert dense.size_bytes == 8 + 16
    assert [part.type.dtype for part in dense.stored()] == ["uint3", "float16"]


ORDERS = {
    "before": "read(path); import coremltools, coremltools.proto.Model_pb2",
    "after": "from export import coremltools_import\n"
    "coremltools_import.coremltools(torch=False); read(path)",
}


@pytest.mark.parametrize("order", ORDERS)
def test_reading_lives_with_coremltools_and_without(order, classifier):
    code = (
        "import sys; from pathlib import Path; from export.mil.read.model import read\n"
        f"path = Path({str(classifier)!r}); sys.modules['torch'] = None\n"
        "def loaded(): return sorted({'coremltools', 'onnx', 'torch.nn'} & sys.modules.keys())\n"
        f"print(loaded()); {ORDERS[order]}\n"
        "import logging; logging.disable(); from coremltools.proto import Model_pb2\n"
        "print(read(path).kind, Model_pb2 is sys.modules['coremltools.proto.Model_pb2'])"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[:2] == ["[]", "mlprogram True"]


def test_reading_imports_no_framework(classifier):
    code = (
        "import sys; from pathlib import Path; from export.mil.read.model import read\n"
        f"function = read(Path({str(classifier)!r})).function()\n"
        "function.array(function.ops[2], 'weight')\n"
        "print({'coremltools', 'onnx', 'onnxruntime', 'torch', 'PIL'} & sys.modules.keys())"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "set()", done.stderr
