"""Calls of a graph's functions, replaced by what the functions do.

tensorflow/core/framework/function.proto: in a function, inputs are called as its arguments are,
and results as `node:output:index`; `ret` says which of them leave it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from mobilenet.common.errors import CheckpointError
from mobilenet.sources.tensorflow.operations import (
    OTHER_NETWORK,
    Operand,
    TfOperation,
    check_count,
    decoded,
    operand,
    operations_of,
)

CALLS = {"PartitionedCall", "StatefulPartitionedCall"}
MAX_DEPTH = 50  # of functions that call others
MAX_STEPS = 4 * MAX_DEPTH  # from a name to what it stands for


def inlined(
    operations: Mapping[str, TfOperation], library: Any, outputs: Iterable[Operand]
) -> tuple[dict[str, TfOperation], tuple[Operand, ...]]:
    """What leads to the outputs, without calls, and what the outputs are called in it.

    Raises `CheckpointError` for a function that is missing, or that calls itself.
    """
    calls = _Calls(dict(operations), {decoded(f.signature.name): f for f in library.function})
    results = tuple(outputs)
    reached: dict[str, TfOperation] = {}
    rest = list(results)
    while rest:
        read = calls.resolved(rest.pop())
        op = calls.operations.get(read.operation)
        if op is not None and op.name not in reached:
            reached[op.name] = op
            rest += op.inputs
    plain = {
        name: replace(op, inputs=tuple(map(calls.resolved, op.inputs)))
        for name, op in reached.items()
    }
    return plain, tuple(map(calls.resolved, results))


@dataclass(eq=False)
class _Calls:
    operations: dict[str, TfOperation]
    functions: Mapping[str, Any]
    results: dict[Operand, Operand] = field(default_factory=dict)  # what a name stands for
    depth: dict[str, int] = field(default_factory=dict)  # by call

    def resolved(self, read: Operand) -> Operand:
        """What is read in the end: no argument, and no result of a call."""
        for _ in range(MAX_STEPS):
            op = self.operations.get(read.operation)
            if read not in self.results and op is not None and op.kind in CALLS:
                self._expand(op)
            if read not in self.results:
                return read
            read = self.results[read]
        raise CheckpointError(
            f"functions pass {read.key[:100]} on over {MAX_STEPS} times", OTHER_NETWORK
        )

    def _expand(self, op: TfOperation) -> None:
        name = decoded(op.attribute("f", bytes))
        function, depth = self.functions.get(name), self.depth.get(op.name, 0)
        if function is None or depth > MAX_DEPTH:
            raise op.refused(f"calls {name}, which is missing or calls itself", OTHER_NETWORK)
        if len(function.signature.input_arg) != len(op.inputs):
            raise op.refused(f"calls {name} with {len(op.inputs)} inputs", "is the file complete?")
        prefix = f"{op.name}/"
        for argument, read in zip(function.signature.input_arg, op.inputs, strict=True):
            self.results[Operand(prefix + decoded(argument.name))] = read
        body = operations_of(function.node_def, prefix)
        self.depth |= dict.fromkeys((name for name in body), depth + 1)
        self.operations |= body
        check_count(len(self.operations))
        leave = {decoded(ret.key): decoded(ret.value) for ret in function.ret}
        for place, output in enumerate(function.signature.output_arg):
            if (key := decoded(output.name)) not in leave:
                raise CheckpointError(f"function {name} has no {key}", "is the file complete?")
            self.results[Operand(op.name, place)] = operand(leave[key], prefix)
        if not function.signature.output_arg:
            raise op.refused(f"calls {name}, which has no result")
