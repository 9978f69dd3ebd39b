"""Records of accuracy and agreement as text: how often models were right and alike."""

import re
from collections.abc import Iterable, Iterator, Sequence

from bench.results import format
from bench.results.columns import Column
from bench.results.disagreements import Agreement
from bench.results.records import Accuracy, Metrics
from bench.results.top1 import VALIDATION_IMAGES, config_of, is_imagenet, used_at
from mobilenet.common.text import one_line
from mobilenet.networks.families import config_type
from mobilenet.weights import published

LEVEL = 0.05
FIRST = 5  # that top-5 looks at
THUMBNAIL = re.compile(r"data:image/jpeg;base64,[A-Za-z0-9+/]{1,100000}={0,2}")


def note(accuracy: Accuracy) -> str:
    """What must be known to read the row."""
    parts = []
    if accuracy.model.trained is False:
        parts.append("untrained")
    if used := used_at(accuracy.model):
        parts.append(used)
    if accuracy.not_finite:
        parts.append(f"{accuracy.not_finite} answers with NaN or infinity, counted as wrong")
    if accuracy.broken:
        parts.append(f"{format.plural(len(accuracy.broken), 'photograph')} not opened")
    return one_line("; ".join(parts))


def _published(accuracy: Accuracy) -> str:
    """Of these weights only, uncompressed: what is said of them says nothing of others."""
    model = accuracy.model
    if accuracy.published_top1 is None or model.trained is False or model.compression:
        return format.MISSING
    return f"{accuracy.published_top1:.1f}" + (
        f" / {accuracy.published_top5:.1f}" if accuracy.published_top5 is not None else ""
    )


def _top5(accuracy: Accuracy) -> str:
    """Of five classes or fewer, all are among the first five."""
    if accuracy.model.classes is not None and accuracy.model.classes <= FIRST:
        return format.MISSING
    return _right(accuracy.top5, accuracy.images, accuracy.top5_interval)


def runs_on(accuracy: Accuracy | Metrics) -> str:
    """Runtime, unit and precision."""
    return one_line(" ".join(filter(None, (accuracy.runtime, accuracy.unit, accuracy.precision))))


COLUMNS: tuple[Column[Accuracy], ...] = (
    Column("Model", lambda accuracy: one_line(accuracy.model.name), numeric=False),
    Column(
        "Format", lambda accuracy: one_line(accuracy.model.format), numeric=False, sets_apart=True
    ),
    Column(
        "On",
        runs_on,
        numeric=False,
    ),
    Column("Recipe", lambda accuracy: one_line(accuracy.recipe), numeric=False, dispensable=4),
    Column(
        "Photographs",
        lambda accuracy: one_line(f"{accuracy.images:,} ({accuracy.photographs.name})"),
        dispensable=2,
    ),
    Column(
        "top-1 % (95 %)",
        lambda accuracy: _right(accuracy.top1, accuracy.images, accuracy.top1_interval),
    ),
    Column(
        "top-5 % (95 %)",
        _top5,
        dispensable=3,
    ),
    Column("published %", _published, dispensable=1),
    Column("Note", note, numeric=False, folds=True),
)


def legend(records: Sequence[Accuracy]) -> Iterator[str]:
    """How the photographs became inputs, and what the comparison with others' figures is worth."""
    for line in dict.fromkeys(
        f"recipe {accuracy.recipe}: {accuracy.geometry}" for accuracy in records
    ):
        yield one_line(line)
    if any(is_imagenet(accuracy.model) for accuracy in records):
        yield (
            "published: top-1 / top-5 of just these weights at this size, uncompressed, on "
            f"ImageNet's 50,000 validation images. {_caveat(records)}"
        )
    yield "in brackets: Wilson's 95 % interval"


def remarks(records: Sequence[Accuracy]) -> Iterator[str]:
    """The legend, and what others say of the same networks, a line each."""
    yield from legend(records)
    for row in published_for(records):
        top5 = "" if row.top5 is None else f" / {row.top5:.2f}"
        note = f" ({row.note})" if row.note else ""
        yield f"published for {network_of(row)}: {row.top1:.2f}{top5}, {row.source}{note}"


def _caveat(records: Sequence[Accuracy]) -> str:
    if all(accuracy.photographs.images == VALIDATION_IMAGES for accuracy in records):
        return "These are as many: compare only if they are that set."
    return (
        "A set other than those does not reproduce the figures: "
        "compare rows measured on the same photographs."
    )


def published_for(records: Iterable[Accuracy]) -> list[published.PublishedAccuracy]:
    """What others say of the same networks as those measured, of ImageNet's classes."""
    models = (accuracy.model for accuracy in records if is_imagenet(accuracy.model))
    configs = dict.fromkeys(filter(None, map(config_of, models)))
    return [row for config in configs for row in published.ACCURACIES if row.is_of(config)]


def network_of(row: published.PublishedAccuracy) -> str:
    """In words: "MobileNet v2, alpha 0.35, 96 px"."""
    family = config_type(row.network)().family
    return f"{family}, alpha {row.alpha:g}, {row.resolution} px{', shallow' * row.shallow}"


def names(agreement: Agreement, records: Iterable[Accuracy]) -> tuple[str, str]:
    """The two models of a pair, marked where they are untrained."""
    untrained = {record.name for record in records if record.model.trained is False}
    first, second = (
        one_line(name.replace(" | ", " ")) + (" (untrained)" if name in untrained else "")
        for name in (agreement.reference, agreement.other)
    )
    return first, second


def facts(agreement: Agreement, pairs: int) -> str:
    """How far two models agree, in one line; `pairs` were compared in the same run."""
    errors = (agreement.error_p50, agreement.error_p90, agreement.error_p99, agreement.error_max)
    quantiles = ", ".join(
        f"{name} {value:.2g}"
        for name, value in zip(("p50", "p90", "p99", "max"), errors, strict=True)
        if value is not None
    )
    errors_of = "log-probabilities" + (" (from logits)" if agreement.error_of == "logits" else "")
    return (
        f"same top-1 on {format.share(agreement.same_top1, agreement.images)} % of "
        f"{format.plural(agreement.images, 'photograph')}; right alone "
        f"{agreement.only_reference_right} : {agreement.only_other_right}, "
        f"McNemar p {agreement.p_worse:.2g}: {_verdict(agreement.p_worse, pairs)}"
        + (f"; largest error per photograph of {errors_of}: {quantiles}" if quantiles else "")
    )


def _verdict(p_worse: float, pairs: int) -> str:
    """Bonferroni: of many pairs, one would look worse by chance."""
    level = f"{LEVEL:g} / {pairs}" if pairs > 1 else f"{LEVEL:g}"
    return f"the second is {'' if p_worse < LEVEL / pairs else 'not shown '}worse (at {level})"


def lines(agreements: Sequence[Agreement], records: Sequence[Accuracy]) -> Iterator[str]:
    """A line a pair."""
    for agreement in agreements:
        first, second = names(agreement, records)
        yield f"{first} vs. {second}: {facts(agreement, len(agreements))}"


def is_thumbnail(uri: str) -> bool:
    """Whether it is what `bench` writes: anything else in a file is not put into a page."""
    return THUMBNAIL.fullmatch(uri) is not None


def _right(count: int, images: int, interval: tuple[float, float]) -> str:
    low, high = interval
    return f"{format.share(count, images)} ({100 * low:.1f} to {100 * high:.1f})"
