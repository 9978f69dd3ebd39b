"""Shapes of values that a file leaves open: flexible inputs, and all of the old format.

A shape that cannot be told stays unknown: it is never guessed.
"""

from collections.abc import Mapping, Sequence

from export.mil.description import ImageInput, TensorInput
from export.mil.ops import OPERATIONS
from export.mil.ops.call import CALL_ERRORS, Call
from export.mil.program import Constant, Function, Op, Shape, is_fixed


def infer(function: Function) -> dict[str, Shape]:
    """Shapes of all values at the default input sizes; those that cannot be told are absent."""
    shapes: dict[str, Shape] = {}
    features = {feature.name: feature for feature in function.description.inputs}
    for value in function.inputs:
        shape = value.shape if is_fixed(value.shape) else _default(features.get(value.name))
        if shape is not None:
            shapes[value.name] = shape
    _add(function.ops, shapes, function.constants)
    return shapes


def _add(ops: Sequence[Op], shapes: dict[str, Shape], constants: Mapping[str, Constant]) -> None:
    """Add the shapes of what `ops` give, and of all that is computed in their blocks.

    What a loop carries may change its shape each time: only what is declared of it counts.
    """
    for op in ops:
        for block in op.blocks:
            carried = {value.name: value.shape for value in block.inputs}
            shapes |= {name: shape for name, shape in carried.items() if is_fixed(shape)}
            _add(block.ops, shapes, constants)
        declared = [output.shape for output in op.outputs]
        if not all(map(is_fixed, declared)):
            declared = output_shapes(op, shapes, constants) or declared
        for output, shape in zip(op.outputs, declared, strict=False):
            if is_fixed(shape):
                shapes[output.name] = shape


def output_shapes(
    op: Op, shapes: Mapping[str, Shape], constants: Mapping[str, Constant]
) -> list[Shape] | None:
    """Shapes of the outputs of `op`, from those of its inputs; None when they cannot be told."""
    operation = OPERATIONS.get(op.type)
    if operation is None or operation.shape is None:
        return None
    try:
        return operation.shape(Call(op, shapes, constants))
    except CALL_ERRORS:
        return None


def _default(feature: ImageInput | TensorInput | None) -> Shape | None:
    if isinstance(feature, ImageInput):
        channels = 3 if feature.color in ("RGB", "BGR") else 1
        return (1, channels, feature.height, feature.width)
    return feature.shape if feature is not None and is_fixed(feature.shape) else None
