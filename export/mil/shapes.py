"""Shapes of values that a file leaves open: flexible inputs, and all of the old format.

A shape that cannot be told stays unknown: it is never guessed.
"""

from collections.abc import Mapping
from dataclasses import replace
from itertools import zip_longest

import msgspec

from export.mil.allowed_shapes import array_shapes
from export.mil.description import ImageInput, ModelOutput, TensorInput
from export.mil.known_values import value_of
from export.mil.ops import OPERATIONS
from export.mil.ops.call import CALL_ERRORS, Call
from export.mil.program import Constant, Function, Op, Shape, TensorType, is_fixed
from mobilenet.common.errors import UnsupportedError


def infer(function: Function) -> dict[str, Shape]:
    """Shapes of all values at the default input sizes; those that cannot be told are absent."""
    fixed = at(function)
    names = function.all_types().keys()
    values = {name: value.shape for name, value in fixed.all_types().items()}
    values |= {name: value.type.shape for name, value in fixed.constants.items() if name in names}
    return {name: shape for name, shape in values.items() if is_fixed(shape)}


def at(function: Function, sizes: Mapping[str, Shape] | None = None) -> Function:
    """The function for one size of every input: its default, or that in `sizes`.

    Of a picture a size is (height, width), of an array its shape. What the function computes of
    sizes alone becomes a constant. Raises `UnsupportedError` for a size that is not allowed.
    """
    if not function.description.is_flexible and not sizes:
        return _settled(function)
    description = function.description.at(sizes or {})
    if function.remake is not None:
        return _described(_settled(function.remake(description)))
    types = {value.name: value for value in function.inputs}
    for own, item in zip(function.description.inputs, description.inputs, strict=True):
        if own.allowed is not None and item.name in types:
            _check(types[item.name], own, item.tensor_shape)
    return _described(_settled(replace(function, description=description)))


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


def _settled(function: Function) -> Function:
    """With all shapes that follow from those of the inputs, and without what is known by then."""
    features = {item.name: item for item in function.description.inputs}
    inputs = tuple(_input(value, features.get(value.name)) for value in function.inputs)
    settled = replace(function, inputs=inputs)
    if all(is_fixed(value.shape) for value in settled.all_types().values()):
        return settled
    shapes = {value.name: value.shape for value in (*inputs, *function.states)}
    constants = dict(function.constants)
    ops: list[Op] = []
    for op in function.ops:
        told = _told(op, shapes, constants)
        known = value_of(Call(told, shapes, constants))
        if known is not None:
            constants[known.type.name] = known
            told = replace(told, outputs=(known.type,))
        shapes |= {output.name: output.shape for output in told.outputs}
        if known is None or known.type.name in function.outputs:
            ops.append(told)
    return replace(settled, ops=tuple(ops), constants=constants)


def _told(op: Op, shapes: dict[str, Shape], constants: Mapping[str, Constant]) -> Op:
    """`op` with the shapes of its outputs, as far as they can be told, and of all in its blocks.

    Those within the blocks are added to `shapes`. What a loop carries may change its shape each
    time: only what is declared of it counts.
    """
    blocks = []
    for block in op.blocks:
        shapes |= {value.name: value.shape for value in block.inputs}
        inner = []
        for each in block.ops:
            inner.append(_told(each, shapes, constants))
            shapes |= {output.name: output.shape for output in inner[-1].outputs}
        blocks.append(replace(block, ops=tuple(inner)))
    op = replace(op, blocks=tuple(blocks))
    rule = output_shapes(op, shapes, constants) or []
    outputs = (
        replace(output, shape=_joined(output.shape, shape))
        for output, shape in zip_longest(op.outputs, rule[: len(op.outputs)])
    )
    return replace(op, outputs=tuple(outputs))


def _joined(declared: Shape, told: Shape | None) -> Shape:
    """What is declared, and what a shape rule tells where that is open."""
    if told is None or is_fixed(declared):
        return declared
    if len(declared) != len(told):
        return told
    return tuple(own if own >= 0 else other for own, other in zip(declared, told, strict=True))


def _input(value: TensorType, feature: ImageInput | TensorInput | None) -> TensorType:
    """Of the size that is described, where the program leaves it open."""
    if feature is None or is_fixed(value.shape) or not is_fixed(feature.tensor_shape):
        return value
    return replace(value, shape=feature.tensor_shape)


def _check(value: TensorType, feature: ImageInput | TensorInput, sizes: Shape) -> None:
    """Raise `UnsupportedError` for a size that the description allows and the program does not."""
    if len(sizes) != len(value.shape) or any(
        own not in (-1, size) for own, size in zip(value.shape, sizes, strict=True)
    ):
        raise UnsupportedError(
            f"input {value.name!r} may be {feature.words}, and the program takes "
            f"{array_shapes(value.shape, None)} alone",
            "ask for that size",
        )


def _described(function: Function) -> Function:
    """With the sizes of its outputs in its description."""
    types = function.types()
    description = replace(
        function.description,
        outputs=tuple(
            _output(output, types[output.name].shape) if output.name in types else output
            for output in function.description.outputs
        ),
    )
    return replace(function, description=description)


def _output(output: ModelOutput, shape: Shape) -> ModelOutput:
    if not is_fixed(shape):
        return output
    if output.picture is not None and len(shape) > 1:
        height, width = shape[-2:]
        picture = msgspec.structs.replace(output.picture, height=height, width=width)
        return replace(output, picture=picture)
    return replace(output, shape=shape) if output.kind == "array" else output
