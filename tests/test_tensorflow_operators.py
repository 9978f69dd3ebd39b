"""TensorFlow's operators, each against PyTorch or numpy; nothing that is unknown is read."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from mobilenet.sources.tensorflow.tensorflow_files import frozen_graph
from run_graph import run
from tensorflow_graphs import (
    FLOAT,
    QUINT8,
    Levels,
    Type,
    const,
    conv,
    node,
    shape,
    whole,
)
from weight_files import chunk, integer, real

RNG = np.random.default_rng(0)
X = RNG.integers(0, 256, (1, 3, 8, 8)).astype(np.float32)
KERNEL = RNG.standard_normal((3, 3, 3, 4), np.float32)
DEPTHWISE = RNG.standard_normal((3, 3, 3, 1), np.float32)
VECTORS = [np.abs(RNG.standard_normal(3, np.float32)) for _ in range(4)]
LEVELS = RNG.integers(0, 256, (3, 3, 3, 4), np.uint8)
MATRIX = RNG.standard_normal((4, 5), np.float32)
T = torch.from_numpy
x = T(X)


def convolved(x: torch.Tensor = x, kernel: np.ndarray = KERNEL, **options: Any) -> torch.Tensor:
    return F.conv2d(x, T(kernel.astype(np.float32).transpose(3, 2, 0, 1).copy()), **options)


def last(x: torch.Tensor) -> torch.Tensor:
    return x.permute(0, 2, 3, 1)


def first(x: torch.Tensor) -> torch.Tensor:
    return x.permute(0, 3, 1, 2)


def channels(vector: np.ndarray) -> torch.Tensor:
    return T(vector)[:, None, None]


class Case(NamedTuple):
    """Nodes that read "map", which is the picture, the last of which is the result."""

    nodes: list[bytes]
    expected: Callable[[], torch.Tensor]


WINDOW = {"strides": (1, 2, 2, 1), "ksize": (1, 3, 3, 1)}
NORM = [const(name, vector) for name, vector in zip("gbmv", VECTORS, strict=True)]
SLICE = [const("first", [0, 0]), const("end", [0, 0]), const("step", [1, -1])]
BLOCKS = [
    const("block", [2, 2]),
    const("pads", [[2, 3], [2, 3]]),
    const("crops", [[0, 1], [0, 1]]),
]
CASES = {
    "conv SAME": Case(
        [const("k", KERNEL), conv("y", "map", "k", strides=(1, 2, 2, 1))],
        lambda: convolved(F.pad(x, (0, 1, 0, 1)), stride=2),
    ),
    "conv VALID": Case([const("k", KERNEL), conv("y", "map", "k", padding="VALID")], convolved),
    "conv EXPLICIT": Case(
        [const("k", KERNEL), conv("y", "map", "k", padding="EXPLICIT",
                                  explicit_paddings=(0, 0, 1, 2, 0, 3, 0, 0))],
        lambda: convolved(F.pad(x, (0, 3, 1, 2))),
    ),
    "conv dilated": Case(
        [const("k", KERNEL), conv("y", "map", "k", dilations=(1, 2, 2, 1))],
        lambda: convolved(padding=2, dilation=2),
    ),
    "batches in space": Case(
        [const("k", KERNEL), *BLOCKS, node("s", "SpaceToBatchND", "map", "block", "pads"),
         conv("c", "s", "k", padding="VALID"), node("y", "BatchToSpaceND", "c", "block", "crops")],
        lambda: convolved(padding=2, dilation=2),
    ),
    "fused": Case(
        [const("k", KERNEL), const("b", MATRIX[:, 0]),
         node("y", "_FusedConv2D", "map", "k", "b", strides=(1, 1, 1, 1), padding="VALID",
              fused_ops=("BiasAdd", "Relu6"), epsilon=0.0, num_args=1, T=Type(FLOAT))],
        lambda: F.relu6(convolved() + channels(MATRIX[:, 0])),
    ),
    "depthwise": Case(
        [const("k", DEPTHWISE), node("y", "DepthwiseConv2dNative", "map", "k",
                                     strides=(1, 1, 1, 1), padding="SAME")],
        lambda: F.conv2d(x, T(DEPTHWISE.transpose(2, 3, 0, 1).copy()), padding=1, groups=3),
    ),
    "average": Case(
        [node("y", "AvgPool", "map", padding="SAME", **WINDOW)],
        lambda: F.avg_pool2d(x, 3, 2, ceil_mode=True),
    ),
    "largest": Case(
        [node("y", "MaxPool", "map", padding="VALID", **WINDOW)], lambda: F.max_pool2d(x, 3, 2)
    ),
    "batch norm": Case(
        [*NORM, node("y", "FusedBatchNormV3", "map", *"gbmv", epsilon=0.01, is_training=False)],
        lambda: F.batch_norm(x, *(T(VECTORS[i]) for i in (2, 3, 0, 1)), eps=0.01),
    ),
    "plain batch norm": Case(
        [*NORM, const("e", 0.01), node("ve", "AddV2", "v", "e"), node("r", "Rsqrt", "ve"),
         node("s", "Mul", "r", "g"), node("a", "Mul", "map", "s"), node("ms", "Mul", "m", "s"),
         node("o", "Sub", "b", "ms"), node("y", "AddV2", "a", "o")],
        lambda: F.batch_norm(x, *(T(VECTORS[i]) for i in (2, 3, 0, 1)), eps=0.01),
    ),
    "dense": Case(
        [const("k", KERNEL), conv("c", "map", "k"), const("axes", [1, 2]), const("w", MATRIX.T),
         node("m", "Mean", "c", "axes", keep_dims=False),
         node("d", "MatMul", "m", "w", transpose_b=True), node("y", "Softmax", "d")],
        lambda: (convolved(padding=1).mean((2, 3)) @ T(MATRIX)).softmax(1),
    ),
    "flatten": Case(
        [const("to", [-1, 192]), node("y", "Reshape", "map", "to")],
        lambda: last(x).reshape(1, -1),
    ),
    "flatten by shape": Case(
        [node("s", "Shape", "map"), const("0", [0]), const("1", [1]), const("n", 192),
         node("b", "StridedSlice", "s", "0", "1", "1", shrink_axis_mask=1),
         node("to", "Pack", "b", "n"), node("y", "Reshape", "map", "to")],
        lambda: last(x).reshape(1, -1),
    ),
    "to a map": Case(
        [const("to", [1, 4, 16, 3]), node("y", "Reshape", "map", "to")],
        lambda: first(last(x).reshape(1, 4, 16, 3)),
    ),
    "a bias in four axes": Case(
        [const("b", VECTORS[0]), const("to", [1, 1, 1, -1]), node("r", "Reshape", "b", "to"),
         const("0", 0), node("e", "ExpandDims", "b", "0"), node("s", "Squeeze", "e"),
         node("a", "AddV2", "map", "r"), node("y", "AddV2", "a", "s")],
        lambda: x + 2 * channels(VECTORS[0]),
    ),
    "one axis": Case(
        [const("axis", 2), node("y", "Max", "map", "axis")], lambda: last(x).amax(2)
    ),
    "expanded": Case(
        [const("axes", [1, 2]), node("m", "Mean", "map", "axes"), const("1", 1),
         node("e", "ExpandDims", "m", "1"), node("y", "ExpandDims", "e", "1")],
        lambda: x.mean((2, 3), keepdim=True),
    ),
    "squeezed": Case(
        [const("axes", [1, 2]), node("m", "Mean", "map", "axes", keep_dims=True),
         node("y", "Squeeze", "m", squeeze_dims=(1, 2))],
        lambda: x.mean((2, 3)),
    ),
    "padded": Case(
        [const("pads", [[0, 0], [1, 2], [0, 3], [0, 0]]), const("n", 7.0),
         node("y", "PadV2", "map", "pads", "n")],
        lambda: F.pad(x, (0, 3, 1, 2), value=7.0),
    ),
    "BGR by slice": Case(
        [*SLICE, node("y", "StridedSlice", "map", "first", "end", "step", ellipsis_mask=1,
                      begin_mask=2, end_mask=2)],
        lambda: x.flip(1),
    ),
    "BGR by parts": Case(
        [const("3", 3), node("s", "Split", "3", "map", num_split=3),
         node("y", "ConcatV2", "s:2", "s:1", "s", "3")],
        lambda: x.flip(1),
    ),
    "BGR by places": Case(
        [const("p", [2, 1, 0]), const("3", -1), node("y", "GatherV2", "map", "p", "3")],
        lambda: x.flip(1),
    ),
    "BGR reversed": Case(
        [const("3", [3]), node("y", "ReverseV2", "map", "3")], lambda: x.flip(1)
    ),
    "constants of the map's shape": Case(
        [const("p", X.transpose(0, 2, 3, 1)), node("y", "Sub", "map", "p")],
        lambda: torch.zeros(1, 3, 8, 8),
    ),
    "turned": Case(
        [const("p", [0, 3, 1, 2]), node("y", "Transpose", "map", "p")],
        lambda: first(x),
    ),
    "resized": Case(
        [const("to", [5, 11]), node("y", "ResizeBilinear", "map", "to", align_corners=True)],
        lambda: F.interpolate(x, (5, 11), mode="bilinear", align_corners=True),
    ),
    "leaky": Case([node("y", "LeakyRelu", "map")], lambda: F.leaky_relu(x, 0.2)),
    "sum": Case([node("y", "AddN", "map", "map", "map")], lambda: 3 * x),
    "softmax of a map": Case([node("y", "Softmax", "map")], lambda: x.softmax(1)),
    "eight bits": Case(
        [const("l", np.float32(-1.2)), const("m", np.float32(0.9)),
         node("q", "Const", dtype=Type(QUINT8), value=Levels(LEVELS)),
         node("k", "Dequantize", "q", "l", "m", T=Type(QUINT8), mode="MIN_COMBINED"),
         conv("y", "map", "k")],
        lambda: convolved(kernel=LEVELS * (2.1 / 255) - 1.2, padding=1),
    ),
    "eight bits with 0": Case(
        [const("l", np.float32(-1.2)), const("m", np.float32(0.9)),
         node("q", "Const", dtype=Type(QUINT8), value=Levels(LEVELS)),
         node("k", "Dequantize", "q", "l", "m", T=Type(QUINT8), mode="MIN_FIRST"),
         conv("y", "map", "k")],
        lambda: convolved(kernel=(LEVELS - 146.0) * (2.1 / 255), padding=1),
    ),
    "place of the largest": Case(
        [const("3", 3), node("y", "ArgMax", "map", "3")], lambda: x.argmax(1)
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_an_operator_computes_what_it_does_elsewhere(name: str) -> None:
    graph = frozen_graph(whole(*CASES[name].nodes), "graph.pb")
    assert graph.outputs == ("y",)
    result = run(graph, {"input": X})["y"]
    np.testing.assert_allclose(result, CASES[name].expected().numpy(), rtol=1e-4, atol=1e-4)


def test_equal_numbers_that_are_left_out() -> None:
    """TensorFlow stores the last of equal numbers once, and zeros not at all."""

    def compressed(name: str, *values: float) -> bytes:
        numbers = b"".join(real(5, number) for number in values)
        stored = chunk(8, integer(1, FLOAT) + chunk(2, shape((3,))) + numbers)
        body = chunk(1, name.encode()) + chunk(2, b"Const")
        return chunk(1, body + chunk(5, chunk(1, b"value") + chunk(2, stored)))

    nodes = [compressed("a", 1, 2), compressed("b"), node("m", "Add", "map", "a"),
             node("y", "Add", "m", "b")]  # fmt: skip
    result = run(frozen_graph(whole(*nodes), "graph.pb"), {"input": X})["y"]
    np.testing.assert_array_equal(result, X + np.float32([1, 2, 2])[:, None, None])
