"""An ML Program's protobuf as a `Program`.

Format: coremltools, `mlmodel/format/MIL.proto`.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

from export.mil.program import Argument, Constant, Function, Op, Program, TensorType, Value
from export.mil.read import constexpr, specification
from export.mil.read.blobs import NUMPY, BlobFile, decode, stored_size
from export.package.model_files import ModelFiles
from mobilenet.common.errors import PackageError, UnsupportedError

MAX_DENSE_ELEMENTS = 1 << 31  # what a few stored bytes may be declared to become


def read(files: ModelFiles, model: Any) -> Program:
    """The `Program` of `model`, the `Model` message of `files`.

    Raises `PackageError` for what is damaged, `UnsupportedError` for what is not known here.
    """
    declared, about = model.description, model.description.metadata
    descriptions = {function.name: function for function in declared.functions}
    context = _Context(files)
    user_defined = dict(about.userDefined)
    functions = {
        name: _function(context, name, function, descriptions.get(name, declared), user_defined)
        for name, function in sorted(model.mlProgram.functions.items())
    }
    default = declared.defaultFunctionName or "main"
    if default not in functions:
        raise PackageError(
            f"{files.path} has no function {default!r}, which it says is its main one",
            "make the package again",
        )
    return Program(
        "mlprogram", model.specificationVersion, functions, default,
        about.shortDescription, about.author, about.license, about.versionString,
    )  # fmt: skip


@dataclass(frozen=True)
class _Context:
    """The files that a program's values point into, each opened once."""

    files: ModelFiles
    blobs: dict[str, BlobFile] = field(default_factory=dict)

    def blob_file(self, name: str) -> BlobFile:
        if name not in self.blobs:
            self.blobs[name] = BlobFile(self.files.referenced(name))
        return self.blobs[name]


def _function(
    context: _Context, name: str, message: Any, declared: Any, metadata: dict[str, str]
) -> Function:
    if message.opset not in message.block_specializations:
        raise PackageError(
            f"function {name!r} has no operations for its opset {message.opset!r}",
            "make the package again",
        )
    block = message.block_specializations[message.opset]
    constants: dict[str, Constant] = {}
    ops = []
    for operation in block.operations:
        if operation.type == "const" or operation.type.startswith("constexpr_"):
            constants.update(_constants(context, operation, constants))
        else:
            ops.append(_op(context, operation))
    return Function(
        name=name,
        description=specification.describe(declared, _labels(ops, constants), metadata),
        inputs=tuple(_type(value.name, value.type) for value in message.inputs),
        ops=tuple(ops),
        outputs=tuple(block.outputs),
        constants=constants,
        opset=message.opset,
    )


def _op(context: _Context, operation: Any) -> Op:
    name = operation.outputs[0].name if operation.outputs else operation.type
    if "name" in operation.attributes:
        name = str(_value(context, operation.attributes["name"], name).load())
    inputs = {
        parameter: tuple(
            _argument(context, binding, f"{name}.{parameter}") for binding in bindings.arguments
        )
        for parameter, bindings in sorted(operation.inputs.items())  # a map: in no order
    }
    outputs = tuple(_type(output.name, output.type) for output in operation.outputs)
    return Op(operation.type, name, inputs, outputs)


def _argument(context: _Context, binding: Any, name: str) -> Argument:
    if binding.WhichOneof("binding") == "name":
        return str(binding.name)
    return _value(context, binding.value, name)


def _constants(
    context: _Context, operation: Any, constants: Mapping[str, Constant]
) -> dict[str, Constant]:
    """The constants that one `const` or `constexpr_...` operation gives, by name."""
    types = [_type(output.name, output.type) for output in operation.outputs]
    if not types:
        raise PackageError(f"a {operation.type} gives nothing", "make the package again")
    if operation.type == "const":
        return {types[0].name: _value(context, operation.attributes["val"], types[0].name)}
    # iOS 16 gives the operands as attributes, iOS 18 as inputs
    operands = {
        parameter: _value(context, value, f"{types[0].name}.{parameter}")
        for parameter, value in operation.attributes.items()
        if parameter != "name"
    }
    for parameter, bindings in operation.inputs.items():
        for binding in bindings.arguments:
            argument = _argument(context, binding, f"{types[0].name}.{parameter}")
            operands[parameter] = _constant(argument, constants)
    return {
        output.name: Constant(
            output, _decompression(operation.type, operands, output, types[-1], at),
            operation.type, operands,
        )
        for at, output in enumerate(types)
    }  # fmt: skip


def _constant(argument: Argument, constants: Mapping[str, Constant]) -> Constant:
    if isinstance(argument, Constant):
        return argument
    if argument not in constants:
        raise PackageError(
            f"{argument!r} has to be a constant, and is not",
            "make the package again",
        )
    return constants[argument]


def _decompression(
    form: str, operands: Mapping[str, Constant], output: TensorType, last: TensorType, at: int
) -> Callable[[], Value]:
    """How to make the output number `at` of a constexpr; `last` is its last output."""

    def load() -> Value:
        if form not in constexpr.supported():
            raise UnsupportedError(
                f"{output.name!r} is compressed by {form!r}, which is not known here",
                "export it with the compression of coremltools 9 or older",
            )
        if not 0 <= last.elements <= MAX_DENSE_ELEMENTS:
            raise PackageError(
                f"{output.name!r} is declared with {last.elements} elements",
                f"at most {MAX_DENSE_ELEMENTS} are read",
            )
        values = {name: constant.load() for name, constant in operands.items()}
        arrays = {name: value for name, value in values.items() if isinstance(value, np.ndarray)}
        try:
            dense = constexpr.dense(form, arrays, last.elements)[at]
            return dense.reshape(output.shape)
        except (ValueError, IndexError, KeyError, ZeroDivisionError) as error:
            raise PackageError(
                f"{output.name!r} cannot be decompressed by {form}: {error}",
                "make the package again",
            ) from error

    return load


def _value(context: _Context, message: Any, name: str) -> Constant:
    """A `Value` message; what lies in the weight file is read when it is asked for."""
    if message.type.WhichOneof("type") == "listType":
        return _list(context, message, name)
    tensor = _type(name, message.type)
    if message.WhichOneof("value") == "blobFileValue":
        blob = message.blobFileValue
        file = context.blob_file(blob.fileName)
        offset = int(blob.offset)
        return Constant(
            tensor, lambda: file.read(tensor, offset), location=(blob.fileName, offset)
        )
    return Constant(tensor, lambda: _immediate(message.immediateValue.tensor, tensor))


def _list(context: _Context, message: Any, name: str) -> Constant:
    values = message.immediateValue.list.values

    def load() -> Value:
        items = [_value(context, value, name).load() for value in values]
        if all(isinstance(item, str) for item in items):
            return tuple(str(item) for item in items)
        return np.array(items)

    element = _type(name, message.type.listType.type)
    return Constant(TensorType(name, element.dtype, (len(values), *element.shape)), load)


def _immediate(message: Any, tensor: TensorType) -> Value:
    """A value that is written in the program itself."""
    kind = message.WhichOneof("value")
    values: Any = () if kind is None else getattr(message, kind).values
    if kind == "bytes":
        expected, count = stored_size(tensor), len(values)
    else:
        expected, count = math.prod(tensor.shape), len(values)
    if count != expected:
        raise PackageError(
            f"{tensor.name!r} has {count} elements, shape {tensor.shape} takes {expected}",
            "make the package again",
        )
    if kind == "bytes":
        return decode(np.frombuffer(values, np.uint8), tensor)
    if tensor.dtype == "string":
        return str(values[0]) if tensor.shape == () else tuple(str(value) for value in values)
    if tensor.dtype not in NUMPY:
        raise PackageError(
            f"{tensor.name!r} is a {tensor.dtype} in text", "make the package again"
        )
    return np.array(values, NUMPY[tensor.dtype]).reshape(tensor.shape)


def _type(name: str, message: Any) -> TensorType:
    kind = message.WhichOneof("type")
    if kind != "tensorType":
        return TensorType(name, str(kind).removesuffix("Type"), ())
    shape = tuple(
        int(size.constant.size) if size.WhichOneof("dimension") == "constant" else -1
        for size in message.tensorType.dimensions
    )
    code = message.tensorType.dataType
    return TensorType(name, _dtypes().get(code, f"type {code}"), shape)


@cache
def _dtypes() -> dict[int, str]:
    return {code: name.lower() for name, code in specification.proto("MIL_pb2").DataType.items()}


def _labels(ops: list[Op], constants: Mapping[str, Constant]) -> tuple[str, ...]:
    """The classes, in the order of the probabilities; none without a classifier."""
    for op in ops:
        if op.type == "classify":
            (argument,) = op.inputs["classes"]
            classes = (constants[argument] if isinstance(argument, str) else argument).load()
            return (
                (classes,) if isinstance(classes, str) else tuple(str(label) for label in classes)
            )
    return ()
