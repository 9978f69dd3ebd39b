"""Names for the values of a graph, which has numbers: those a package of Core ML would have."""

from collections import Counter
from collections.abc import Sequence

from export.coreai.messages import CoreAIGraph
from export.mil.program import Argument


class ValueNames:
    """Every name once; an output's own is kept for it.

    A layer is called after its weights, what follows it after the layer: `conv0`, `conv0_relu6`.
    """

    def __init__(self, graph: CoreAIGraph) -> None:
        self._taken = {*graph.inputs, *graph.outputs}
        self._numbers: Counter[str] = Counter()
        self._layers: dict[str, str] = {}  # the last layer on the way to a value
        self._outputs: dict[int, str] = {}
        for name, value in zip(graph.outputs, graph.returned, strict=True):
            self._outputs.setdefault(value, name)

    def is_output(self, value: int) -> bool:
        """Whether the function gives the value of this number."""
        return value in self._outputs

    def define(self, value: int, name: str) -> str:
        """The name of the value: an output's own, or `name`, made unique."""
        return self._outputs.get(value) or self.unique(name)

    def unique(self, name: str) -> str:
        """`name`, or where that is taken `name` with a number behind."""
        free = name
        while free in self._taken:
            self._numbers[name] += 1
            free = f"{name}_{self._numbers[name]}"
        self._taken.add(free)
        return free

    def behind(self, operands: Sequence[Argument], kind: str) -> str:
        """What the result of `kind` is called: after the layer that it follows."""
        layer = self._layer(operands)
        return f"{layer}_{kind}" if layer else kind

    def follow(self, name: str, operands: Sequence[Argument], layer: str = "") -> None:
        """Let what follows the value `name` be called after `layer`, or as before."""
        self._layers[name] = layer or self._layer(operands)

    def _layer(self, operands: Sequence[Argument]) -> str:
        first = next((operand for operand in operands if isinstance(operand, str)), "")
        return self._layers.get(first, "")
