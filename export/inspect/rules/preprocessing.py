"""From the picture to the first layer: scale, bias, channel order."""

from collections.abc import Iterator

import numpy as np

from export.inspect.rules.finding import Finding, Rule, Subject
from export.mil.description import TensorInput

IMAGENET_MEAN = np.array((0.485, 0.456, 0.406))
IMAGENET_STD = np.array((0.229, 0.224, 0.225))
CAFFE_MEAN = np.array((103.939, 116.779, 123.68))  # blue, green, red
# Networks are trained on spans of 1 (0 to 1) to 5 (ImageNet's std), or 255 (Caffe).
LEAST_SPAN, MOST_SPAN, PIXEL_SPAN = 0.1, 12, 100


def _doubled(subject: Subject) -> Iterator[Finding]:  # ultralytics/hub#1204, #1083
    for way in subject.pixels:
        if way.first is None or LEAST_SPAN <= way.span <= MOST_SPAN or way.span >= PIXEL_SPAN:
            continue
        ops = ", ".join(op.type for op in way.arithmetic)
        yield Finding(
            "preprocessing-doubled", "error" if way.span < LEAST_SPAN else "warning",
            f"pixels 0 to 255 reach the first layer as {way.range}, through {ops}: "
            "normalized twice, it seems",
            "networks are trained on a span of 1 to 5: normalize in the image input or in the "
            "network, not in both",
        )  # fmt: skip


def _bias_in_pixels(subject: Subject) -> Iterator[Finding]:  # #244, #905, CoreMLHelpers#6
    for way in subject.pixels:
        centre = float(np.abs((way.low + way.high) / 2).max())
        usual = LEAST_SPAN <= way.span <= MOST_SPAN
        if way.first is not None and usual and centre > 1.5 * way.span:
            yield Finding(
                "preprocessing-offset", "error",
                f"pixels 0 to 255 reach the first layer as {way.range}, far from 0: "
                "the bias was given in pixels, but Core ML adds it after the scale",
                "bias = -mean / std (for -1 to 1: -1), not -mean",
            )  # fmt: skip


def _missing(subject: Subject) -> Iterator[Finding]:  # #64, #953, #1087
    for way in subject.pixels:
        if way.first is None or way.arithmetic:
            continue
        kernel = subject.function.array(way.first, "weight")
        if kernel is None or kernel.ndim < 2:
            continue
        norms = np.linalg.norm(kernel.reshape(len(kernel), -1).astype(np.float64), axis=1)
        # A filter trained on inputs of size 1 has a length near 1; folded 1/255, near 0.01.
        if float(np.median(norms)) > 0.3:
            yield Finding(
                "preprocessing-missing", "warning",
                "raw pixels 0 to 255 reach the first layer, whose filters have the size for "
                "normalized ones: no scale or bias was given",
                "export again with ImageType(scale=..., bias=...) as in training, unless it was "
                "trained on raw pixels",
            )  # fmt: skip


def _array_input(subject: Subject) -> Iterator[Finding]:
    for face in subject.function.description.inputs:
        if isinstance(face, TensorInput) and len(face.shape) == 4 and face.shape[1] in (1, 3):
            yield Finding(
                "preprocessing-in-the-app", "note",
                f"input {face.name!r} is an array {face.shape}: pixels are scaled by the app, "
                "and Xcode shows no preview",
                "use an image input, or write down scale, bias and channel order beside it",
            )  # fmt: skip


def _averaged_scale(subject: Subject) -> Iterator[Finding]:  # coremltools guide, "Image Inputs"
    wanted = -IMAGENET_MEAN / IMAGENET_STD
    for way in subject.pixels:
        if len(way.scale) != 3 or np.ptp(way.scale) > 1e-6 * abs(way.scale[0]):
            continue
        order = wanted if way.input.color == "RGB" else wanted[::-1]
        if np.allclose(way.bias, order, rtol=2e-3):
            std = 1 / (255 * float(way.scale[0]))
            off = np.abs(std / IMAGENET_STD - 1).max() * 100
            yield Finding(
                "scale-averaged", "warning",
                f"one scale, std {std:.3f}, stands for the three of ImageNet ({IMAGENET_STD[0]}, "
                f"{IMAGENET_STD[1]}, {IMAGENET_STD[2]}): inputs are up to {off:.1f} % off",
                "multiply the first convolution's kernel by scale/std for each channel: exact",
            )  # fmt: skip


def _channel_order(subject: Subject) -> Iterator[Finding]:  # #1089, onnx-coreml#338
    for way in subject.pixels:
        means = -way.bias / way.scale if np.all(way.scale) else np.zeros(1)
        if way.input.color == "BGR":
            yield Finding(
                "bgr", "note",
                f"input {way.input.name!r} is declared BGR: Core ML swaps the channels itself",
                "hand over ordinary pictures; list a bias as blue, green, red",
            )  # fmt: skip
        elif way.input.color == "RGB" and np.allclose(means, CAFFE_MEAN, atol=1.0):
            yield Finding(
                "bgr-means-on-rgb", "error",
                f"the means {', '.join(f'{m:.1f}' for m in means)} are Caffe's for blue, green, "
                "red, but the input is declared RGB",
                "export with color_layout BGR, or turn the means round",
            )  # fmt: skip


def _before_first_layer(subject: Subject) -> Iterator[Finding]:  # freedomtan/coreml_performance
    for way in subject.pixels:
        kinds = [op.type for op in way.steps if op.type not in ("cast", "identity")]
        if not kinds or way.first is None:
            continue
        own = all(op.name.endswith(("__scaled__", "__biased__")) for op in way.arithmetic)
        if own and set(kinds) <= {"mul", "add"}:
            yield Finding(
                "ops-before-first-layer", "note",
                f"the image input's own {', '.join(kinds)} run on the whole picture; on one Mac "
                "they ran on the CPU, an estimated tenth of the time",
                "fold the scale into the first kernel; the bias too where nothing is padded",
            )  # fmt: skip
        else:
            yield Finding(
                "ops-before-first-layer", "warning",
                f"{', '.join(kinds)} run on the whole picture before the first layer",
                "give scale and bias to the image input, and padding to the convolution",
            )  # fmt: skip


def _padding_apart(subject: Subject) -> Iterator[Finding]:
    pads = [op for op in subject.function.ops if op.type == "pad"]
    if pads:
        yield Finding(
            "pad-apart", "note",
            f"{len(pads)} pad operations copy whole maps that a convolution could pad itself",
            "write conv with pad_type custom: it takes four different borders",
        )  # fmt: skip


RULES: tuple[Rule, ...] = (
    _doubled, _bias_in_pixels, _missing, _array_input, _averaged_scale, _channel_order,
    _before_first_layer, _padding_apart,
)  # fmt: skip
