"""The page's table of soaks: whether a case keeps its speed."""

from collections.abc import Sequence

from bench.results import format, session_lines
from bench.results.read import SessionResults
from bench.results.records import Soak
from bench.results.soak_window import SoakWindow
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


def is_steady(soak: Soak) -> bool:
    """Whether the last window is as fast as the first, but for what is no loss."""
    first, last = _ends(soak)
    return first > 0 and last / first >= 1 - session_lines.STEADY


def _ends(soak: Soak) -> tuple[float, float]:
    """Calls per second of the first and the last window; zeros for fewer than two."""
    windows = _whole(soak)
    if len(windows) < 2:
        return 0.0, 0.0
    return windows[0].calls_per_second, windows[-1].calls_per_second


def _whole(soak: Soak) -> list[SoakWindow]:
    return [window for window in soak.windows if window.took_ns > 0 and window.calls > 0]


def _row(soak: Soak, row: CaseSummary) -> HtmlRow:
    name = HtmlCell(row.model.name, card=plot_data.card(row.model))
    unit = HtmlCell(row.unit_label)
    first, last = _ends(soak)
    if not first:
        reason = soak.reason or "fewer than two windows were completed"
        missing = [cell(format.MISSING)] * 4
        return HtmlRow([name, unit, *missing, HtmlCell(""), HtmlCell(reason)], dim=True)
    final = _whole(soak)[-1]
    seconds = (final.begin_ns + final.took_ns) / 1e9
    heat = f"{soak.thermal_before or 'unknown'}, then {soak.thermal_after or 'unknown'}"
    return HtmlRow([
        name, unit, HtmlCell(duration(seconds), True, seconds),
        cell(format.significant(first)), cell(format.significant(last)),
        HtmlCell(format.percent(last / first), True, last / first), HtmlCell(heat),
        HtmlCell("steady" if is_steady(soak) else "slower"),
    ])  # fmt: skip
