"""Weights that are not there: a missing file, one cut short, a pointer of Git LFS in its place.

What a program is does not stand in its weights: all else can still be told.
"""

from dataclasses import replace

from export.inspect.function_constants import constants_of
from export.inspect.rules.finding import RuleFinding
from export.mil.ops.call import UnsupportedCallError
from export.mil.program import Constant, Function, Op, Value
from export.mil.read.mil_value import BlobFiles
from export.package.model_files import ModelFiles
from mobilenet.common.errors import PackageError


def weight_problem(files: ModelFiles, function: Function) -> RuleFinding | None:
    """Why not all weights of a function can be read; None where they can.

    Only where they lie is looked at: no value is read.
    """
    blobs = BlobFiles(files)
    for _, constant in constants_of(function):
        for leaf in constant.stored():
            if leaf.location is None:
                continue
            name, offset = leaf.location
            try:
                blobs.named(name).stored(leaf.type, offset)
            except PackageError as error:
                return RuleFinding(
                    "weights-unreadable", "error",
                    f"{error.message}: layers and costs are those that the program declares, no "
                    "weight was looked at, and the model cannot run",
                    error.hint,
                )  # fmt: skip
    return None


def without_weights(function: Function) -> Function:
    """The same function, whose stored values are unknown."""
    return replace(
        function,
        ops=tuple(_without(op) for op in function.ops),
        constants={name: _unknown(each) for name, each in function.constants.items()},
    )


def _without(op: Op) -> Op:
    inputs = {
        parameter: tuple(
            _unknown(argument) if isinstance(argument, Constant) else argument
            for argument in arguments
        )
        for parameter, arguments in op.inputs.items()
    }
    blocks = tuple(replace(each, ops=tuple(map(_without, each.ops))) for each in op.blocks)
    return replace(op, inputs=inputs, blocks=blocks)


def _unknown(constant: Constant) -> Constant:
    if all(leaf.location is None for leaf in constant.stored()):
        return constant
    operands = {name: _unknown(operand) for name, operand in constant.operands.items()}
    return replace(constant, read=_unread, operands=operands)


def _unread() -> Value:
    raise UnsupportedCallError("a weight is not known", "see what is found about the weights")
