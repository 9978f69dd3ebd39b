"""Every operator of a `.tflite` computes what TensorFlow Lite says it does, or is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from tflite_files import MAP, OPTIONS, TfliteFile, Write, graph, refused, result

RNG = np.random.default_rng(5)
PICTURE = RNG.standard_normal((1, 5, 6, 3)).astype(np.float32)


def convolved(x: np.ndarray, kernel: np.ndarray, **options: Any) -> np.ndarray:
    """torch's convolution of a map with channels last, kernel OIHW."""
    value = F.conv2d(torch.from_numpy(x).permute(0, 3, 1, 2), torch.from_numpy(kernel), **options)
    return value.permute(0, 2, 3, 1).numpy()


def normal(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32)


KERNEL, DEPTHWISE, DENSE, BIAS = normal(4, 3, 3, 3), normal(1, 3, 3, 3), normal(4, 90), normal(4)
OIHW, C1HW = KERNEL.transpose(0, 3, 1, 2).copy(), DEPTHWISE.transpose(3, 0, 1, 2).copy()
VECTOR = np.float32([1, 2, 4])

# kind, further constants, the result's shape, options (fields of the table), what must come out
ONE_OPERATOR: dict[str, tuple[str, list[Any], tuple[int, ...], dict[str, Any], Any]] = {
    "SAME, stride 2, ReLU6": (
        "CONV_2D", [KERNEL, BIAS], (1, 3, 3, 4), {"i32_1": 2, "i32_2": 2, "i8_3": 3},
        lambda x: np.clip(convolved(np.pad(x, ((0, 0), (1, 1), (0, 1), (0, 0))), OIHW, stride=2)
                          + BIAS, 0, 6),
    ),
    "VALID, ReLU": (
        "CONV_2D", [KERNEL, BIAS], (1, 3, 4, 4), {"i8_0": 1, "i32_1": 1, "i32_2": 1, "i8_3": 1},
        lambda x: np.maximum(convolved(x, OIHW) + BIAS, 0),
    ),
    "strides of height and width": (
        "CONV_2D", [KERNEL], (1, 2, 4, 4), {"i8_0": 1, "i32_1": 1, "i32_2": 2},
        lambda x: convolved(x, OIHW, stride=(2, 1)),
    ),
    "dilated, SAME": (
        "DEPTHWISE_CONV_2D", [DEPTHWISE, BIAS[:3]], MAP,
        {"i32_1": 1, "i32_2": 1, "i32_3": 1, "i32_5": 2, "i32_6": 2},
        lambda x: convolved(x, C1HW, padding=2, dilation=2, groups=3) + BIAS[:3],
    ),
    "dense over a map": (
        "FULLY_CONNECTED", [DENSE, BIAS], (1, 4), {"i8_0": 1},
        lambda x: np.maximum(x.reshape(1, -1) @ DENSE.T + BIAS, 0),
    ),
    "dense along the channels": (
        "FULLY_CONNECTED", [DENSE[:, :3], BIAS], (1, 5, 6, 4), {"i8_2": 1},
        lambda x: x @ DENSE[:, :3].T + BIAS,
    ),
    "average, SAME": (
        "AVERAGE_POOL_2D", [], (1, 3, 3, 3), {"i32_1": 2, "i32_2": 2, "i32_3": 2, "i32_4": 2},
        lambda x: F.avg_pool2d(torch.from_numpy(x).permute(0, 3, 1, 2), 2, 2, ceil_mode=True)
        .permute(0, 2, 3, 1).numpy(),
    ),
    "largest, VALID": (
        "MAX_POOL_2D", [], (1, 2, 3, 3),
        {"i8_0": 1, "i32_1": 2, "i32_2": 2, "i32_3": 2, "i32_4": 2},
        lambda x: x[:, :4].reshape(1, 2, 2, 3, 2, 3).max((2, 4)),
    ),
    "add a vector": ("ADD", [VECTOR], MAP, {"i8_0": 0}, lambda x: x + VECTOR),
    "subtract a map": ("SUB", [PICTURE[:, :, :, ::-1]], MAP, {}, lambda x: x - x[..., ::-1]),
    "times a matrix": ("MUL", [normal(6, 3)], MAP, {}, None),
    "divide": ("DIV", [np.float32(4)], MAP, {"i8_0": 1}, lambda x: np.maximum(x / 4, 0)),
    "mean of the map": ("MEAN", [np.int32([1, 2])], (1, 3), {}, lambda x: x.mean((1, 2))),
    "mean, sides kept": (
        "MEAN", [np.int32([-2, 1])], (1, 1, 1, 3), {"i8_0": 1},
        lambda x: x.mean((1, 2), keepdims=True),
    ),
    "mean of the rows": ("MEAN", [np.int32([1])], (1, 6, 3), {}, lambda x: x.mean(1)),
    "flattened": ("RESHAPE", [np.int32([1, -1])], (1, 90), {}, lambda x: x.reshape(1, -1)),
    "another map": (
        "RESHAPE", [np.int32([1, 3, 10, 3])], (1, 3, 10, 3), {},
        lambda x: x.reshape(1, 3, 10, 3),
    ),
    "transposed": (
        "TRANSPOSE", [np.int32([0, 3, 1, 2])], (1, 3, 5, 6), {},
        lambda x: x.transpose(0, 3, 1, 2),
    ),
    "softmax of the channels": (
        "SOFTMAX", [], MAP, {"f32_0": 2.0},
        lambda x: np.exp(2 * x) / np.exp(2 * x).sum(-1, keepdims=True),
    ),
    "sigmoid": ("LOGISTIC", [], MAP, {}, lambda x: 1 / (1 + np.exp(-x))),
    "hard swish": ("HARD_SWISH", [], MAP, {}, lambda x: x * np.clip(x / 6 + 0.5, 0, 1)),
    "ReLU6": ("RELU6", [], MAP, {}, lambda x: np.clip(x, 0, 6)),
    "largest channel": ("ARG_MAX", [np.int32(3)], (1, 5, 6), {}, lambda x: x.argmax(-1)),
    "channels reversed": ("REVERSE_V2", [np.int32([3])], MAP, {}, lambda x: x[..., ::-1]),
    "channels gathered": (
        "GATHER", [np.int32([2, 1, 0])], MAP, {"i32_0": -1}, lambda x: x[..., ::-1],
    ),
    "cut": (
        "STRIDED_SLICE", [np.int32([0, 1, 0, 0]), np.int32([0, 5, 4, 0]), np.int32([1, 2, 1, -1])],
        (1, 2, 4, 3), {"i32_0": 0b1000, "i32_1": 0b1001}, lambda x: x[:, 1:5:2, :4, ::-1],
    ),
    "padded": (
        "PADV2", [np.int32([[0, 0], [0, 1], [2, 0], [1, 1]]), np.float32(7)], (1, 6, 8, 5), {},
        lambda x: np.pad(x, ((0, 0), (0, 1), (2, 0), (1, 1)), constant_values=7),
    ),
    "resized, corners aligned": (
        "RESIZE_BILINEAR", [np.int32([9, 11])], (1, 9, 11, 3), {"i8_2": 1},
        lambda x: F.interpolate(torch.from_numpy(x).permute(0, 3, 1, 2), (9, 11), mode="bilinear",
                                align_corners=True).permute(0, 2, 3, 1).numpy(),
    ),
    "resized, half pixels": (
        "RESIZE_BILINEAR", [np.int32([10, 12])], (1, 10, 12, 3), {"i8_3": 1},
        lambda x: F.interpolate(torch.from_numpy(x).permute(0, 3, 1, 2), (10, 12),
                                mode="bilinear").permute(0, 2, 3, 1).numpy(),
    ),
}  # fmt: skip
ONE_OPERATOR["times a matrix"] = (
    *ONE_OPERATOR["times a matrix"][:-1],
    lambda x: x * ONE_OPERATOR["times a matrix"][1][0],
)


@pytest.mark.parametrize("name", ONE_OPERATOR)
def test_an_operator(name: str, tmp_path: Path) -> None:
    kind, constants, shape, options, expected = ONE_OPERATOR[name]

    def write(file: TfliteFile, pixels: int) -> int:
        others = [file.constant(array, str(np.asarray(array).dtype)) for array in constants]
        return file.operate(kind, [pixels, *others], shape, 7, **options)

    np.testing.assert_allclose(
        result(graph(tmp_path, write), PICTURE), expected(PICTURE), atol=1e-5
    )


def test_sides_are_taken_away_and_put_back_and_parts_joined(tmp_path: Path) -> None:
    def write(file: TfliteFile, pixels: int) -> int:
        axes = file.constant(np.int32([1, 2]), "int32")
        pooled = file.operate("MEAN", [pixels, axes], (1, 1, 1, 3), i8_0=1)
        dims = file.flat.array(np.int32([1, 2]))
        flat = file.operate("SQUEEZE", [pooled], (1, 3), at_0=dims)
        wide = file.operate("EXPAND_DIMS", [flat, file.constant(np.int32(1), "int32")], (1, 1, 3))
        map_ = file.operate(
            "EXPAND_DIMS", [wide, file.constant(np.int32(1), "int32")], (1, 1, 1, 3)
        )
        return file.operate("CONCATENATION", [map_, pooled], (1, 1, 1, 6), i32_0=3)

    mean = PICTURE.mean((1, 2), keepdims=True)
    np.testing.assert_allclose(
        result(graph(tmp_path, write), PICTURE), np.concatenate([mean, mean], 3), atol=1e-6
    )


def test_constants_are_dequantised_per_channel_and_ranges_are_activations(tmp_path: Path) -> None:
    numbers = RNG.integers(-128, 128, (4, 3, 3, 3)).astype(np.int8)
    scale, zero = np.float32([0.01, 0.02, 0.5, 1]), [0, 1, -2, 3]
    real = ((numbers - np.int64(zero)[:, None, None, None]) * scale[:, None, None, None]).astype(
        "f4"
    )
    stride = {"i8_0": 1, "i32_1": 1, "i32_2": 1}

    def write(top: float) -> Write:
        def inner(file: TfliteFile, pixels: int) -> int:
            kernel = file.tensor((4, 3, 3, 3), numbers, "int8", scale, zero)
            about = {"dtype": "int8", "scale": [top / 255], "zero": [-128]}
            return file.operate("CONV_2D", [pixels, kernel], (1, 3, 4, 4), result=about, **stride)

        return inner

    plain = convolved(PICTURE, real.transpose(0, 3, 1, 2).copy())
    source = {"dtype": "int8", "scale": [1.0], "zero": [-128]}
    for top, expected in ((5.99, np.clip(plain, 0, 6)), (90.0, np.maximum(plain, 0))):
        made = graph(tmp_path, write(top), **source)
        np.testing.assert_allclose(result(made, PICTURE), expected, atol=1e-3)


def one(kind: str, shape: tuple[int, ...] = MAP, *constants: Any, **options: Any) -> Write:
    def write(file: TfliteFile, pixels: int) -> int:
        others = [file.constant(array, str(np.asarray(array).dtype)) for array in constants]
        return file.operate(kind, [pixels, *others], shape, 12, **options)

    return write


STRIDES = {"i32_1": 1, "i32_2": 1}


@pytest.mark.parametrize(
    ("message", "write"),
    [
        (r"layer t1 \(TANH\) is not read here", one("TANH")),
        ("the activation TANH", one("ADD", MAP, VECTOR, i8_0=4)),
        ("the activation RELU_N1_TO_1", one("CONV_2D", MAP, KERNEL, **STRIDES, i8_3=2)),
        ("Padding 2", one("CONV_2D", MAP, KERNEL, i8_0=2, **STRIDES)),
        ("an option newer than the schema", one("CONV_2D", MAP, KERNEL, **STRIDES, i8_9=1)),
        (r"strides \(0, 0\)", one("CONV_2D", MAP, KERNEL)),
        ("strides and dilations", one("CONV_2D", MAP, KERNEL, i32_1=2, i32_2=2, i32_4=2, i32_5=2)),
        ("a channel multiplier of 2", one("DEPTHWISE_CONV_2D", MAP, normal(1, 3, 3, 6), **STRIDES,
                                          i32_3=2)),
        ("WeightsFormat 1", one("FULLY_CONNECTED", (1, 4), DENSE, i8_1=1)),
        ("BatchDims 1", one("GATHER", MAP, np.int32([0]), i32_1=1)),
        (r"takes \[7\] of 3", one("GATHER", MAP, np.int32([7]), i32_0=3)),
        ("works along axis 4", one("MEAN", (1, 3), np.int32([4]))),
        ("ShrinkAxisMask 1", one("STRIDED_SLICE", MAP, *[np.int32([0, 0, 0, 0])] * 3, i32_4=1)),
        (r"a shape of \[1, 0\]", one("RESHAPE", (1, 90), np.int32([1, 0]))),
        ("orders axes", one("TRANSPOSE", MAP, np.int32([0, 1, 1, 2]))),
        ("holds integers without a scale", one("ADD", MAP, np.int8([1, 2, 3]))),
        ("FilterWidth 3", one("ADD", MAP, VECTOR, i32_3=3)),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_refused_by_name(
    message: str, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if message.startswith("FilterWidth"):  # options of another operator
        monkeypatch.setitem(OPTIONS, "ADD", 5)
    refused(tmp_path, message, write)
