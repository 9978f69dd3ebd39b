"""From the last layer to the answer: labels and probabilities."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from export.inspect.rules.finding import Rule, RuleFinding, RuleSubject
from export.mil.program import Argument, Op

CHANGES_NOTHING = ("cast", "identity", "reshape", "squeeze", "expand_dims", "flatten2d")
PROBABILITIES = ("softmax", "sigmoid", "sigmoid_hard")


def _label_count(subject: RuleSubject) -> Iterator[RuleFinding]:  # #1200, tf-coreml#85
    labels, probabilities = subject.function.description.labels, _probabilities(subject)
    if probabilities is None or not labels:
        return
    shape = next((o.output_shape for o in subject.cost.ops
                  if o.op.outputs and o.op.outputs[0].name == probabilities), None)  # fmt: skip
    outputs = None if shape is None else math.prod(shape)
    background = _is_background(labels[0])
    if outputs is not None and outputs != len(labels):
        off = "a background class too many or too few" if abs(outputs - len(labels)) == 1 else "?"
        yield RuleFinding(
            "label-count", "error",
            f"{len(labels)} labels for {outputs} outputs ({off}): answers have wrong names",
            "give one label per output, in the order of training",
        )  # fmt: skip
    elif len(labels) == 1000 and (background or _names(labels[1], "tench")):
        yield RuleFinding(
            "label-off-by-one", "error",
            f"1000 labels begin with {labels[0]!r}, {labels[1]!r}: ImageNet's 1000 begin with "
            "tench, so every answer has its neighbour's name",
            "drop the background label, or export all 1001 outputs",
        )  # fmt: skip
    elif len(labels) == 1001 and not background and _names(labels[0], "tench"):
        yield RuleFinding(
            "label-off-by-one", "error",
            f"1001 outputs, but label 0 is {labels[0]!r}: output 0 of TensorFlow's networks is "
            "the background",
            "put a background label first",
        )  # fmt: skip
    elif background:
        yield RuleFinding(
            "background-class", "note",
            f"class 0 is {labels[0]!r}: {len(labels)} outputs where other networks have one less",
            "leave class 0 out when comparing with them",
        )  # fmt: skip


def _duplicate_labels(subject: RuleSubject) -> Iterator[RuleFinding]:
    counts = Counter(subject.function.description.labels)
    twice = [label for label, count in counts.items() if count > 1]
    if twice:
        yield RuleFinding(
            "duplicate-labels", "warning",
            f"{len(twice)} labels stand for several classes ({', '.join(map(repr, twice[:3]))}): "
            "the answer is a dictionary by label, so classes are lost",
            "make each label unique, for instance with its WordNet identifier",
        )  # fmt: skip


def _logits(subject: RuleSubject) -> Iterator[RuleFinding]:  # #1083, #1720, python-automl#73
    origins = _origins(subject.function.ops)
    classify = _classify(subject)
    ends = [
        name for name in subject.function.outputs if classify is None and "prob" in name.lower()
    ]
    if classify is not None:
        ends = [name for name in classify.inputs["probabilities"] if isinstance(name, str)]
    for name in ends:
        origin = origins.get(name)
        if origin is not None and origin.type not in PROBABILITIES:
            yield RuleFinding(
                "logits-as-probabilities", "error",
                f"what is given out as probabilities comes from {origin.type} {origin.name!r}, "
                "not from a softmax: values are above 1 and below 0",
                "put a softmax behind the network and export again",
            )  # fmt: skip
    for op in subject.function.ops:
        before = _origin_of_x(origins, op) if op.type == "softmax" else None
        if before is not None and before.type == "softmax":
            yield RuleFinding(
                "softmax-twice", "error",
                f"softmax {op.name!r} follows softmax {before.name!r}: the probabilities "
                "are flattened",
                "the network has a softmax already: leave out the second",
            )  # fmt: skip


def _independent_classes(subject: RuleSubject) -> Iterator[RuleFinding]:
    classify, labels = _classify(subject), subject.function.description.labels
    if classify is None or len(labels) < 2:
        return
    origin = _origins(subject.function.ops).get(str(classify.inputs["probabilities"][0]))
    if origin is not None and origin.type in ("sigmoid", "sigmoid_hard"):
        yield RuleFinding(
            "independent-classes", "warning",
            f"a classifier's {len(labels)} probabilities come from {origin.type} {origin.name!r}: "
            "each class is a question of its own, but one of them is named as the answer",
            "give the array of probabilities out, without a classifier",
        )  # fmt: skip


def _classify(subject: RuleSubject) -> Op | None:
    return next((op for op in subject.function.ops if op.type == "classify"), None)


def _probabilities(subject: RuleSubject) -> Argument | None:
    """What the labels are for; in Core AI the output of that name, since it has no labels."""
    classify = _classify(subject)
    if classify is not None:
        return classify.inputs["probabilities"][0]
    return next((name for name in subject.function.outputs if "prob" in name.lower()), None)


def _is_background(label: str) -> bool:
    return label.strip().lower() in ("background", "dummy", "none", "")


def _names(label: str, word: str) -> bool:
    return word in label.lower().replace(",", " ").split()


def _origins(ops: Iterable[Op]) -> dict[str, Op | None]:
    """For each value the operation that computed it, past those that change no value.

    In the order of the file, in which a value is computed before it is taken.
    """
    origins: dict[str, Op | None] = {}
    for op in ops:
        origin = _origin_of_x(origins, op) if op.type in CHANGES_NOTHING else op
        origins |= dict.fromkeys((output.name for output in op.outputs), origin)
    return origins


def _origin_of_x(origins: Mapping[str, Op | None], op: Op) -> Op | None:
    """The operation that computed what `op` takes as x; None of a constant or an input."""
    values = op.inputs.get("x", ())
    return origins.get(values[0]) if len(values) == 1 and isinstance(values[0], str) else None


RULES: tuple[Rule, ...] = (_label_count, _duplicate_labels, _logits, _independent_classes)
