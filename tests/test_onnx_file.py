"""The graph of an ONNX model computes what ONNX Runtime makes of the model itself."""

from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from mobilenet.common.errors import CheckpointError
from mobilenet.sources.onnx_model.onnx_file import graph_of
from onnx_models import PICTURE, itself, model, node, normal, translated

INTS = np.int64

KERNEL, VECTOR, MATRIX = normal(4, 3, 3, 3), normal(3), normal(144, 5)
CASES = {
    "padded, dilated convolution": model(
        [node("Conv", "x w b", pads=[1, 2, 2, 1], strides=[2, 1], dilations=[1, 2])],
        w=KERNEL, b=normal(4),
    ),
    "grouped SAME convolution": model(
        [node("Conv", "x w", auto_pad="SAME_UPPER", group=3, strides=[2, 2])], w=normal(3, 1, 3, 3)
    ),
    "batch norm": model(
        [node("BatchNormalization", "x s b m v", epsilon=0.5, momentum=0.1)],
        s=VECTOR, b=VECTOR, m=VECTOR, v=VECTOR**2,
    ),
    "clip by attributes": model([node("Clip", "x", min=-0.5, max=0.5)], 9),
    "clip by inputs": model([node("Clip", "x - h")], 13, h=np.float32(0.25)),
    "ReLU6 behind a Constant": model(
        [node("Constant", "", "h", value=numpy_helper.from_array(np.float32(0.5))),
         node("Constant", "", "l", value_float=-0.5), node("Clip", "x l h")],
    ),
    "mean by an attribute": model([node("ReduceMean", "x", axes=[2, 3], keepdims=0)], 13),
    "mean by an input": model([node("ReduceMean", "x a", keepdims=1)], 18, a=INTS([2, 3])),
    "squeezed by an attribute": model(
        [node("GlobalAveragePool", "x", "p"), node("Squeeze", "p", axes=[2, 3])], 11
    ),
    "squeezed by an input": model(
        [node("GlobalMaxPool", "x", "p"), node("Squeeze", "p a", "s"),
         node("Unsqueeze", "s a")], a=INTS([2]),
    ),
    "softmax over the classes": model(
        [node("GlobalAveragePool", "x", "p"), node("Softmax", "p")], 11
    ),
    "softmax over the last axis": model([node("Softmax", "x")], 13),
    "padded by an attribute": model(
        [node("Pad", "x", pads=[0, 0, 1, 2, 0, 1, 0, 3], value=2.0)], 10
    ),
    "padded by an input": model([node("Pad", "x p v")], p=INTS([0, 0, 1, 0, 0, 0, 0, 1]),
                                v=np.float32(3)),
    "padded along axes": model([node("Pad", "x p - a")], 18, p=INTS([1, 2, 0, 3]),
                               a=INTS([3, -2])),
    "dense, transposed": model(
        [node("Flatten", "x", "f"), node("Gemm", "f w b", transB=1)], w=MATRIX.T.copy(),
        b=normal(5),
    ),
    "dense": model([node("Flatten", "x", "f"), node("Gemm", "f w")], w=MATRIX),
    "reversed channels": model([node("Slice", "x s e a t")], s=INTS([-1]), e=INTS([-100]),
                               a=INTS([1]), t=INTS([-1])),
    "cut by attributes": model([node("Slice", "x", starts=[1], ends=[5], axes=[2])], 9),
    "gathered": model([node("Gather", "x i", axis=1)], i=INTS([2, 0])),
    "average over borders": model(
        [node("AveragePool", "x", kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1)]
    ),
    "largest, rounded up": model(
        [node("MaxPool", "x", kernel_shape=[4, 3], strides=[3, 2], ceil_mode=1)]
    ),
    "resized by sizes": model([node("Resize", "x - - s", mode="linear")], s=INTS([1, 3, 9, 11])),
    "resized by scales": model(
        [node("Resize", "x - s", mode="linear", coordinate_transformation_mode="align_corners")],
        s=np.float32([1, 1, 2, 2]),
    ),
    "dropout, copies of constants, of 16 bits": model(
        [node("Cast", "h", "w", to=TensorProto.FLOAT), node("Identity", "w", "v"),
         node("Dropout", "x", "d"), node("Mul", "d v")], h=np.float16([[[2]], [[3]], [[4]]]),
    ),
    "hard swish, hard sigmoid": model(
        [node("HardSwish", "x", "h"), node("HardSigmoid", "h", alpha=0.3)]
    ),
    "label map": model([node("ArgMax", "x", axis=1, keepdims=0)]),
    "a shape that is computed": model(
        [node("Shape", "x", "s"), node("Gather", "s zero", "n"), node("Unsqueeze", "n a", "u"),
         node("Concat", "u rest", "t", axis=0), node("Reshape", "x t")],
        13, ["n", 3, 6, 8], zero=INTS(0), a=INTS([0]), rest=INTS([-1]),
    ),
    "a shape behind a reshape": model(
        [node("Reshape", "x t", "r"), node("Shape", "r", "s"), node("Slice", "s b e", "n"),
         node("Mul", "n two", "m"), node("Concat", "m rest", "u", axis=0),
         node("Reshape", "r u")],
        17, t=INTS([2, -1]), b=INTS([0]), e=INTS([1]), two=INTS([2]), rest=INTS([-1]),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_node(name: str, tmp_path: Path) -> None:
    made = CASES[name]
    np.testing.assert_allclose(translated(made, tmp_path), itself(made), rtol=1e-5, atol=1e-6)


def test_channels_last_and_what_leads_nowhere(tmp_path: Path) -> None:
    nodes = [node("Tanh", "x", "unused"), node("Transpose", "x", "t", perm=[0, 3, 1, 2]),
             node("Conv", "t w")]  # fmt: skip
    made = model(nodes, sides=["n", 6, 8, 3], w=KERNEL)
    last = itself(made, PICTURE.transpose(0, 2, 3, 1).copy())
    np.testing.assert_allclose(translated(made, tmp_path), last, atol=1e-5)
    graph = graph_of(tmp_path / "x.onnx")
    assert [one.op for one in graph.nodes] == ["Transpose", "Transpose", "Conv"]
    assert (graph.input.height, graph.input.width) == (6, 8)
    assert graph.nodes[-1].title == "layer the y (Conv)"


def test_bytes_are_pixels_as_they_are(tmp_path: Path) -> None:
    nodes = [node("Cast", "x", "f", to=TensorProto.FLOAT), node("Relu", "f")]
    made = model(nodes, kind=TensorProto.UINT8)
    pixels = np.arange(144, dtype=np.float32).reshape(1, 3, 6, 8)
    np.testing.assert_array_equal(translated(made, tmp_path, pixels), pixels)
    assert graph_of(tmp_path / "x.onnx").said == {
        "normalization": '{"mean": [0, 0, 0], "std": [1, 1, 1]}'
    }


def test_same_padding_of_a_dilated_kernel_is_numbers(tmp_path: Path) -> None:
    """ONNX Runtime takes no dilated SAME rule."""
    made = model([node("Conv", "x w", auto_pad="SAME_UPPER", dilations=[2, 2])], w=KERNEL)
    plain = model([node("Conv", "x w", pads=[2, 2, 2, 2], dilations=[2, 2])], w=KERNEL)
    np.testing.assert_allclose(translated(made, tmp_path), itself(plain), atol=1e-5)


FLATTENED = node("Flatten", "x", "f")
REFUSED = {
    r"layer the y \(Tanh\) is not read here": model([node("Tanh", "x")]),
    "of the domain other": model(
        [helper.make_node("Relu", ["x"], ["y"], domain="other")]
    ),
    "x.onnx is of opset 8": model([node("Relu", "x")], 8),
    "has attribute body of type 5": model(
        [node("Relu", "x", body=helper.make_graph([], "g", [], []))]
    ),
    "has strange 0, which is not read": model([node("Relu", "x", strange=0)]),
    "has mode reflect": model([node("Pad", "x p", mode="reflect")], p=INTS([0] * 8)),
    "has mode nearest": model([node("Resize", "x - s")], s=np.float32([1, 1, 2, 2])),
    "has auto_pad SAME_LOWER": model([node("Conv", "x w", auto_pad="SAME_LOWER")], w=KERNEL),
    "has training_mode 1": model(
        [node("BatchNormalization", "x s s s s", training_mode=1)], s=VECTOR
    ),
    r"\(Dropout\) has training_mode True": model(
        [node("Dropout", "x r t")], r=np.float32(0.5), t=np.int32(1)
    ),
    r"has axis 1 of \(1, 3, 6, 8\)": model([node("Softmax", "x")], 11),
    "has alpha 2.0": model([FLATTENED, node("Gemm", "f w", alpha=2.0)], w=MATRIX),
    "computes its input 1, which must be a constant": model([node("Conv", "x x")]),
    "has input 1 that is no constant of integers": model([node("Reshape", "x x")]),
    "needs a size that the file leaves open": model(
        [node("Shape", "x", "s"), node("Reshape", "x s")], sides=[1, 3, "h", "w"]
    ),
    "a second result that is used": model(
        [node("MaxPool", "x", "p i", kernel_shape=[2, 2])], outputs=("p", "i")
    ),
    "output y is computed by no node": model([node("Relu", "x", "z")]),
    "computes what is already there": model([node("Relu", "x"), node("Neg", "x")]),
    "w is of type 9, not read here": model([node("Mul", "x w")], w=np.bool_([True])),
    r"input x has shape \(1, 1, 28, 28\)": model([node("Relu", "x")], sides=[1, 1, 28, 28]),
    r"input x has shape \(2, 3, 8, 8\)": model([node("Relu", "x")], sides=[2, 3, 8, 8]),
    "input x is of type 7": model([node("Relu", "x")], kind=TensorProto.INT64),
    "does not say its perm": model([node("Transpose", "x")]),
    r"takes \[7\] of 4": model(
        [node("Shape", "x", "s"), node("Gather", "s i", "t"), node("Reshape", "x t")], i=INTS([7])
    ),
}  # fmt: skip


@pytest.mark.parametrize("message", REFUSED)
def test_what_is_not_understood_is_refused_by_name(message: str, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=message) as caught:
        translated(REFUSED[message], tmp_path)
    assert caught.value.hint


def test_damage_and_size(tmp_path: Path) -> None:
    path = tmp_path / "x.onnx"
    path.write_bytes(b"\x08\x08\x3a\xff\xff\xff\xff\x0f")
    with pytest.raises(CheckpointError, match=r"x\.onnx cannot be read"):
        graph_of(path)
    made = model([node("Mul", "x w")], w=np.zeros(3, np.float32))
    made.graph.initializer[0].dims[:] = [1 << 20, 1 << 10]
    path.write_bytes(made.SerializeToString())
    with pytest.raises(CheckpointError, match="over 67,108,864 floats"):
        graph_of(path)
    made.graph.initializer[0].dims[:] = [1, 4]
    path.write_bytes(made.SerializeToString())
    with pytest.raises(CheckpointError, match="tensor w holds 12 bytes"):
        graph_of(path)
