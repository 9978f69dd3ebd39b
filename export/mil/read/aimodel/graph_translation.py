"""A graph of Core AI while it is translated to MIL, and each of its operations."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from export.coreai.messages import ArrayType, CoreAIGraph, GraphOperation, ValueType
from export.mil.description import ModelDescription
from export.mil.program import Argument, Constant, Function, Op, Shape, TensorType, is_fixed
from export.mil.read.aimodel.graph_constants import constant, foldable, ints, made
from export.mil.read.aimodel.inlining import inlined
from export.mil.read.aimodel.value_names import ValueNames
from export.mil.read.plain_values import PlainValue, arguments
from export.mil.shapes import output_shapes
from export.package.asset_files import AGAIN
from mobilenet.common.errors import PackageError

WEIGHT = ".weight"


class NoTranslationError(Exception):
    """A form of an operation that MIL does not have, or that is not known here."""


class GraphTranslation:
    """From `graph` to a `Function`, with `private` graphs in place of what invokes them.

    `rules` has one for each kind of operation that is known.
    """

    def __init__(
        self,
        graph: CoreAIGraph,
        private: Mapping[str, CoreAIGraph],
        rules: Mapping[str, "OperationRule"],
    ) -> None:
        own = {value for operation in graph.operations for value in operation.results}
        graph = inlined(graph, private)
        self.graph, self.rules = graph, rules
        self.ops: list[Op] = []
        self.values: dict[int, Argument] = {}  # what is known or computed so far
        self.shapes: dict[str, Shape] = {}
        self.unlike: set[int] = set()  # values that are others than in the graph of the asset
        self.pads: dict[int, list[int]] = {}  # left to the convolution behind
        self.names = ValueNames(graph)
        self.users: dict[int, list[GraphOperation]] = defaultdict(list)
        for operation in graph.operations:
            self.unlike |= {*operation.results} - own
            for value in operation.operands:
                self.users[value].append(operation)
        self.remaining = self._without_constants()

    def _without_constants(self) -> list[GraphOperation]:
        """The operations that are left when everything constant is known."""
        remaining = []
        for operation in self.graph.operations:
            operands = [self.values.get(value) for value in operation.operands]
            value = None
            if operation.kind == "constant":
                value = constant(operation)
            elif foldable(operands):
                value = made(operation, operands)  # type: ignore[arg-type]
            if value is None:
                remaining.append(operation)
            else:
                self.values[operation.results[0]] = value
        return remaining

    def take(self, value: int, kind: TensorType) -> None:
        """Let `value` be an input of the function."""
        self.values[value] = kind.name
        if is_fixed(kind.shape):
            self.shapes[kind.name] = kind.shape

    def translate(self, inputs: Sequence[TensorType], description: ModelDescription) -> Function:
        """The graph as one function. Raises `PackageError` for one that makes no sense."""
        for operation in self.remaining:
            if operation.results and operation.results[0] not in self.values:
                OperationTranslation(self, operation).translate()
        for name, value in zip(self.graph.outputs, self.graph.returned, strict=True):
            if self.values[value] != name:
                kind = tensor_type(name, self.graph.outputs[name])
                self.add("identity", name, (kind,), {"x": self.values[value]})
        return Function(
            self.graph.name, description, tuple(inputs), tuple(self.ops),
            tuple(self.graph.outputs), {},
            numbers=self._numbers(),
        )  # fmt: skip

    def _numbers(self) -> dict[str, int]:
        return {
            name: value
            for value, name in self.values.items()
            if isinstance(name, str) and value not in self.unlike
        }

    def add(
        self,
        kind: str,
        name: str,
        outputs: tuple[TensorType, ...],
        inputs: Mapping[str, PlainValue],
    ) -> None:
        """Add an operation whose arguments are names, constants, or plain values."""
        operands = {
            parameter: arguments(f"{name}.{parameter}", parameter, value)
            for parameter, value in inputs.items()
        }
        op = Op(kind, name, operands, outputs)
        if not all(is_fixed(output.shape) for output in outputs):
            inferred = output_shapes(op, self.shapes, {})
            if inferred is not None:
                outputs = tuple(
                    TensorType(output.name, output.dtype, shape)
                    for output, shape in zip(outputs, inferred, strict=True)
                )
        self.shapes |= {each.name: each.shape for each in outputs if is_fixed(each.shape)}
        self.ops.append(replace(op, outputs=outputs))


class OperationTranslation:
    """One operation under translation: what its rule reads, and the operations it adds."""

    def __init__(self, graph: GraphTranslation, operation: GraphOperation) -> None:
        self.graph, self.operation = graph, operation
        self.operands = [self._argument(value) for value in operation.operands]
        self.end = operation  # the last that this translates: others may be absorbed
        self.name = ""  # of the result, where it is not called after the layer before it

    def translate(self) -> None:
        """By its rule; as it is where there is none."""
        kind = self.operation.kind
        rule = self.graph.rules.get(kind.removeprefix("decomposable.broadcasting_"))
        try:
            if rule is None:
                raise NoTranslationError
            rule(self)
        except NoTranslationError:
            self.end = self.operation
            self.last(f"coreai.{kind}", values=tuple(self.operands))
        except (IndexError, KeyError, ValueError, ArithmeticError) as error:
            raise PackageError(
                f"a {kind} in {self.graph.graph.name!r} makes no sense: {error}",
                AGAIN,
            ) from error

    def constant(self, index: int) -> Constant:
        """The operand at `index`, which is known before the graph runs."""
        operand = self.operands[index]
        if not isinstance(operand, Constant):
            raise NoTranslationError
        return operand

    def ints(self, index: int) -> list[int]:
        """A list of constant integers."""
        return ints(np.asarray(self.constant(index).load()))

    def floats(self, index: int) -> list[float]:
        """A list of constant numbers."""
        return [float(value) for value in np.asarray(self.constant(index).load()).reshape(-1)]

    def shape(self, index: int = 0) -> Shape:
        """Of the operand at `index`; every size is known."""
        operand = self.operands[index]
        if isinstance(operand, Constant):
            return operand.type.shape
        if operand not in self.graph.shapes:
            raise NoTranslationError
        return self.graph.shapes[operand]

    @property
    def dtype(self) -> str:
        """Of the result."""
        return tensor_type("", self.operation.types[0]).dtype

    def follower(self, *kinds: str) -> GraphOperation | None:
        """The one operation that takes the result, of one of `kinds`; None for an output."""
        (result, *_) = self.end.results
        users = self.graph.users[result]
        if len(users) != 1 or self.graph.names.is_output(result):
            return None
        kind = users[0].kind.removeprefix("decomposable.broadcasting_")
        return users[0] if kind in kinds else None

    def other_constant(self, user: GraphOperation) -> Constant | None:
        """What `user` takes beside the result, where that is a constant."""
        others = [value for value in user.operands if value != self.end.results[0]]
        value = self.graph.values.get(others[0]) if len(others) == 1 else None
        return value if isinstance(value, Constant) else None

    def step(self, kind: str, **inputs: PlainValue) -> str:
        """Add an operation whose result, of the result's type, the rule itself uses."""
        name = self.graph.names.unique(self.graph.names.behind(self.operands, kind))
        self.graph.add(kind, name, (TensorType(name, self.dtype, (-1,)),), inputs)
        self.graph.names.follow(name, self.operands)
        return name

    def last(self, kind: str, **inputs: PlainValue) -> None:
        """Add the operation that gives what the last that is translated gives."""
        name = self.name or self.graph.names.behind(self.operands, kind)
        outputs = self._outputs(name)
        for output in outputs:
            self.graph.names.follow(output.name, self.operands)
        self.graph.add(kind, outputs[0].name, outputs, inputs)

    def layer(self, kind: str, weight: Argument, **inputs: PlainValue) -> None:
        """The same, of an operation with weights: called after its place, or else after them.

        Equal weights are stored once, under the name of one of them.
        """
        stored, layer = weight.type.name if isinstance(weight, Constant) else "", ""
        if stored.endswith(WEIGHT):
            place = self.operation.location
            layer = place if place.isidentifier() else stored.removesuffix(WEIGHT)
        outputs = self._outputs(layer or kind)
        name = layer or outputs[0].name
        self.graph.names.follow(outputs[0].name, self.operands, name)
        self.graph.add(kind, name, outputs, {**inputs, "weight": weight})

    def _outputs(self, name: str) -> tuple[TensorType, ...]:
        outputs = []
        for value, kind in zip(self.end.results, self.end.types, strict=True):
            outputs.append(tensor_type(self.graph.names.define(value, name), kind))
            self.graph.values[value] = outputs[-1].name
        return tuple(outputs)

    def _argument(self, value: int) -> Argument:
        if value not in self.graph.values:
            raise PackageError(
                f"a {self.operation.kind} in {self.graph.graph.name!r} takes a value that nothing "
                "before it gives",
                AGAIN,
            )
        return self.graph.values[value]


OperationRule = Callable[[OperationTranslation], None]


def tensor_type(name: str, kind: ValueType) -> TensorType:
    """MIL's type of a value; what is no array has Core AI's text as its dtype."""
    if isinstance(kind, ArrayType):
        return TensorType(name, kind.dtype, kind.shape)
    return TensorType(name, str(kind), ())
