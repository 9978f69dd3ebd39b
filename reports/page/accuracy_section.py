"""The page's part about photographs: how often models were right, and where they part."""

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from bench.results import accuracy_table, format, tables
from bench.results.disagreements import Agreement, Disagreement
from bench.results.records import Accuracy
from bench.results.session_report import Report
from reports.page.html_table import Grid, HtmlCell, HtmlRow, cell, table
from reports.plots import plot_data


def parts(reports: Sequence[Report]) -> dict[str, Any]:
    """What the template needs: nothing to show where nothing was measured."""
    return {
        "accuracies": [_accuracies(report) for report in reports if report.accuracies],
        "published_accuracies": _published(reports),
        "pairs": [_pair(pair, report) for report in reports for pair in report.agreements],
    }


def _accuracies(report: Report) -> dict[str, Any]:
    return {
        "heading": tables.heading(report),
        "facts": () if report.tables() else report.facts,
        "legend": list(accuracy_table.legend(report.accuracies)),
        "table": table(accuracy_table.COLUMNS, report.accuracies, accuracy_table.note, _card),
    }  # fmt: skip


def _card(accuracy: Accuracy) -> str:
    return plot_data.card(accuracy.model)


def _published(reports: Sequence[Report]) -> Grid:
    measured = [accuracy for report in reports for accuracy in report.accuracies]
    headers = ("Network", "top-1 %", "top-5 %", "Note", "Source")
    return Grid(
        headers,
        [
            HtmlRow([
                HtmlCell(accuracy_table.network_of(row)),
                cell(f"{row.top1:.2f}"),
                cell(format.MISSING if row.top5 is None else f"{row.top5:.2f}"),
                HtmlCell(row.note), HtmlCell(row.source),
            ])
            for row in accuracy_table.published_for(measured)
        ],
    )  # fmt: skip


def _pair(pair: Agreement, report: Report) -> dict[str, Any]:
    return {
        "names": accuracy_table.names(pair, report.accuracies),
        "facts": accuracy_table.facts(pair, len(report.agreements)),
        "disagreements": [_disagreement(disagreement) for disagreement in pair.disagreements],
    }


def _disagreement(disagreement: Disagreement) -> dict[str, Any]:
    thumbnail, answers = disagreement.thumbnail, disagreement.answers
    return {
        "image": disagreement.image, "truth": disagreement.truth,
        "thumbnail": Markup(thumbnail) if accuracy_table.is_thumbnail(thumbnail) else "",  # noqa: S704  # checked
        "answers": [
            {"label": label, "percent": f"{100 * probability:.0f}"}
            for label, probability in zip(answers, disagreement.probabilities, strict=True)
        ],
    }  # fmt: skip
