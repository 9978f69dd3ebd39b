"""An ML Program's protobuf as a `Program`.

Format: coremltools, `mlmodel/format/MIL.proto`.
"""

from collections.abc import Iterable, Mapping

import numpy as np

from export.mil.description import ModelDescription
from export.mil.program import Argument, Block, Constant, Function, Op, Program, TensorType
from export.mil.read import constexpr, specification
from export.mil.read.mil_value import BlobFiles, tensor_type, value_of
from export.mil.read.specification import Message
from export.package.model_files import REMAKE, ModelFiles
from mobilenet.common.errors import PackageError, UnsupportedError

MAX_OPERANDS, MAX_NESTING = 8, 4  # of decompressions; coremltools writes 6 operands, and nests 3
MAX_DEPTH = 16  # of operations in blocks of others
MAX_FUNCTIONS = 128  # each may describe all inputs anew


def read(files: ModelFiles, model: Message) -> Program:
    """The `Program` of `model`, the `Model` message of `files`.

    Raises `PackageError` for what is damaged, `UnsupportedError` for what is not known here.
    """
    declared, about = model.description, model.description.metadata
    descriptions = {function.name: function for function in declared.functions}
    if len(model.mlProgram.functions) > MAX_FUNCTIONS:
        raise PackageError(
            f"{files.path} has {len(model.mlProgram.functions)} functions",
            f"at most {MAX_FUNCTIONS} are read",
        )
    blobs = BlobFiles(files)
    user_defined = dict(about.userDefined)
    functions = {
        name: _function(blobs, name, function, descriptions.get(name, declared), user_defined)
        for name, function in sorted(model.mlProgram.functions.items())
    }
    default = declared.defaultFunctionName or "main"
    if default not in functions:
        raise PackageError(
            f"{files.path} has no function {default!r}, which it says is its main one",
            REMAKE,
        )
    return Program(
        "mlprogram", model.specificationVersion, functions, default,
        about.shortDescription, about.author, about.license, about.versionString,
    )  # fmt: skip


def _function(
    blobs: BlobFiles, name: str, message: Message, declared: Message, metadata: dict[str, str]
) -> Function:
    if message.opset not in message.block_specializations:
        raise PackageError(
            f"function {name!r} has no operations for its opset {message.opset!r}",
            REMAKE,
        )
    block = message.block_specializations[message.opset]
    constants: dict[str, Constant] = {}
    ops = _ops(blobs, block, constants)
    specification.check_count([inner for op in ops for inner in op.within()])
    kinds = [(value, value.type.WhichOneof("type")) for value in message.inputs]
    inputs = [value for value, kind in kinds if kind != "stateType"]
    states = [tensor_type(value.name, value.type) for value, kind in kinds if kind == "stateType"]
    description = specification.describe(declared, _labels(ops, constants), metadata)
    _check_states(name, description, states)
    return Function(
        name=name,
        description=description,
        inputs=tuple(tensor_type(value.name, value.type) for value in inputs),
        ops=ops,
        outputs=tuple(block.outputs),
        constants=constants,
        opset=message.opset,
        states=tuple(states),
    )


def _check_states(name: str, description: ModelDescription, states: list[TensorType]) -> None:
    """Raise `UnsupportedError` for states that are not those that the model declares."""
    declared = {state.name: state.shape for state in description.states}
    kept = {state.name: state.shape for state in states}
    if declared != kept:
        raise UnsupportedError(
            f"function {name!r} keeps {kept}, and is declared to keep {declared}",
            "such programs cannot be read: states have to be those that are declared",
        )


def _ops(
    blobs: BlobFiles, block: Message, constants: dict[str, Constant], depth: int = 0
) -> tuple[Op, ...]:
    """The operations of a block; its constants are added to those of the function."""
    specification.check_count(block.operations)
    if depth > MAX_DEPTH:
        raise PackageError(
            f"operations are nested more than {MAX_DEPTH} deep", "do not trust the package"
        )
    ops = []
    for operation in block.operations:
        if operation.type == "const" or operation.type.startswith("constexpr_"):
            new = _constants(blobs, operation, constants)
            if not new.keys().isdisjoint(constants):
                raise UnsupportedError(
                    f"{min(new)!r} is the name of several constants",
                    "such programs cannot be read: names have to be unique",
                )
            constants.update(new)
        else:
            ops.append(_op(blobs, operation, constants, depth))
    return tuple(ops)


def _block(blobs: BlobFiles, block: Message, constants: dict[str, Constant], depth: int) -> Block:
    inputs = tuple(tensor_type(value.name, value.type) for value in block.inputs)
    return Block(inputs, _ops(blobs, block, constants, depth), tuple(block.outputs))


def _op(blobs: BlobFiles, operation: Message, constants: dict[str, Constant], depth: int) -> Op:
    name = operation.outputs[0].name if operation.outputs else operation.type
    if "name" in operation.attributes:
        name = str(value_of(blobs, operation.attributes["name"], name).load())
    inputs = {
        parameter: tuple(
            _argument(blobs, binding, f"{name}.{parameter}") for binding in bindings.arguments
        )
        for parameter, bindings in sorted(operation.inputs.items())  # a map: in no order
    }
    outputs = tuple(tensor_type(output.name, output.type) for output in operation.outputs)
    blocks = tuple(_block(blobs, block, constants, depth + 1) for block in operation.blocks)
    return Op(operation.type, name, inputs, outputs, blocks)


def _argument(blobs: BlobFiles, binding: Message, name: str) -> Argument:
    if binding.WhichOneof("binding") == "name":
        return str(binding.name)
    return value_of(blobs, binding.value, name)


def _constants(
    blobs: BlobFiles, operation: Message, constants: Mapping[str, Constant]
) -> dict[str, Constant]:
    """The constants that one `const` or `constexpr_...` operation gives, by name."""
    types = [tensor_type(output.name, output.type) for output in operation.outputs]
    if not types:
        raise PackageError(f"a {operation.type} gives nothing", REMAKE)
    if operation.type == "const":
        return {types[0].name: value_of(blobs, operation.attributes["val"], types[0].name)}
    # iOS 16 gives the operands as attributes, iOS 18 as inputs
    operands = {
        parameter: value_of(blobs, value, f"{types[0].name}.{parameter}")
        for parameter, value in operation.attributes.items()
        if parameter != "name"
    }
    for parameter, bindings in operation.inputs.items():
        for binding in bindings.arguments:
            argument = _argument(blobs, binding, f"{types[0].name}.{parameter}")
            operands[parameter] = _constant(argument, constants)
    nesting = 1 + max((operand.nesting for operand in operands.values()), default=0)
    if len(operands) > MAX_OPERANDS or nesting > MAX_NESTING:
        raise PackageError(
            f"{types[0].name!r} is decompressed in {nesting} steps, of {len(operands)} operands",
            f"at most {MAX_NESTING} steps of {MAX_OPERANDS} are possible: do not trust it",
        )
    return {
        output.name: Constant(
            output, constexpr.loader(operation.type, operands, output, types[-1], at),
            operation.type, operands, nesting=nesting,
        )
        for at, output in enumerate(types)
    }  # fmt: skip


def _constant(argument: Argument, constants: Mapping[str, Constant]) -> Constant:
    if isinstance(argument, Constant):
        return argument
    if argument not in constants:
        raise PackageError(
            f"{argument!r} has to be a constant, and is not",
            REMAKE,
        )
    return constants[argument]


def _labels(ops: Iterable[Op], constants: Mapping[str, Constant]) -> tuple[str, ...]:
    """The classes, in the order of the probabilities; none without a classifier."""
    for op in ops:
        if op.type == "classify":
            (argument,) = op.inputs["classes"]
            classes = (constants[argument] if isinstance(argument, str) else argument).load()
            return tuple(str(label) for label in np.ravel(np.asarray(classes, object)))
    return ()
