"""One layer of the old format while it is translated: what its rule reads, and what it adds."""

import re
from collections.abc import Callable, Collection, Iterator

import numpy as np

from export.mil.program import Constant, Shape, is_fixed
from export.mil.read.neuralnetwork.network_values import NetworkValues
from export.mil.read.plain_values import PlainValue
from export.mil.read.specification import Message

LAYER = "layer."  # how an operation begins that stands for a layer nobody translates
MAX_CLASS = 60  # characters of a custom layer's class in its operation
NEW_KINDS = 600  # fields of `NeuralNetworkLayer` from here on: iOS 13's layers, of any rank


class LayerTranslation:
    """A layer: its parameters, and the names in the program of what it takes.

    `folded`: its values stand without their sequence axis, which is 1, as (batch, C, H, W); so do
    its outputs then. Layers of iOS 13 and later count all axes: they take values as they are,
    unless they are `elementwise`.
    """

    def __init__(
        self, network: NetworkValues, message: Message, elementwise: bool = False
    ) -> None:
        self.network = network
        self.kind = str(message.WhichOneof("layer"))
        self.params: Message = getattr(message, self.kind, None)
        self.outputs = list(message.output)
        self.name = message.name or (self.outputs or [self.kind])[0]
        names = [network.resolve(name) for name in message.input]
        field = message.DESCRIPTOR.fields_by_name.get(self.kind)
        any_rank = elementwise or (field is not None and field.number < NEW_KINDS)
        self.folded = any_rank and network.are_folded(names)
        self.inputs = names if self.folded else [network.unfolded(name) for name in names]

    def unfold(self) -> str:
        """The first input as (sequence, batch, C, H, W), as which the outputs are given too."""
        self.folded = False
        self.inputs = [self.network.unfolded(name) for name in self.inputs]
        return self.inputs[0]

    def shape(self, at: int = 0) -> Shape | None:
        """Of the first input, or another; None when not all of it is known."""
        shape = self.network.shape(self.inputs[at])
        return shape if shape is not None and is_fixed(shape) else None

    def rank(self, at: int = 0) -> int | None:
        """Number of axes of an input; None when it is not known."""
        shape = self.network.shape(self.inputs[at])
        return None if shape is None else len(shape)

    def step(self, kind: str, dtype: str = "float32", /, **inputs: PlainValue) -> str:
        """Add an operation whose result, of `dtype`, the layer itself uses."""
        name = self.network.define(f"{self.name}_{kind}")
        self.network.add(kind, name, [name], inputs, (dtype,))
        return name

    def last(self, kind: str, **inputs: PlainValue) -> None:
        """Add the operation that gives what the layer gives."""
        outputs = [self.network.define(name) for name in self.outputs]
        self.network.add(kind, self.name, outputs, inputs)
        if self.folded:
            self.network.folded |= {*outputs}

    def counted(self, at: int = 0) -> str:
        """An input as int32: values of this format are floats, operations count in integers."""
        return self.step("cast", "int32", x=self.inputs[at], dtype="int32")

    def truth(self, at: int) -> str:
        """An input as a truth value: whether it is not 0."""
        return self.step("not_equal", "bool", x=self.inputs[at], y=0.0)

    def known(self, at: int) -> list[int] | None:
        """The integers of an input that is a constant; None when it is computed."""
        constant = self.network.constants.get(self.inputs[at])
        return None if constant is None else [int(number) for number in np.ravel(constant.load())]

    def last_counts(self, kind: str, integers: Collection[int], **inputs: PlainValue) -> None:
        """As `last`; the outputs at `integers`, which the operation counts in, are cast."""
        network = self.network
        results = [network.define(f"{self.name}_{kind}") for _ in self.outputs]
        dtypes = ["int32" if at in integers else "float32" for at in range(len(results))]
        network.add(kind, results[0], results, inputs, dtypes)
        for at, (name, result) in enumerate(zip(self.outputs, results, strict=True)):
            output = network.define(name)
            if at in integers:
                network.add("cast", output, [output], {"x": result, "dtype": "fp32"})
            else:
                network.add("identity", output, [output], {"x": result})
            if self.folded:
                network.folded.add(output)

    def maps(self) -> str:
        """The first input as (N, C, H, W): axes before the last three are one."""
        shape, x = self.shape(), self.inputs[0]
        if shape is None or len(shape) == 4:
            return x
        return self.step("reshape", x=x, shape=[-1, *shape[-3:]])

    def last_of_maps(self, kind: str, **inputs: PlainValue) -> None:
        """As `last`, of an operation on `maps`: the axes before the last three come back."""
        shape = self.shape()
        if shape is None or len(shape) == 4:
            self.last(kind, **inputs)
            return
        result = self.step(kind, **inputs)
        sizes = self.network.shape(result)
        if sizes is None or not is_fixed(sizes):
            self.refuse()
            return
        self.last("reshape", x=result, shape=[*shape[:-3], *sizes[1:]])

    def constant(self, value: Constant) -> None:
        """Give a constant: there is nothing to compute."""
        name = self.network.define(self.outputs[0])
        self.network.constants[name] = value
        if self.folded:
            self.network.folded.add(name)

    def refuse(self) -> None:
        """Stand as an operation that is not known here, under the layer's own kind.

        What layers inside it give, of a branch or loop, counts as its own.
        """
        kind = self.kind
        if kind == "custom":
            words = re.sub(r"[^\w.]+", " ", self.params.className).strip()[:MAX_CLASS]
            kind = f"custom {words}".strip()
        names = dict.fromkeys([*self.outputs, *_inner_outputs(self.params)])
        outputs = [self.network.define(name) for name in names]
        self.network.add(f"{LAYER}{kind}", self.name, outputs, {"values": tuple(self.inputs)})


LayerRule = Callable[[LayerTranslation], None]


def _inner_outputs(params: Message) -> Iterator[str]:
    """What the layers of networks within a layer give, at any depth."""
    for field, value in params.ListFields() if params is not None else ():
        if field.message_type is None or field.message_type.name != "NeuralNetwork":
            continue
        for inner in value.layers:
            yield from inner.output
            yield from _inner_outputs(getattr(inner, inner.WhichOneof("layer") or "", None))
