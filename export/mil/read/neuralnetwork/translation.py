"""A network of the old format while it is translated to MIL, layer by layer."""

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from functools import partial

from export.mil.description import ImageInput, ModelDescription, ModelOutput
from export.mil.program import Argument, Constant, Function, Op, TensorType
from export.mil.read.neuralnetwork import control_layers, network_inputs
from export.mil.read.neuralnetwork.layer_translation import LayerRule, LayerTranslation
from export.mil.read.neuralnetwork.network_values import LEFT, NetworkValues
from export.mil.read.specification import Message

ARRAYS = ("array", "image", "number", "integer")  # kinds of outputs that are tensors


class NetworkTranslation(NetworkValues):
    """From `message`, a `NeuralNetwork` of any kind, to a `Function`.

    `rules` has one for each kind of layer that is known, `elementwise` those that take values of
    any rank; `description` is what the file declares of inputs and outputs, `integers` which
    outputs are declared int32.
    """

    def __init__(
        self,
        message: Message,
        description: ModelDescription,
        rules: Mapping[str, LayerRule],
        elementwise: Collection[str],
        integers: Collection[str],
    ) -> None:
        super().__init__(rank5=message.arrayInputShapeMapping == 0)
        self.message, self.description, self.rules = message, description, rules
        self.elementwise, self.integers = elementwise, integers
        self.features = {feature.name: feature for feature in description.inputs}

    def translate(self, predicted_class: str) -> Function:
        """The network as one function.

        `predicted_class` names what a classifier gives, "" where the file does not.
        Raises `PackageError` for a layer that makes no sense.
        """
        inputs = tuple(
            network_inputs.declare(self, feature, self.message.imageInputShapeMapping == 0)
            for feature in self.description.inputs
        )
        # What is given out is defined last: the dictionary over its array, the array in its shape,
        # the last of several values of one name.
        times = Counter(control_layers.outputs_within(self.message.layers))
        self.taken |= {
            feature.name
            for feature in self.description.outputs
            if self.folded
            or feature.name in self.integers
            or feature.kind not in ARRAYS
            or self._has_no_batch(feature)
            or times[feature.name] > 1
        }
        for step in self.message.preprocessing:
            name = step.featureName or inputs[0].name
            network_inputs.preprocess(self, step, name, self.features.get(name))
        self.translate_layers(self.message.layers)
        if self.description.labels:
            self._classify(predicted_class)
        outputs = tuple(self._output(feature) for feature in self.description.outputs)
        return Function("main", self.description, inputs, tuple(self.ops), outputs, self.constants)

    def translate_layers(self, layers: Sequence[Message]) -> None:
        """Add the operations of layers; of a loop's, those behind a break only if it is not."""
        before = self.current.get(LEFT)
        for number, layer in enumerate(layers, 1):
            self._translate_layer(layer)
            left = self.current.get(LEFT)
            if left is not None and left != before and layers[number:]:
                rest = partial(self.translate_layers, layers[number:])
                control_layers.choose(self, f"{layer.name}_left", left, list, rest)
                return

    def _translate_layer(self, message: Message) -> None:
        """By its rule; a layer that has none, or that its rule does not understand, is kept."""
        kind, before = message.WhichOneof("layer"), len(self.ops)
        whole, current = dict(self.whole), dict(self.current)
        elementwise = kind in self.elementwise
        try:
            layer = LayerTranslation(self, message, elementwise)
            self.rules.get(kind, LayerTranslation.refuse)(layer)
        except (IndexError, KeyError, ValueError, ArithmeticError):
            del self.ops[before:]
            self.whole, self.current = whole, current
            LayerTranslation(self, message, elementwise).refuse()

    def _classify(self, predicted_class: str) -> None:
        labels = self.description.labels
        layer = self.message.labelProbabilityLayerName or self.message.layers[-1].output[0]
        declared = (each.name for each in self.description.outputs if each.kind == "dictionary")
        chances = next(declared, f"{layer}__chances__")
        classes = Constant(TensorType("classes", "string", (len(labels),)), lambda: labels)
        inputs: dict[str, tuple[Argument, ...]] = {
            "probabilities": (self.resolve(layer),),
            "classes": (classes,),
        }
        outputs = (
            TensorType(predicted_class, "string", ()),
            TensorType(chances, "dictionary", ()),
        )
        self.ops.append(Op("classify", "classify", inputs, outputs))
        self.current |= {output.name: output.name for output in outputs}

    def _output(self, feature: ModelOutput) -> str:
        """The value of an output, under its name and in its type; see `_declared_shape`."""
        name, value = feature.name, self.resolve(feature.name)
        if value == name:
            return value
        shape = self._declared_shape(feature, value)
        if name in self.integers:
            if shape is not None:
                reshaped = self.define(f"{name}__shaped__")
                self.add("reshape", reshaped, [reshaped], {"x": value, "shape": shape})
                value = reshaped
            self.add("cast", name, [name], {"x": value, "dtype": "int32"}, ("int32",))
        elif shape is not None:
            self.add("reshape", name, [name], {"x": value, "shape": shape})
        else:
            self.add("identity", name, [name], {"x": value})
        return name

    def _declared_shape(self, feature: ModelOutput, value: str) -> list[int] | None:
        """Of an array that the layers have as (sequence, batch, C, H, W): what is declared.

        Where nothing is, or something else, a sequence and batch of 1 are left out (coremltools'
        tests: `test_model.py`, `test_rename_image_input`). None for the shape that `value` has.
        """
        shape, declared = self.shape(value), feature.shape
        if feature.kind != "array" or not shape or min(shape) < 0:
            return None
        if not self.folded:
            fits = self._has_no_batch(feature) and math.prod(shape) == math.prod(declared)
            return list(declared) if fits else None
        if declared and math.prod(shape) == math.prod(declared):
            return list(declared)
        lead = (1,) if value in self.folded else (1, 1)
        inner = shape[len(lead) :]
        return list(inner) if len(inner) == 3 and shape == (*lead, *inner) else None

    def _has_no_batch(self, feature: ModelOutput) -> bool:
        """Whether an output may come from an image that was an array of rank 3 (`make_image_input`
        of coremltools): layers have it with a batch, Core ML gives it as it is declared."""
        images = any(isinstance(each, ImageInput) for each in self.description.inputs)
        return images and not self.folded and len(feature.shape) == 3
