"""A graph without calls: private graphs, which Apple's converter makes, in place of `invoke`."""

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from export.coreai.messages import CoreAIGraph, GraphOperation
from export.package.asset_files import AGAIN
from mobilenet.common.errors import PackageError

MAX_DEPTH, MAX_OPERATIONS = 8, 100_000
CALLEE = re.compile(r'@"?([^">\s]+)"?')


def inlined(graph: CoreAIGraph, private: Mapping[str, CoreAIGraph]) -> CoreAIGraph:
    """`graph` with the operations of the graphs that it invokes.

    Raises `PackageError` for graphs that invoke each other in a circle, grow beyond measure, or
    take values that nothing gives.
    """
    try:
        return Inlining(graph, private).graph()
    except (KeyError, ValueError) as error:
        raise PackageError(
            f"function {graph.name!r} takes a value that nothing gives: {error}", AGAIN
        ) from error


class Inlining:
    """Numbers the values of every invoked graph anew, once for each call."""

    def __init__(self, graph: CoreAIGraph, private: Mapping[str, CoreAIGraph]) -> None:
        self._graph, self._private = graph, private
        highest = max((value for op in graph.operations for value in op.results), default=0)
        self._numbers = itertools.count(max(highest, len(graph.inputs)) + 1)
        self._operations: list[GraphOperation] = []
        self._visited = 0

    def graph(self) -> CoreAIGraph:
        """The whole of it."""
        same = {value: value for value in _values(self._graph)}
        self._add(self._graph, same, 0)
        returned = tuple(same[value] for value in self._graph.returned)
        return msgspec.structs.replace(
            self._graph, operations=tuple(self._operations), returned=returned
        )

    def _add(self, graph: CoreAIGraph, names: dict[int, int], depth: int) -> None:
        """Add the operations of `graph`; `names` has its values' numbers here, and learns more."""
        for op in graph.operations:
            self._count()
            operands = [names[value] for value in op.operands]
            results = [names.setdefault(value, next(self._numbers)) for value in op.results]
            callee = self._callee(op)
            if callee is None:
                self._operations.append(
                    msgspec.structs.replace(op, operands=tuple(operands), results=tuple(results))
                )
            else:
                names.update(
                    zip(op.results, self._call(callee, operands, results, depth), strict=True)
                )

    def _count(self) -> None:
        self._visited += 1
        if self._visited > MAX_OPERATIONS:
            raise PackageError(
                f"function {self._graph.name!r} has more than {MAX_OPERATIONS} operations",
                "do not trust this asset",
            )

    def _call(
        self, callee: CoreAIGraph, operands: Sequence[int], results: Sequence[int], depth: int
    ) -> list[int]:
        """Add what `callee` does; its results get the numbers that the caller has for them."""
        if depth == MAX_DEPTH:
            raise PackageError(
                f"graph {callee.name!r} is invoked {depth} deep", "do not trust this asset"
            )
        names = dict(enumerate(operands))
        for value, result in zip(callee.returned, results, strict=True):
            names.setdefault(value, result)
        self._add(callee, names, depth + 1)
        return [names[value] for value in callee.returned]

    def _callee(self, op: GraphOperation) -> CoreAIGraph | None:
        if op.kind != "invoke":
            return None
        name = CALLEE.search(op.attributes.get("callee", ""))
        return None if name is None else self._private.get(name[1])


def _values(graph: CoreAIGraph) -> Iterator[int]:
    yield from range(len(graph.inputs))
    for op in graph.operations:
        yield from op.results
