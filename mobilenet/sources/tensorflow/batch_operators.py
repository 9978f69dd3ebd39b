"""Operators that take pictures out of a batch, or lay them together: there is one."""

from mobilenet.sources.tensorflow.elementwise_operators import Values
from mobilenet.sources.tensorflow.operations import TfOperation
from mobilenet.sources.tensorflow.operator_translation import TfValue, Translation


def pack(t: Translation, op: TfOperation, inputs: Values) -> TfValue:
    """One value as a batch of one."""
    op.must_be("axis", 0, 0)
    (value,) = inputs
    shape = (1, *value.shape)
    if len(shape) > 4 or value.is_map:
        raise op.refused(f"packs values of shape {value.shape}")
    return t.from_channels_last(op, "Unsqueeze", [value, t.array(op, "axes", [0])], shape)


def unpack(t: Translation, op: TfOperation, inputs: Values) -> TfValue:
    """The one value of a batch."""
    op.must_be("axis", 0, 0)
    op.must_be("num", 1)
    value, *sides = inputs[0], *inputs[0].shape
    if not sides or sides[0] != 1:
        raise op.refused(f"unpacks one value of {value.shape}")
    value = t.channels_last(op, value)
    return t.node(op, "Squeeze", [value, t.array(op, "axes", [0])], tuple(sides[1:]))
