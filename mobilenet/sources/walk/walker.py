"""The walk: every node between picture and result, in order, and what it means."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from mobilenet.common.errors import CheckpointError
from mobilenet.common.size import Size
from mobilenet.graph import FileGraph, Node
from mobilenet.networks.rows import COLORS
from mobilenet.sources.walk import (
    affine_nodes,
    detector_nodes,
    matrix_nodes,
    move_nodes,
    segmenter_nodes,
    window_nodes,
)
from mobilenet.sources.walk.expressions import Expression, computed
from mobilenet.sources.walk.layout import Layout
from mobilenet.sources.walk.steps import EXPORT_MODULE, GraphValue, Picture, Visit

MAX_NODES, MAX_RESULTS = 20_000, 16  # a MobileNet v2 in TensorFlow's plain operators has 900
_MEANINGS: Mapping[str, Callable[[Visit], GraphValue]] = {
    **dict.fromkeys(move_nodes.UNCHANGED, move_nodes.unchanged),
    **dict.fromkeys(move_nodes.MOVES, move_nodes.moved),
    **dict.fromkeys(("Add", "Sub", "Mul", "Div"), affine_nodes.arithmetic),
    **dict.fromkeys(("Relu", "Clip", "Max", "Min"), affine_nodes.clipped),
    **dict.fromkeys(("Sigmoid", "Tanh", "Softmax"), affine_nodes.curve),
    **dict.fromkeys(("GlobalAveragePool", "ReduceMean", "AveragePool"), window_nodes.mean),
    **dict.fromkeys(("MatMul", "Gemm"), matrix_nodes.dense),
    "ArgMax": segmenter_nodes.best_class,
    "Concat": detector_nodes.joined,
    "Neg": affine_nodes.negated,
    "BatchNormalization": affine_nodes.batch_norm,
    "Pad": window_nodes.padded,
    "Resize": segmenter_nodes.resized,
}


class Form(NamedTuple):
    """What a node of one kind may have: numbers of operands, and attributes."""

    least: int
    most: int
    attributes: tuple[str, ...] = ()


_WINDOW = ("auto_pad", "kernel_shape", "pads", "strides")
_FORMS: Mapping[str, Form] = {
    **dict.fromkeys(("Add", "Sub", "Mul", "Div", "Pow", "Max", "Min", "MatMul"), Form(2, 2)),
    **dict.fromkeys(("Neg", "Sqrt", "Reciprocal", "Identity", "Relu", "Sigmoid", "Tanh",
                     "GlobalAveragePool"), Form(1, 1)),
    "Conv": Form(2, 3, (*_WINDOW, "dilations", "group")),
    "ArgMax": Form(1, 1, ("axis", "keepdims", "select_last_index")),
    "AveragePool": Form(1, 1, (*_WINDOW, "ceil_mode", "count_include_pad")),
    "BatchNormalization": Form(5, 5, ("epsilon", "momentum")),
    "Cast": Form(1, 1, ("to", "saturate")),
    "Clip": Form(1, 3),
    "Concat": Form(2, 16, ("axis",)),
    "Dropout": Form(1, 3, ("seed",)),
    "Flatten": Form(1, 1, ("axis",)),
    "Gather": Form(2, 2, ("axis",)),
    "Gemm": Form(2, 3, ("alpha", "beta", "transA", "transB")),
    "Pad": Form(2, 3, ("mode",)),
    "ReduceMean": Form(1, 2, ("axes", "keepdims")),
    "Resize": Form(1, 4, ("mode", "coordinate_transformation_mode")),
    "Reshape": Form(2, 2, ("allowzero",)),
    "Slice": Form(3, 5),
    "Softmax": Form(1, 1, ("axis",)),
    "Squeeze": Form(1, 2, ("axes",)),
    "Transpose": Form(1, 1, ("perm",)),
    "Unsqueeze": Form(1, 2, ("axes",)),
}  # fmt: skip
_MEANINGLESS = {"training_mode": 0}


def result_of(graph: FileGraph, size: Size) -> GraphValue:
    """The last result of the graph as a function of a picture of this size.

    Raises `CheckpointError` naming the first node that has no place in a network read here.
    """
    output, needed = last_output(graph)
    return _results(graph, size, needed, [output])[0]


def results_of(graph: FileGraph, size: Size, outputs: Sequence[str]) -> list[GraphValue]:
    """The same of several values, which need not lead to each other."""
    return _results(graph, size, ancestors(graph, list(outputs)), outputs)


def _results(
    graph: FileGraph, size: Size, needed: Sequence[Node], outputs: Sequence[str]
) -> list[GraphValue]:
    if len(needed) > MAX_NODES:
        raise CheckpointError(f"the {graph.format} has {len(needed)} operations", EXPORT_MODULE)
    picture = Layout.of_map(COLORS, *size)
    values: dict[str, GraphValue | Expression] = {
        graph.input.name: GraphValue(graph.input.name, Picture(), picture)
    }
    convolutions = 0
    for node in needed:
        visit = Visit(node, tuple(_operand(graph, values, node, name) for name in node.inputs))
        _check_form(visit)
        if not visit.values:
            values[node.output] = _computed(visit)
            continue
        meaning = _MEANINGS.get(node.op)
        if node.op == "Conv":
            meaning = partial(window_nodes.convolution, number=convolutions)
            convolutions += 1
        if meaning is None or _is_resized_picture(visit):
            raise _no_place(visit)
        try:
            values[node.output] = meaning(visit)
        except ValueError as error:  # of a layout: numbers that do not become what they should
            raise visit.refusal(f"cannot be followed: {error}") from error
    return [_depending(output, values.get(output)) for output in outputs]


def _depending(output: str, result: GraphValue | Expression | None) -> GraphValue:
    if not isinstance(result, GraphValue):
        raise CheckpointError(
            f"the result {output} does not depend on the picture", "is the file complete?"
        )
    return result


def last_output(graph: FileGraph) -> tuple[str, tuple[Node, ...]]:
    """The result that all others lead to, and what it is computed by, in order."""
    outputs = [output for output in graph.outputs if output]
    if len(graph.nodes) > MAX_NODES or len(outputs) > MAX_RESULTS:
        raise CheckpointError(
            f"the {graph.format} has {len(graph.nodes)} operations and {len(outputs)} results",
            EXPORT_MODULE,
        )
    for output in reversed(outputs):
        needed = ancestors(graph, [output])
        computed_names = {node.output for node in needed} | {graph.input.name}
        if all(other in computed_names for other in outputs):
            return output, needed
    if not outputs:
        raise CheckpointError(f"the {graph.format} names no result", "is the file complete?")
    makers = {node.output: node.title for node in graph.nodes}
    names = " and ".join(makers.get(output, output) for output in outputs[:2])
    raise CheckpointError(
        f"there are {len(outputs)} results that do not lead to each other: {names}", EXPORT_MODULE
    )


def ancestors(graph: FileGraph, outputs: list[str]) -> tuple[Node, ...]:
    """The nodes that the values `outputs` are computed by, in an order in which they can run."""
    needed = set(outputs)
    nodes = []
    for node in reversed(graph.nodes):
        if node.output in needed:
            needed.update(node.inputs)
            nodes.append(node)
    return tuple(reversed(nodes))


def _operand(
    graph: FileGraph, values: dict[str, GraphValue | Expression], node: Node, name: str
) -> GraphValue | Expression | None:
    if not name:
        return None  # ONNX's sign for an operand that is left out
    if name not in values and name in graph.constants:
        values[name] = Expression(node.title, constant=graph.constants[name])
    if name not in values:
        raise CheckpointError(
            f"{node.title} reads {name}, which is not there", "is the file complete?"
        )
    return values[name]


def _computed(visit: Visit) -> Expression:
    parts = [each for each in visit.operands if isinstance(each, Expression)]
    expression = computed(visit.node, parts) if len(parts) == len(visit.operands) else None
    if expression is None:
        raise visit.refusal("computes a constant in a way that is not read here")
    return expression


def _check_form(visit: Visit) -> None:
    """Refuse what is not known to the node's meaning: it could change it."""
    node, form = visit.node, _FORMS.get(visit.node.op)
    if form is None:
        return  # it has no meaning here
    if not form.least <= len(node.inputs) <= form.most or None in visit.operands[: form.least]:
        raise visit.refusal(f"has {len(node.inputs)} operands", "is the file complete?")
    for key, value in node.attributes.items():
        if key not in form.attributes and _MEANINGLESS.get(key) != value:
            raise visit.refusal(f"has {key} {value}")


def _is_resized_picture(visit: Visit) -> bool:
    return visit.node.op == "Resize" and isinstance(visit.values[0].maker, Picture)


def _no_place(visit: Visit) -> CheckpointError:
    if _is_resized_picture(visit):
        return visit.refusal(
            "resizes pictures inside the network",
            "save the model without that layer: pictures are cut to size before the network",
        )
    if len(visit.values) > 1:
        return visit.refusal(f"joins {len(visit.values)} branches of the network")
    return visit.refusal("has no place in a network that is read here")
