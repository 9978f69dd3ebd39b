"""From the picture to the first layer: scale, bias, channel order."""

from collections.abc import Iterator

import numpy as np

from export.inspect.rules.finding import Rule, RuleFinding, RuleSubject
from export.mil.description import TensorInput
from export.mil.program import Op

IMAGENET_MEAN = np.array((0.485, 0.456, 0.406))
IMAGENET_STD = np.array((0.229, 0.224, 0.225))
CAFFE_MEAN = np.array((103.939, 116.779, 123.68))  # blue, green, red
# Networks are trained on spans of 1 (0 to 1) to 5 (ImageNet's std), or 255 (Caffe).
LEAST_SPAN, MOST_SPAN, PIXEL_SPAN = 0.1, 12, 100
OF_INPUT = "__scaled__", "__biased__"  # ends of the names of an image input's own operations


def _doubled(subject: RuleSubject) -> Iterator[RuleFinding]:  # ultralytics/hub#1204, #1083
    for scaling in subject.input_scalings:
        usual = LEAST_SPAN <= scaling.span <= MOST_SPAN or scaling.span >= PIXEL_SPAN
        if scaling.first is None or usual:
            continue
        ops = ", ".join(op.type for op in scaling.arithmetic)
        yield RuleFinding(
            "preprocessing-doubled", "error" if scaling.span < LEAST_SPAN else "warning",
            f"pixels 0 to 255 reach the first layer as {scaling.range}, through {ops}: "
            "normalized twice, it seems",
            "networks are trained on a span of 1 to 5: normalize in the image input or in the "
            "network, not in both",
        )  # fmt: skip


def _bias_in_pixels(subject: RuleSubject) -> Iterator[RuleFinding]:  # #244, #905, CoreMLHelpers#6
    for scaling in subject.input_scalings:
        centre = float(np.abs((scaling.low + scaling.high) / 2).max())
        usual = LEAST_SPAN <= scaling.span <= MOST_SPAN
        if scaling.first is not None and usual and centre > 1.5 * scaling.span:
            yield RuleFinding(
                "preprocessing-offset", "error",
                f"pixels 0 to 255 reach the first layer as {scaling.range}, far from 0: "
                "the bias was given in pixels, but Core ML adds it after the scale",
                "bias = -mean / std (for -1 to 1: -1), not -mean",
            )  # fmt: skip


def _missing(subject: RuleSubject) -> Iterator[RuleFinding]:  # #64, #953, #1087
    for scaling in subject.input_scalings:
        if scaling.first is None or scaling.arithmetic:
            continue
        kernel = subject.function.array(scaling.first, "weight")
        if kernel is None or kernel.ndim < 2:
            continue
        norms = np.linalg.norm(kernel.reshape(len(kernel), -1).astype(np.float64), axis=1)
        # A filter trained on inputs of size 1 has a length near 1; folded 1/255, near 0.01.
        if float(np.median(norms)) > 0.3:
            yield RuleFinding(
                "preprocessing-missing", "warning",
                "raw pixels 0 to 255 reach the first layer, whose filters have the size for "
                "normalized ones: no scale or bias was given",
                "export again with ImageType(scale=..., bias=...) as in training, unless it was "
                "trained on raw pixels",
            )  # fmt: skip


def _array_input(subject: RuleSubject) -> Iterator[RuleFinding]:
    for tensor in subject.function.description.inputs:
        if not isinstance(tensor, TensorInput) or subject.metadata is not None:  # it is written
            continue
        if len(tensor.shape) == 4 and tensor.shape[1] in (1, 3):
            yield RuleFinding(
                "preprocessing-in-the-app", "note",
                f"input {tensor.name!r} is an array {tensor.shape}: if it is of pixels, the app "
                "scales them, and Xcode shows no preview",
                "use an image input, or write down scale, bias and channel order beside it",
            )  # fmt: skip


def _averaged_scale(
    subject: RuleSubject,
) -> Iterator[RuleFinding]:  # coremltools guide, "Image Inputs"
    bias = -IMAGENET_MEAN / IMAGENET_STD
    for scaling in subject.input_scalings:
        if len(scaling.scale) != 3 or np.ptp(scaling.scale) > 1e-6 * abs(scaling.scale[0]):
            continue
        ordered = bias if scaling.input.color == "RGB" else bias[::-1]
        if np.allclose(scaling.bias, ordered, rtol=5e-3):
            std = 1 / (255 * float(scaling.scale[0]))
            off = np.abs(std / IMAGENET_STD - 1).max() * 100
            yield RuleFinding(
                "scale-averaged", "warning",
                f"one scale, std {std:.3f}, stands for the three of ImageNet ({IMAGENET_STD[0]}, "
                f"{IMAGENET_STD[1]}, {IMAGENET_STD[2]}): inputs are up to {off:.1f} % off",
                "multiply the first convolution's kernel by scale/std for each channel: exact",
            )  # fmt: skip


def _channel_order(subject: RuleSubject) -> Iterator[RuleFinding]:  # #1089, onnx-coreml#338
    for scaling in subject.input_scalings:
        means = -scaling.bias / scaling.scale if np.all(scaling.scale) else np.zeros(1)
        if scaling.input.color == "BGR" and subject.metadata is None:
            yield RuleFinding(
                "bgr", "note",
                f"input {scaling.input.name!r} is declared BGR: Core ML swaps the channels itself",
                "hand over ordinary pictures; list a bias as blue, green, red",
            )  # fmt: skip
        elif scaling.input.color == "RGB" and np.allclose(means, CAFFE_MEAN, atol=1.0):
            yield RuleFinding(
                "bgr-means-on-rgb", "error",
                f"the means {', '.join(f'{m:.1f}' for m in means)} are Caffe's for blue, green, "
                "red, but the input is declared RGB",
                "export with color_layout BGR, or turn the means round",
            )  # fmt: skip


def _before_first_layer(
    subject: RuleSubject,
) -> Iterator[RuleFinding]:  # freedomtan/coreml_performance
    """Besides the image input's own scale and bias; a pad is the convolution's affair."""
    for scaling in subject.input_scalings:
        kinds = [op.type for op in scaling.arithmetic if not op.name.endswith(OF_INPUT)]
        if kinds and scaling.first is not None:
            yield RuleFinding(
                "ops-before-first-layer", "warning",
                f"{', '.join(kinds)} run on the whole picture before the first layer",
                "give scale and bias to the image input",
            )  # fmt: skip


def _contradicts_metadata(subject: RuleSubject) -> Iterator[RuleFinding]:
    if subject.metadata is None:
        return
    trained = subject.metadata.normalization
    in_input, _ = trained.split()
    for scaling in subject.input_scalings:
        color = scaling.input.color
        if scaling.first is None or scaling.input.channels == 1:
            continue
        own = np.full(3, in_input.scale), np.array(in_input.bias)
        is_equal = np.allclose([scaling.scale, scaling.bias], own, rtol=2e-3, atol=1e-6)
        if color != trained.order:
            yield RuleFinding(
                "colours-turned", "warning",
                f"the input is declared {color}, and the metadata says that the network was "
                f"trained on {trained.order}",
                f"export again, or declare the input {trained.order}",
            )  # fmt: skip
        elif not is_equal:
            yield RuleFinding(
                "preprocessing-changed", "warning",
                f"pixels 0 to 255 reach the first layer as {scaling.range}, and the metadata says "
                f"that the network was trained on {trained.title}",
                "export again: scale and bias were changed after the export",
            )  # fmt: skip


def _zero_to_one(subject: RuleSubject) -> Iterator[RuleFinding]:  # keras/applications/mobilenet.py
    """Of networks that begin as MobileNets do, with a full convolution and a depthwise one."""
    kernels = [subject.function.argument(op, "weight") for op in subject.function.ops
               if op.type == "conv"][:2]  # fmt: skip
    shapes = [kernel.type.shape for kernel in kernels if kernel is not None]
    if subject.metadata is not None or len(shapes) < 2 or shapes[1][1:2] != (1,):
        return
    for scaling in subject.input_scalings:
        if scaling.first is None or scaling.range != "0 to 1":
            continue
        yield RuleFinding(
            "zero-to-one", "warning",
            "pixels 0 to 255 reach the first layer as 0 to 1; MobileNets with published weights "
            "were trained on -1 to 1, or with ImageNet's mean and std",
            "give it scale 1/127.5 and bias -1 (TensorFlow, Keras), or ImageNet's; nothing, if "
            "it was trained on 0 to 1",
        )  # fmt: skip


def _padding_apart(subject: RuleSubject) -> Iterator[RuleFinding]:
    pads = [op for op in subject.function.ops if op.type == "pad" and _is_zeros(subject, op)]
    if pads:
        yield RuleFinding(
            "pad-apart", "note",
            f"{len(pads)} pad operations copy whole maps that a convolution could pad itself",
            "write conv with pad_type custom: it takes four different borders",
        )  # fmt: skip


def _is_zeros(subject: RuleSubject, op: Op) -> bool:
    """Whether a pad is what a convolution has: it reflects and repeats nothing, and adds zeros."""
    mode, value = (subject.function.argument(op, name) for name in ("mode", "constant_val"))
    return (mode is None or str(mode.load()) == "constant") and (
        value is None or not np.any(value.load())
    )


RULES: tuple[Rule, ...] = (_doubled, _averaged_scale)
CORE_ML_RULES: tuple[Rule, ...] = (
    _bias_in_pixels, _missing, _array_input, _channel_order, _before_first_layer, _padding_apart,
    _contradicts_metadata, _zero_to_one,
)  # fmt: skip
"""Of what a Core ML input declares and a convolution pads: Core AI's graph does it itself."""
