"""An ONNX graph while it grows out of a MIL function: what the lowerings write into."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from export.mil.onnx_weights import WeightFile
from export.mil.ops import OPERATIONS
from export.mil.ops.lowering import Attribute, Lowering
from export.mil.program import Argument, Block, Constant, Function, Op, TensorType
from mobilenet.common.errors import OwnFaultError, UserError

MAX_ORIGIN = 100  # characters of an operation's name in that of a node
DEDUPLICATED_BYTES = 64  # bounds and axes that many nodes share


class OnnxGraph:
    """Nodes and initializers so far, and which ONNX name stands for which MIL value.

    With `declared`, values that are declared float16 are rounded to halves. Large initializers
    go to `weights`, where there is such a file.
    """

    def __init__(
        self, function: Function, declared: bool, weights: WeightFile | None = None
    ) -> None:
        self.constants = function.constants
        self.declared = declared
        self._tensor = numpy_helper.from_array if weights is None else weights.tensor
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self._types = function.all_types()
        self._shapes = {name: value.shape for name, value in self._types.items()}
        self._names: dict[str, str] = {}
        self._numbers = itertools.count()
        self._shared: dict[tuple[str, tuple[int, ...], bytes], str] = {}

    def bind(self, value: TensorType, name: str) -> None:
        """Let the ONNX value `name` stand for a MIL value, rounded as that is declared."""
        half = self.declared and value.dtype == "float16"
        self._names[value.name] = self._rounded(name) if half else name

    def value(self, argument: Argument) -> str:
        """ONNX name of a MIL value; constants become initializers when they are first used."""
        if isinstance(argument, str):
            if argument not in self._names:
                self._names[argument] = self._initializer(self._constant(argument))
            return self._names[argument]
        return self._initializer(argument)

    def type(self, argument: Argument) -> TensorType:
        """MIL type of an argument."""
        if isinstance(argument, Constant):
            return argument.type
        return self._types.get(argument) or self._constant(argument).type

    def constant(self, value: NDArray[Any]) -> str:
        """Name of an initializer with this value."""
        if value.nbytes > DEDUPLICATED_BYTES:
            return self._store(value, self._unused("constant"))
        key = (value.dtype.str, value.shape, value.tobytes())
        if key not in self._shared:
            self._shared[key] = self._store(value, self._unused("constant"))
        return self._shared[key]

    def add(
        self,
        kind: str,
        origin: str,
        inputs: Sequence[str | None],
        outputs: int,
        attributes: Mapping[str, Attribute],
    ) -> tuple[str, ...]:
        """Add a node made for the MIL operation `origin`; returns the names of its outputs."""
        named = [name or "" for name in inputs]
        while named and not named[-1]:
            named.pop()
        results = tuple(self._unused(f"{origin[:MAX_ORIGIN]}/{kind}") for _ in range(outputs))
        options: dict[str, Any] = {"name": results[0], **attributes}
        self.nodes.append(helper.make_node(kind, named, results, **options))
        return results

    def subgraph(
        self, origin: str, inputs: Sequence[str], build: Callable[[list[str]], Sequence[str]]
    ) -> onnx.GraphProto:
        """What `build` adds, as a graph that a node holds: see `Graph`."""
        around, self.nodes = self.nodes, []
        stem = origin[:MAX_ORIGIN]
        entrances = [self._unused(f"{stem}/in") for _ in inputs]
        # an output has to be made inside, not around
        exits = [self.add("Identity", origin, [name], 1, {})[0] for name in build(entrances)]
        nodes, self.nodes = self.nodes, around
        return helper.make_graph(
            nodes,
            self._unused(stem),
            [_value_info(name, dtype) for name, dtype in zip(entrances, inputs, strict=True)],
            [_value_info(name) for name in exits],
        )

    def block(self, block: Block, inputs: Sequence[str]) -> list[str]:
        """Add the operations of a block, whose inputs are these; returns what it gives."""
        for value, name in zip(block.inputs, inputs, strict=True):
            self.bind(value, name)
        self.lower(block.ops)
        return [self.value(name) for name in block.outputs]

    def lower(self, ops: Sequence[Op]) -> None:
        """Add operations in their order. Raises as `to_onnx`."""
        for op in ops:
            names = _lower(Lowering(op, self._shapes, self.constants, self))
            for output, name in zip(op.outputs, names, strict=True):
                self.bind(output, name)

    def _rounded(self, name: str) -> str:
        """To the nearest half and back; what a half cannot hold becomes infinite."""
        (half,) = self.add("Cast", name, [name], 1, {"to": TensorProto.FLOAT16})
        return self.add("Cast", name, [half], 1, {"to": TensorProto.FLOAT})[0]

    def _constant(self, name: str) -> Constant:
        if name not in self.constants:
            raise OwnFaultError(f"{name!r} is used before it is computed")
        return self.constants[name]

    def _initializer(self, constant: Constant) -> str:
        value, name = constant.load(), constant.type.name
        if not isinstance(value, np.ndarray):
            raise OwnFaultError(f"{name!r} is text where numbers are needed")
        return self._store(value, self._unused(name[:MAX_ORIGIN]))

    def _store(self, value: NDArray[Any], name: str) -> str:
        if value.dtype == np.float16:
            value = value.astype(np.float32)
        self.initializers.append(self._tensor(np.asarray(value, order="C"), name))
        return name

    def _unused(self, stem: str) -> str:
        return f"{stem}#{next(self._numbers)}"


def _value_info(name: str, dtype: str = "") -> onnx.ValueInfoProto:
    """Of one number, where a type of ONNX is said."""
    if not dtype:
        return helper.make_empty_tensor_value_info(name)
    return helper.make_tensor_value_info(name, TensorProto.DataType.Value(dtype), [])


def _lower(call: Lowering) -> tuple[str, ...]:
    """Names of the outputs of the operation, as many as it declares."""
    lower = OPERATIONS[call.op.type].lower
    assert lower is not None, "checked by `to_onnx`"
    try:
        results = lower(call)
    except UserError:
        raise
    except Exception as error:  # operands that the lowering did not expect
        raise _not_understood(call.op, f"{type(error).__name__}: {error}") from error
    names = (results,) if isinstance(results, str) else results
    if len(names) != len(call.op.outputs):
        raise _not_understood(call.op, f"it has {len(call.op.outputs)} outputs, not {len(names)}")
    return names


def _not_understood(op: Op, reason: str) -> OwnFaultError:
    return OwnFaultError(f"{op.type} {op.name!r} cannot be run here: {reason}")
