"""Functions of a Core AI program as they are written, and further outputs of finished ones.

With `library`, the only touch below the library's public surface. `coreai.authoring.graph` would
do for the first, but writes the caller's file and line into the program: here the location of an
operation is the name it was written under, and nothing of the machine.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from export.coreai import library

if TYPE_CHECKING:
    from coreai.authoring import AIProgram, Module, Value

NAME = "coreai.name"
SIMPLER = "canonicalize,cse"
ABSORBED = "inline,symbol-dce,strip-debuginfo"
Shape = tuple[int, ...]


def located(name: str) -> AbstractContextManager[Any]:
    """What is written within bears `name` as its location."""
    from coreai.authoring import DebugInfo

    context: AbstractContextManager[Any] = DebugInfo.file(name, 0).activate()
    return context


@contextmanager
def program() -> "Iterator[AIProgram]":
    """A new program, whose functions are added within.

    The library's own end of a module would number every operation: 40 bytes each.
    """
    from coreai.authoring import AIProgram, Context, Module

    with Context(), located(""):
        module = Module.create()
    with module._block_context():
        yield AIProgram(module)
    _run(module, SIMPLER)


def add_function(
    name: str,
    inputs: Mapping[str, Any],
    outputs: Mapping[str, Any],
    body: "Callable[..., Value | Sequence[Value]]",
) -> None:
    """Add a function to the program; `inputs` and `outputs` are specs by name."""
    from coreai._compiler.dialects._coreai_ops_gen import OutputOp
    from coreai.authoring import Value
    from coreai.authoring.graph_builder import GraphOp

    with located(name):
        graph = GraphOp(
            name,
            [spec._to_mlir_type() for spec in inputs.values()],
            [spec._to_mlir_type() for spec in outputs.values()],
            [*inputs],
            [*outputs],
        )
        with graph.block:
            results = body(*map(Value._from_mlir, graph.arguments))
            listed = [results] if isinstance(results, Value) else results
            OutputOp([value._to_mlir() for value in listed])


def packed_constant(name: str, values: "np.ndarray[Any, np.dtype[Any]]", bits: int) -> "Value":
    """Integers (int8 or uint8) of which each takes `bits`, stored under `name` without gaps.

    The lowest bits of a byte come first; otherwise Apple's runtime computes something else.
    """
    from coreai._compiler.dialects._coreai_ops_gen import ConstantOp
    from coreai._compiler.ir import DenseResourceElementsAttr, IntegerType, RankedTensorType
    from coreai.authoring import Value

    signed = values.dtype.kind == "i"
    element = IntegerType.get_signed(bits) if signed else IntegerType.get_unsigned(bits)
    kind = RankedTensorType.get(values.shape, element)
    octets = np.ascontiguousarray(values).view(np.uint8).reshape(-1, 1)
    single = np.unpackbits(octets, axis=1, count=bits, bitorder="little")
    packed = np.packbits(single, bitorder="little")
    resource = DenseResourceElementsAttr.get_from_buffer(packed, name, kind)
    return Value._from_mlir(ConstantOp(resource).result)


def zeros(shape: Shape, like: "Value") -> "Value":
    """A constant with elements of the type that `like` has; stored as one number."""
    from coreai._compiler.dialects._coreai_ops_gen import ConstantOp
    from coreai._compiler.ir import (
        DenseElementsAttr,
        FloatAttr,
        IntegerAttr,
        IntegerType,
        RankedTensorType,
    )
    from coreai.authoring import Value

    element = RankedTensorType(like._to_mlir().type).element_type
    number = IntegerAttr if IntegerType.isinstance(element) else FloatAttr
    kind = RankedTensorType.get(shape, element)
    zero = DenseElementsAttr.get_splat(kind, number.get(element, 0))
    return Value._from_mlir(ConstantOp(zero).result)


def add_outputs(program: "AIProgram", function: str, values: Mapping[str, int]) -> None:
    """Let `function` also give values of its own: their numbers (see `library`) by name."""
    from coreai._compiler.dialects._coreai_ops_gen import OutputOp
    from coreai._compiler.ir import (
        ArrayAttr,
        DictAttr,
        FunctionType,
        InsertionPoint,
        StringAttr,
        TypeAttr,
    )

    graph = program._get_graph(function)
    assert graph is not None, "asked of what was read"
    numbered = [*graph.arguments]
    for operation in graph.entry_block.operations:
        if operation.name != "coreai.output":
            numbered += operation.results
    more = [numbered[number] for number in values.values()]
    with graph.location:
        kind = graph.type
        results = [*kind.results, *(value.type for value in more)]
        graph.attributes["function_type"] = TypeAttr.get(FunctionType.get(kind.inputs, results))
        names = [DictAttr.get({NAME: StringAttr.get(name)}) for name in values]
        graph.attributes["res_attrs"] = ArrayAttr.get([*graph.attributes["res_attrs"], *names])
        last = operation
        with InsertionPoint(last):
            OutputOp([*last.operands, *more])
        last.operation.erase()


@contextmanager
def around(
    program: "AIProgram", function: str
) -> "Iterator[tuple[Callable[[Value], Value], Shape]]":
    """Put functions around `function`, which is absorbed by those that call it.

    Gives how they call it, and the shape of its one result. What the program says of the machine
    it was converted on is left out, and its constants get names that are the same everywhere.
    """
    from coreai._compiler.ir import RankedTensorType, UnitAttr
    from coreai.authoring import Value

    graph = program._get_graph(function)
    assert graph is not None, "as it was converted"

    def call(x: Value) -> Value:
        return Value._from_mlir(graph(x._to_mlir())[0])

    with program._module:
        graph.attributes["priv"] = UnitAttr.get()
        (result,) = graph.type.results
        yield call, tuple(RankedTensorType(result).shape)
    _run(program._module, ABSORBED)
    with program._module._context:
        library.name_constants(program._module._mlir_module)


def _run(module: "Module", passes: str) -> None:
    """Change a module by passes of Apple's compiler."""
    from coreai._compiler.passmanager import PassManager

    with module._context:
        PassManager.parse(f"builtin.module({passes})").run(module._mlir_module.operation)
    module.verify()
