"""Which network of ours the rows of a file are: fitted, and then compared row by row."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mobilenet.common.errors import CheckpointError
from mobilenet.common.size import Size
from mobilenet.networks.base_config import BaseConfig
from mobilenet.networks.classifier import Hidden
from mobilenet.networks.config import NetworkConfig
from mobilenet.networks.families import FAMILIES
from mobilenet.networks.rows import Padding, Row
from mobilenet.networks.ssdlite import HEAD_ROWS
from mobilenet.networks.widths import V1_RULES, WidthRule
from mobilenet.sources.walk.read_rows import ReadNetwork, ReadRow
from mobilenet.sources.walk.steps import EXPORT_MODULE

PADDINGS: tuple[Padding, ...] = ("same", "keras", "symmetric")


@dataclass(frozen=True)
class RowDifference:
    """The first property in which a file's row is not the network's."""

    row: int
    text: str  # "has stride 1 where MobileNet v1 at alpha 0.5 has 2"


def fitted(network: ReadNetwork, size: Size, width_rule: WidthRule) -> NetworkConfig:
    """The config whose rows and head are those of the file.

    `width_rule` is tried first: where several give the same widths, the file does not say which.

    Raises `CheckpointError` naming the first layer that differs from the network that is nearest.
    """
    nearest: RowDifference | None = None
    unfit: CheckpointError | None = None
    for template in _templates(network, size, width_rule):
        try:
            config = _sized(template, network)
        except CheckpointError as error:
            unfit = unfit or error
            continue
        difference = first_difference(network.rows, config)
        if difference is None:
            return config
        if nearest is None or difference.row > nearest.row:
            nearest = difference
    if nearest is not None:
        row = network.rows[min(nearest.row, len(network.rows) - 1)]
        raise CheckpointError(f"{row.title} {nearest.text}", EXPORT_MODULE)
    assert unfit is not None, "there are templates"
    raise CheckpointError(f"the convolutions are no {_names()}: {unfit.message}", EXPORT_MODULE)


def first_difference(rows: Sequence[ReadRow], config: NetworkConfig) -> RowDifference | None:
    """None where all rows are the config's."""
    title = f"{config.family} at alpha {config.alpha:g}"
    theirs = config.rows()
    numbers: dict[str | None, int] = {row.name: number for number, row in enumerate(theirs)}
    places: dict[int | None, int] = {
        row.convolution.number: place for place, row in enumerate(rows)
    }
    for number, (row, own) in enumerate(zip(rows, theirs, strict=False)):
        for what, value, wanted in _properties(row, own, places, numbers):
            if value != wanted:
                text = f"has {what} {_word(value)} where {title} has {_word(wanted)}"
                return RowDifference(number, text)
    if len(rows) != len(theirs):
        count = f"is one of {len(rows)} convolutions where {title} has {len(theirs)}"
        return RowDifference(min(len(rows), len(theirs)) - 1, count)
    return None


def _properties(
    row: ReadRow, own: Row, places: Mapping[int | None, int], numbers: Mapping[str | None, int]
) -> Iterator[tuple[str, object, object]]:
    convolution = row.convolution
    yield "a kernel of shape", row.kernel_shape, own.kernel_shape
    yield "stride", _side(convolution.stride), own.stride
    yield "dilation", _side(convolution.dilation), own.dilation
    yield "groups", convolution.groups, own.groups
    yield "zeros above, below, left and right", convolution.pads, tuple(own.pads)
    yield "activation", row.activation, own.activation
    if row.epsilon is not None:
        yield "epsilon", row.epsilon, own.epsilon
    yield "a mean as input", row.pooled, own.pooled
    for what, value, wanted in (
        ("as input", row.reads, own.reads), ("joined", row.joins, own.joins),
        ("added", row.adds, own.adds),
    ):  # fmt: skip
        yield f"{what} the value of convolution", places.get(value), numbers.get(wanted)


def _templates(network: ReadNetwork, size: Size, width_rule: WidthRule) -> Iterator[NetworkConfig]:
    """Likeliest first: where two rules give the same numbers, the file's own words decide."""
    rows = network.rows
    activations = [row.activation for row in rows if row.activation]
    epsilons = [row.epsilon for row in rows if row.epsilon is not None]
    asked: dict[str, Any] = {"resolution": size.height, "input_width": size.width}
    if network.matrices:
        *hidden, last = network.matrices
        asked["pool"], asked["scores"] = network.pool, last.scores or "softmax"
        asked["hidden"] = tuple(Hidden(each.matrix.units, each.activation) for each in hidden)
    if network.is_segmenter:
        asked |= {"head": "deeplab", "output_stride": _output_stride(rows)}
    if activations:
        asked["activation"] = activations[0]
    if epsilons:
        asked["bn_epsilon"] = epsilons[0]
    likeliest = _padding(rows)
    for kind in _kinds():
        for padding in sorted(PADDINGS, key=lambda each: each != likeliest):
            for rule in sorted(V1_RULES, key=lambda each: each != width_rule):
                yield kind(padding=padding, width_rule=rule, **asked)


def _output_stride(rows: Sequence[ReadRow]) -> int:
    return math.prod(max(row.convolution.stride) for row in rows)


def _padding(rows: Sequence[ReadRow]) -> Padding:
    """Told by the blocks of stride 2: over even maps only they differ, and Keras' stem is SAME."""
    for row in rows[1:]:
        convolution = row.convolution
        if convolution.stride == (2, 2) and convolution.groups > 1:
            if convolution.is_same:
                return "same"
            return "symmetric" if convolution.pads == (1, 1, 1, 1) else "keras"
    return "same"


def _sized(template: NetworkConfig, network: ReadNetwork) -> NetworkConfig:
    widths = [row.kernel_shape[0] for row in network.rows]
    classes = network.matrices[-1].matrix.units if network.matrices else None
    if network.is_segmenter:
        return template.fitted(widths, widths[-1])
    if network.detection is not None:
        backbone = template.fitted(widths[:-HEAD_ROWS], None)
        assert isinstance(backbone, BaseConfig), "of the families here"
        return replace(
            backbone, head="ssdlite", classes=network.classes, detection=network.detection
        )
    config = template.fitted(widths, classes)
    return config.as_features(config.rows()[-1].name) if network.pool == "none" else config


def _side(pair: tuple[int, int]) -> int | tuple[int, int]:
    return pair[0] if pair[0] == pair[1] else pair


def _word(value: object) -> str:
    return "none" if value is None else str(value)


def _names() -> str:
    return " or ".join(kind().family for kind in _kinds())


def _kinds() -> Sequence[Callable[..., NetworkConfig]]:
    return list(FAMILIES.values())
