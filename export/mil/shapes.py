"""Shapes of values that a file leaves open: flexible inputs, and all of the old format.

One rule for each operation, as in the docstrings of coremltools' `converters/mil/mil/ops/defs`.
A shape that cannot be told stays unknown: it is never guessed.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.mil.description import ImageInput, TensorInput
from export.mil.program import Constant, Function, Op

Shape = tuple[int, ...]
Shapes = Mapping[str, Shape]


def infer(function: Function) -> dict[str, Shape]:
    """Shapes of all values at the default input sizes; those that cannot be told are absent."""
    shapes: dict[str, Shape] = {}
    faces = {face.name: face for face in function.description.inputs}
    for value in function.inputs:
        shape = value.shape if known(value.shape) else _default(faces.get(value.name))
        if shape is not None:
            shapes[value.name] = shape
    for op in function.ops:
        declared = [output.shape for output in op.outputs]
        found = declared if all(map(known, declared)) else of(op, shapes, function.constants)
        for output, shape in zip(op.outputs, found or declared, strict=False):
            if known(shape):
                shapes[output.name] = shape
    return shapes


def of(op: Op, shapes: Shapes, constants: Mapping[str, Constant]) -> list[Shape] | None:
    """Shapes of the outputs of `op`, from those of its inputs; None when they cannot be told."""
    rule = RULES.get(op.type)
    if rule is None:
        return None
    try:
        return rule(Operands(op, shapes, constants))
    except (KeyError, IndexError, ValueError, ArithmeticError):  # unknown, or does not fit
        return None


def known(shape: Shape) -> bool:
    """Whether every size is fixed."""
    return all(size >= 0 for size in shape)


def _default(face: ImageInput | TensorInput | None) -> Shape | None:
    if isinstance(face, ImageInput):
        return (1, 3 if face.color in ("RGB", "BGR") else 1, face.height, face.width)
    return face.shape if face is not None and known(face.shape) else None


@dataclass(frozen=True)
class Operands:
    """What an operation is given. Raises `KeyError` for what is not known before it runs."""

    op: Op
    shapes: Shapes
    constants: Mapping[str, Constant]

    def shape(self, name: str, at: int = 0) -> Shape:
        given = self.op.inputs[name][at]
        if isinstance(given, Constant):
            return given.type.shape
        return self.constants[given].type.shape if given in self.constants else self.shapes[given]

    def value(self, name: str) -> NDArray[Any] | None:
        """The constant array called `name`; None when there is none."""
        if not self.op.inputs.get(name):
            return None
        given = self.op.inputs[name][0]
        constant = given if isinstance(given, Constant) else self.constants[given]
        loaded = constant.load()
        return loaded if isinstance(loaded, np.ndarray) else None

    def text(self, name: str, default: str) -> str:
        if not self.op.inputs.get(name):
            return default
        given = self.op.inputs[name][0]
        return str((given if isinstance(given, Constant) else self.constants[given]).load())

    def ints(self, name: str, default: list[int] | None = None) -> list[int]:
        value = self.value(name)
        if value is not None:
            return [int(one) for one in value.reshape(-1)]
        if default is None:
            raise KeyError(name)
        return default

    def integer(self, name: str, default: int | None = None) -> int:
        return self.ints(name, None if default is None else [default])[0]


Rule = Callable[[Operands], list[Shape]]


def _same(o: Operands) -> list[Shape]:
    return [o.shape("x" if "x" in o.op.inputs else "input")]


def _broadcast(o: Operands) -> list[Shape]:
    operands = [name for name in ("x", "y", "cond", "a", "b") if name in o.op.inputs]
    return [np.broadcast_shapes(*(o.shape(name) for name in operands))]


def _conv(o: Operands) -> list[Shape]:
    batch, _, *space = o.shape("x")
    out, _, *kernel = o.shape("weight")
    dilations = o.ints("dilations", [1] * len(kernel))
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
    return [(batch, out, *_slide(o, space, reach))]


def _pool(o: Operands) -> list[Shape]:
    batch, channels, *space = o.shape("x")
    return [(batch, channels, *_slide(o, space, o.ints("kernel_sizes")))]


def _slide(o: Operands, space: list[int], reach: list[int]) -> list[int]:
    """Places a window of `reach` takes: `spatial_dimensions_out_shape` of coremltools."""
    strides = o.ints("strides", [1] * len(space))
    kind = o.text("pad_type", "valid")
    if kind in ("same", "same_lower"):
        return [-(-size // stride) for size, stride in zip(space, strides, strict=True)]
    pads = o.ints("pad", [0] * 2 * len(space)) if kind == "custom" else [0] * 2 * len(space)
    ceil = bool(o.integer("ceil_mode", 0))
    sizes = []
    for at, (size, stride) in enumerate(zip(space, strides, strict=True)):
        before, total = pads[2 * at], pads[2 * at] + pads[2 * at + 1]
        places = (size + total - reach[at] + (stride - 1 if ceil else 0)) // stride + 1
        if ceil and total and (places - 1) * stride >= size + before:
            places -= 1
        sizes.append(places)
    return sizes


def _conv_transpose(o: Operands) -> list[Shape]:
    if "output_shape" in o.op.inputs:
        return [tuple(o.ints("output_shape"))]
    batch, _, *space = o.shape("x")
    _, out, *kernel = o.shape("weight")
    rank = len(space)
    strides, dilations = o.ints("strides", [1] * rank), o.ints("dilations", [1] * rank)
    kind = o.text("pad_type", "valid")
    pads = o.ints("pad", [0] * 2 * rank) if kind == "custom" else [0] * 2 * rank
    sizes = [
        size * strides[at] if kind == "same" else
        (size - 1) * strides[at] + (kernel[at] - 1) * dilations[at] + 1 - sum(pads[2 * at:][:2])
        for at, size in enumerate(space)
    ]  # fmt: skip
    return [(batch, out * o.integer("groups", 1), *sizes)]


def _linear(o: Operands) -> list[Shape]:
    return [(*o.shape("x")[:-1], o.shape("weight")[0])]


def _matmul(o: Operands) -> list[Shape]:
    (*batch_x, rows, inner_x), (*batch_y, inner_y, columns) = o.shape("x"), o.shape("y")
    if o.integer("transpose_x", 0):
        rows = inner_x
    if o.integer("transpose_y", 0):
        columns = inner_y
    return [(*np.broadcast_shapes(tuple(batch_x), tuple(batch_y)), rows, columns)]


def _attention(o: Operands) -> list[Shape]:
    return [(*o.shape("query")[:-1], o.shape("value")[-1])]


def _reduce(o: Operands) -> list[Shape]:
    shape = o.shape("x")
    axes = {axis % len(shape) for axis in o.ints("axes", o.ints("axis", list(range(len(shape)))))}
    if o.integer("keep_dims", 0):
        return [tuple(1 if at in axes else size for at, size in enumerate(shape))]
    return [tuple(size for at, size in enumerate(shape) if at not in axes)]


def _concat(o: Operands) -> list[Shape]:
    shapes = [list(o.shape("values", at)) for at in range(len(o.op.inputs["values"]))]
    axis = o.integer("axis")
    shapes[0][axis] = sum(shape[axis] for shape in shapes)
    return [tuple(shapes[0])]


def _stack(o: Operands) -> list[Shape]:
    shape, axis = list(o.shape("values")), o.integer("axis")
    shape.insert(axis % (len(shape) + 1), len(o.op.inputs["values"]))
    return [tuple(shape)]


def _split(o: Operands) -> list[Shape]:
    shape, axis = o.shape("x"), o.integer("axis") % len(o.shape("x"))
    parts = len(o.op.outputs)
    sizes = o.ints("split_sizes", [shape[axis] // parts] * parts)
    return [(*shape[:axis], size, *shape[axis + 1 :]) for size in sizes]


def _reshape(o: Operands) -> list[Shape]:
    before, wanted = o.shape("x"), o.ints("shape")
    # a 0 keeps the size of the axis at its place, counted from the right
    shape = [size or before[at - len(wanted)] for at, size in enumerate(wanted)]
    if -1 in shape:
        shape[shape.index(-1)] = math.prod(before) // -math.prod(shape)
    return [tuple(shape)]


def _flatten2d(o: Operands) -> list[Shape]:
    shape, axis = o.shape("x"), o.integer("axis", 1)
    return [(math.prod(shape[:axis]), math.prod(shape[axis:]))]


def _transpose(o: Operands) -> list[Shape]:
    shape = o.shape("x")
    return [tuple(shape[axis] for axis in o.ints("perm"))]


def _squeeze(o: Operands) -> list[Shape]:
    shape = o.shape("x")
    ones = [at for at, size in enumerate(shape) if size == 1]
    axes = {axis % len(shape) for axis in o.ints("axes", ones)}
    return [tuple(size for at, size in enumerate(shape) if at not in axes)]


def _expand_dims(o: Operands) -> list[Shape]:
    shape, axes = list(o.shape("x")), o.ints("axes")
    rank = len(shape) + len(axes)
    for axis in sorted(axis % rank for axis in axes):
        shape.insert(axis, 1)
    return [tuple(shape)]


def _pad(o: Operands) -> list[Shape]:
    shape, pads = list(o.shape("x")), o.ints("pad")
    first = len(shape) - len(pads) // 2
    for at in range(len(pads) // 2):
        shape[first + at] += pads[2 * at] + pads[2 * at + 1]
    return [tuple(shape)]


def _upsample(o: Operands) -> list[Shape]:
    *leading, height, width = o.shape("x")
    factors = [o.value(f"scale_factor_{side}") for side in ("height", "width")]
    up = [1.0 if factor is None else float(factor) for factor in factors]
    return [(*leading, int(height * up[0]), int(width * up[1]))]


def _resize(o: Operands) -> list[Shape]:
    return [(*o.shape("x")[:-2], o.integer("target_size_height"), o.integer("target_size_width"))]


def _slice(o: Operands) -> list[Shape]:
    shape = o.shape("x")
    strides = o.ints("stride", [1] * len(shape))
    masks = [o.ints(f"{name}_mask", [0] * len(shape)) for name in ("begin", "end", "squeeze")]
    begin, end = o.ints("begin"), o.ints("end")
    sizes = [
        len(range(size)[slice(None if masks[0][at] else begin[at],
                              None if masks[1][at] else end[at], strides[at])])
        for at, size in enumerate(shape)
    ]  # fmt: skip
    return [tuple(size for at, size in enumerate(sizes) if not masks[2][at])]


def _pixel_shuffle(o: Operands) -> list[Shape]:
    batch, channels, height, width = o.shape("x")
    factor = o.integer("upscale_factor")
    return [(batch, channels // factor**2, height * factor, width * factor)]


def _tile(o: Operands) -> list[Shape]:
    return [tuple(s * r for s, r in zip(o.shape("x"), o.ints("reps"), strict=True))]


def _gather(o: Operands) -> list[Shape]:
    shape = o.shape("x")
    axis = o.integer("axis", 0) % len(shape)
    if o.integer("batch_dims", 0):
        raise KeyError("batch_dims")
    return [(*shape[:axis], *o.shape("indices"), *shape[axis + 1 :])]


UNARY = frozenset((
    "abs", "acos", "asin", "atan", "atanh", "band_part", "batch_norm", "cast", "ceil",
    "clamped_relu", "clip", "cos", "cosh", "cumsum", "dequantize", "elu", "erf", "exp", "exp2",
    "floor", "gelu", "identity", "instance_norm", "inverse", "l2_norm", "layer_norm",
    "leaky_relu", "linear_activation", "local_response_norm", "log", "logical_not", "prelu",
    "quantize", "relu", "relu6", "reverse", "round", "rsqrt", "scaled_tanh", "sigmoid",
    "sigmoid_hard", "sign", "silu", "sin", "sinh", "softmax", "softplus", "softplus_parametric",
    "softsign", "sqrt", "square", "tan", "tanh", "threshold", "thresholded_relu",
))  # fmt: skip
BINARY = frozenset((
    "add", "equal", "floor_div", "greater", "greater_equal", "less", "less_equal", "logical_and",
    "logical_or", "logical_xor", "maximum", "minimum", "mod", "mul", "not_equal", "pow",
    "real_div", "select", "sub",
))  # fmt: skip
REDUCTIONS = frozenset((
    "reduce_argmax", "reduce_argmin", "reduce_l1_norm", "reduce_l2_norm", "reduce_log_sum",
    "reduce_log_sum_exp", "reduce_max", "reduce_mean", "reduce_min", "reduce_prod", "reduce_sum",
    "reduce_sum_square",
))  # fmt: skip
RULES: dict[str, Rule] = {
    **dict.fromkeys(UNARY, _same),
    **dict.fromkeys(BINARY, _broadcast),
    **dict.fromkeys(REDUCTIONS, _reduce),
    **dict.fromkeys(("avg_pool", "max_pool", "l2_pool"), _pool),
    **dict.fromkeys(("upsample_nearest_neighbor", "upsample_bilinear"), _upsample),
    **dict.fromkeys(("resize_nearest_neighbor", "resize_bilinear"), _resize),
    "conv": _conv,
    "conv_transpose": _conv_transpose,
    "linear": _linear,
    "matmul": _matmul,
    "scaled_dot_product_attention": _attention,
    "concat": _concat,
    "stack": _stack,
    "split": _split,
    "reshape": _reshape,
    "flatten2d": _flatten2d,
    "transpose": _transpose,
    "squeeze": _squeeze,
    "expand_dims": _expand_dims,
    "pad": _pad,
    "slice_by_index": _slice,
    "pixel_shuffle": _pixel_shuffle,
    "tile": _tile,
    "gather": _gather,
}
