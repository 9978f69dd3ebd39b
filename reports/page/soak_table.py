"""The page's table of soaks: whether a case keeps its speed."""

from collections.abc import Sequence

from bench.results import format, session_lines
from bench.results.read import SessionResults
from bench.results.records import Soak
from bench.results.summary import CaseSummary
from mobilenet.common.text import duration
from reports.page.html_table import Grid, HtmlCell, HtmlRow, cell
from reports.plots import plot_data

HEADERS = (
    "Model", "Unit", "Under load for", "calls/s at first", "calls/s at last", "Change", "Heat",
    "Verdict",
)  # fmt: skip


def table(rows: Sequence[CaseSummary], results: SessionResults) -> Grid | None:
    """The soaks of these cases; None where there are none."""
    cases = {row.case: row for row in rows}
    lines = [_row(soak, cases[soak.case]) for soak in results.soaks if soak.case in cases]
    return Grid(HEADERS, lines) if lines else None


def _row(soak: Soak, row: CaseSummary) -> HtmlRow:
    name = HtmlCell(row.model.name, card=plot_data.card(row.model))
    unit = HtmlCell(row.unit_label)
    windows = [window for window in soak.windows if window.took_ns > 0 and window.calls > 0]
    if len(windows) < 2:
        reason = soak.reason or "fewer than two windows were completed"
        missing = [cell(format.MISSING)] * 4
        return HtmlRow([name, unit, *missing, HtmlCell(""), HtmlCell(reason)], dim=True)
    first, last = windows[0].calls_per_second, windows[-1].calls_per_second
    seconds = (windows[-1].begin_ns + windows[-1].took_ns) / 1e9
    heat = f"{soak.thermal_before or 'unknown'}, then {soak.thermal_after or 'unknown'}"
    steady = last / first >= 1 - session_lines.STEADY
    return HtmlRow([
        name, unit, HtmlCell(duration(seconds), True, seconds),
        cell(format.significant(first)), cell(format.significant(last)),
        HtmlCell(format.percent(last / first), True, last / first), HtmlCell(heat),
        HtmlCell("steady" if steady else "slower"),
    ])  # fmt: skip
