"""Small sound models that between them use every kind of field: for attacks on their readers."""

from collections.abc import Callable

import numpy as np

from export.mil.read.specification import Message
from model_messages import ProgramMessage, image

LABELS = ["cat", "dog", "bird"]


def classifier() -> ProgramMessage:
    """A small network: scale, convolution, pooling, matrix, softmax, classes."""
    chance, program = np.random.default_rng(0), ProgramMessage()
    for name, value in {"scale": 0.1, "kind": "valid", "axes": [2, 3], "axis": -1,
                        "window": [2, 2], "strides": [2, 2],
                        "classes": LABELS}.items():  # fmt: skip
        program.const(name, value)
    program.blob("kernel", chance.normal(size=(4, 3, 3, 3)))
    program.blob("matrix", chance.normal(size=(3, 4)))
    x = program.op("mul", "scaled", (1, 3, 8, 8), x="image", y="scale")
    x = program.op("conv", "conv", (1, 4, 6, 6), x=x, weight="kernel", pad_type="kind")
    x = program.op("avg_pool", "pool", (1, 4, 3, 3), x=x, kernel_sizes="window",
                   strides="strides", pad_type="kind")  # fmt: skip
    x = program.op("reduce_mean", "mean", (1, 4), x=x, axes="axes")
    x = program.op("linear", "logits", (1, 3), x=x, weight="matrix")
    x = program.op("softmax", "probabilities", (1, 3), x=x, axis="axis")
    added = program.block.operations.add(type="classify")
    for parameter, name in {"probabilities": x, "classes": "classes"}.items():
        added.inputs[parameter].arguments.add(name=name)
    added.outputs.add(name="label").type.tensorType.dataType = 2  # STRING
    added.outputs.add(name="answer").type.dictionaryType.SetInParent()
    program.block.outputs.extend(["label", "answer"])
    program.model.description.output.add(name="label").type.stringType.SetInParent()
    answer = program.model.description.output.add(name="answer")
    answer.type.dictionaryType.stringKeyType.SetInParent()
    return program


def moves() -> ProgramMessage:
    """Elements moved, repeated, chosen and joined."""
    program = ProgramMessage()
    for name, value in {"reps": [1, 1, 2, 2], "perm": [0, 2, 3, 1], "shape": [1, 16, 48],
                        "axis": 1, "begin": [0, 0, 0], "end": [1, 8, 8], "indices": [0, 2, 1],
                        "pads": [1, 1, 2, 2], "mode": "constant", "zero": 0.0,
                        "two": 2.0, "parts": 2}.items():  # fmt: skip
        program.const(name, value)
    x = program.op("tile", "tiled", (1, 3, 16, 16), x="image", reps="reps")
    x = program.op("transpose", "turned", (1, 16, 16, 3), x=x, perm="perm")
    x = program.op("reshape", "flat", (1, 16, 48), x=x, shape="shape")
    x = program.op("gather", "chosen", (1, 3, 48), x=x, indices="indices", axis="axis")
    x = program.op("slice_by_index", "part", (1, 3, 8), x=x, begin="begin", end="end")
    x = program.op("pad", "padded", (1, 5, 12), x=x, pad="pads", mode="mode", constant_val="zero")
    x = program.op("concat", "joined", (1, 10, 12), values=[x, x], axis="axis")
    x = program.op("pow", "squared", (1, 10, 12), x=x, y="two")
    return program.gives(program.op("expand_dims", "result", (1, 1, 10, 12), x=x, axes="axis"))


def network(*, classes: bool = False) -> Message:
    """A network of the old format."""
    model = image()
    model.specificationVersion = 4
    body = model.neuralNetworkClassifier if classes else model.neuralNetwork
    body.preprocessing.add(featureName="image").scaler.channelScale = 0.01
    conv = body.layers.add(name="conv", input=["image"], output=["map"]).convolution
    conv.outputChannels, conv.kernelChannels, conv.nGroups = 4, 3, 1
    conv.kernelSize.extend([3, 3])
    conv.stride.extend([2, 2])
    conv.valid.SetInParent()
    conv.weights.floatValue.extend([0.1] * 108)
    body.layers.add(name="relu", input=["map"], output=["map"]).activation.ReLU.SetInParent()
    pool = body.layers.add(name="pool", input=["map"], output=["mean"]).pooling
    pool.type, pool.globalPooling = 1, True
    inner = body.layers.add(name="inner", input=["mean"], output=["scores"]).innerProduct
    inner.inputChannels, inner.outputChannels = 4, 3
    inner.weights.quantization.numberOfBits = 4
    inner.weights.quantization.linearQuantization.scale.append(0.1)
    inner.weights.quantization.linearQuantization.bias.append(0.0)
    inner.weights.rawValue = bytes(range(6))
    body.layers.add(name="end", input=["scores"], output=["result"]).softmax.SetInParent()
    feature = model.description.output.add(name="result")
    feature.type.multiArrayType.dataType = 65568
    feature.type.multiArrayType.shape.append(3)
    if classes:
        feature.type.dictionaryType.stringKeyType.SetInParent()
        model.description.output.add(name="label").type.stringType.SetInParent()
        model.description.predictedFeatureName = "label"
        model.description.predictedProbabilitiesName = "result"
        body.stringClassLabels.vector.extend(LABELS)
    return model


def detector() -> ProgramMessage:
    """A pipeline: pixels as boxes and as their scores, then a suppression."""
    program = ProgramMessage()
    program.const("rows", [48, 4])
    for name in ("scores", "boxes"):
        program.op("reshape", name, (48, 4), x="image", shape="rows")
    program.blob("small", np.full(4, 0.01, np.float32))
    program.gives(*(program.op("mul", f"small_{name}", (48, 4), x=name, y="small")
                    for name in ("scores", "boxes")))  # fmt: skip
    network, program.model = program.model, image()
    program.model.pipeline.models.add().CopyFrom(network)
    last = program.model.pipeline.models.add()
    program.model.pipeline.names.extend(["network", "suppression"])
    for name in ("small_scores", "small_boxes"):
        array = last.description.input.add(name=name).type.multiArrayType
        array.dataType = 65568
        array.shape.extend([48, 4])
    last.description.input.add(name="overlap").type.doubleType.SetInParent()
    last.description.input[2].type.isOptional = True
    program.model.description.input.add().CopyFrom(last.description.input[2])
    for name, rows in {"scores": (2, 30), "boxes": (0, -1)}.items():
        array = last.description.output.add(name=name).type.multiArrayType
        array.dataType = 65568
        array.shapeRange.sizeRanges.add(lowerBound=rows[0], upperBound=rows[1])
        program.model.description.output.add().CopyFrom(last.description.output[-1])
    nms = last.nonMaximumSuppression
    nms.confidenceInputFeatureName, nms.coordinatesInputFeatureName = "small_scores", "small_boxes"
    nms.confidenceOutputFeatureName, nms.coordinatesOutputFeatureName = "scores", "boxes"
    nms.iouThresholdInputFeatureName = "overlap"
    nms.iouThreshold, nms.confidenceThreshold, nms.pickTop.perClass = 0.5, 0.1, True
    nms.stringClassLabels.vector.extend([*LABELS, "fish"])
    return program


MODELS: dict[str, Callable[[], tuple[Message, bytes]]] = {
    "classifier": lambda: (classifier().model, bytes(classifier().weights)),
    "detector": lambda: (detector().model, bytes(detector().weights)),
    "moves": lambda: (moves().model, b""),
    "network": lambda: (network(), b""),
    "network with classes": lambda: (network(classes=True), b""),
}
