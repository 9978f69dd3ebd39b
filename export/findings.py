"""Rules that turn facts about a model into advice.

Each is a pain that users reported (GitHub issues of coremltools unless another project is
named). A rule looks at one function and yields findings; it says what it means and what to do.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from export.metadata import facts_of
from export.mil.cost import Cost
from export.mil.program import Constant, Function, Op
from export.pixels import Pixels, pixels
from export.runtimes.base import TensorInput

Severity = Literal["error", "warning", "note"]

FLOAT16_MAX = 65504.0
IMAGENET_MEAN = np.array((0.485, 0.456, 0.406))
IMAGENET_STD = np.array((0.229, 0.224, 0.225))
CAFFE_MEAN = np.array((103.939, 116.779, 123.68))  # blue, green, red
CHANGES_NOTHING = ("cast", "identity", "reshape", "squeeze", "expand_dims", "flatten2d")
PROBABILITIES = ("softmax", "sigmoid", "sigmoid_hard")


@dataclass(frozen=True)
class Finding:
    """Something a user should know."""

    rule: str
    severity: Severity
    message: str  # what it is and what it means, with the values
    advice: str  # what to do
    part: str = ""  # function or model of a pipeline; "" when there is one only


@dataclass(frozen=True)
class Subject:
    """What the rules look at."""

    kind: str  # "mlprogram" or "neuralnetwork"
    function: Function
    cost: Cost
    pixels: tuple[Pixels, ...]


def findings(kind: str, function: Function, cost: Cost) -> Iterator[Finding]:
    """All findings about one function, in the order of `RULES`."""
    subject = Subject(kind, function, cost, pixels(function))
    for rule in RULES:
        yield from rule(subject)


def range_text(way: Pixels) -> str:
    """What the pixels 0 to 255 become: "-1 to 1", for each channel where they differ."""
    pairs = dict.fromkeys(
        f"{low:.4g} to {high:.4g}" for low, high in zip(way.low, way.high, strict=True)
    )
    return ", ".join(pairs)


def _untrained(subject: Subject) -> Iterator[Finding]:
    facts = facts_of(subject.function.description.metadata)
    if facts is not None and not facts.provenance.trained:
        yield Finding(
            "untrained", "warning",
            "the weights were never trained: the answers mean nothing, costs and speed are right",
            "export again with --weights imagenet",
        )  # fmt: skip


def _doubled(subject: Subject) -> Iterator[Finding]:  # ultralytics/hub#1204, #1083
    for way in subject.pixels:
        if way.first is None or 0.1 <= way.span <= 12 or way.span >= 100:
            continue
        ops = ", ".join(op.type for op in way.arithmetic)
        yield Finding(
            "preprocessing-doubled", "error" if way.span < 0.1 else "warning",
            f"pixels 0 to 255 reach the first layer as {range_text(way)}, through {ops}: "
            "normalized twice, it seems",
            "networks are trained on a span of 1 to 5: normalize in the image input or in the "
            "network, not in both",
        )  # fmt: skip


def _bias_in_pixels(subject: Subject) -> Iterator[Finding]:  # #244, #905, CoreMLHelpers#6
    for way in subject.pixels:
        centre = float(np.abs((way.low + way.high) / 2).max())
        if way.first is not None and 0.1 <= way.span <= 12 and centre > 1.5 * way.span:
            yield Finding(
                "preprocessing-offset", "error",
                f"pixels 0 to 255 reach the first layer as {range_text(way)}, far from 0: "
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


def _label_count(subject: Subject) -> Iterator[Finding]:  # #1200, tf-coreml#85
    classify, labels = _classify(subject), subject.function.description.labels
    if classify is None:
        return
    given = classify.inputs["probabilities"][0]
    shape = next((o.output_shape for o in subject.cost.ops
                  if o.op.outputs and o.op.outputs[0].name == given), None)  # fmt: skip
    outputs = None if shape is None else int(np.prod(shape))
    background = bool(labels) and _is_background(labels[0])
    if outputs is not None and outputs != len(labels):
        off = "a background class too many or too few" if abs(outputs - len(labels)) == 1 else "?"
        yield Finding(
            "label-count", "error",
            f"{len(labels)} labels for {outputs} outputs ({off}): answers have wrong names",
            "give one label per output, in the order of training",
        )  # fmt: skip
    elif len(labels) == 1000 and (background or _names(labels[1], "tench")):
        yield Finding(
            "label-off-by-one", "error",
            f"1000 labels begin with {labels[0]!r}, {labels[1]!r}: ImageNet's 1000 begin with "
            "tench, so every answer has its neighbour's name",
            "drop the background label, or export all 1001 outputs",
        )  # fmt: skip
    elif len(labels) == 1001 and not background and _names(labels[0], "tench"):
        yield Finding(
            "label-off-by-one", "error",
            f"1001 outputs, but label 0 is {labels[0]!r}: output 0 of TensorFlow's networks is "
            "the background",
            "put a background label first",
        )  # fmt: skip
    elif background:
        yield Finding(
            "background-class", "note",
            f"class 0 is {labels[0]!r}: {len(labels)} outputs where other networks have one less",
            "leave class 0 out when comparing with them",
        )  # fmt: skip


def _duplicate_labels(subject: Subject) -> Iterator[Finding]:
    counts = Counter(subject.function.description.labels)
    twice = [label for label, count in counts.items() if count > 1]
    if twice:
        yield Finding(
            "duplicate-labels", "warning",
            f"{len(twice)} labels stand for several classes ({', '.join(map(repr, twice[:3]))}): "
            "the answer is a dictionary by label, so classes are lost",
            "make each label unique, for instance with its WordNet identifier",
        )  # fmt: skip


def _logits(subject: Subject) -> Iterator[Finding]:  # #1083, #1720, python-automl#73
    makers = {output.name: op for op in subject.function.ops for output in op.outputs}
    classify = _classify(subject)
    ends = [
        name for name in subject.function.outputs if classify is None and "prob" in name.lower()
    ]
    if classify is not None:
        ends = [one for one in classify.inputs["probabilities"] if isinstance(one, str)]
    for name in ends:
        origin = _origin(makers, name)
        if origin is not None and origin.type not in PROBABILITIES:
            yield Finding(
                "logits-as-probabilities", "error",
                f"what is given out as probabilities comes from {origin.type} {origin.name!r}, "
                "not from a softmax: values are above 1 and below 0",
                "put a softmax behind the network and export again",
            )  # fmt: skip
    for op in subject.function.ops:
        before = _origin(makers, op.inputs["x"][0]) if op.type == "softmax" else None
        if before is not None and before.type == "softmax":
            yield Finding(
                "softmax-twice", "error",
                f"softmax {op.name!r} follows softmax {before.name!r}: the probabilities "
                "are flattened",
                "the network has a softmax already: leave out the second",
            )  # fmt: skip


def _float32(subject: Subject) -> Iterator[Finding]:  # coremltools guide, "Typed Execution"
    if subject.kind != "mlprogram":
        return
    heavy = [o.op for o in subject.cost.ops if o.macs or o.macs is None]
    full = [op for op in heavy if any(out.dtype == "float32" for out in op.outputs)]
    if full:
        yield Finding(
            "float32", "warning",
            f"{len(full)} of {len(heavy)} layers compute in float32: they cannot run on the "
            "Neural Engine, which has float16 alone",
            "export with compute_precision FLOAT16, unless it is meant for the CPU or GPU",
        )  # fmt: skip


def _not_finite(subject: Subject) -> Iterator[Finding]:
    broken = [name for name, constant in _constants(subject.function) if not _finite(constant)]
    if broken:
        yield Finding(
            "weights-not-finite", "error",
            f"{len(broken)} weights hold NaN or infinity, the first is {broken[0]!r}: the outputs "
            "will too",
            "check the checkpoint; float16 ends at 65504, larger weights become infinite",
        )  # fmt: skip


def _unknown(subject: Subject) -> Iterator[Finding]:
    kinds = Counter(o.op.type for o in subject.cost.ops if o.macs is None)
    if kinds:
        listed = ", ".join(f"{kind} ({count})" for kind, count in sorted(kinds.items()))
        yield Finding(
            "unknown-cost", "note",
            f"the cost of some operations is not known: {listed}; totals are lower bounds",
            "read the total as 'at least'",
        )  # fmt: skip


RULES: tuple[Callable[[Subject], Iterator[Finding]], ...] = (
    _untrained, _doubled, _bias_in_pixels, _missing, _array_input, _averaged_scale, _channel_order,
    _before_first_layer, _padding_apart, _label_count, _duplicate_labels, _logits, _float32,
    _not_finite, _unknown,
)  # fmt: skip


def _classify(subject: Subject) -> Op | None:
    return next((op for op in subject.function.ops if op.type == "classify"), None)


def _is_background(label: str) -> bool:
    return label.strip().lower() in ("background", "dummy", "none", "")


def _names(label: str, word: str) -> bool:
    return word in label.lower().replace(",", " ").split()


def _origin(makers: dict[str, Op], name: object) -> Op | None:
    """The operation that computed `name`, past those that change no value."""
    op = makers.get(name) if isinstance(name, str) else None
    while op is not None and op.type in CHANGES_NOTHING:
        given = op.inputs["x"][0]
        op = makers.get(given) if isinstance(given, str) else None
    return op


def _constants(function: Function) -> Iterator[tuple[str, Constant]]:
    yield from function.constants.items()
    for op in function.ops:
        for parameter, given in op.inputs.items():
            for one in given:
                if isinstance(one, Constant):
                    yield f"{op.name}.{parameter}", one


def _finite(constant: Constant) -> bool:
    """Whether all stored numbers are; a palette is looked at, not the weights made from it."""
    for leaf in constant.stored():
        if leaf.type.dtype in ("float16", "float32", "float64") and leaf.type.elements > 0:
            value = leaf.load()
            if isinstance(value, np.ndarray) and not _all_finite(value):
                return False
    return True


def _all_finite(value: NDArray[np.floating]) -> bool:
    if value.dtype == np.float16:  # exponent all ones; ten times as fast as isfinite
        return not ((value.view(np.uint16) & 0x7C00) == 0x7C00).any()
    return bool(np.isfinite(value).all())
