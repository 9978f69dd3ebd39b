"""Every class of layer that is read, and what is said of those that are not."""

from collections.abc import Callable

from mobilenet.common.errors import CheckpointError
from mobilenet.sources.keras import activation_layers as activations
from mobilenet.sources.keras import convolution_layers as convolutions
from mobilenet.sources.keras import map_layers as maps
from mobilenet.sources.keras import merging_layers as merging
from mobilenet.sources.keras import operation_layers as operations
from mobilenet.sources.keras import scaling_layers as scaling
from mobilenet.sources.keras.graph_draft import ChannelPick, KerasValue
from mobilenet.sources.keras.layer_call import ANOTHER, LayerCall
from mobilenet.sources.keras.model_tree import INPUT, Entry
from mobilenet.sources.keras.tensorflow_operations import tensorflow_operation

Translator = Callable[[LayerCall], "KerasValue | ChannelPick"]
OPERATIONS = "keras.src.ops."  # modules of Keras 3's functions, such as keras.ops.add
FUNCTIONS = ("TFOpLambda", "SlicingOpLambda")
TRAINING_ALONE = (
    "Dropout", "SpatialDropout1D", "SpatialDropout2D", "GaussianDropout", "GaussianNoise",
    "AlphaDropout", "ActivityRegularization",
    "RandomFlip", "RandomRotation", "RandomZoom", "RandomTranslation", "RandomContrast",
    "RandomBrightness", "RandomShear", "RandomHue", "RandomSaturation", "RandomGrayscale",
    "RandomColorJitter", "RandomSharpness", "RandomErasing", "RandomGaussianBlur",
    "RandomPerspective", "RandomInvert", "RandomPosterization", "RandomColorDegeneration",
)  # fmt: skip
TRANSLATORS: dict[str, Translator] = {
    "Conv2D": convolutions.conv2d,
    "DepthwiseConv2D": convolutions.depthwise_conv2d,
    "SeparableConv2D": convolutions.separable_conv2d,
    "Dense": convolutions.dense,
    "BatchNormalization": scaling.batch_normalization,
    "Rescaling": scaling.rescaling,
    "Normalization": scaling.normalization,
    "Activation": activations.activation,
    "ReLU": activations.relu,
    "LeakyReLU": activations.leaky_relu,
    "ELU": activations.elu,
    "Softmax": activations.softmax,
    "GlobalAveragePooling2D": maps.global_pooling("ReduceMean"),
    "GlobalMaxPooling2D": maps.global_pooling("ReduceMax"),
    "AveragePooling2D": maps.pooling("AveragePool"),
    "MaxPooling2D": maps.pooling("MaxPool"),
    "ZeroPadding2D": maps.zero_padding,
    "Flatten": maps.flatten,
    "Reshape": maps.reshape,
    "Permute": maps.permute,
    "Add": merging.merging("Add"),
    "Multiply": merging.merging("Mul"),
    "Subtract": merging.merging("Sub"),
    "Concatenate": merging.concatenate,
}
TRANSLATORS |= dict.fromkeys(TRAINING_ALONE, maps.unchanged)
TRANSLATORS["TensorFlowOpLayer"] = tensorflow_operation
TRANSLATORS |= dict.fromkeys(FUNCTIONS, operations.tensorflow_function)
BEFORE = "save the model without it; pictures are sized and cut before they go in"
HINTS = {
    "Lambda": "code in files is not run; use Rescaling or Normalization, or export() from Python",
    "Resizing": BEFORE,
    "CenterCrop": BEFORE,
    "RandomCrop": BEFORE,
    "Cropping2D": BEFORE,
}


def check_kind(layer: Entry) -> None:
    """Raise `CheckpointError` for a layer of a class that is not read."""
    kind = layer.description.class_name
    is_known = kind == INPUT or kind in TRANSLATORS or is_operation(layer)
    if layer.is_foreign or not is_known:
        raise CheckpointError(f"{layer.title} is not read", HINTS.get(kind, ANOTHER))


def translator(layer: Entry) -> Translator:
    """What translates a layer whose class is checked."""
    return operations.operation if is_operation(layer) else TRANSLATORS[layer.kind]


def is_function(layer: Entry) -> bool:
    """Whether it takes more by name than layers do."""
    return is_operation(layer) or layer.kind in FUNCTIONS


def is_operation(layer: Entry) -> bool:
    """Whether it is a function of Keras 3, where some have the names of layers ("Add").

    An .h5 does not tell modules; there, only layers say whether they are trained.
    """
    module = layer.description.module
    if module is None:
        return layer.naming.trainable is None and layer.kind in operations.KNOWN
    return module.startswith(OPERATIONS)
