"""Operations that hold blocks of others: a choice of two, and a loop.

Semantics: coremltools, `converters/mil/mil/ops/defs/iOS15/control_flow.py`.
"""

from export.mil.ops.call import Call
from export.mil.ops.lowering import Lowering, Subgraph
from export.mil.ops.operation import lowers
from export.mil.program import Block, Shape

MAX_TURNS = 1 << 20  # of a loop: one that never ends would hang


def _chosen_shapes(call: Call) -> list[Shape]:
    """Those that both branches give: sizes in which they differ are open."""
    shapes = [
        [call.shape_of(then), call.shape_of(otherwise)]
        for then, otherwise in zip(*(block.outputs for block in call.op.blocks), strict=True)
    ]
    return [tuple(a if a == b else -1 for a, b in zip(*pair, strict=True)) for pair in shapes]


@lowers("cond", shape=_chosen_shapes)
def cond(call: Lowering) -> tuple[str, ...]:
    """pred tensor<[], bool> -> Tuple[tensor<[*d_i], T_i>]: what its first block gives where `pred`
    is true, else what the second one gives."""

    def branch(block: Block) -> Subgraph:
        return call.graph.subgraph(call.op.name, (), lambda _: call.graph.block(block, ()))

    then, otherwise = map(branch, call.op.blocks)
    return call.emit_many(
        "If", len(call.op.outputs), call["pred"], then_branch=then, else_branch=otherwise
    )


def _carried_shapes(call: Call) -> list[Shape]:
    """As the loop begins, where these are the declared ones of what it carries."""
    return [call.shapes[value.name] for value in call.op.blocks[1].inputs]


@lowers("while_loop", shape=_carried_shapes)
def while_loop(call: Lowering) -> tuple[str, ...]:
    """loop_vars Tuple[tensor<[*d_i], T_i>] -> Tuple[tensor<[*d_i], T_i>]: what the second block
    makes of them, again and again, as long as the first one gives true.

    After `MAX_TURNS` the run ends in an error: what is carried also tells whether it would go on.
    """
    condition, body = call.op.blocks
    started = call.many("loop_vars")

    def holds(carried: list[str]) -> str:
        (result,) = call.graph.block(condition, carried)
        return call.reshape(result, [])

    def step(inputs: list[str]) -> list[str]:
        carried = call.graph.block(body, inputs[3:])  # behind a count, and twice `holds`
        goes_on = holds(carried)
        return [goes_on, goes_on, *carried]

    types = ("INT64", "BOOL", "BOOL", *[""] * len(started))
    loop = call.graph.subgraph(call.op.name, types, step)
    begins, turns = holds(started), call.int64(MAX_TURNS)
    goes_on, first, *others = call.emit_many(
        "Loop", 1 + len(started), turns, begins, begins, *started, body=loop
    )
    return (_ended(call, first, goes_on), *others)


def _ended(call: Lowering, value: str, goes_on: str) -> str:
    """`value` as it is; where the loop would go on, the run ends in an error."""
    zero = call.zero_unless(goes_on, f"after {MAX_TURNS:,} turns")
    shape = call.emit("Add", call.emit("Shape", value), zero)
    return call.emit("Reshape", value, shape, allowzero=1)
