"""Operations that stand for several, or of which several stand for one, before translation.

Fused operations are TensorFlow's own (`_FusedConv2D`, tensorflow/core/ops/nn_ops.cc) and
TensorFlow.js' (`FusedDepthwiseConv2dNative`). A convolution with dilation was long written as
SpaceToBatchND, Conv2D, BatchToSpaceND (tensorflow/python/ops/nn_ops.py, `_WithSpaceToBatch`).
"""

from collections.abc import Iterator, Mapping

from mobilenet.graph import FileConstant
from mobilenet.sources.stored import Allowance
from mobilenet.sources.tensorflow.operations import Operand, TfOperation
from mobilenet.sources.tensorflow.tensor_values import constant_of

FUSED = {
    "_FusedConv2D": "Conv2D", "FusedConv2D": "Conv2D",
    "_FusedDepthwiseConv2dNative": "DepthwiseConv2dNative",
    "FusedDepthwiseConv2dNative": "DepthwiseConv2dNative", "_FusedMatMul": "MatMul",
}  # fmt: skip
_OF_ACTIVATIONS = {"LeakyRelu": {"leakyrelu_alpha": "alpha"}}
_OF_NORMS = {"FusedBatchNorm": {"epsilon": "epsilon"}}
_MEANINGLESS = {
    "filter_format",
    "num_args",
    "num_host_args",
    "host_args",
    "TArgs",
    "fused_ops",
    "user_ops",
}
_WINDOWS = {"Conv2D", "DepthwiseConv2dNative"}
_LIST = 64  # of fused operations, or of paddings


def simplified(
    operations: Mapping[str, TfOperation], held: Mapping[str, FileConstant]
) -> dict[str, TfOperation]:
    """The same graph without fused operations and without batches in space."""
    plain: dict[str, TfOperation] = {}
    for op in operations.values():
        for part in _parts(op) if op.kind in FUSED else (op,):
            plain[part.name] = part
    for op in operations.values():
        if op.kind == "BatchToSpaceND" and (dilated := _dilated(op, plain, held)):
            plain[op.name] = dilated
    return plain


def _parts(op: TfOperation) -> Iterator[TfOperation]:
    """The first operation, and what follows it; the last has the name of all."""
    follow = [
        name.decode("utf-8", "backslashreplace") for name in op.attribute("fused_ops", tuple)
    ]
    op.must_be("filter_format", b"HWIO", b"HWIO")
    if len(follow) > _LIST:
        raise op.refused(f"fuses {len(follow)} operations")
    extra = {key for names in (_OF_ACTIVATIONS | _OF_NORMS).values() for key in names}
    own = {k: v for k, v in op.attributes.items() if k not in _MEANINGLESS | extra}
    names = [f"{op.name}:{place}" for place in range(len(follow))] + [op.name]
    yield TfOperation(names[0], FUSED[op.kind], op.inputs[:2], own)
    arguments = list(op.inputs[2:])
    for kind, before, name in zip(follow, names, names[1:], strict=False):
        count = {"BiasAdd": 1, "FusedBatchNorm": 4}.get(kind, 0)
        taken, arguments = arguments[:count], arguments[count:]
        renamed = (_OF_ACTIVATIONS | _OF_NORMS).get(kind, {})
        attributes = {
            new: op.attributes[old] for old, new in renamed.items() if old in op.attributes
        }
        if kind == "FusedBatchNorm":
            attributes["is_training"] = False
        yield TfOperation(name, kind, (Operand(before), *taken), attributes)
    if arguments:
        raise op.refused(f"fuses {', '.join(follow)} and has {len(arguments)} inputs too many")


def _dilated(
    op: TfOperation,
    operations: Mapping[str, TfOperation],
    held: Mapping[str, FileConstant],
) -> TfOperation | None:
    """The convolution with dilation that three operations compute; None where they do not.

    Rows of the padded map that are cut away behind are never computed: exact for a stride of 1.
    """
    window = operations.get(op.inputs[0].operation) if len(op.inputs) == 3 else None
    if window is None or window.kind not in _WINDOWS or len(window.inputs) != 2:
        return None
    before = operations.get(window.inputs[0].operation)
    if before is None or before.kind != "SpaceToBatchND" or len(before.inputs) != 3:
        return None
    block, paddings = (_numbers(read, operations, held) for read in before.inputs[1:])
    same_block, crops = (_numbers(read, operations, held) for read in op.inputs[1:])
    pads = [pad - crop for pad, crop in zip(paddings, crops, strict=False)]
    if len(block) != 2 or block != same_block or len(paddings) != 4 or len(crops) != 4:
        return None
    if min(pads) < 0 or min(crops) < 0 or window.attributes.get("padding") != b"VALID":
        return None
    plain = (1, 1, 1, 1)
    if any(window.attributes.get(key, plain) != plain for key in ("strides", "dilations")):
        return None
    changes = {
        "padding": b"EXPLICIT", "explicit_paddings": (0, 0, *pads, 0, 0),
        "dilations": (1, *block, 1),
    }  # fmt: skip
    inputs = (before.inputs[0], window.inputs[1])
    return TfOperation(op.name, window.kind, inputs, {**window.attributes, **changes})


def _numbers(
    read: Operand, operations: Mapping[str, TfOperation], held: Mapping[str, FileConstant]
) -> list[int]:
    op = operations.get(read.operation)
    if op is None or op.kind != "Const":
        return []
    constant = held.get(op.name) or constant_of(op, Allowance())[0]
    if len(constant.shape) > 2 or max(constant.shape, default=1) > 4:
        return []
    return [int(number) for number in constant.load().reshape(-1)]
