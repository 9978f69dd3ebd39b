"""A network of the old format while it is translated, and each of its layers."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from export.mil import shapes
from export.mil.description import ImageInput, ModelDescription
from export.mil.program import Argument, Constant, Function, Op, TensorType
from export.mil.read.neuralnetwork import arithmetic, layer_shapes, windows
from export.mil.read.neuralnetwork.layer_weights import fixed
from export.mil.read.neuralnetwork.windows import Rule
from export.mil.shapes import Shape
from mobilenet.common.errors import PackageError, UnsupportedError

UNKNOWN = (-1,)
COMPUTED = ("x", "y", "weight")  # parameters whose strings are names of values, not text


class Network:
    """A network under translation."""

    def __init__(self, message: Any, face: ModelDescription) -> None:
        self.message, self.face = message, face
        self.rank5: bool = message.arrayInputShapeMapping == 0
        self.ops: list[Op] = []
        self.constants: dict[str, Constant] = {}
        self.shapes: dict[str, Shape] = {}
        self.current: dict[str, str] = {}  # a name in the file to the value it means by now
        self.taken: set[str] = set()

    def translate(self, description: Any, labels: tuple[str, ...]) -> Function:
        inputs = tuple(self._input(feature) for feature in self.face.inputs)
        # What is given out is defined last: the dictionary over its array, the array in its shape.
        self.taken |= {
            feature.name for feature in self.face.outputs if self.rank5 or feature.kind != "array"
        }
        for step in self.message.preprocessing:
            self._preprocess(step, inputs[0].name)
        for layer in self.message.layers:
            _translate(Layer(self, layer))
        if labels:
            self._classify(description, labels)
        outputs = tuple(self._output(feature) for feature in self.face.outputs)
        return Function("main", self.face, inputs, tuple(self.ops), outputs, self.constants)

    def define(self, name: str) -> str:
        """A value called `name` in the file, from here on."""
        unique, number = name, 1
        while unique in self.taken:
            unique, number = f"{name}_{number}", number + 1
        self.taken.add(unique)
        self.current[name] = unique
        return unique

    def resolve(self, name: str) -> str:
        if name not in self.current:
            raise PackageError(
                f"a layer takes {name!r}, which no layer before it gives", "copy the file again"
            )
        return self.current[name]

    def add(self, kind: str, name: str, outputs: list[str], inputs: Mapping[str, Any]) -> None:
        """Add an operation whose arguments are names, constants, or plain values."""
        given: dict[str, tuple[Argument, ...]] = {
            parameter: _arguments(f"{name}.{parameter}", parameter, value)
            for parameter, value in inputs.items()
        }
        op = Op(kind, name, given, tuple(TensorType(o, "float32", UNKNOWN) for o in outputs))
        found = shapes.of(op, self.shapes, self.constants) or [UNKNOWN] * len(outputs)
        types = [TensorType(o, "float32", s) for o, s in zip(outputs, found, strict=True)]
        self.shapes |= {t.name: t.shape for t in types if shapes.known(t.shape)}
        self.ops.append(Op(kind, name, given, tuple(types)))

    def _input(self, feature: Any) -> TensorType:
        """An input as its face declares it; an array of an old network is batched behind it."""
        name = self.define(feature.name)
        if isinstance(feature, ImageInput):
            channels = 3 if feature.color in ("RGB", "BGR") else 1
            shape: Shape = (1, channels, feature.height, feature.width)
        else:
            shape = feature.shape
        if shapes.known(shape):
            self.shapes[name] = shape
        if self.rank5 and not isinstance(feature, ImageInput):
            batched = self.define(f"{name}__batched__")
            self.add("reshape", batched, [batched], {"x": name, "shape": _of_rank4(shape)})
            self.current[name] = batched
        return TensorType(name, "float32", shape)

    def _preprocess(self, step: Any, first: str) -> None:
        """Scale and bias of an image input, in the order of its channels."""
        name = step.featureName or first
        feature = next((f for f in self.face.inputs if f.name == name), None)
        x = self.resolve(name)
        if step.WhichOneof("preprocessor") == "meanImage":
            shape = self.shapes[x][1:]
            mean = np.array(step.meanImage.meanImage, np.float32)
            if mean.size != np.prod(shape):
                raise PackageError(
                    f"the mean image of {name!r} has {mean.size} numbers, not {np.prod(shape)}",
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

    def _step(self, kind: str, name: str, done: str, x: str, y: Any) -> str:
        """One step of preprocessing, called as coremltools calls it in an ML Program."""
        output = self.define(f"{name}__{done}__")
        self.current[name] = output
        self.add(kind, output, [output], {"x": x, "y": y})
        return output

    def _classify(self, description: Any, labels: tuple[str, ...]) -> None:
        wanted = self.message.labelProbabilityLayerName or self.message.layers[-1].output[0]
        classes = Constant(TensorType("classes", "string", (len(labels),)), lambda: labels)
        given: dict[str, tuple[Argument, ...]] = {
            "probabilities": (self.resolve(wanted),),
            "classes": (classes,),
        }
        outputs = (
            TensorType(description.predictedFeatureName, "string", ()),
            TensorType(description.predictedProbabilitiesName or wanted, "dictionary", ()),
        )
        self.ops.append(Op("classify", "classify", given, outputs))
        self.current |= {output.name: output.name for output in outputs}

    def _output(self, feature: Any) -> str:
        """The value of an output, under its name; of rank 5, in the shape its face declares."""
        name, value = feature.name, self.resolve(feature.name)
        if value == name:
            return value
        shape, wanted = self.shapes.get(value, UNKNOWN), feature.shape
        if wanted and np.prod(shape) == np.prod(wanted):
            self.add("reshape", name, [name], {"x": value, "shape": list(wanted)})
        else:
            self.add("identity", name, [name], {"x": value})
        return str(name)


class Layer:
    """One layer under translation."""

    def __init__(self, network: Network, message: Any) -> None:
        self.network = network
        self.kind = str(message.WhichOneof("layer"))
        self.params: Any = getattr(message, self.kind, None)
        self.inputs = [network.resolve(name) for name in message.input]
        self.outputs = list(message.output)
        self.name = message.name or (self.outputs or [self.kind])[0]

    @property
    def rank5(self) -> bool:
        return self.network.rank5

    def shape(self) -> Shape | None:
        """Of the first input; None when it is not known."""
        return self.network.shapes.get(self.inputs[0])

    def step(self, kind: str, **inputs: Any) -> str:
        """Add an operation whose result the layer itself uses."""
        name = self.network.define(f"{self.name}_{kind}")
        self.network.add(kind, name, [name], inputs)
        return name

    def last(self, kind: str, **inputs: Any) -> None:
        """Add the operation that gives what the layer gives."""
        outputs = [self.network.define(name) for name in self.outputs]
        self.network.add(kind, self.name, outputs, inputs)

    def constant(self, value: Constant) -> None:
        """Give a constant: there is nothing to compute."""
        self.network.constants[self.network.define(self.outputs[0])] = value


def _arguments(name: str, parameter: str, value: Any) -> tuple[Argument, ...]:
    if isinstance(value, tuple):
        return value
    if isinstance(value, Constant) or (isinstance(value, str) and parameter in COMPUTED):
        return (value,)
    kind = {bool: np.bool_, int: np.int32, float: np.float32}
    first = value[0] if isinstance(value, list) and value else value
    return (fixed(name, value, kind.get(type(first), np.int32)),)


def _translate(layer: Layer) -> None:
    rule = RULES.get(layer.kind)
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


def _of_rank4(shape: Shape) -> list[int]:
    """(C) or (C, H, W), as an old network's face has it, as (batch, C, H, W)."""
    if len(shape) not in (1, 3):
        raise UnsupportedError(
            f"an input has shape {shape}, of a network with values of rank 5",
            "vectors and maps can be read: (C) or (C, H, W)",
        )
    return [1, *shape, *([1, 1] if len(shape) == 1 else [])]


RULES: Mapping[str, Rule] = {
    **windows.RULES, **arithmetic.RULES, **layer_shapes.RULES,
}  # fmt: skip
