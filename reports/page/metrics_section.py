"""The page's part about detectors and segmenters: their metrics, and pictures they differ on."""

from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup

from bench.results import accuracy_table, format, metrics_table, tables
from bench.results.metrics import MetricComparison, PictureDifference
from bench.results.metrics_table import TaskTable
from bench.results.records import Metrics
from bench.results.session_report import Report
from reports.page.html_table import Grid, HtmlCell, HtmlRow, cell, table
from reports.plots import plot_data


class DrawnPicture(NamedTuple):
    """One of the drawings of a picture; `thumbnail` is ready to stand in HTML, or empty."""

    caption: str
    thumbnail: Markup | str


class DifferenceFigure(NamedTuple):
    """A picture, how alike two sides are there, and the drawings of both."""

    image: str
    percent: str
    drawings: list[DrawnPicture]


class ComparisonPart(NamedTuple):
    """Two sides, and the pictures they differ on."""

    names: tuple[str, str]
    facts: str
    differences: list[DifferenceFigure]


class MetricsPart(NamedTuple):
    """One task of one session."""

    anchor: str
    title: str
    heading: str
    facts: Sequence[str]
    table: Grid
    classes: Grid
    legend: list[str]
    published: Grid
    comparisons: list[ComparisonPart]


def parts(reports: Sequence[Report]) -> list[MetricsPart]:
    """A section for each task of each session; nothing where nothing was measured."""
    return [
        _part(f"{each.task}-{number}", report, each)
        for number, report in enumerate(reports, start=1)
        for each in metrics_table.tables(report.metrics, report.metric_comparisons)
    ]


def _part(anchor: str, report: Report, measured: TaskTable) -> MetricsPart:
    return MetricsPart(
        anchor, measured.title, tables.heading(report),
        () if report.tables() else report.facts,
        table(measured.columns(), measured.records, metrics_table.note, _card),
        _classes(measured.records, measured.class_metric), list(measured.legend()),
        _published(measured),
        [_comparison(each, measured.records) for each in measured.comparisons],
    )  # fmt: skip


def _card(metrics: Metrics) -> str:
    return plot_data.card(metrics.model)


def _classes(records: Sequence[Metrics], metric: str) -> Grid:
    """A row a class, a column a model; classes by their first occurrence."""
    labels = dict.fromkeys(each.label for record in records for each in record.classes)
    values = [{each.label: each.value for each in record.classes} for record in records]
    names = (f"{metric} %, {record.name.replace(' | ', ' ')}" for record in records)
    return Grid(
        ["Class", *names],
        [
            HtmlRow([HtmlCell(label), *(cell(_percent(column.get(label))) for column in values)])
            for label in labels
        ],
    )


def _percent(value: float | None) -> str:
    return format.MISSING if value is None else f"{100 * value:.1f}"


def _published(measured: TaskTable) -> Grid:
    return Grid(
        ("Network", "Metric", "%", "Pictures", "Note", "Source"),
        [
            HtmlRow([
                HtmlCell(row.network), HtmlCell(row.metric), cell(f"{row.percent:g}"),
                HtmlCell(row.data_set), HtmlCell(row.note), HtmlCell(row.source),
            ])
            for row in measured.published()
        ],
    )  # fmt: skip


def _comparison(comparison: MetricComparison, records: Sequence[Metrics]) -> ComparisonPart:
    return ComparisonPart(
        metrics_table.names(comparison, records), metrics_table.facts(comparison),
        list(map(_difference, comparison.differences)),
    )  # fmt: skip


def _difference(difference: PictureDifference) -> DifferenceFigure:
    return DifferenceFigure(
        difference.image, f"{100 * difference.alike:.0f}",
        [DrawnPicture(each.caption, _checked(each.thumbnail)) for each in difference.drawings],
    )  # fmt: skip


def _checked(thumbnail: str) -> Markup | str:
    return Markup(thumbnail) if accuracy_table.is_thumbnail(thumbnail) else ""  # noqa: S704  # checked
