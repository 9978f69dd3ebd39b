"""The page's table of one runtime's cases: what decides first, the rest on the models' cards."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from bench.results import format, tables
from bench.results.compare import compare_launches
from bench.results.read import SessionResults
from bench.results.summary import CaseSummary
from bench.results.top1 import Top1
from reports.choose import frame_ns
from reports.page.html_table import Grid, HtmlCell, HtmlRow, RowLimits, cell
from reports.plots import plot_data

HEADERS = (
    "Model", "Unit", "p50 ms", "frames/s", "vs. fastest", "MB", "top-1 %", "p90 ms", "first ms",
    "load ms", "M MACs", "loss",
)  # fmt: skip


class SkippedCases(NamedTuple):
    """Cases that did not run for one reason: how many, and why."""

    summary: str
    cases: list[str]


def table(
    rows: Sequence[CaseSummary], results: SessionResults, top1: Mapping[str, Top1]
) -> Grid | None:
    """The cases that ran, the fastest first; None where none did."""
    ran = [row for row in rows if row.launches]
    fastest = next((row for row in ran if row.p50), None)
    several_formats = len({row.model.format for row in ran}) > 1
    lines = [
        _row(row, fastest, results, top1.get(row.model.identity), several_formats) for row in ran
    ]
    return Grid(HEADERS, lines) if ran else None


def skipped(rows: Sequence[CaseSummary], results: SessionResults) -> Iterator[SkippedCases]:
    """Those that did not run, by reason; without those that were only soaked or placed."""
    otherwise = {soak.case for soak in results.soaks} | {p.case for p in results.placements}
    reasons: dict[str, list[str]] = {}
    for row in rows:
        if not row.launches and (row.status == "skipped" or row.case not in otherwise):
            reasons.setdefault(f"{row.status}: {row.reason}", []).append(row.case)
    for reason, cases in reasons.items():
        yield SkippedCases(f"{format.plural(len(cases), 'case')} {reason}", cases)


def _row(
    row: CaseSummary,
    fastest: CaseSummary | None,
    results: SessionResults,
    top1: Top1 | None,
    shows_format: bool,
) -> HtmlRow:
    p50, interval = format.latency(row.p50)
    time, model = frame_ns(row), row.model
    first_call, load = (each.value if each else None for each in (row.first_call, row.load))
    kind = ("measured" if top1.measured else "published") if top1 else ""
    return HtmlRow(
        [
            HtmlCell(model.name, note=tables.note(row), card=plot_data.card(model)),
            HtmlCell(row.unit_label, note=model.format if shows_format else ""),
            cell(p50, aside=interval if row.p50 else ""),
            cell(format.significant(1e9 / time) if time else format.MISSING),
            _ratio(row, fastest, results),
            cell(format.megabytes(model.size_bytes)),
            cell(f"{top1.percent:.1f}" if top1 else format.MISSING, aside=kind),
            cell(format.latency(row.p90)[0]), cell(format.milliseconds(first_call)),
            cell(format.milliseconds(load)), cell(format.millions(model.macs)),
            cell(format.scientific(model.agreement if model.loss is None else model.loss)),
        ],
        dim=row.p50 is None,
        limits=RowLimits(time, model.size_bytes, top1.percent if top1 else None) if time else None,
    )  # fmt: skip


def _ratio(row: CaseSummary, fastest: CaseSummary | None, results: SessionResults) -> HtmlCell:
    """How many times the fastest one's time, round by round, and the interval of that."""
    if fastest is None or row.p50 is None:
        return cell(format.MISSING)
    if row is fastest:
        return cell("1")
    launches = results.measured(fastest.case), results.measured(row.case)
    comparison = compare_launches(*launches, (fastest.case, row.case))
    if comparison.ratio is None:
        return cell(format.MISSING)
    bounds = comparison.interval
    aside = f"{bounds.low:.2f} to {bounds.high:.2f}" if bounds else "too few"
    return cell(f"{comparison.ratio:.2f}", aside=aside)
