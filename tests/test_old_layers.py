"""Layers of the old format, of any rank: each against numpy or PyTorch, from a file of its own."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from old_format import answer

RNG = np.random.default_rng(6)
X = RNG.normal(size=(2, 3, 4)).astype(np.float32)
Y = np.where(RNG.random((3, 1)) < 0.4, X[0, :, :1], RNG.normal(size=(3, 1))).astype(np.float32)
TRUTH = (RNG.random((2, 3, 4)) < 0.5).astype(np.float32)
MAPS = RNG.normal(size=(2, 1, 4, 6, 4)).astype(np.float32)  # more axes than four
TWO = {"x": X, "z": Y}

Case = tuple[dict[str, NDArray[Any]], Callable[[Any], object], Any]


def pair(method: str, wanted: Any, **options: Any) -> Case:
    """A layer of two inputs that are broadcast."""
    return TWO, lambda b: getattr(b, f"add_{method}")("l", ["x", "z"], "y", **options), wanted


def single(method: str, wanted: Any, x: NDArray[Any] = X, **options: Any) -> Case:
    """A layer of one input."""
    return {"x": x}, lambda b: getattr(b, f"add_{method}")("l", "x", "y", **options), wanted


def logic(mode: str, wanted: Any) -> Case:
    inputs = {"x": TRUTH, "z": (Y > 0) * Y}
    return inputs, lambda b: b.add_logical("l", ["x", "z"], "y", mode), wanted


def torched(x: NDArray[Any]) -> torch.Tensor:
    return torch.from_numpy(x)


def folded(operation: Callable[[torch.Tensor], torch.Tensor]) -> NDArray[Any]:
    """Of maps whose first two axes both count samples."""
    result = operation(torched(MAPS[:, 0]))
    return result.numpy()[:, None]


def normalized(axes: tuple[int, ...], epsilon: float) -> NDArray[Any]:
    centred = MAPS - MAPS.mean(axes, keepdims=True)
    return centred / np.sqrt(MAPS.var(axes, keepdims=True) + epsilon)


WIDE = X.reshape(4, 6)
NEAR_ONE = np.array([1, 1.0001, 2, 1e3, 1e20], np.float32)
WEIGHTS = RNG.normal(size=(3, 3, 4, 2)).astype(np.float32)  # height, width, in, out
GAMMA, BETA = RNG.normal(size=(2, 4)).astype(np.float32)


def whole_batch(builder: Any) -> None:
    """What the builder does not write itself."""
    layer = builder.add_batchnorm("l", 4, GAMMA, BETA, None, None, "x", "y", True, True, 0.01)
    layer.batchnorm.instanceNormalization = False


CASES: dict[str, Case] = {
    "greater": pair("greater_than", X > Y),
    "greater or equal": pair("greater_than", X >= Y, use_greater_than_equal=True),
    "less": pair("less_than", X < Y),
    "less or equal": pair("less_than", X <= Y, use_less_than_equal=True),
    "equal": pair("equal", X == Y),
    "not equal": pair("not_equal", X != Y),
    "greater than a number": (
        {"x": X}, lambda b: b.add_greater_than("l", ["x"], "y", alpha=0.25), X > 0.25,
    ),
    "equal to a number": (
        {"x": TRUTH}, lambda b: b.add_equal("l", ["x"], "y", alpha=1.0), TRUTH == 1,
    ),
    "and": logic("AND", (TRUTH != 0) & (Y > 0)),
    "or": logic("OR", (TRUTH != 0) | (Y > 0)),
    "exclusive or": logic("XOR", (TRUTH != 0) ^ (Y > 0)),
    "not": ({"x": TRUTH}, lambda b: b.add_logical("l", ["x"], "y", "NOT"), TRUTH == 0),
    "where": (
        {"c": TRUTH[0], "x": X, "z": Y},
        lambda b: b.add_where_broadcastable("l", ["c", "x", "z"], "y"),
        np.where(TRUTH[0], X, Y),
    ),
    "asinh": single("asinh", np.arcsinh(X)),
    "acosh": single("acosh", np.arccosh(NEAR_ONE), NEAR_ONE),
    "atanh": single("atanh", np.arctanh(np.tanh(X)), np.tanh(X)),
    "maximum of three": (
        {"x": X, "z": Y, "w": -X}, lambda b: b.add_elementwise("l", ["x", "z", "w"], "y", "MAX"),
        np.maximum(np.abs(X), Y),
    ),
    "sum of logarithms": single(
        "reduce", np.log(np.abs(X) + 1e-6).sum((-2, -1), keepdims=True), np.abs(X),
        axis="HW", mode="logsum",
    ),
    "logarithm of a sum": single(
        "reduce_logsum", np.log(np.abs(X).sum((1, 2))), np.abs(X), axes=[1, -1], keepdims=False
    ),
    "everything summed has one axis": single(
        "reduce_sum", X.sum().reshape(1), axes=None, keepdims=False, reduce_all=True
    ),
    "an argument of a vector has one axis": single(
        "argmin", X[0, 0].argmin().reshape(1), X[0, 0], axis=0, keepdims=False
    ),
    "squeezed to one axis": single("squeeze", X[:1, :1, 0].reshape(1), X[:1, :1, 0],
                                   squeeze_all=True),
    "mean and variance, within channels": single(
        "mvn", normalized((-2, -1), 0.01), MAPS, across_channels=False, epsilon=0.01
    ),
    "mean and variance, across channels": single(
        "mvn", normalized((-3, -2, -1), 0.01), MAPS, epsilon=0.01
    ),
    "mean alone": single(
        "mvn", X - X.mean((-2, -1), keepdims=True), X, across_channels=False,
        normalize_variance=False,
    ),
    "norm of 2": single(
        "l2_normalize", MAPS / np.sqrt((MAPS**2).sum((2, 3, 4), keepdims=True) + 0.5), MAPS,
        epsilon=0.5,
    ),
    "batch norm by the whole batch": (
        {"x": MAPS},
        whole_batch,
        normalized((0, 1, 3, 4), 0.01) * GAMMA[:, None, None] + BETA[:, None, None],
    ),
    "instance norm": (
        {"x": MAPS},
        lambda b: b.add_batchnorm("l", 4, GAMMA, BETA, None, None, "x", "y", True, True, 0.01),
        normalized((3, 4), 0.01) * GAMMA[:, None, None] + BETA[:, None, None],
    ),
    "neighbours": single(
        "lrn", folded(lambda x: F.local_response_norm(x, 3, 0.5, 0.75, 2.0)), MAPS,
        alpha=0.5, beta=0.75, local_size=3, k=2.0,
    ),
    "convolution of more axes": (
        {"x": MAPS},
        lambda b: b.add_convolution("l", 4, 2, 3, 3, 1, 1, "valid", 1, WEIGHTS, None, False,
                                    input_name="x", output_name="y"),
        folded(lambda x: F.conv2d(x, torched(WEIGHTS.transpose(3, 2, 0, 1).copy()))),
    ),
    "pooling of three axes": (
        {"x": X},
        lambda b: b.add_pooling("l", 2, 2, 1, 1, "MAX", "VALID", "x", "y"),
        F.max_pool2d(torched(X), 2, 1).numpy(),
    ),
    "upsampling of more axes": (
        {"x": MAPS}, lambda b: b.add_upsample("l", 2, 3, "x", "y", "NN"),
        MAPS.repeat(2, 3).repeat(3, 4),
    ),
    "to the channels": single(
        "reorganize_data", folded(lambda x: x.reshape(2, 4, 3, 2, 2, 2).permute(0, 3, 5, 1, 2, 4)
                                  .reshape(2, 16, 3, 2)), MAPS, mode="SPACE_TO_DEPTH",
    ),
    "from the channels": single(
        "reorganize_data", folded(lambda x: x.reshape(2, 2, 2, 1, 6, 4).permute(0, 3, 4, 1, 5, 2)
                                  .reshape(2, 1, 12, 8)), MAPS, mode="DEPTH_TO_SPACE",
    ),
    "shuffled": single(
        "reorganize_data", folded(lambda x: F.pixel_shuffle(x, 2)), MAPS, mode="PIXEL_SHUFFLE"
    ),
    "vectors multiplied": (
        {"x": X[0, 0], "z": X[1, 2]},
        lambda b: b.add_batched_mat_mul("l", ["x", "z"], "y"), [[X[0, 0] @ X[1, 2]]],
    ),
    "transposed product": (
        {"x": X, "z": WIDE.reshape(1, 6, 4)},
        lambda b: b.add_batched_mat_mul("l", ["x", "z"], "y", transpose_b=True),
        X @ WIDE.reshape(6, 4).T,
    ),
    "inner product of a vector": (
        {"x": X[0, 0]},
        lambda b: b.add_inner_product("l", WIDE, GAMMA[:1].repeat(6), 4, 6, True, "x", "y"),
        WIDE.reshape(6, 4) @ X[0, 0] + GAMMA[0],
    ),
    "inner product of maps": (
        {"x": MAPS},
        lambda b: b.add_inner_product("l", MAPS[1], None, 96, 1, False, "x", "y"),
        (MAPS * MAPS[1]).sum((2, 3, 4)).reshape(2, 1, 1, 1, 1),
    ),
    "embedding": (
        {"x": np.array([[[2], [5]]], np.float32)},
        lambda b: b.add_embedding_nd("l", "x", "y", 6, 4, WIDE.reshape(4, 6), GAMMA),
        WIDE.T[[[2, 5]]] + GAMMA,
    ),
    "dot": (
        {"x": X.reshape(2, 12, 1, 1), "z": X[::-1].reshape(2, 12, 1, 1).copy()},
        lambda b: b.add_elementwise("l", ["x", "z"], "y", "DOT"),
        (X * X[::-1]).sum((1, 2)).reshape(2, 1, 1, 1),
    ),
    "cosine": (
        {"x": X.reshape(2, 12, 1, 1), "z": X[::-1].reshape(2, 12, 1, 1).copy()},
        lambda b: b.add_elementwise("l", ["x", "z"], "y", "COS"),
        ((X * X[::-1]).sum((1, 2)) / np.prod(np.linalg.norm(X.reshape(2, -1), axis=1)))
        .reshape(2, 1, 1, 1),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_layer_of_any_rank(name: str, tmp_path: Path) -> None:
    inputs, add, wanted = CASES[name]
    got = answer(tmp_path, inputs, add)
    assert got.shape == np.shape(wanted)
    np.testing.assert_allclose(got, wanted, rtol=3e-5, atol=2e-6)
