"""The specification version that brought what a model holds.

As Apple's own writer of the format works it out (coremltools, `mlmodel/src/Utils.cpp`,
`hasIOS..Features`; of version 10, coremltools `_OPSET`).
"""

from collections.abc import Iterator
from typing import NamedTuple

from export.mil.read import pipeline_file, specification
from export.mil.read.specification import ARRAY_TYPES, COLORS, Message

NEWEST = 10  # that is known here
OPSETS = {f"CoreML{version - 1}": version for version in range(6, NEWEST + 1)}
KINDS = {
    "customModel": 3, "textClassifier": 3, "wordTagger": 3, "visionFeaturePrint": 3,
    "nonMaximumSuppression": 3, "bayesianProbitRegressor": 3, "kNearestNeighborsClassifier": 4,
    "linkedModel": 4, "itemSimilarityRecommender": 4, "soundAnalysisPreprocessing": 4,
    "serializedModel": 5, "mlProgram": 6, "audioFeaturePrint": 6, "classConfidenceThresholding": 8,
}  # fmt: skip
FIRST_LAYERS = frozenset([
    "activation", "add", "average", "batchnorm", "biDirectionalLSTM", "bias", "concat",
    "convolution", "crop", "dot", "embedding", "flatten", "gru", "innerProduct", "l2normalize",
    "loadConstant", "lrn", "max", "min", "multiply", "mvn", "padding", "permute", "pooling",
    "reduce", "reorganizeData", "reshape", "scale", "sequenceRepeat", "simpleRecurrent",
    "slice", "softmax", "split", "unary", "uniDirectionalLSTM", "upsample",
])  # fmt: skip
LAYERS = {"custom": 2, "resizeBilinear": 3, "cropResize": 3} | dict.fromkeys(
    ("cumSum", "oneHot", "clampedReLU", "argSort", "pooling3d", "globalPooling3d", "sliceBySize",
     "convolution3d"), 5,
)  # fmt: skip
OTHER_LAYERS = 4
FORMS = {  # of layers that were there before: fields that are set
    "upsample": ("linearUpsampleMode", "fractionalScalingFactor"), "concatND": ("interleave",),
    "sliceDynamic": ("squeezeMasks",), "innerProduct": ("int8DynamicQuantize",),
    "batchedMatmul": ("int8DynamicQuantize",),
}  # fmt: skip
NEW_FORM = 5
PIXEL_SHUFFLE = 2  # of `ReorganizeDataLayerParams`
HALF_WEIGHTS, QUANTIZED_WEIGHTS = 2, 3


class VersionNeed(NamedTuple):
    """Something in a model, and the version that it came with."""

    version: int
    what: str


def needed_version(model: Message) -> VersionNeed:
    """What is newest in a `Model` message, models within it included."""
    return max(_needs(model, 0), key=lambda need: need.version)


def _needs(model: Message, depth: int) -> Iterator[VersionNeed]:
    kind = str(model.WhichOneof("Type"))
    yield VersionNeed(KINDS.get(kind, 1), f"a model of kind {kind}")
    if model.isUpdatable:
        yield VersionNeed(4, "a model that can be trained further")
    yield from _of_features(model, kind)
    if kind == "mlProgram":
        for function in model.mlProgram.functions.values():
            yield VersionNeed(OPSETS.get(function.opset, 1), f"opset {function.opset}")
    content = getattr(model, kind, None)
    if hasattr(content, "layers"):
        yield from _of_layers(content, model.specificationVersion)
    if kind in pipeline_file.KINDS and depth < pipeline_file.MAX_DEPTH:
        for _, inner in pipeline_file.stages(model):
            yield from _needs(inner, depth + 1)


def _of_features(model: Message, kind: str) -> Iterator[VersionNeed]:
    declared = model.description
    if declared.functions:
        yield VersionNeed(9, "functions")
    described = declared.functions or [declared]
    if not all(each.input for each in described):
        yield VersionNeed(9, "a function without inputs")
    for each in described:
        if each.state:
            yield VersionNeed(9, "a state")
        for feature in (*each.input, *each.output):
            for version, what in _of_feature(feature.type, kind):
                yield VersionNeed(version, f"{what} ({feature.name!r})")


def _of_feature(feature: Message, kind: str) -> Iterator[tuple[int, str]]:
    array, image = feature.multiArrayType, feature.imageType
    dtype = ARRAY_TYPES.get(array.dataType)
    if array.WhichOneof("ShapeFlexibility") or image.WhichOneof("SizeFlexibility"):
        yield 3, "a size that is not fixed"
    if feature.WhichOneof("Type") == "sequenceType":
        yield 3, "a sequence"
    if feature.isOptional and array.WhichOneof("defaultOptionalValue"):
        yield 5, "a default value"
    if kind == "nonMaximumSuppression" and dtype == "float32":
        yield 5, "a float32 array at a non-maximum suppression"
    if dtype == "float16":
        yield 7, "a float16 array"
    if COLORS.get(image.colorSpace) == "GRAYSCALE_FLOAT16":
        yield 7, "an image of GRAYSCALE_FLOAT16"


def _of_layers(network: Message, declared: int) -> Iterator[VersionNeed]:
    if network.arrayInputShapeMapping or network.imageInputShapeMapping:
        yield VersionNeed(4, "inputs of exact rank")
    specification.check_count(network.layers)
    for layer in network.layers:
        kind = str(layer.WhichOneof("layer"))
        version = LAYERS.get(kind, 1 if kind in FIRST_LAYERS else OTHER_LAYERS)
        yield VersionNeed(version, f"layer {kind} {layer.name!r}")
        if kind == "None":
            continue
        content = getattr(layer, kind)
        shuffles = kind == "reorganizeData" and content.mode == PIXEL_SHUFFLE
        if shuffles or any(getattr(content, field) for field in FORMS.get(kind, ())):
            yield VersionNeed(NEW_FORM, f"this form of layer {kind} {layer.name!r}")
        elif kind == "convolution" and len(layer.input) > 1:
            yield VersionNeed(OTHER_LAYERS, f"computed weights of {layer.name!r}")
        if declared < QUANTIZED_WEIGHTS:  # else it is no question: they are large
            for needed, what in _of_weights(content):
                yield VersionNeed(needed, f"{what} of {layer.name!r}")


def _of_weights(content: Message) -> Iterator[tuple[int, str]]:
    """Of a layer's parameters, those of recurrent ones one level further down."""
    for field, value in content.ListFields():
        if field.message_type is None:
            continue
        name = field.message_type.name
        for each in value if field.is_repeated else [value]:
            if name == "LSTMWeightParams":
                yield from _of_weights(each)
            elif name == "WeightParams" and each.float16Value:
                yield HALF_WEIGHTS, "float16 weights"
            elif name == "WeightParams" and each.HasField("quantization"):
                yield QUANTIZED_WEIGHTS, "quantized weights"
