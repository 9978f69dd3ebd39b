"""What a model of tables declares, as its evaluator needs it; what is damaged is found here."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from export.mil.description import ModelDescription
from export.mil.read import specification
from export.mil.read.specification import Message
from export.mil.tabular.class_outputs import ClassOutputs
from export.mil.tabular.values import Evaluator, Floats, Key, OutputType, Values, VectorInput
from mobilenet.common.errors import PackageError, UnsupportedError

MAX_ELEMENTS = 1 << 26  # of a table in the file, or of an array that is made: half a GiB
AGAIN = "the file is damaged: make it again"


class TableContents(NamedTuple):
    """What a reader of one kind gives."""

    evaluate: Callable[[Values], dict[str, Any]]  # outputs as they are computed
    contents: str
    parameters: int
    labels: tuple[Key, ...] = ()


@dataclass(frozen=True)
class DeclaredTable:
    """The `ModelDescription` message of a model whose type is `kind`."""

    kind: str
    message: Message

    def error(self, problem: str) -> PackageError:
        """What is raised for contents that do not fit each other."""
        return PackageError(f"a {self.kind} {problem}", AGAIN)

    def require(self, holds: bool, problem: str) -> None:
        """Raise `error` unless it holds."""
        if not holds:
            raise self.error(problem)

    def vector(self) -> VectorInput:
        """All inputs as one vector. Raises `PackageError` for one that is no number or array."""
        self.require(len(self.message.input) > 0, "takes nothing")
        for feature in self.message.input:
            kind = feature.type.WhichOneof("Type")
            self.require(
                kind in (*specification.NUMBERS, "multiArrayType"),
                f"takes {feature.name!r}, a {kind}",
            )
        return VectorInput({each.name: elements(each) for each in self.message.input})

    def of_features(self, vector: VectorInput, count: int) -> VectorInput:
        """`vector`, of `count` elements. Raises `PackageError` where it has others."""
        self.require(
            vector.size in (None, count),
            f"is made of {count} features, and takes {vector.size}",
        )
        return replace(vector, least=count, most=count)

    def single(self) -> tuple[str, str]:
        """Names of the only input and the only output. Raises `PackageError` for several."""
        sides = self.message.input, self.message.output
        self.require(
            [len(side) for side in sides] == [1, 1],
            f"takes {len(sides[0])} and gives {len(sides[1])} values, instead of one",
        )
        return sides[0][0].name, sides[1][0].name

    def only_size(self) -> int | None:
        """Elements of the only input, where they are declared. Raises as `single`."""
        self.single()
        return elements(self.message.input[0])

    def prediction(self) -> str:
        """Name of the only output, such as a regressor's."""
        names = [feature.name for feature in self.message.output]
        self.require(len(names) == 1, f"gives {len(names)} values, instead of one")
        return str(names[0])

    def classes(self, labels: Sequence[Key]) -> ClassOutputs:
        """The outputs of a classifier. Raises `UnsupportedError` for another one."""
        predicted, shares = (
            self.message.predictedFeatureName, self.message.predictedProbabilitiesName
        )  # fmt: skip
        for feature in self.message.output:
            if feature.name not in (predicted, shares):
                raise UnsupportedError(
                    f"a {self.kind} gives {feature.name!r}, declared neither as its class nor as "
                    "its probabilities", "what Core ML gives then is not described",
                )  # fmt: skip
        return ClassOutputs(tuple(labels), predicted, shares)

    def evaluator(self, evaluate: Callable[[Values], dict[str, Any]]) -> Evaluator:
        """`evaluate` with the outputs that are declared, in their types."""
        outputs = [output_type(feature) for feature in self.message.output]

        def typed(values: Values) -> dict[str, Any]:
            computed = evaluate(values)
            return {output.name: output.typed(computed[output.name]) for output in outputs}

        return typed

    def describe(self, labels: Sequence[Key]) -> ModelDescription:
        """As `specification.describe`."""
        texts = tuple(map(str, labels))
        return specification.describe(self.message, texts, dict(self.message.metadata.userDefined))


def elements(feature: Message) -> int | None:
    """Of an input, where they are declared."""
    if feature.type.WhichOneof("Type") != "multiArrayType":
        return 1
    shape = feature.type.multiArrayType.shape
    return math.prod(shape) if shape else None


def output_type(feature: Message) -> OutputType:
    """Of one output."""
    kind = feature.type.WhichOneof("Type")
    if kind in specification.SINGLE:
        return OutputType(feature.name, specification.SINGLE[kind])
    if kind != "multiArrayType":
        raise UnsupportedError(
            f"output {feature.name!r} is a {kind}", "Core ML on a Mac may run the model"
        )
    array = feature.type.multiArrayType
    dtype = specification.ARRAY_TYPES.get(array.dataType, "float64")
    return OutputType(feature.name, "array", dtype, tuple(map(int, array.shape)))


def table(declared: DeclaredTable, rows: Sequence[Sequence[float]], what: str) -> Floats:
    """(rows, columns). Raises `PackageError` for rows of several lengths, or too many elements."""
    widths = {len(row) for row in rows}
    declared.require(len(widths) <= 1, f"has {what} of different lengths")
    width = widths.pop() if widths else 0
    bound(len(rows) * width, what)
    return np.array([*rows], np.float64).reshape(len(rows), width)


def bound(count: int, what: str) -> None:
    """Raise `UnsupportedError` for more elements than are held here."""
    if count > MAX_ELEMENTS:
        raise UnsupportedError(f"{what} have {count:,} elements", f"at most {MAX_ELEMENTS:,}")
