"""Operators that slide a window over a map, batch norms, and products of matrices."""

from collections.abc import Sequence

from mobilenet.graph import Attribute
from mobilenet.sources.stored import HWC1, HWIO
from mobilenet.sources.tensorflow.elementwise_operators import Values, decimal
from mobilenet.sources.tensorflow.operations import TfOperation
from mobilenet.sources.tensorflow.operator_translation import (
    Shape,
    TfValue,
    Translation,
    whole_numbers,
)

POOLS = {"AvgPool": "AveragePool", "MaxPool": "MaxPool"}
RESIZE_MODES = {"ResizeBilinear": "linear", "ResizeNearestNeighbor": "nearest"}


def convolution(t: Translation, op: TfOperation, inputs: Values) -> TfValue:
    """TensorFlow's kernels are (height, width, in, out)."""
    value, kernel = _map(op, inputs[0]), inputs[1]
    if len(kernel.shape) != 4 or None in kernel.shape or kernel.shape[2] != value.shape[3]:
        raise op.refused(f"has a kernel of {kernel.shape} for a map of {value.shape}")
    weight = t.arranged(op, kernel, HWIO, "OIHW")
    return _convolve(t, op, value, weight, kernel.shape[3], group=1)


def depthwise(t: Translation, op: TfOperation, inputs: Values) -> TfValue:
    """TensorFlow's kernels are (height, width, channels, multiplier)."""
    value, kernel = _map(op, inputs[0]), inputs[1]
    if len(kernel.shape) != 4 or None in kernel.shape or kernel.shape[2] != value.shape[3]:
        raise op.refused(f"has a kernel of {kernel.shape} for a map of {value.shape}")
    if kernel.shape[3] != 1:
        raise op.refused(f"has a channel multiplier of {kernel.shape[3]}; 1 is read")
    channels = kernel.shape[2] or 0
    weight = t.arranged(op, kernel, HWC1, "channels first")
    return _convolve(t, op, value, weight, channels, group=channels)


def pool(t: Translation, op: TfOperation, inputs: Values) -> TfValue:
    """The mean is of what lies inside of the map alone, as in ONNX."""
    value = _map(op, inputs[0])
    kernel = _sides(op, "ksize")
    window, sides = _window(op, value, kernel, (1, 1))
    shape = (*value.shape[:1], *sides, *value.shape[3:])
    return t.node(op, POOLS[op.kind], [value], shape, kernel_shape=kernel, **window)


def batch_norm(t: Translation, op: TfOperation, inputs: Values) -> TfValue:
    """Of stored statistics; the values that training makes are not read."""
    op.must_be("data_format", b"NHWC", b"NHWC")
    op.must_be("is_training", False, True)
    value, channels = _map(op, inputs[0]), inputs[0].shape[3:]
    if any(vector.shape != channels for vector in inputs[1:]):
        raise op.refused("has other numbers of channels than its map")
    epsilon = decimal(op.attribute("epsilon", float, 1e-4))
    return t.node(op, "BatchNormalization", [value, *inputs[1:]], value.shape, epsilon=epsilon)


def matrix_product(t: Translation, op: TfOperation, inputs: Values) -> TfValue:
    """Of vectors in rows and a matrix of (in, out)."""
    op.must_be("transpose_a", False, False)
    left, right = inputs
    if op.attribute("transpose_b", bool, False) and len(right.shape) == 2:
        right = t.arranged(op, right, (1, 0), "(in, out)")
    if len(left.shape) != 2 or len(right.shape) != 2 or None in right.shape:
        raise op.refused(f"multiplies shapes {left.shape} and {right.shape}")
    if left.shape[1] not in {None, right.shape[0]}:
        raise op.refused(f"multiplies shapes {left.shape} and {right.shape}")
    return t.node(op, "MatMul", [left, right], (left.shape[0], right.shape[1]))


def resize(t: Translation, op: TfOperation, inputs: Values) -> TfValue:
    """To a size that the file has."""
    value, sides = _map(op, inputs[0]), whole_numbers(op, inputs[1], "size").tolist()
    if len(sides) != 2 or min(sides) < 1:
        raise op.refused(f"has size {sides}")
    is_aligned = op.attribute("align_corners", bool, False)
    is_centred = op.attribute("half_pixel_centers", bool, False)
    if op.kind == "ResizeNearestNeighbor" and (is_aligned or is_centred):
        raise op.refused("has align_corners or half_pixel_centers")
    shape = (*value.shape[:1], *sides, *value.shape[3:])
    sizes = t.array(op, "sizes", [1, value.shape[3] or 0, *sides])
    mode = "align_corners" if is_aligned else "half_pixel" if is_centred else "asymmetric"
    return t.node(
        op, "Resize", [value, "", "", sizes], shape, mode=RESIZE_MODES[op.kind],
        coordinate_transformation_mode=mode, nearest_mode="floor",
    )  # fmt: skip


def _map(op: TfOperation, value: TfValue) -> TfValue:
    if len(value.shape) != 4 or value.constant is not None:
        raise op.refused(f"reads a value of shape {value.shape}, not a map")
    return value


def _convolve(
    t: Translation,
    op: TfOperation,
    value: TfValue,
    weight: TfValue,
    channels: int | None,
    *,
    group: int,
) -> TfValue:
    kernel = (weight.shape[2] or 0, weight.shape[3] or 0)
    dilations = _sides(op, "dilations", (1, 1, 1, 1))
    window, sides = _window(op, value, kernel, dilations)
    if dilations != (1, 1):
        window["dilations"] = dilations
    return t.node(
        op, "Conv", [value, weight], (*value.shape[:1], *sides, channels),
        kernel_shape=kernel, group=group, **window,
    )  # fmt: skip


def _window(
    op: TfOperation,
    value: TfValue,
    kernel: tuple[int, ...],
    dilations: tuple[int, ...],
) -> tuple[dict[str, Attribute], Shape]:
    """Strides and padding as ONNX has them, and height and width of the result."""
    op.must_be("data_format", b"NHWC", b"NHWC")
    strides, padding = _sides(op, "strides"), op.text("padding")
    reach = [dilation * (side - 1) + 1 for side, dilation in zip(kernel, dilations, strict=True)]
    heights_widths = value.shape[1:3]
    if padding == "SAME" and dilations == (1, 1):
        sides = tuple(
            side and -(-side // s) for side, s in zip(heights_widths, strides, strict=True)
        )
        return {"strides": strides, "auto_pad": "SAME_UPPER"}, sides
    top, bottom, left, right = _pads(op, padding, reach, strides)
    numbers = zip(heights_widths, strides, reach, (top + bottom, left + right), strict=True)
    sides = tuple(side and (side + pads - n) // s + 1 for side, s, n, pads in numbers)
    if any(side is not None and side < 1 for side in sides):
        raise op.refused(f"has a window of {kernel} over a map of {heights_widths}")
    return {"strides": strides, "pads": (top, left, bottom, right)}, sides


def _pads(
    op: TfOperation, padding: str, reach: Sequence[int], strides: tuple[int, ...]
) -> tuple[int, ...]:
    """(top, bottom, left, right)."""
    if padding == "VALID":
        return (0, 0, 0, 0)
    if padding == "SAME" and strides == (
        1,
        1,
    ):  # ONNX Runtime has no rule with dilation
        return tuple(half for n in reach for half in ((n - 1) // 2, n // 2))
    pads = op.attributes.get("explicit_paddings") or ()
    if padding != "EXPLICIT" or op.kind in POOLS or len(pads) != 8 or min(pads) < 0:
        raise op.refused(f"has padding {padding} {list(pads)}")
    if any(pads[:2] + pads[6:]):
        raise op.refused(f"pads batch or channels: {list(pads)}")
    return tuple(pads[2:6])


def _sides(op: TfOperation, key: str, default: tuple[int, ...] | None = None) -> tuple[int, int]:
    """The numbers for height and width, of four."""
    numbers = op.attribute(key, tuple, default)
    if len(numbers) != 4 or min(numbers) < 1 or (numbers[0], numbers[3]) != (1, 1):
        raise op.refused(f"has {key} {list(numbers)[:8]}")
    return numbers[1], numbers[2]
