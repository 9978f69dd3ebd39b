"""Which of TensorFlow's operators are read, and what may be said of each.

tensorflow/core/ops/{nn,math,array,image}_ops.cc declare their attributes.
"""

from collections.abc import Callable
from typing import NamedTuple

from mobilenet.sources.tensorflow import axis_operators as axes
from mobilenet.sources.tensorflow import batch_operators as batches
from mobilenet.sources.tensorflow import elementwise_operators as each
from mobilenet.sources.tensorflow import window_operators as windows
from mobilenet.sources.tensorflow.dequantized import dequantize
from mobilenet.sources.tensorflow.elementwise_operators import Values
from mobilenet.sources.tensorflow.operations import (
    BOOL,
    FLOAT,
    INT32,
    INT64,
    UINT8,
    TfOperation,
)  # fmt: skip
from mobilenet.sources.tensorflow.operator_translation import TfValue, Translation
from mobilenet.sources.tensorflow.tensor_values import type_name

Translator = Callable[[Translation, TfOperation, Values], TfValue | Values]
TYPES = {"T", "U", "Tidx", "Tshape", "Tpaddings", "Tperm", "Tdim", "Tindices", "Tparams", "Taxis",
         "Index", "SrcT", "DstT", "dtype", "out_type", "output_type", "Tblock_shape",
         "Tcrops"}  # fmt: skip
# counts of inputs, how fast to compute, and what is checked in training only
MEANINGLESS = {"N", "use_cudnn_on_gpu", "message", "exponential_avg_factor", "validate_shape",
               "grad_a", "grad_b", "parallel_iterations"}  # fmt: skip
_READ_TYPES = {FLOAT, INT32, INT64, BOOL, UINT8}
_PIXELS_TOO = {  # of uint8, which do not overflow where they are only moved
    "Identity", "StopGradient", "Snapshot", "PreventGradient", "EnsureShape", "Reshape", "Squeeze",
    "ExpandDims", "Transpose", "ConcatV2", "ReverseV2", "GatherV2", "Split", "StridedSlice",
    *windows.RESIZE_MODES,
}  # fmt: skip
MANY = 64


class Operator(NamedTuple):
    """How one is translated, how many inputs it has, and the attributes that are looked at."""

    translate: Translator
    fewest: int
    most: int
    attributes: frozenset[str] = frozenset()


def _operator(
    translate: Translator, inputs: int | tuple[int, int], attributes: str = ""
) -> Operator:
    fewest, most = (inputs, inputs) if isinstance(inputs, int) else inputs
    return Operator(translate, fewest, most, frozenset(attributes.split()))


_WINDOW = "data_format strides padding"
OPERATORS = {
    **{kind: _operator(each.binary, 2) for kind in each.BINARY if kind != "AddN"},
    "AddN": _operator(each.binary, (1, MANY)),
    **{kind: _operator(each.unary, 1) for kind in each.UNARY},
    "Identity": _operator(each.unchanged, 1),
    "StopGradient": _operator(each.unchanged, 1),
    "Snapshot": _operator(each.unchanged, 1),
    "PreventGradient": _operator(each.unchanged, 1),
    "CheckNumerics": _operator(each.unchanged, 1),
    "EnsureShape": _operator(each.unchanged, 1, "shape"),
    "PlaceholderWithDefault": _operator(each.unchanged, 1, "shape"),
    "Cast": _operator(each.cast, 1, "Truncate"),
    "Dequantize": _operator(dequantize, 3, "T mode narrow_range axis"),
    "BiasAdd": _operator(each.bias_add, 2, "data_format"),
    "SquaredDifference": _operator(each.squared_difference, 2),
    "Square": _operator(each.square, 1),
    "Rsqrt": _operator(each.reciprocal_root, 1),
    "Relu6": _operator(each.relu6, 1),
    "LeakyRelu": _operator(each.leaky_relu, 1, "alpha"),
    "Softmax": _operator(each.softmax, 1),
    "LogSoftmax": _operator(each.softmax, 1),
    "Conv2D": _operator(windows.convolution, 2, f"{_WINDOW} dilations explicit_paddings"),
    "DepthwiseConv2dNative": _operator(
        windows.depthwise, 2, f"{_WINDOW} dilations explicit_paddings"
    ),
    "AvgPool": _operator(windows.pool, 1, f"{_WINDOW} ksize"),
    "MaxPool": _operator(windows.pool, 1, f"{_WINDOW} ksize explicit_paddings"),
    **{
        kind: _operator(windows.batch_norm, 5, "data_format is_training epsilon")
        for kind in ("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3")
    },
    "MatMul": _operator(windows.matrix_product, 2, "transpose_a transpose_b"),
    **{
        kind: _operator(windows.resize, 2, "align_corners half_pixel_centers")
        for kind in windows.RESIZE_MODES
    },
    **{kind: _operator(axes.reduce, 2, "keep_dims") for kind in ("Sum", *axes.REDUCTIONS)},
    "ArgMax": _operator(axes.argmax, 2),
    "Squeeze": _operator(axes.squeeze, 1, "squeeze_dims axis"),
    "ExpandDims": _operator(axes.expand, 2),
    "Reshape": _operator(axes.reshape, 2),
    "Transpose": _operator(axes.transpose, 2),
    "Pad": _operator(axes.pad, 2),
    "PadV2": _operator(axes.pad, 3),
    "ConcatV2": _operator(axes.concat, (2, MANY)),
    "Concat": _operator(axes.concat, (2, MANY)),
    "ReverseV2": _operator(axes.reverse, 2),
    "Pack": _operator(batches.pack, 1, "axis"),
    "Unpack": _operator(batches.unpack, 1, "axis num"),
    "GatherV2": _operator(axes.gather, 3, "batch_dims"),
    "Split": _operator(axes.split, 2, "num_split"),
    "StridedSlice": _operator(
        axes.strided_slice, 4,
        "begin_mask end_mask ellipsis_mask new_axis_mask shrink_axis_mask",
    ),
}  # fmt: skip


def operator_of(op: TfOperation) -> Operator:
    """Its operator. Raises `CheckpointError` for one that is not read, or that is said more of."""
    operator = OPERATORS.get(op.kind)
    if operator is None:
        raise op.refused("is no operator that is read here")
    if not operator.fewest <= len(op.inputs) <= operator.most:
        raise op.refused(f"has {len(op.inputs)} inputs, not {operator.fewest}",
                         "is the file complete?")  # fmt: skip
    for key, value in op.attributes.items():
        if key.startswith("_") or key in MEANINGLESS | operator.attributes:
            continue  # TensorFlow reserves "_" for annotations (node_def.proto)
        if key not in TYPES:
            raise op.refused(f"has the attribute {key[:60]}, which is not read here")
        read = _READ_TYPES if key != "T" or op.kind in _PIXELS_TOO else {FLOAT}
        if value not in read:
            raise op.refused(f"computes in {type_name(value) if isinstance(value, int) else key}",
                             "save the network in float32")  # fmt: skip
    return operator
