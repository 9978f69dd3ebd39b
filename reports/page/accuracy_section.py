"""The page's part about photographs: how often models were right, and where they part."""

from collections.abc import Sequence
from typing import Any

from bench.results import accuracy_table, format, tables
from bench.results.records import Agreement, Parting
from bench.results.session_report import Report
from reports.page.html_table import Cell, Grid, Row, cell, table


def parts(reports: Sequence[Report]) -> dict[str, Any]:
    """What the template needs: nothing to show where nothing was measured."""
    return {
        "accuracies": [_accuracies(one) for one in reports if one.accuracies],
        "published_accuracies": _published(reports),
        "pairs": [_pair(pair, one) for one in reports for pair in one.agreements],
    }


def _accuracies(one: Report) -> dict[str, Any]:
    return {
        "heading": tables.heading(one), "legend": list(accuracy_table.legend(one.accuracies)),
        "table": table(accuracy_table.COLUMNS, one.accuracies, accuracy_table.note),
    }  # fmt: skip


def _published(reports: Sequence[Report]) -> Grid:
    rows = accuracy_table.published_for(one for report in reports for one in report.accuracies)
    headers = ("Network", "top-1 %", "top-5 %", "Note", "Source")
    return Grid(
        headers,
        [
            Row([
                Cell(f"{row.alpha:g}, {row.resolution}" + (", shallow" if row.shallow else "")),
                cell(f"{row.top1:.2f}"),
                cell(format.MISSING if row.top5 is None else f"{row.top5:.2f}"),
                Cell(row.note), Cell(row.source),
            ])
            for row in rows
        ],
    )  # fmt: skip


def _pair(pair: Agreement, one: Report) -> dict[str, Any]:
    return {
        "names": accuracy_table.names(pair, one.accuracies),
        "facts": accuracy_table.facts(pair, len(one.agreements)),
        "partings": [_parting(parting) for parting in pair.partings],
    }


def _parting(parting: Parting) -> dict[str, Any]:
    return {
        "image": parting.image, "truth": parting.truth,
        "thumbnail": parting.thumbnail if accuracy_table.is_thumbnail(parting.thumbnail) else "",
        "answers": [
            {"label": label, "percent": f"{100 * probability:.0f}\N{NO-BREAK SPACE}%"}
            for label, probability in zip(parting.answers, parting.probabilities, strict=True)
        ],
    }  # fmt: skip
