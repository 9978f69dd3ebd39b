"""Layers of the old format that move, choose or make elements: each against numpy or PyTorch."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from export.mil.read.model import read
from mobilenet.common.errors import UnsupportedError
from old_format import answer, save_layers
from programs import run_package
from test_old_layers import MAPS, Case, X, single

FLAT = X.reshape(-1)
PLACES = np.array([[0, -1], [2, 1]], np.float32)
DEEP = np.random.default_rng(0).normal(size=(1, 2, 4, 5, 6)).astype(np.float32)
KERNELS = np.random.default_rng(1).normal(size=(2, 2, 3, 2, 2)).astype(np.float32)


def numbers(*values: float) -> NDArray[np.float32]:
    return np.array(values, np.float32)


def given(method: str, wanted: Any, second: NDArray[Any], x: Any = X, **options: Any) -> Case:
    """A layer whose second input is computed: sizes, places, an axis."""
    add = lambda b: getattr(b, f"add_{method}")("l", ["x", "z"], "y", **options)  # noqa: E731
    return {"x": x, "z": second}, add, wanted


def put(mode: str, wanted: Any) -> Case:
    inputs = {"x": X.copy(), "z": numbers(2, 0), "w": X[:, :2] + 3}
    return inputs, lambda b: b.add_scatter("l", ["x", "z", "w"], "y", 1, mode), wanted


def updated(**changes: Any) -> NDArray[Any]:
    """X where its rows 2 and 0 are those of an update, joined to them by a function."""
    result, join = X.copy(), changes.get("join", lambda _, update: update)
    for row, update in ((2, X[:, 0] + 3), (0, X[:, 1] + 3)):
        result[:, row] = join(result[:, row], update)
    return result


WINDOWS = np.stack([X[:, :, at : at + 2] for at in (0, 2)], 2)
CASES: dict[str, Case] = {
    "like, filled": single("fill_like", np.full(X.shape, 2.5), value=2.5),
    "filled": given("broadcast_to_dynamic", np.broadcast_to(X[:, :1], (2, 2, 3, 4)),
                    numbers(2, 2, 3, 4), X[:, :1]),
    "filled to a computed size": (
        {"x": numbers(2, 3)}, lambda b: b.add_fill_dynamic("l", "x", "y", 1.5),
        np.full((2, 3), 1.5),
    ),
    "broadcast": (
        {"x": X[:, :1]}, lambda b: b.add_broadcast_to_static("l", "x", "y", [5, 2, 3, 4]),
        np.broadcast_to(X[:, :1], (5, 2, 3, 4)),
    ),
    "broadcast like": given("broadcast_to_like", np.broadcast_to(X[0, 0], X.shape), X, X[0, 0]),
    "range": (
        {"x": numbers(7.5), "z": numbers(1)},
        lambda b: b.add_range_dynamic("l", ["x", "z"], "y", step=1.5), np.arange(1, 7.5, 1.5),
    ),
    "range backwards, times": (
        {"x": X[:1, :1, 0]},
        lambda b: (b.add_range_static("r", "r", ["x"], end=-4, start=2, step=-2.5),
                   b.add_multiply_broadcastable("l", ["x", "r"], "y")),
        X[:1, :1, 0] * np.arange(2, -4, -2.5),
    ),
    "sizes": single("get_shape", [2, 3, 4]),
    "one-hot": (
        {"x": PLACES[1:]},
        lambda b: b.add_one_hot("l", ["x"], "y", one_hot_vector_size=3, axis=1, on_value=2.0,
                                off_value=-1.0),
        np.where(np.arange(3)[None, :, None] == PLACES[1:, None], 2, -1),
    ),
    "running sum": (
        {"x": X}, lambda b: b.add_cumsum("l", ["x"], "y", axis=1, exclusive=True, reverse=True),
        X[:, ::-1].cumsum(1)[:, ::-1] - X,
    ),
    "not zero": single("where_nonzero", np.argwhere(X > 0.3), np.where(X > 0.3, X, 0)),
    "band": single("matrix_band_part", np.tril(np.triu(X, -1), 1), num_lower=1, num_upper=1),
    "lower triangle": single("lower_triangular", np.tril(X, 1), k=1),
    "lower triangle below": single("lower_triangular", np.tril(X, -1), k=-1),
    "upper triangle": single("upper_triangular", np.triu(X, -1), k=-1),
    "upper triangle above": single("upper_triangular", np.triu(X, 1), k=1),
    "gathered": given("gather", np.take(X, PLACES.astype(int), 1), PLACES, axis=1),
    "gathered along": given(
        "gather_along_axis", np.take_along_axis(X, X.argsort(1), 1),
        X.argsort(1).astype(np.float32), axis=-2,
    ),
    "gathered by rows": given("gather_nd", X[[1, 0], [2, 0]], np.float32([[1, 2], [0, 0]])),
    "put": put("UPDATE", updated()),
    "added": put("ADD", updated(join=lambda a, b: a + b)),
    "subtracted": put("SUB", updated(join=lambda a, b: a - b)),
    "multiplied": put("MUL", updated(join=lambda a, b: a * b)),
    "divided": put("DIV", updated(join=lambda a, b: a / b)),
    "larger": put("MAX", updated(join=np.maximum)),
    "smaller": put("MIN", updated(join=np.minimum)),
    "put by indices of two axes": (
        {"x": X, "z": np.abs(PLACES[:1]), "w": X[:, None, :2] + 3},
        lambda b: b.add_scatter("l", ["x", "z", "w"], "y", 1, "UPDATE"),
        np.stack([X[:, 0] + 3, X[:, 1] + 3, X[:, 2]], 1),
    ),
    "put along": (
        {"x": X, "z": np.zeros((2, 1, 4), np.float32), "w": X[:, 1:2]},
        lambda b: b.add_scatter_along_axis("l", ["x", "z", "w"], "y", 1),
        np.concatenate([X[:, 1:2], X[:, 1:]], 1),
    ),
    "put by rows": (
        {"x": X, "z": np.float32([[1, 2]]), "w": X[0, :1]},
        lambda b: b.add_scatter_nd("l", ["x", "z", "w"], "y", "ADD"),
        X + np.where(np.arange(6).reshape(2, 3, 1) == 5, X[0, 0], 0),
    ),
    "sorted": single("argsort", (-X).argsort(1), axis=1, descending=True),
    "reversed": single("reverse", X[::-1, :, ::-1], reverse_dim=[True, False, True]),
    "sequences reversed": given(
        "reverse_sequence", np.stack([X[0], X[1, [1, 0, 2]]]), numbers(0, 2),
        batch_axis=0, seq_axis=1,
    ),
    "windows": single("sliding_windows", WINDOWS, axis=2, window_size=2, step=2),
    "sliced from a place": given("slice_by_size", X[:, 1:3], numbers(1), axis=1, size=2),
    "sliced from places": given(
        "slice_dynamic", X[1, ::2, :3], numbers(1, 0, 0), end_ids=[2, 3, -1], strides=[1, 2, 1],
        begin_masks=[False, True, True], end_masks=[False] * 3,
        squeeze_masks=[True, False, False],
    ),
    "sliced with masks for five axes": given(
        "slice_dynamic", X[1:, 1:, 2:], numbers(1, 1, 2), end_masks=[True] * 5
    ),
    "reshaped like": given("reshape_like", X.reshape(4, 6), np.zeros((4, 6), np.float32)),
    "reshaped to a computed shape": given("reshape_dynamic", X.reshape(3, 8), numbers(3, -1)),
    "flat from the end": single("flatten_to_2d", X.reshape(6, 4), axis=-1),
    "tiled": single("tile", np.tile(X, (2, 3)), reps=[2, 3]),
    "split in parts that differ": (
        {"x": X}, lambda b: (b.add_split_nd("s", "x", ["p", "q", "r"], 2, 3),
                             b.add_concat_nd("l", ["q", "r", "p"], "y", 2)),
        X[:, :, [2, 3, 0, 1]],
    ),
    "padded": (
        {"x": X}, lambda b: b.add_constant_pad("l", ["x"], "y", 7.0, False, [1, 0, 0, 2, 0, 0]),
        np.pad(X, ((1, 0), (0, 2), (0, 0)), constant_values=7),
    ),
    "padded to a size": (
        {"x": X}, lambda b: b.add_constant_pad("l", ["x"], "y", 7.0, True, [4, 0, 0, 5, 0, 0]),
        np.pad(X, ((2, 0), (0, 2), (0, 0)), constant_values=7),
    ),
    "cropped to another's size": (
        {"x": MAPS[0], "z": np.zeros((1, 1, 3, 2), np.float32)},
        lambda b: b.add_crop("l", 0, 0, 0, 0, [2, 1], ["x", "z"], "y"), MAPS[0, :, :, 2:5, 1:3],
    ),
    "convolution of three axes": (
        {"x": DEEP}, lambda b: b.add_convolution3d(
            "l", 2, 2, 3, 2, 2, KERNELS, None, False, stride_height=2, padding_mode="same",
            input_name="x", output_name="y"),
        F.conv3d(F.pad(torch.from_numpy(DEEP), (0, 1, 0, 1, 1, 1)), torch.from_numpy(KERNELS),
                 stride=(1, 2, 1)).numpy(),
    ),
    "deconvolution of three axes": (
        {"x": DEEP}, lambda b: b.add_convolution3d(
            "l", 2, 2, 3, 2, 2, KERNELS.swapaxes(0, 1), None, False, stride_height=2,
            is_deconv=True, padding_mode="valid", input_name="x", output_name="y"),
        F.conv_transpose3d(torch.from_numpy(DEEP), torch.from_numpy(KERNELS), stride=(1, 2, 1))
        .numpy(),
    ),
    "dilated deconvolution": (
        {"x": X[None]}, lambda b: b.add_convolution(
            "l", 2, 2, 2, 2, 2, 2, "valid", 1, KERNELS[0].reshape(2, 2, 3, 2)[:, :, :2], None,
            False, is_deconv=True, dilation_factors=[2, 1], input_name="x", output_name="y"),
        F.conv_transpose2d(
            torch.from_numpy(X[None]), torch.from_numpy(
                KERNELS[0].reshape(2, 2, 3, 2)[:, :, :2].transpose(2, 3, 0, 1).copy()),
            stride=2, dilation=(2, 1)).numpy(),
    ),
    "same deconvolution": (
        {"x": X[None]}, lambda b: b.add_convolution(
            "l", 2, 2, 3, 3, 2, 2, "same", 1, KERNELS[..., :1, :1].reshape(1, 3, 2, 2)
            .repeat(3, 0), None, False, is_deconv=True, input_name="x", output_name="y"),
        F.conv_transpose2d(
            torch.from_numpy(X[None]), torch.from_numpy(
                KERNELS[..., :1, :1].reshape(1, 3, 2, 2).repeat(3, 0).transpose(2, 3, 0, 1)
                .copy()), stride=2).numpy()[:, :, :6, :8],
    ),
    "pooling of three axes, edges left out": (
        {"x": DEEP}, lambda b: b.add_pooling3d(
            "l", "x", "y", "AVERAGE", 2, 2, 2, 2, 2, 2, "custom", *[1] * 6,
            average_pooling_count_excludes_padding=True),
        F.avg_pool3d(torch.from_numpy(DEEP), 2, 2, 1, count_include_pad=False).numpy(),
    ),
    "the mean of a volume": (
        {"x": DEEP}, lambda b: b.add_global_pooling3d("l", "x", "y", "AVERAGE"),
        DEEP.mean((2, 3, 4), keepdims=True),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_layer_that_moves_elements(name: str, tmp_path: Path) -> None:
    inputs, add, wanted = CASES[name]
    got = answer(tmp_path, inputs, add)
    assert got.shape == np.shape(wanted)
    np.testing.assert_allclose(got, wanted, rtol=2e-5, atol=2e-6)


def test_boxes_of_maps_are_resized(tmp_path: Path) -> None:
    boxes = np.float32([[0, 0, 0.5, 1], [0.25, 0.5, 1, 1]]).reshape(2, 1, 4, 1, 1)

    def add(builder: Any) -> None:
        builder.add_crop_resize(
            "l", ["x", "z"], "y", 3, 2, "STRICT_ALIGN_ENDPOINTS_MODE", True,
            "CORNERS_HEIGHT_FIRST",
        )  # fmt: skip

    maps = MAPS[:1]  # (1, batch, C, H, W)
    got = answer(tmp_path, {"x": maps, "z": boxes}, add)
    assert got.shape == (2, 1, 4, 3, 2)
    for box, values in zip(boxes.reshape(2, 4), got[:, 0], strict=True):
        rows, columns = (
            np.linspace(box[at], box[at + 2], n) * 2 - 1 for at, n in ((0, 3), (1, 2))
        )
        grid = np.stack(np.meshgrid(columns, rows), -1)[None].astype(np.float32)
        wanted = F.grid_sample(torch.from_numpy(maps[0]), torch.from_numpy(grid),
                               align_corners=True)  # fmt: skip
        np.testing.assert_allclose(values, wanted[0].numpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("form", ["like", "static", "dynamic"])
def test_random_numbers_are_refused_by_name(form: str, tmp_path: Path) -> None:
    where = {"like": {"input_name": "x"}, "static": {"output_shape": [2]},
             "dynamic": {"input_names": ["x"]}}[form]  # fmt: skip

    def add(builder: Any) -> None:
        getattr(builder, f"add_random_normal_{form}")("r", output_name="r", **where)
        builder.add_activation("l", "RELU", "r", "y")

    path = save_layers(tmp_path / "r.mlmodel", {"x": numbers(2)}, add)
    assert "random_normal" in {op.type for op in read(path).function().ops}
    with pytest.raises(UnsupportedError, match="random_normal"):
        run_package(path, {"x": numbers(2)})
