"""Nodes of ONNX models, from opset 9 to 21, in opset 17's meaning.

onnx/docs/Changelog.md: what became an input, and which defaults changed.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from mobilenet.graph import Attribute
from mobilenet.sources.graph_writer import plain, transposed
from mobilenet.sources.onnx_model.onnx_layer import OnnxLayer, Translator
from mobilenet.sources.onnx_model.onnx_messages import FLOATS, INTEGERS

# attributes that change nothing at these values, and are refused at others
NEUTRAL: Mapping[str, tuple[Any, ...]] = {
    "training_mode": (0,), "spatial": (1,), "storage_order": (0,),
    "select_last_index": (0,), "antialias": (0,),
    "exclude_outside": (0,), "keep_aspect_ratio_policy": ("stretch",),
    "extrapolation_value": (0,), "saturate": (1,),
}  # fmt: skip
WITHOUT_EFFECT = {
    "noop_with_empty_axes",
    "momentum",
    "cubic_coeff_a",
    "nearest_mode",
    "seed",
    "ratio",
}


def _same(
    layer: OnnxLayer, op: str, inputs: int, defaults: Mapping[str, Any] | None = None
) -> str:
    """An operator that means the same in all these opsets."""
    attributes = {
        name: layer.options.take(name, value) for name, value in (defaults or {}).items()
    }
    if None in attributes.values():
        raise layer.writer.refused(f"does not say its {', '.join(attributes)}")
    if len(layer.inputs) != inputs:
        raise layer.writer.refused(f"has {len(layer.inputs)} inputs, not {inputs}")
    return layer.writer.node(op, *map(layer.value, range(inputs)), **attributes)


def _concatenated(layer: OnnxLayer) -> str:
    return _same(layer, "Concat", len(layer.inputs), {"axis": None})


def _convolution(layer: OnnxLayer) -> str:
    kernel = layer.constant(1)
    if len(kernel.shape) != 4:
        raise layer.writer.refused(f"has a kernel of shape {kernel.shape}")
    size = kernel.shape[2:]
    if (said := layer.options.take("kernel_shape", size)) != size:
        raise layer.options.refused("kernel_shape", said)
    group = layer.options.take("group", 1)
    inputs = [layer.value(place) for place in range(3) if layer.has(place)]
    window = _window(layer, size)
    return layer.writer.node("Conv", *inputs, kernel_shape=size, group=group, **window)


def _pool(layer: OnnxLayer, op: str) -> str:
    kernel = layer.options.take("kernel_shape", ())
    if len(kernel) != 2:
        raise layer.writer.refused(f"has a window of {kernel}")
    window = _window(layer, kernel)
    for name in ("ceil_mode", "count_include_pad"):
        if number := layer.options.take(name, 0):
            window[name] = number
    return layer.writer.node(op, layer.value(), kernel_shape=kernel, **window)


def _window(layer: OnnxLayer, kernel: tuple[int, ...]) -> dict[str, Attribute]:
    """Strides, dilations and padding of two sides."""
    take = layer.options.take
    strides, dilations = (take(name, (1, 1)) for name in ("strides", "dilations"))
    rule, pads = take("auto_pad", "NOTSET"), take("pads", (0, 0, 0, 0))
    if len(pads) != 4 or {len(strides), len(dilations)} != {2} or min(*strides, *dilations) < 1:
        raise layer.writer.refused(f"has strides {strides}, dilations {dilations}, pads {pads}")
    window: dict[str, Attribute] = {"strides": strides}
    if dilations != (1, 1):
        window["dilations"] = dilations
    if rule == "SAME_UPPER" and dilations == (1, 1):
        return window | {"auto_pad": rule}
    if rule == "SAME_UPPER" and strides == (1, 1):  # these numbers, whatever the size
        totals = [step * (side - 1) for step, side in zip(dilations, kernel, strict=True)]
        before = [total // 2 for total in totals]
        pads = (*before, *(total - first for total, first in zip(totals, before, strict=True)))
    elif rule not in ("NOTSET", "VALID"):
        raise layer.options.refused("auto_pad", rule)
    return window | {"pads": pads} if any(pads) else window


def _batch_norm(layer: OnnxLayer) -> str:
    epsilon = layer.options.take("epsilon", 1e-5)
    return layer.writer.node("BatchNormalization", *map(layer.value, range(5)), epsilon=epsilon)


def _clip(layer: OnnxLayer) -> str:
    if layer.known.opset < 11:
        limits = [layer.options.take(name, None) for name in ("min", "max")]
        names = ["" if limit is None else layer.writer.number(limit) for limit in limits]
    else:
        names = [layer.value(place) if layer.has(place) else "" for place in (1, 2)]
    return layer.writer.node("Clip", layer.value(), *names)


def _softmax(layer: OnnxLayer) -> str:
    axis = layer.options.take("axis", -1 if layer.known.opset >= 13 else 1)
    if layer.known.opset < 13 and axis != -1:  # all axes from there on, as one
        shape = layer.shape(0)
        if not -len(shape) <= axis < len(shape) or any(side != 1 for side in shape[axis:][1:]):
            raise layer.options.refused("axis", f"{axis} of {shape}")
    return layer.writer.node("Softmax", layer.value(), axis=axis)


def _dropout(layer: OnnxLayer) -> str:
    if layer.has(2) and layer.constant(2).load().any():
        raise layer.options.refused("training_mode", True)
    return layer.writer.node("Identity", layer.value())


def _dense(layer: OnnxLayer) -> str:
    for name in ("alpha", "beta"):
        layer.options.require(name, 1.0, 1.0)
    layer.options.require("transA", 0, 0)
    kernel = layer.constant(1)
    if len(kernel.shape) != 2:
        raise layer.writer.refused(f"has a matrix of shape {kernel.shape}")
    if layer.options.take("transB", 0):
        matrix = layer.writer.constant(transposed(kernel, (1, 0)), "matrix")
    else:
        matrix = layer.value(1)
    value = layer.writer.node("MatMul", layer.value(), matrix)
    return layer.writer.node("Add", value, layer.value(2)) if layer.has(2) else value


def _mean(layer: OnnxLayer) -> str:
    axes, keeps = layer.listed(1, "axes", 18), layer.options.take("keepdims", 1)
    if not axes:
        raise layer.writer.refused("does not say its axes")
    return layer.writer.node("ReduceMean", layer.value(), axes=tuple(axes), keepdims=keeps)


def _by_axes(layer: OnnxLayer, op: str) -> str:
    axes = layer.listed(1, "axes", 13)
    if not axes:
        raise layer.writer.refused("does not say its axes")
    return layer.writer.node(op, layer.value(), layer.writer.integers(axes))


def _reshape(layer: OnnxLayer) -> str:
    target = layer.integers(1).ravel().tolist()
    if layer.options.take("allowzero", 0) and 0 in target:
        raise layer.options.refused("a shape of", target)
    return layer.writer.node("Reshape", layer.value(), layer.writer.integers(target))


def _pad(layer: OnnxLayer) -> str:
    layer.options.require("mode", "constant", "constant")
    pads = layer.listed(1, "pads", 11)
    if layer.known.opset < 11:
        filling = [layer.writer.number(layer.options.take("value", 0.0))]
    else:
        filling = [layer.value(2)] if layer.has(2) else []
    if not pads:
        raise layer.writer.refused("does not say its pads")
    if layer.has(3):  # since opset 18: of some axes alone
        rank, axes = len(layer.shape(0)), layer.integers(3).ravel().tolist()
        if len(pads) != 2 * len(axes) or not all(-rank <= axis < rank for axis in axes):
            raise layer.writer.refused(f"pads axes {axes} by {pads}")
        table = np.zeros((2, rank), np.int64)
        table[:, axes] = np.reshape(pads, (2, -1))
        pads = table.ravel().tolist()
    amounts = layer.writer.integers(pads)
    return layer.writer.node("Pad", layer.value(), amounts, *filling, mode="constant")


def _slice(layer: OnnxLayer) -> str:
    starts, ends, axes = (
        layer.listed(place, name, 10) for place, name in ((1, "starts"), (2, "ends"), (3, "axes"))
    )
    steps = layer.integers(4).ravel().tolist() if layer.has(4) else None
    if starts is None or ends is None or len(starts) != len(ends):
        raise layer.writer.refused(f"cuts from {starts} to {ends}")
    axes = axes or list(range(len(starts)))
    parts = (starts, ends, axes, steps or [1] * len(starts))
    return layer.writer.node("Slice", layer.value(), *map(layer.writer.integers, parts))


def _resize(layer: OnnxLayer) -> str:
    if layer.known.opset < 11:
        raise layer.options.refused("the opset", layer.known.opset)
    layer.options.require("mode", "nearest", "linear")
    layer.options.require("axes", (), ())
    rule = layer.options.require(
        "coordinate_transformation_mode", "half_pixel",
        "half_pixel", "align_corners", "asymmetric", "pytorch_half_pixel",
    )  # fmt: skip
    if layer.has(3):
        size = ("", layer.writer.integers(layer.integers(3).ravel().tolist()))
    else:
        size = (layer.writer.constant(plain(layer.constant(2).load()), "scales"), "")
    return layer.writer.node(
        "Resize", layer.value(), "", *size, mode="linear", coordinate_transformation_mode=rule
    )


def _cast(layer: OnnxLayer) -> str:
    if layer.options.require("to", 0, *FLOATS, *INTEGERS) in FLOATS:
        return layer.writer.node("Identity", layer.value())  # rounding to 16 bits is not modelled
    return layer.writer.node("Cast", layer.value(), to=INTEGERS[1])


_UNARY = ("Relu", "Sigmoid", "HardSwish", "Neg", "Reciprocal", "Sqrt", "GlobalAveragePool",
          "GlobalMaxPool", "Identity")  # fmt: skip
_BINARY = ("Add", "Sub", "Mul", "Div", "Pow", "MatMul")
NODES: Mapping[str, Translator] = {
    **{op: partial(_same, op=op, inputs=1) for op in _UNARY},
    **{op: partial(_same, op=op, inputs=2) for op in _BINARY},
    "HardSigmoid": partial(
        _same, op="HardSigmoid", inputs=1, defaults={"alpha": 0.2, "beta": 0.5}
    ),
    "Flatten": partial(_same, op="Flatten", inputs=1, defaults={"axis": 1}),
    "Transpose": partial(_same, op="Transpose", inputs=1, defaults={"perm": None}),
    "Gather": partial(_same, op="Gather", inputs=2, defaults={"axis": 0}),
    "ArgMax": partial(_same, op="ArgMax", inputs=1, defaults={"axis": 0, "keepdims": 1}),
    "Concat": _concatenated,
    "Conv": _convolution,
    "AveragePool": partial(_pool, op="AveragePool"),
    "MaxPool": partial(_pool, op="MaxPool"),
    "BatchNormalization": _batch_norm,
    "Clip": _clip,
    "Softmax": _softmax,
    "Dropout": _dropout,
    "Gemm": _dense,
    "ReduceMean": _mean,
    "Squeeze": partial(_by_axes, op="Squeeze"),
    "Unsqueeze": partial(_by_axes, op="Unsqueeze"),
    "Reshape": _reshape,
    "Pad": _pad,
    "Slice": _slice,
    "Resize": _resize,
    "Cast": _cast,
}
