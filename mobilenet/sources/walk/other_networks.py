"""Networks that are no MobileNet read here, told by plain signs in their graphs."""

from collections import Counter
from collections.abc import Callable, Sequence

from mobilenet.common.errors import CheckpointError
from mobilenet.graph import FileGraph, Node
from mobilenet.sources.walk.steps import EXPORT_MODULE
from mobilenet.sources.walk.walker import ancestors


class _Signs:
    """What a graph has, and how often."""

    def __init__(self, graph: FileGraph) -> None:
        nodes = ancestors(graph, list(graph.outputs))
        self.ops = Counter(node.op for node in nodes)
        constants = graph.constants
        self.widest_dilation = max((_dilation(node) for node in nodes), default=1)
        self.kernels = [
            constants[node.inputs[1]].shape for node in nodes
            if node.op == "Conv" and len(node.inputs) > 1 and node.inputs[1] in constants
        ]  # fmt: skip
        depth = [node for node in nodes if node.op == "Conv" and _groups(node) > 1]
        self.depthwise = len(depth)
        joins = _joins(graph, nodes)
        self.sums = sum(node.op == "Add" for node in joins)
        self.products = sum(node.op == "Mul" for node in joins)
        self.concats = sum(node.op == "Concat" for node in joins)
        self.widest_concat = max(
            (len(node.inputs) for node in joins if node.op == "Concat"), default=0
        )


def _joins(graph: FileGraph, nodes: Sequence[Node]) -> list[Node]:
    """Nodes at which two values meet that depend on the picture."""
    dependent = {graph.input.name}
    joins = []
    for node in nodes:
        number = sum(name in dependent for name in node.inputs)
        if number:
            dependent.add(node.output)
        if number > 1:
            joins.append(node)
    return joins


def _groups(node: Node) -> int:
    groups = node.attributes.get("group", 1)
    return groups if isinstance(groups, int) else 1


def _dilation(node: Node) -> int:
    dilations = node.attributes.get("dilations", (1,))
    return max(dilations) if isinstance(dilations, tuple) and node.op == "Conv" else 1


_Kind = tuple[str, Callable[[_Signs], bool]]
_V3: _Kind = (
    "a MobileNet v3 (hard swish)",
    lambda signs: (
        signs.ops["HardSwish"] + signs.ops["HardSigmoid"] > 0
        or (signs.depthwise > 0 and signs.products > 1 and signs.ops["Sigmoid"] == 0)
    ),
)
# The first that fits; what fits none is told by the layer at which the walk ended.
_KINDS: tuple[_Kind, ...] = (
    ("a network without a convolution (an MLP)", lambda signs: not signs.ops["Conv"]),
    (
        "a DeepLab with ASPP's 3x3 branches",
        lambda signs: signs.ops["Resize"] > 0 and signs.widest_concat > 2,
    ),
    (
        "a DeepLab with a decoder",
        lambda signs: signs.ops["Resize"] > 1 and signs.concats == 2 and signs.depthwise > 0,
    ),
    _V3,
    ("an EfficientNet (swish)", lambda signs: signs.depthwise > 0 and signs.products > 1),
    ("a SqueezeNet (fire modules)", lambda signs: signs.concats > 1 and signs.widest_concat == 2),
    ("an Inception network (branches side by side)", lambda signs: signs.concats > 1),
    ("a ResNet (blocks that are added up)", lambda signs: signs.depthwise == 0 and signs.sums > 1),
    ("a network of plain convolutions, such as VGG",
     lambda signs: signs.depthwise == 0 and signs.ops["MaxPool"] > 1),
)  # fmt: skip


def named(graph: FileGraph, error: CheckpointError) -> CheckpointError:
    """`error`, which the walk ended with, and what network it is where that can be told."""
    signs = _Signs(graph)
    kinds = _KINDS if graph.detection is None else [_V3]
    for name, fits in kinds:
        if fits(signs):
            return CheckpointError(
                f"this is {name}, no network that is read here: {error.message}", EXPORT_MODULE
            )
    return error
