"""Layers that hold networks: a branch as MIL's `cond`, a loop as its `while_loop`.

In the file a layer within may overwrite a value of around; in MIL such values are results of the
operation. A break is a truth value that is carried, and what follows it a branch.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from export.mil.program import Block, Op, Shape, TensorType
from export.mil.read.neuralnetwork.layer_translation import LayerRule, LayerTranslation
from export.mil.read.neuralnetwork.network_values import BROKEN, LEFT, NetworkValues
from export.mil.read.plain_values import fixed
from export.mil.read.specification import Message

NEAR_ZERO = 1e-6  # NeuralNetwork.proto, `BranchLayerParams`: up to here a number is false
COUNT = "loop count"  # as the file calls no value
TRIES = 6  # sizes that change with each round are found one after the other

Body = Callable[[], object]


def _branch(layer: LayerTranslation) -> None:
    p, network = layer.params, layer.network
    choose(
        network, layer.name, layer.inputs[0],
        lambda: network.translate_layers(p.ifBranch.layers),
        lambda: network.translate_layers(p.elseBranch.layers),
    )  # fmt: skip


def choose(network: NetworkValues, name: str, number: str, then: Body, otherwise: Body) -> None:
    """What `then` does where `number` is not 0, else `otherwise`.

    Raises `ValueError` for a value that has other axes in each.
    """
    predicate = _is_true(network, name, number)
    before = dict(network.current)
    sides = [network.within(body) for body in (then, otherwise)]
    changed = [
        each for each in dict.fromkeys(chain.from_iterable(current for _, current in sides))
        if all(each in current for _, current in sides)
        and any(current[each] != before.get(each) for _, current in sides)
    ]  # fmt: skip
    network.hidden |= {each for _, current in sides for each in current if each not in before}
    values = [[current[each] for each in changed] for _, current in sides]
    types = [_joined(network, each, *pair) for each, *pair in zip(changed, *values, strict=True)]
    if not types:
        return
    blocks = tuple(
        Block((), ops, tuple(given)) for (ops, _), given in zip(sides, values, strict=True)
    )
    network.ops.append(Op("cond", name, {"pred": (predicate,)}, tuple(types), blocks))


def _joined(network: NetworkValues, name: str, first: str, second: str) -> TensorType:
    """What is called `name` from here on: one value or the other."""
    shapes = [network.shape(value) for value in (first, second)]
    if (first in network.folded) != (second in network.folded) or None in shapes:
        raise ValueError(f"{name} of different axes")
    one, other = (shape or () for shape in shapes)
    if len(one) != len(other):
        raise ValueError(f"{name} of different axes")
    return _declared(network, name, _common(one, other), first in network.folded)


def _common(one: Shape, other: Shape) -> Shape:
    return tuple(a if a == b else -1 for a, b in zip(one, other, strict=True))


def _declared(network: NetworkValues, name: str, shape: Shape, folded: bool) -> TensorType:
    value = network.define(name)
    network.shapes[value] = shape
    if folded:
        network.folded.add(value)
    return TensorType(value, "float32", shape)


def _is_true(network: NetworkValues, name: str, number: str) -> str:
    size = network.define(f"{name}_size")
    network.add("abs", size, [size], {"x": number})
    truth = network.define(f"{name}_truth")
    network.add("greater", truth, [truth], {"x": size, "y": NEAR_ZERO}, ("bool",))
    return truth


def _loop(layer: LayerTranslation) -> None:
    p, network = layer.params, layer.network
    condition, body = list(p.conditionNetwork.layers), list(p.bodyNetwork.layers)
    tested, made = {*outputs_within(condition)}, {*outputs_within(body)}
    if (tested - {p.conditionVar}) & network.current.keys():
        raise ValueError("a condition that overwrites a value")
    carried = [name for name in network.current if name in made]
    zero = fixed(f"{layer.name}.zero", [0.0])
    starts = {name: network.current[name] for name in carried}
    own = (COUNT, BROKEN)
    around = {name: network.current[name] for name in own if name in network.current}
    for name in own:
        starts[name] = network.define(f"{layer.name}_{name}")
        network.constants[starts[name]] = zero
    limit = layer.inputs[0] if layer.inputs else (float(p.maxLoopIterations) or None)
    if limit is None and not condition:
        raise ValueError("a loop without an end")
    shapes = {name: network.shape(value) for name, value in starts.items()}
    if None in shapes.values():
        raise ValueError("a value of unknown axes")
    rounds = _Rounds(network, layer.name, starts, p, limit)
    blocks = rounds.blocks({name: shape or () for name, shape in shapes.items()})
    network.hidden |= (tested | made) - {*carried}
    types = [
        _declared(network, name, value.shape, starts[name] in network.folded)
        for name, value in zip(starts, blocks[1].inputs, strict=True)
    ]
    del network.current[COUNT], network.current[BROKEN]
    network.current |= around
    inputs = {"loop_vars": tuple(starts.values())}
    network.ops.append(Op("while_loop", layer.name, inputs, tuple(types), blocks))


@dataclass(frozen=True)
class _Rounds:
    """A loop's two blocks, of sizes that what it carries has in every round."""

    network: NetworkValues
    name: str
    starts: dict[str, str]  # what is carried, by its name in the file, as the loop begins
    params: Message
    limit: str | float | None  # of the rounds

    def blocks(self, shapes: dict[str, Shape]) -> tuple[Block, Block]:
        for _ in range(TRIES):
            body, given = self._block(shapes, self._step)
            after = {name: self.network.shape(value) for name, value in given.items()}
            if any(len(after[name] or ()) != len(shape) for name, shape in shapes.items()):
                raise ValueError("a value whose number of axes changes")
            common = {name: _common(shape, after[name] or ()) for name, shape in shapes.items()}
            if common == shapes:
                return self._test(shapes), body
            shapes = common
        raise ValueError("sizes that change in each round")

    def _block(self, shapes: dict[str, Shape], run: Body) -> tuple[Block, dict[str, str]]:
        """One that takes and gives what is carried."""
        network, around = self.network, dict(self.network.current)
        inputs = tuple(
            _declared(network, name, shape, self.starts[name] in network.folded)
            for name, shape in shapes.items()
        )
        ops, current = network.within(run)
        network.current = around
        given = {name: current[name] for name in shapes}
        if any((given[name] in network.folded) != (value.name in network.folded)
               for name, value in zip(shapes, inputs, strict=True)):  # fmt: skip
            raise ValueError("a value whose axes change")
        return Block(inputs, ops, tuple(given.values())), given

    def _step(self) -> None:
        network = self.network
        left = network.define(f"{self.name}_left")
        network.constants[left] = fixed(left, [0.0])
        network.current[LEFT] = left
        condition, body = (
            n.layers for n in (self.params.conditionNetwork, self.params.bodyNetwork)
        )
        if {*_inputs(body)} & {*outputs_within(condition)}:
            network.translate_layers(condition)
        network.translate_layers(body)
        count = network.current[COUNT]
        following = network.define(COUNT)
        network.add("add", following, [following], {"x": count, "y": 1.0})

    def _test(self, shapes: dict[str, Shape]) -> Block:
        block, _ = self._block(shapes, self._goes_on)
        return Block(block.inputs, block.ops, (block.ops[-1].outputs[0].name,))

    def _goes_on(self) -> None:
        network = self.network
        broken, count = network.current[BROKEN], network.current[COUNT]
        answer = network.define(f"{self.name}_whole")
        network.add("equal", answer, [answer], {"x": broken, "y": 0.0}, ("bool",))
        others = []
        if self.limit is not None:
            others.append(network.define(f"{self.name}_within"))
            network.add("less", others[-1], others[-1:], {"x": count, "y": self.limit}, ("bool",))
        if self.params.conditionNetwork.layers:
            network.translate_layers(self.params.conditionNetwork.layers)
            others.append(_is_true(network, self.name, network.resolve(self.params.conditionVar)))
        for other in others:
            x, answer = answer, network.define(f"{self.name}_both")
            network.add("logical_and", answer, [answer], {"x": x, "y": other}, ("bool",))


def _leave(for_good: bool, layer: LayerTranslation) -> None:
    """End this round, or the loop."""
    for name in (LEFT, BROKEN) if for_good else (LEFT,):
        if name not in layer.network.current:
            raise ValueError("no loop around it")
        one = layer.network.define(name)
        layer.network.constants[one] = fixed(one, [1.0])


def outputs_within(layers: Sequence[Message]) -> Iterator[str]:
    """Of all layers, and of those in their branches and loops: a name as often as it is given."""
    for layer in layers:
        yield from layer.output
        for inner in _networks(layer):
            yield from outputs_within(inner.layers)


def _inputs(layers: Sequence[Message]) -> Iterator[str]:
    for layer in layers:
        yield from layer.input
        for inner in _networks(layer):
            yield from _inputs(inner.layers)


def _networks(layer: Message) -> list[Message]:
    if layer.HasField("branch"):
        return [layer.branch.ifBranch, layer.branch.elseBranch]
    return [layer.loop.conditionNetwork, layer.loop.bodyNetwork] if layer.HasField("loop") else []


RULES: dict[str, LayerRule] = {
    "branch": _branch,
    "loop": _loop,
    "loopBreak": lambda layer: _leave(True, layer),
    "loopContinue": lambda layer: _leave(False, layer),
}
