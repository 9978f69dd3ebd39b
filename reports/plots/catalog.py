"""Which plots there are to draw, and `reports plots`, which draws them into a folder.

A session's tables get plots of their own.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from bench.results import format
from bench.results.read import SessionResults
from bench.results.session_report import Report, report
from bench.results.summary import CaseSummary
from bench.results.top1 import config_of
from mobilenet.common import files
from mobilenet.common.errors import RecordError
from mobilenet.networks.families import DEFAULT_NETWORK, NETWORKS, name_of
from reports.plots import layer_plots, style, timing, tradeoffs
from reports.plots.style import Plot

MAX_PLOTS = 500  # a session of all variants on all runtimes has some 30


def draw(sessions: Sequence[SessionResults], folder: Path, case: str | None = None) -> list[Path]:
    """Write each plot as PNG and SVG; returns the files. `case`: draw its raw samples too."""
    taken: set[str] = set()
    named = [
        (folder / _free(format.slug(f"{place}-{plot.name}"), taken), plot)
        for place, plot in islice(_all(sessions, case), MAX_PLOTS + 1)
    ]
    check_count(len(named))
    for stem, _ in named:  # what cannot be drawn or written is said before the work
        for path in style.paths(stem):
            files.check_file(path, [results.source for results in sessions])
    return [path for stem, plot in named for path in style.save(plot, stem)]


def check_count(plots: int) -> None:
    """Raise `RecordError` for more plots than anybody looks at: each takes time."""
    if plots > MAX_PLOTS:
        raise RecordError(f"these results have over {MAX_PLOTS} plots", "give fewer at once")


def _all(sessions: Sequence[SessionResults], case: str | None) -> Iterator[tuple[str, Plot]]:
    for results in sessions:
        summary = report(results)
        for title, rows in summary.tables().items():
            for plot in plots_of(summary, results, rows):
                yield f"{results.source.stem}-{title}", plot
    if case is not None:
        having = [results for results in sessions if results.measured(case)]
        for results in having or sessions[:1]:
            yield results.source.stem, timing.samples(results, case)
    for plot in general_plots(sessions):
        yield "mobilenet", plot


def plots_of(
    summary: Report, results: SessionResults, members: Sequence[CaseSummary]
) -> Iterator[Plot]:
    """Every plot that the rows of one table have the data for."""
    rows = [row for row in members if row.p50]
    for plot in (
        tradeoffs.accuracy(rows, summary.top1),
        tradeoffs.size(rows, summary.top1),
        timing.units(rows),
        timing.alpha(rows),
        timing.resolution(rows),
        timing.linear(rows),
        timing.launches(rows, results),
    ):
        if plot:
            yield plot
    cases = {row.case: row.model for row in members}
    soaks = [soak for soak in results.soaks if soak.case in cases and soak.windows]
    if soaks:
        yield timing.endurance(soaks, results.cases)
    for placement in results.placements:
        if placement.case in cases and any(op.cost is not None for op in placement.ops):
            yield layer_plots.placed_cost(placement, config_of(cases[placement.case]))


def general_plots(results: Sequence[SessionResults]) -> Iterator[Plot]:
    """Plots that no runtime has a part in."""
    yield from operation_plots(results)
    yield from error_plots(results)


def operation_plots(results: Sequence[SessionResults]) -> Iterator[Plot]:
    """The layers of each network that was measured, and of v1."""
    models = (case.model for session in results for case in session.cases.values())
    measured = {name_of(config) for config in map(config_of, models) if config}
    for name, kind in NETWORKS.items():
        if name == DEFAULT_NETWORK or name in measured:
            yield layer_plots.operations(kind())


def error_plots(results: Sequence[SessionResults]) -> Iterator[Plot]:
    """Layers that were compared with a reference."""
    for session in results:
        for errors in session.layer_errors:
            yield layer_plots.layer_error(errors)


def _free(stem: str, taken: set[str]) -> str:
    """A name that no other plot of this call has."""
    number, free = 1, stem
    while free in taken:
        number += 1
        free = f"{stem}-{number}"
    taken.add(free)
    return free
