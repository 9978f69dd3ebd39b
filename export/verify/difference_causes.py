"""Why two models differ, as far as they say it: preprocessing, labels, crop, compression."""

from collections.abc import Iterable, Iterator

from export.head_outputs import AGNOSTIC, THRESHOLDS
from export.inspect.input_scaling import input_scalings
from export.verify.compared_model import ComparedModel
from mobilenet.common.size import Size
from mobilenet.common.text import one_line

MAX_LABEL = 40  # characters of a label in a message


def causes(first: ComparedModel, reference: ComparedModel) -> Iterator[str]:
    """What both say differently, each in a line: the first model's value, then the reference's."""
    yield from _unequal("preprocessing", *map(_preprocessing, (first, reference)))
    yield from _unequal("photographs in the app", *map(_photographs, (first, reference)))
    yield from _unequal("thresholds", *map(_thresholds, (first, reference)))
    yield from _unequal("network", *map(_network, (first, reference)))
    yield from _unequal("compression", *map(_compression, (first, reference)))


def labels(first: ComparedModel, reference: ComparedModel) -> Iterator[str]:
    """In a line how the names of their answers differ; nothing where one of them has none."""
    ours, theirs = first.labels, reference.labels
    if not ours or not theirs or ours == theirs:
        return
    if len(ours) != len(theirs):
        yield f"labels: {len(ours)}; in the reference {len(theirs)}"
        return
    differing = [at for at, pair in enumerate(zip(ours, theirs, strict=True)) if len({*pair}) > 1]
    at = differing[0]
    names = [repr(one_line(names[at], MAX_LABEL)) for names in (ours, theirs)]
    yield (
        f"labels: {len(differing)} of {len(ours)} differ, the first is {at}: {names[0]}; in the "
        f"reference {names[1]}"
    )


def sizes_taken(models: Iterable[ComparedModel], size: Size) -> Iterator[str]:
    """Of each model that takes several sizes, the one at which it was compared."""
    for model in models:
        for item in model.function.description.inputs if model.function else ():
            if item.allowed is not None:
                yield f"{model.path.name} was run at {size}: {item.name} may be {item.words}"


def _unequal(what: str, first: str, reference: str) -> Iterator[str]:
    """Nothing where one of the two does not say it."""
    if first and reference and first != reference:
        yield f"{what}: {first}; in the reference {reference}"


def _preprocessing(model: ComparedModel) -> str:
    """As its maker says; else what its image input and the operations behind it do."""
    if model.about is not None:
        return model.about.normalization.title
    assert model.function is not None, "weights say it"
    return "; ".join(
        f"pixels as {scaling.range}, {scaling.input.color}"
        for scaling in input_scalings(model.function)
        if scaling.first is not None
    )


def _photographs(model: ComparedModel) -> str:
    if model.about is None:
        return ""
    geometry = model.about.geometry
    if geometry.whole:
        return f"whole ({geometry.whole}), {geometry.interpolation}"
    return f"{geometry.crop:g} of the shorter side, {geometry.interpolation}"


def _thresholds(model: ComparedModel) -> str:
    """Of a detector: which of its boxes stay."""
    if model.function is not None:
        said = model.function.description.metadata
        values = {name: said[name] for name in (*THRESHOLDS, AGNOSTIC) if name in said}
        return ", ".join(f"{name} {value}" for name, value in values.items())
    assert model.checkpoint is not None, "one of the two is given"
    detection = model.checkpoint.config.readout.detection
    if detection is None:
        return ""
    iou, confidence = THRESHOLDS
    return f"{iou} {detection.iou:g}, {confidence} {detection.confidence:g}, {AGNOSTIC} false"


def _network(model: ComparedModel) -> str:
    """What a package of ours is of; weights take the package's size."""
    return "" if model.metadata is None else model.metadata.title


def _compression(model: ComparedModel) -> str:
    metadata = model.metadata
    if metadata is None:
        return ""
    if metadata.calibration:
        return f"{metadata.compression} learned from photographs ({metadata.calibration.summary})"
    return metadata.compression or f"none ({metadata.precision})"
