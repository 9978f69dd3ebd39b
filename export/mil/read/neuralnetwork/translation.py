"""A network of the old format while it is translated to MIL, and each of its layers."""

import math
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

import numpy as np

from export.mil.description import ImageInput, ModelDescription, ModelOutput, TensorInput
from export.mil.program import Argument, Constant, Function, Op, Shape, TensorType, is_fixed
from export.mil.read.plain_values import PlainValue, arguments, fixed
from export.mil.read.specification import Message
from export.mil.shapes import output_shapes
from mobilenet.common.errors import PackageError, UnsupportedError

UNKNOWN = (-1,)


class NetworkTranslation:
    """From `message`, a `NeuralNetwork` of any kind, to a `Function`.

    `rules` has one for each kind of layer that is known; `description` is what the file
    declares of inputs and outputs.
    """

    def __init__(
        self, message: Message, description: ModelDescription, rules: Mapping[str, "LayerRule"]
    ) -> None:
        self.message, self.description, self.rules = message, description, rules
        self.rank5: bool = message.arrayInputShapeMapping == 0
        self.ops: list[Op] = []
        self.constants: dict[str, Constant] = {}
        self.shapes: dict[str, Shape] = {}
        self.current: dict[str, str] = {}  # a name in the file to the value it means by now
        self.taken: set[str] = set()
        self.repeats: Counter[str] = Counter()  # the last suffix given to a name in the file
        self.features = {feature.name: feature for feature in description.inputs}

    def translate(self, predicted_class: str, probabilities: str) -> Function:
        """The network as one function.

        The other arguments name what a classifier gives, "" where the file does not.
        Raises `PackageError` for a layer that makes no sense.
        """
        inputs = tuple(self._input(feature) for feature in self.description.inputs)
        # What is given out is defined last: the dictionary over its array, the array in its shape.
        self.taken |= {
            feature.name
            for feature in self.description.outputs
            if self.rank5 or feature.kind not in ("array", "image")
        }
        for step in self.message.preprocessing:
            self._preprocess(step, inputs[0].name)
        for layer in self.message.layers:
            self._translate_layer(LayerTranslation(self, layer))
        if self.description.labels:
            self._classify(predicted_class, probabilities)
        outputs = tuple(self._output(feature) for feature in self.description.outputs)
        return Function("main", self.description, inputs, tuple(self.ops), outputs, self.constants)

    def define(self, name: str) -> str:
        """A value called `name` in the file, from here on."""
        unique = name
        while unique in self.taken:
            self.repeats[name] += 1
            unique = f"{name}_{self.repeats[name]}"
        self.taken.add(unique)
        self.current[name] = unique
        return unique

    def resolve(self, name: str) -> str:
        """The value that `name` in the file means by now."""
        if name not in self.current:
            raise PackageError(
                f"a layer takes {name!r}, which no layer before it gives", "copy the file again"
            )
        return self.current[name]

    def add(
        self,
        kind: str,
        name: str,
        outputs: list[str],
        inputs: Mapping[str, PlainValue],
        integers: Collection[int] = (),
    ) -> None:
        """Add an operation whose arguments are names, constants, or plain values.

        The outputs at `integers` are int32 for the operation behind them.
        """
        operands = {
            parameter: arguments(f"{name}.{parameter}", parameter, value)
            for parameter, value in inputs.items()
        }
        dtypes = ["int32" if at in integers else "float32" for at in range(len(outputs))]
        types = [TensorType(o, d, UNKNOWN) for o, d in zip(outputs, dtypes, strict=True)]
        op = Op(kind, name, operands, tuple(types))
        shapes = output_shapes(op, self.shapes, self.constants) or [UNKNOWN] * len(outputs)
        types = [replace(t, shape=s) for t, s in zip(types, shapes, strict=True)]
        self.shapes |= {t.name: t.shape for t in types if is_fixed(t.shape)}
        self.ops.append(replace(op, outputs=tuple(types)))

    def _input(self, feature: ImageInput | TensorInput) -> TensorType:
        """An input as it is declared; an array of an old network is batched behind it."""
        name = self.define(feature.name)
        if isinstance(feature, ImageInput):
            channels = 3 if feature.color in ("RGB", "BGR") else 1
            shape: Shape = (1, channels, feature.height, feature.width)
        else:
            shape = feature.shape
        if is_fixed(shape):
            self.shapes[name] = shape
        if self.rank5 and not isinstance(feature, ImageInput):
            batched = self.define(f"{name}__batched__")
            self.add("reshape", batched, [batched], {"x": name, "shape": _of_rank4(shape)})
            self.current[name] = batched
        return TensorType(name, "float32", shape)

    def _preprocess(self, step: Message, first: str) -> None:
        """Scale and bias of an image input, in the order of its channels."""
        name = step.featureName or first
        feature = self.features.get(name)
        x = self.resolve(name)
        if step.WhichOneof("preprocessor") == "meanImage":
            shape = self.shapes[x][1:]
            mean = np.array(step.meanImage.meanImage, np.float32)
            if mean.size != math.prod(shape):
                raise PackageError(
                    f"the mean image of {name!r} has {mean.size} numbers, not {math.prod(shape)}",
                    "copy the file again",
                )
            self._step("sub", name, "biased", x, fixed(f"{name}.mean", mean.reshape(shape)))
            return
        scaler = step.scaler
        bias = [scaler.redBias, scaler.greenBias, scaler.blueBias]
        if isinstance(feature, ImageInput) and feature.color == "BGR":
            bias.reverse()
        if isinstance(feature, ImageInput) and feature.color not in ("RGB", "BGR"):
            bias = [scaler.grayBias]
        x = self._step("mul", name, "scaled", x, float(scaler.channelScale))
        if any(bias):
            self._step(
                "add", name, "biased", x, fixed(f"{name}.bias", np.reshape(bias, (1, -1, 1, 1)))
            )

    def _step(self, kind: str, name: str, done: str, x: str, y: PlainValue) -> str:
        """One step of preprocessing, called as coremltools calls it in an ML Program."""
        output = self.define(f"{name}__{done}__")
        self.current[name] = output
        self.add(kind, output, [output], {"x": x, "y": y})
        return output

    def _translate_layer(self, layer: "LayerTranslation") -> None:
        rule = self.rules.get(layer.kind)
        if rule is None:
            layer.last(layer.kind, values=tuple(layer.inputs))
            return
        try:
            rule(layer)
        except (IndexError, KeyError, ValueError, ArithmeticError) as error:
            raise PackageError(
                f"layer {layer.name!r} is no {layer.kind} that Core ML would take: {error}",
                "the file is damaged: copy it again",
            ) from error

    def _classify(self, predicted_class: str, probabilities: str) -> None:
        labels = self.description.labels
        layer = self.message.labelProbabilityLayerName or self.message.layers[-1].output[0]
        classes = Constant(TensorType("classes", "string", (len(labels),)), lambda: labels)
        inputs: dict[str, tuple[Argument, ...]] = {
            "probabilities": (self.resolve(layer),),
            "classes": (classes,),
        }
        outputs = (
            TensorType(predicted_class, "string", ()),
            TensorType(probabilities or layer, "dictionary", ()),
        )
        self.ops.append(Op("classify", "classify", inputs, outputs))
        self.current |= {output.name: output.name for output in outputs}

    def _output(self, feature: ModelOutput) -> str:
        """The value of an output, under its name; of rank 5, in the shape that is declared."""
        name, value = feature.name, self.resolve(feature.name)
        if value == name:
            return value
        shape, declared = self.shapes.get(value, UNKNOWN), feature.shape
        if declared and math.prod(shape) == math.prod(declared):
            self.add("reshape", name, [name], {"x": value, "shape": list(declared)})
        else:
            self.add("identity", name, [name], {"x": value})
        return name


class LayerTranslation:
    """One layer under translation: what its rule reads, and the operations it adds."""

    def __init__(self, network: NetworkTranslation, message: Message) -> None:
        self.network = network
        self.kind = str(message.WhichOneof("layer"))
        self.params: Message = getattr(message, self.kind, None)
        self.inputs = [network.resolve(name) for name in message.input]
        self.outputs = list(message.output)
        self.name = message.name or (self.outputs or [self.kind])[0]

    @property
    def rank5(self) -> bool:
        """Whether values have the oldest rank, (sequence, batch, C, H, W)."""
        return self.network.rank5

    def shape(self) -> Shape | None:
        """Of the first input; None when it is not known."""
        return self.network.shapes.get(self.inputs[0])

    def step(self, kind: str, **inputs: PlainValue) -> str:
        """Add an operation whose result the layer itself uses."""
        name = self.network.define(f"{self.name}_{kind}")
        self.network.add(kind, name, [name], inputs)
        return name

    def last(self, kind: str, **inputs: PlainValue) -> None:
        """Add the operation that gives what the layer gives."""
        outputs = [self.network.define(name) for name in self.outputs]
        self.network.add(kind, self.name, outputs, inputs)

    def constant(self, value: Constant) -> None:
        """Give a constant: there is nothing to compute."""
        self.network.constants[self.network.define(self.outputs[0])] = value


LayerRule = Callable[[LayerTranslation], None]


def _of_rank4(shape: Shape) -> list[int]:
    """(C) or (C, H, W), as an old network declares it, as (batch, C, H, W)."""
    if len(shape) not in (1, 3):
        raise UnsupportedError(
            f"an input has shape {shape}, of a network with values of rank 5",
            "vectors and maps can be read: (C) or (C, H, W)",
        )
    return [1, *shape, *([1, 1] if len(shape) == 1 else [])]
