"""The old format through our reader and the portable runtime, against PyTorch and numpy."""

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch.utils.flop_counter import FlopCounterMode

from export.coremltools_import import coremltools
from export.mil.cost import cost
from export.mil.read.model import read
from mobilenet.checkpoint import Checkpoint
from mobilenet.common.errors import PackageError, UnsupportedError
from mobilenet.torch_module import from_checkpoint
from programs import run_package
from test_networks import NETWORKS

pytestmark = pytest.mark.filterwarnings("ignore")  # torch deprecates tracing


def convert(module: torch.nn.Module, example: torch.Tensor, path: Path, **options) -> Path:
    """`module` as an .mlmodel, traced."""
    ct = coremltools()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        traced = torch.jit.trace(module.eval(), example, check_trace=False)
    options = {"inputs": [ct.TensorType("x", example.shape)]} | options
    ct.convert(traced, convert_to="neuralnetwork", **options).save(str(path))
    return path


@pytest.mark.parametrize("name", NETWORKS)
def test_traced_network(name, tmp_path, rng):
    torch.manual_seed(0)
    module = NETWORKS[name]().eval().requires_grad_(False)
    height = 32 if name == "VGG" else 33
    x = torch.from_numpy(rng.normal(size=(1, 3, height, 32)).astype(np.float32))
    path = convert(module, x, tmp_path / "n.mlmodel")
    (got,) = run_package(path, {"x": x.numpy()}).values()
    with FlopCounterMode(display=False) as flops:
        wanted = module(x).numpy()
    np.testing.assert_allclose(got.reshape(1, -1), wanted, rtol=1e-4, atol=1e-5)
    counted = cost(read(path).function())
    assert (2 * counted.macs, counted.unknown_macs) == (flops.get_total_flops(), ())


@pytest.fixture(scope="module")
def classifier(hot: Checkpoint, tmp_path_factory) -> Path:
    """MobileNet with softmax, image input BGR, labels; kept small."""
    ct = coremltools()
    module = torch.nn.Sequential(from_checkpoint(hot), torch.nn.Softmax(1))
    size = hot.config.resolution
    image = ct.ImageType(
        "image", (1, 3, size, size), scale=1 / 64, bias=[-2.0, -1.5, -1.0],
        color_layout=ct.colorlayout.BGR,
    )  # fmt: skip
    path = tmp_path_factory.mktemp("nn") / "net.mlmodel"
    return convert(
        module, torch.zeros(1, 3, size, size), path, inputs=[image],
        classifier_config=ct.ClassifierConfig(list(hot.labels)),
    )  # fmt: skip


def picture(size: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(5).integers(0, 256, (size, size, 3), np.uint8))


def expected(hot: Checkpoint, image: Image.Image) -> np.ndarray:
    pixels = np.asarray(image, np.float32)[..., ::-1].transpose(2, 0, 1)[None]  # BGR
    x = pixels / 64 + np.array([-2.0, -1.5, -1.0], np.float32).reshape(1, 3, 1, 1)
    return from_checkpoint(hot)(torch.from_numpy(x)).softmax(1).numpy()[0]


def test_classifier_with_preprocessing(classifier, hot):
    image = picture(hot.config.resolution)
    answer = run_package(classifier, {"image": image})
    wanted = expected(hot, image)
    (probabilities,) = (value for value in answer.values() if isinstance(value, dict))
    assert list(probabilities) == list(hot.labels)
    np.testing.assert_allclose(list(probabilities.values()), wanted, atol=1e-6)
    assert answer["classLabel"] == hot.labels[int(wanted.argmax())]


@pytest.mark.parametrize(
    ("bits", "mode"),
    [(16, "linear"), (8, "linear"), (7, "linear"), (4, "linear"), (1, "linear"),
     (8, "linear_symmetric"), (6, "linear_lut"), (4, "linear_lut")],
)  # fmt: skip
def test_quantized_weights_are_coremltools_own(bits, mode, tmp_path, capsys):
    ct = coremltools()
    from coremltools.models.neural_network import quantization_utils as quantization

    torch.manual_seed(0)
    module = torch.nn.Sequential(
        torch.nn.Conv2d(3, 5, 3), torch.nn.ReLU(), torch.nn.ConvTranspose2d(5, 7, 2)
    )
    path = convert(module, torch.zeros(1, 3, 8, 8), tmp_path / "n.mlmodel")
    model = ct.models.MLModel(str(path), skip_model_load=True)
    spec = quantization.quantize_weights(model, bits, mode)
    spec = spec if hasattr(spec, "neuralNetwork") else spec.get_spec()
    ct.models.utils.save_spec(spec, str(path))
    function = read(path).function()
    layers = [x.convolution for x in spec.neuralNetwork.layers if x.HasField("convolution")]
    ops = [op for op in function.ops if op.type.startswith("conv")]
    assert len(layers) == len(ops) == 2
    for layer, op in zip(layers, ops, strict=True):
        (kernel,) = op.inputs["weight"]
        shape = kernel.type.shape
        if bits == 16:
            wanted = np.frombuffer(layer.weights.float16Value, np.float16)
        else:
            quantization._dequantize_wp(layer.weights, shape, int(layer.isDeconvolution))
            wanted = np.array(layer.weights.floatValue, np.float32)
            assert kernel.size_bytes <= kernel.type.elements * bits / 8 + 1 + 4 * max(14, 2**bits)
        np.testing.assert_allclose(kernel.load().ravel(), wanted, rtol=1e-6, atol=1e-7)


def test_kinds_and_metadata(classifier, hot):
    program = read(classifier)
    assert (program.kind, program.specification_version) == ("neuralnetwork", 4)
    assert program.description.labels == hot.labels
    assert {op.type for op in program.function().ops} >= {"conv", "linear", "softmax", "classify"}


# --- layers that no converter of today writes, by hand -----------------------------------------

X = np.random.default_rng(1).normal(size=(4, 6, 6)).astype(np.float32)  # C, H, W
T = torch.from_numpy(X)[None]
V = np.random.default_rng(2).normal(size=4).astype(np.float32)


def per_channel(values: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(values).view(1, -1, 1, 1)


OLD = {
    "scale and bias": (
        lambda b: b.add_scale("l", V, V * 2, True, "x", "y", [4], [4]),
        lambda x: x * per_channel(V) + per_channel(V * 2),
    ),
    "bias": (
        lambda b: b.add_bias("l", V, "x", "y", [4]),
        lambda x: x + per_channel(V),
    ),
    "prelu": (
        lambda b: b.add_activation("l", "PRELU", "x", "y", V),
        lambda x: F.prelu(x, torch.from_numpy(V)),
    ),
    "leaky": (
        lambda b: b.add_activation("l", "LEAKYRELU", "x", "y", [0.3]),
        lambda x: F.leaky_relu(x, 0.3),
    ),
    "scaled tanh": (
        lambda b: b.add_activation("l", "SCALED_TANH", "x", "y", [1.7, 0.6]),
        lambda x: 1.7 * torch.tanh(0.6 * x),
    ),
    "power with scale and shift": (
        lambda b: b.add_unary("l", "x", "y", "power", alpha=2.0, shift=0.5, scale=3.0),
        lambda x: (3 * x + 0.5) ** 2,
    ),
    "threshold": (
        lambda b: b.add_unary("l", "x", "y", "threshold", alpha=0.2),
        lambda x: x.clamp(min=0.2),
    ),
    "batch norm": (
        lambda b: b.add_batchnorm("l", 4, V, V + 1, V - 1, V**2 + 0.5, "x", "y", epsilon=1e-3),
        lambda x: F.batch_norm(
            x, *(torch.from_numpy(v) for v in (V - 1, V**2 + 0.5, V, V + 1)), eps=1e-3
        ),
    ),
    "lrn": (
        lambda b: b.add_lrn("l", "x", "y", alpha=0.5, beta=0.75, local_size=3, k=2.0),
        lambda x: F.local_response_norm(x, 3, alpha=0.5, beta=0.75, k=2.0),
    ),
    "softmax over channels": (
        lambda b: b.add_softmax("l", "x", "y"),
        lambda x: x.softmax(1),
    ),
    "average over the map": (
        lambda b: b.add_reduce("l", "x", "y", "HW", "avg"),
        lambda x: x.mean((2, 3), keepdim=True),
    ),
    "global max pooling": (
        lambda b: b.add_pooling("l", 1, 1, 1, 1, "MAX", "VALID", "x", "y", is_global=True),
        lambda x: x.amax((2, 3), keepdim=True),
    ),
    "Caffe's pooling": (
        lambda b: b.add_pooling(
            "l", 3, 3, 2, 2, "MAX", "INCLUDE_LAST_PIXEL", "x", "y",
            padding_top=0, padding_bottom=0, padding_left=0, padding_right=0,
        ),
        lambda x: F.max_pool2d(x, 3, 2, ceil_mode=True),
    ),
    "pooling, padding left out of the average": (
        lambda b: b.add_pooling("l", 3, 3, 2, 2, "AVERAGE", "SAME", "x", "y"),
        lambda x: F.avg_pool2d(F.pad(x, (0, 1, 0, 1)), 3, 2) * 9
        / F.avg_pool2d(F.pad(torch.ones_like(x), (0, 1, 0, 1)), 3, 2) / 9,
    ),
    "flatten and product": (
        lambda b: (
            b.add_flatten("f", 0, "x", "flat"),
            b.add_inner_product("l", np.arange(288.0).reshape(2, 144) / 99, V[:2], 144, 2, True,
                                "flat", "y"),
        ),
        lambda x: F.linear(x.flatten(1), torch.arange(288.0).reshape(2, 144) / 99,
                           torch.from_numpy(V[:2])).view(1, 2, 1, 1),
    ),
    "flatten, channels last": (
        lambda b: b.add_flatten("l", 1, "x", "y"),
        lambda x: x.permute(0, 2, 3, 1).reshape(1, -1, 1, 1),
    ),
    "reshape": (
        lambda b: b.add_reshape("l", "x", "y", (2, 8, 9), 0),
        lambda x: x.reshape(1, 2, 8, 9),
    ),
    "permute": (
        lambda b: b.add_permute("l", (0, 3, 1, 2), "x", "y"),
        lambda x: x.permute(0, 3, 1, 2),
    ),
    "split and join": (
        lambda b: (
            b.add_split("s", "x", ["one", "two"]),
            b.add_elementwise("l", ["two", "one"], "y", "CONCAT"),
        ),
        lambda x: torch.cat(x.chunk(2, 1)[::-1], 1),
    ),
    "average of three": (
        lambda b: (
            b.add_activation("a", "RELU", "x", "r"), b.add_activation("t", "TANH", "x", "t"),
            b.add_elementwise("l", ["x", "r", "t"], "y", "AVE"),
        ),
        lambda x: (x + x.relu() + x.tanh()) / 3,
    ),
    "a number added": (
        lambda b: b.add_elementwise("l", ["x"], "y", "ADD", alpha=2.5),
        lambda x: x + 2.5,
    ),
    "reflection": (
        lambda b: b.add_padding("l", 1, 2, 0, 1, input_name="x", output_name="y",
                                padding_type="reflection"),
        lambda x: F.pad(x, (1, 2, 0, 1), mode="reflect"),
    ),
    "slice of channels": (
        lambda b: b.add_slice("l", "x", "y", "channel", 1, 3, 1),
        lambda x: x[:, 1:3],
    ),
    "crop": (
        lambda b: b.add_crop("l", 1, 2, 1, 0, [0, 0], ["x"], "y"),
        lambda x: x[:, :, 1:, 1:4],
    ),
    "constant": (
        lambda b: (
            b.add_load_constant("c", "c", V, (4, 1, 1)),
            b.add_elementwise("l", ["x", "c"], "y", "MULTIPLY"),
        ),
        lambda x: x * per_channel(V),
    ),
}  # fmt: skip


def old_model(build, shape, path: Path) -> Path:
    """An .mlmodel of rank-5 values with input x and output y."""
    ct = coremltools()
    from coremltools.models import datatypes
    from coremltools.models.neural_network import NeuralNetworkBuilder

    builder = NeuralNetworkBuilder(
        [("x", datatypes.Array(4, 6, 6))], [("y", datatypes.Array(*shape))]
    )
    build(builder)
    ct.models.utils.save_spec(builder.spec, str(path))
    return path


@pytest.mark.parametrize("name", OLD)
def test_layer_of_the_oldest_models(name, tmp_path):
    build, oracle = OLD[name]
    wanted = oracle(T).numpy()[0]
    path = old_model(build, wanted.shape, tmp_path / "old.mlmodel")
    (got,) = run_package(path, {"x": X}).values()
    np.testing.assert_allclose(got.reshape(wanted.shape), wanted, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize(("heavy", "pads"), [(0, (0, 1, 0, 1)), (1, (1, 0, 1, 0))])
def test_same_padding_has_two_readings(heavy, pads, tmp_path):
    kernel = np.random.default_rng(3).normal(size=(3, 3, 4, 2)).astype(np.float32)  # H, W, I, O
    names = ["BOTTOM_RIGHT_HEAVY", "TOP_LEFT_HEAVY"]

    def build(b):
        b.add_convolution("l", 4, 2, 3, 3, 2, 2, "same", 1, kernel, None, False,
                          input_name="x", output_name="y",
                          same_padding_asymmetry_mode=names[heavy])  # fmt: skip

    path = old_model(build, (2, 3, 3), tmp_path / "same.mlmodel")
    (got,) = run_package(path, {"x": X}).values()
    weight = torch.from_numpy(kernel.transpose(3, 2, 0, 1).copy())
    wanted = F.conv2d(F.pad(T, pads), weight, stride=2).numpy()
    np.testing.assert_allclose(got.reshape(wanted.shape), wanted, rtol=2e-5, atol=2e-5)


def test_damage_and_strangers_are_said(classifier, tmp_path):
    ct = coremltools()
    spec = ct.models.utils.load_spec(str(classifier))
    layers = spec.neuralNetworkClassifier.layers
    first = next(x for x in layers if x.HasField("convolution"))
    first.convolution.outputChannels = 1 << 40
    ct.models.utils.save_spec(spec, str(tmp_path / "big.mlmodel"))
    with pytest.raises(PackageError, match="numbers, its layer needs"):
        read(tmp_path / "big.mlmodel")
    del layers[0]
    ct.models.utils.save_spec(spec, str(tmp_path / "cut.mlmodel"))
    with pytest.raises(PackageError, match="which no layer before it gives"):
        read(tmp_path / "cut.mlmodel")
    spec.Clear()
    spec.specificationVersion = 1
    spec.wordTagger.SetInParent()
    ct.models.utils.save_spec(spec, str(tmp_path / "tree.mlmodel"))
    with pytest.raises(UnsupportedError, match="holds a wordTagger"):
        read(tmp_path / "tree.mlmodel")


def test_unknown_layer_is_kept_and_named(tmp_path):
    def build(b):
        layer = b.spec.neuralNetwork.layers.add(name="mine", input=["x"], output=["y"])
        layer.custom.className = "Mine"

    path = old_model(build, (4, 6, 6), tmp_path / "custom.mlmodel")
    assert [op.type for op in read(path).function().ops] == [
        "reshape", "layer.custom Mine", "identity",
    ]  # fmt: skip
    with pytest.raises(UnsupportedError, match="custom"):
        run_package(path, {"x": X})
