"""Records of detectors and segmenters as text: a table for each task, under the metrics' names."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from bench.results import format
from bench.results.accuracy_table import runs_on
from bench.results.columns import Column
from bench.results.metrics import Metric, MetricComparison, Task
from bench.results.records import Metrics
from mobilenet.common.text import one_line
from mobilenet.weights import published

NOT_IMAGENET = "no figure of another metric or set of pictures ranks with these"


class TaskTable(NamedTuple):
    """What was measured of one task."""

    task: Task
    title: str
    class_metric: str  # what each class has
    records: list[Metrics]
    comparisons: list[MetricComparison]

    def columns(self) -> list[Column[Metrics]]:
        """Models, and the metrics that any of them has."""
        names = dict.fromkeys(metric.name for each in self.records for metric in each.metrics)
        first = next(iter(names), "")
        shown = (_column(name, 0 if name == first else 3) for name in names)
        return [*_BEFORE, *shown, Column("Note", note, numeric=False, folds=True)]

    def legend(self) -> Iterator[str]:
        """How pictures became inputs, what brackets are, and what others published."""
        for line in dict.fromkeys(
            f"recipe {each.recipe}: {each.geometry}" for each in self.records
        ):
            yield one_line(line)
        bracketed = (each for each in self.records if any(m.interval for m in each.metrics))
        for method in dict.fromkeys(each.method for each in bracketed):
            yield one_line(f"in brackets: 95 % interval, {method}")
        yield NOT_IMAGENET

    def published(self) -> list[published.PublishedMetric]:
        """What others say of networks of this task."""
        return [row for row in published.METRICS if row.task == self.task]

    def remarks(self) -> Iterator[str]:
        """The legend, and what others published, a line for each set of pictures and source."""
        yield from self.legend()
        groups: dict[tuple[str, str, str], list[str]] = {}
        for row in self.published():
            note = f" ({row.note})" if row.note else ""
            group = groups.setdefault((row.metric, row.data_set, row.source), [])
            group.append(f"{row.network} {row.percent:g}{note}")
        for (metric, data_set, source), rows in groups.items():
            yield f"published, {metric} on {data_set}: {', '.join(rows)}; {source}"

    def lines(self) -> Iterator[str]:
        """A line for each comparison."""
        for comparison in self.comparisons:
            first, second = names(comparison, self.records)
            yield f"{first} vs. {second}: {facts(comparison)}"


def tables(records: Sequence[Metrics], comparisons: Sequence[MetricComparison]) -> list[TaskTable]:
    """One for each task of which there is something."""
    titles: tuple[tuple[Task, str, str], ...] = (
        ("detection", "detection: mAP by COCO's rules", "AP"),
        ("segmentation", "segmentation: mIOU", "IoU"),
    )
    made = (
        TaskTable(
            task, title, class_metric, [each for each in records if each.task == task],
            [each for each in comparisons if each.task == task],
        )
        for task, title, class_metric in titles
    )  # fmt: skip
    return [table for table in made if table.records]


def note(metrics: Metrics) -> str:
    """What must be known to read the row."""
    parts = []
    if metrics.model.trained is False:
        parts.append("untrained")
    if metrics.not_finite:
        parts.append(f"{format.plural(metrics.not_finite, 'box')} with NaN or infinity left out")
    if metrics.broken:
        parts.append(f"{format.plural(len(metrics.broken), 'picture')} not opened")
    return one_line("; ".join(parts))


def names(comparison: MetricComparison, records: Sequence[Metrics]) -> tuple[str, str]:
    """The two sides, marked where they are untrained."""
    untrained = {record.name for record in records if record.model.trained is False}
    first, second = (
        one_line(name.replace(" | ", " ")) + (" (untrained)" if name in untrained else "")
        for name in (comparison.reference, comparison.other)
    )
    return first, second


def facts(comparison: MetricComparison) -> str:
    """How far two sides are alike, in one line."""
    parts = []
    if comparison.alike is not None:
        parts.append(f"alike in {100 * comparison.alike:.2f} % of {comparison.alike_of}")
    if comparison.difference is not None:
        text = f"{comparison.metric} {100 * comparison.difference:+.2f}"
        if comparison.interval:
            low, high = (100 * bound for bound in comparison.interval)
            text += f" ({low:+.2f} to {high:+.2f}): {_verdict(low, high)}"
        parts.append(text)
    return one_line("; ".join(parts) or "nothing to compare")


def shown(metric: Metric | None) -> str:
    """Percent with its interval."""
    if metric is None or metric.value is None:
        return format.MISSING
    text = f"{100 * metric.value:.2f}"
    if metric.interval is None:
        return text
    low, high = (100 * bound for bound in metric.interval)
    return f"{text} ({low:.1f} to {high:.1f})"


def _verdict(low: float, high: float) -> str:
    if low > 0 or high < 0:
        return f"the second is {'better' if low > 0 else 'worse'}"
    return "no difference is shown"


def _column(name: str, dispensable: int) -> Column[Metrics]:
    def cell(metrics: Metrics) -> str:
        return shown(next((each for each in metrics.metrics if each.name == name), None))

    return Column(f"{one_line(name)} %", cell, dispensable=dispensable)


_BEFORE: tuple[Column[Metrics], ...] = (
    Column("Model", lambda metrics: one_line(metrics.model.name), numeric=False),
    Column(
        "Format", lambda metrics: one_line(metrics.model.format), numeric=False, sets_apart=True
    ),
    Column("On", runs_on, numeric=False),
    Column("Recipe", lambda metrics: one_line(metrics.recipe), numeric=False, dispensable=4),
    Column(
        "Pictures",
        lambda metrics: one_line(f"{metrics.images:,} ({metrics.photographs.name})"),
        dispensable=2,
    ),
)
