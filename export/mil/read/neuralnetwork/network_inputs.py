"""Inputs of a network of the old format: their shapes behind the mapping, and preprocessing.

Source: NeuralNetwork.proto, `NeuralNetworkMultiArrayShapeMapping`,
`NeuralNetworkImageShapeMapping` and `NeuralNetworkPreprocessing`. Without a mapping of their own,
arrays (C) and (C, H, W) and images become (1, 1, C, H, W) for the layers.
"""

import math

import numpy as np

from export.mil.description import ImageInput, TensorInput
from export.mil.program import Shape, TensorType, is_fixed
from export.mil.read.neuralnetwork.network_values import NetworkValues
from export.mil.read.plain_values import PlainValue, fixed
from export.mil.read.specification import Message
from mobilenet.common.errors import PackageError, UnsupportedError


def declare(
    network: NetworkValues, feature: ImageInput | TensorInput, image_of_rank5: bool
) -> TensorType:
    """The input as it is declared; what layers take of it is added behind it."""
    name = network.define(feature.name)
    if isinstance(feature, ImageInput):
        shape = network.shapes[name] = feature.tensor_shape
        if image_of_rank5:
            network.folded.add(name)
        return TensorType(name, "float32", shape)
    if is_fixed(feature.shape):
        network.shapes[name] = feature.shape
    if network.rank5:
        batched = network.define(f"{name}__batched__")
        inputs: dict[str, PlainValue] = {"x": name, "shape": _of_rank4(feature.shape)}
        network.add("reshape", batched, [batched], inputs)
        network.current[feature.name] = batched
        network.folded.add(batched)
    return TensorType(name, "float32", feature.shape)


def preprocess(
    network: NetworkValues, step: Message, name: str, feature: ImageInput | TensorInput | None
) -> None:
    """Scale and bias of the image input called `name`, in the order of its channels."""
    x = network.resolve(name)
    if step.WhichOneof("preprocessor") == "meanImage":
        shape = network.shapes[x][1:]
        mean = np.array(step.meanImage.meanImage, np.float32)
        if mean.size != math.prod(shape):
            raise PackageError(
                f"the mean image of {name!r} has {mean.size} numbers, not {math.prod(shape)}",
                "copy the file again",
            )
        _step(network, "sub", name, "biased", fixed(f"{name}.mean", mean.reshape(shape)))
        return
    scaler = step.scaler
    bias = [scaler.redBias, scaler.greenBias, scaler.blueBias]
    if isinstance(feature, ImageInput) and feature.color == "BGR":
        bias.reverse()
    if isinstance(feature, ImageInput) and feature.color not in ("RGB", "BGR"):
        bias = [scaler.grayBias]
    _step(network, "mul", name, "scaled", float(scaler.channelScale))
    if any(bias):
        shift = fixed(f"{name}.bias", np.reshape(bias, (1, -1, 1, 1)))
        _step(network, "add", name, "biased", shift)


def _step(network: NetworkValues, kind: str, name: str, done: str, y: PlainValue) -> None:
    """One step of preprocessing, called as coremltools calls it in an ML Program."""
    x, output = network.resolve(name), network.define(f"{name}__{done}__")
    network.current[name] = output
    network.add(kind, output, [output], {"x": x, "y": y})
    if x in network.folded:
        network.folded.add(output)


def _of_rank4(shape: Shape) -> list[int]:
    """(C) or (C, H, W), as an old network declares it, as (batch, C, H, W)."""
    if len(shape) not in (1, 3):
        raise UnsupportedError(
            f"an input has shape {shape}, of a network with values of rank 5",
            "vectors and maps can be read: (C) or (C, H, W)",
        )
    return [1, *shape, *([1, 1] if len(shape) == 1 else [])]
