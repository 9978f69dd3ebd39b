"""Where two models differ: every layer's output of one against the other's, on one picture.

Either side is a package, an .mlmodel or a file of weights (run by PyTorch, unfolded). Layers are
matched by name where names agree, else by order, kind and shape.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from export.mil.cost import learned
from export.mil.program import Function, Precision
from export.verify.compared_model import (
    ComparedModel,
    common_size,
    made_alike,
    open_models,
    picture_for,
)
from export.verify.difference_causes import causes, labels, sizes_taken
from export.verify.intermediates import LayerOutput
from export.verify.layer_matching import match
from mobilenet.common.errors import UnsupportedError
from mobilenet.overrides import Overrides

Array = NDArray[Any]

TOLERANCE = 5e-2  # within a float16 package, layers reach 3e-2 on noise


class LayerDifference(msgspec.Struct, frozen=True, kw_only=True):
    """A pair of layers. Distances are None where a value is infinite or no number."""

    name: str
    reference_name: str
    type: str
    relative_l2: float | None  # of the outputs, relative to the length of the reference's
    max_absolute: float | None
    weights: float | None  # relative L2 of the kernels; None where there are none
    is_answer: bool = False  # of the last weights on a way to an output, or computed after them

    def within(self, tolerance: float) -> bool:
        """Whether it is a number, and at most `tolerance`."""
        return self.relative_l2 is not None and self.relative_l2 <= tolerance


class Difference(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="layer_errors"):
    """All pairs in program order, and the layers of either side that have no partner.

    As JSON it is the record that `bench.results.layer_errors` draws.
    """

    package: str
    reference: str
    verdict: str
    tolerance: float
    precision: Precision
    layers: tuple[LayerDifference, ...]
    first_difference: str | None  # name of the first layer off by more than the tolerance
    answers: float | None  # the worst of logits and what follows; None: infinite or no partner
    has_same_labels: bool
    causes: tuple[str, ...]  # what else differs, in words
    unmatched: tuple[str, ...]
    unmatched_reference: tuple[str, ...]
    size_bytes: int | None  # of packages
    reference_size_bytes: int | None

    @property
    def growth(self) -> float | None:
        """By what share it is larger than the reference; None unless both are packages."""
        if self.size_bytes is None or not self.reference_size_bytes:
            return None
        return self.size_bytes / self.reference_size_bytes - 1

    def is_over(self, limit: float) -> bool:
        """Whether answers are off by more than `limit`, have other names, or no partner."""
        is_near = self.answers is not None and self.answers <= limit
        return not (is_near and self.has_same_labels)


def diff(
    first: Path,
    reference: Path,
    image: Path | None = None,
    *,
    tolerance: float = TOLERANCE,
    precision: Precision = "declared",
    overrides: Overrides | None = None,
) -> Difference:
    """Run both on one picture (a made one without `image`) and compare layer by layer.

    `precision` is how packages compute: "declared" rounds float16 layers, "float32" does not.
    Files of weights are read with `overrides`.
    Raises `UserError` for files that cannot be read, run here, or compared.
    """
    models = open_models([first, reference], overrides)
    size = common_size(models)
    picture = picture_for(image, size, models)
    ours, theirs = (model.layers(picture, precision) for model in made_alike(models, size))
    pairs = list(match(ours, theirs))
    if not pairs:
        raise UnsupportedError(
            f"{first} and {reference} have no layer in common", "are they the same network?"
        )
    answers = [_answers(model, side) for model, side in zip(models, (ours, theirs), strict=True)]
    layers = tuple(_compare(a, b, a.name in answers[0] or b.name in answers[1]) for a, b in pairs)
    matched = {id(layer) for pair in pairs for layer in pair}
    alone, reference_alone = (
        [layer for layer in side if id(layer) not in matched] for side in (ours, theirs)
    )
    is_complete = not any(
        layer.kernel is not None and layer.name in names
        for names, side in zip(answers, (alone, reference_alone), strict=True)
        for layer in side
    )
    worst = _worst([layer.relative_l2 for layer in layers if layer.is_answer])
    differing = next((layer for layer in layers if not layer.within(tolerance)), None)
    weights = _weights(differing, tolerance)
    return Difference(
        package=first.name, reference=reference.name, tolerance=tolerance, precision=precision,
        verdict=_verdict(layers, differing, worst, is_complete), layers=layers,
        first_difference=None if differing is None else differing.name,
        answers=worst if is_complete else None, has_same_labels=not [*labels(*models)],
        causes=(*causes(*models), *labels(*models), *weights, *sizes_taken(models, size)),
        unmatched=tuple(layer.name for layer in alone),
        unmatched_reference=tuple(layer.name for layer in reference_alone),
        size_bytes=models[0].size_bytes, reference_size_bytes=models[1].size_bytes,
    )  # fmt: skip


def _answers(model: ComparedModel, layers: Sequence[LayerOutput]) -> set[str]:
    """The layers that no further weights follow, and those with the last weights themselves."""
    if model.function is not None:
        return _after_weights(model.function)
    last = max((at for at, layer in enumerate(layers) if layer.kernel is not None), default=0)
    return {layer.name for layer in layers[last:]}


def _after_weights(function: Function) -> set[str]:
    """Each last operation with weights on a way to an output, and all that come after it."""
    leads_to_weights: set[str] = set()  # values
    answers: set[str] = set()
    for op in reversed(function.ops):
        is_last = not any(output.name in leads_to_weights for output in op.outputs)
        if is_last:
            answers.add(op.name)
        if not is_last or any(len(weight.type.shape) > 1 for weight in learned(function, op)):
            taken = (name for names in op.inputs.values() for name in names)
            leads_to_weights.update(name for name in taken if isinstance(name, str))
    return answers


def _worst(distances: Sequence[float | None]) -> float | None:
    """None where one is not finite, or where there are none."""
    finite = [distance for distance in distances if distance is not None]
    return max(finite) if finite and len(finite) == len(distances) else None


def _verdict(
    layers: Sequence[LayerDifference],
    differing: LayerDifference | None,
    answers: float | None,
    is_complete: bool,
) -> str:
    if not is_complete:
        ending = "some of what one of them answers has no counterpart in the other"
    else:
        ending = f"the answers are off by {shown(answers)} (relative L2)"
    if differing is not None:
        by = shown(differing.relative_l2)
        return f"they differ from layer {differing.name} on, which is off by {by}; {ending}"
    if not is_complete:
        return f"they differ: {ending}"
    worst = _worst([layer.relative_l2 for layer in layers])
    if not worst:
        return "they are the same in every layer"
    return f"they are the same but for rounding: at most {shown(worst)} in a layer; {ending}"


def shown(distance: float | None) -> str:
    """A relative or absolute distance in a table or a sentence."""
    return "not finite" if distance is None else f"{distance:.1e}" if distance else "0"


def _weights(differing: LayerDifference | None, tolerance: float) -> Sequence[str]:
    if differing is None or differing.weights is None or differing.weights <= tolerance:
        return ()
    return (f"weights of {differing.name}: off by {shown(differing.weights)}",)


def _compare(ours: LayerOutput, theirs: LayerOutput, is_answer: bool) -> LayerDifference:
    a, b = np.ravel(ours.value), np.ravel(theirs.value)
    weights = None
    if ours.kernel is not None and theirs.kernel is not None:
        kernels = np.ravel(ours.kernel), np.ravel(theirs.kernel)
        weights = _relative(*kernels) if kernels[0].size == kernels[1].size else None
    return LayerDifference(
        name=ours.name, reference_name=theirs.name, type=ours.type,
        relative_l2=_relative(a, b), max_absolute=_finite(_distances(a, b).max(initial=0)),
        weights=weights, is_answer=is_answer,
    )  # fmt: skip


def _distances(a: Array, b: Array) -> Array:
    with np.errstate(invalid="ignore"):  # infinity less infinity: reported as None
        return np.abs(a.astype(np.float64) - b.astype(np.float64))


def _relative(a: Array, b: Array) -> float | None:
    distance = float(np.linalg.norm(_distances(a, b)))
    length = float(np.linalg.norm(b.astype(np.float64)))
    if distance == 0:
        return 0.0
    return _finite(distance / length) if length else None


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
