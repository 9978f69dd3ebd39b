"""Frames of a camera beside calls in a row: what a case costs where the processor may rest."""

from collections.abc import Iterator, Sequence

import msgspec

from bench.results import format
from bench.results.columns import Column
from bench.results.compare import Comparison, compare_launches
from bench.results.read import SessionResults
from bench.results.records import Model
from bench.results.stats import Estimate
from bench.results.summary import CaseSummary
from mobilenet.common.text import one_line

TITLE = "Camera frames beside calls in a row"
LEGEND = "times the time: median over rounds of the ratio, with its interval"


class CameraFrames(msgspec.Struct, frozen=True, kw_only=True):
    """One model on one unit, called both ways in the same rounds. Times are p50 in ns."""

    model: Model
    runtime: str
    unit: str
    pace_hz: float
    in_a_row: Estimate
    paced: Estimate
    comparison: Comparison  # paced against in a row


def camera_frames(results: SessionResults, rows: Sequence[CaseSummary]) -> Iterator[CameraFrames]:
    """Every paced case of `rows` that has a twin called in a row."""
    in_a_row = {_alike(row): row for row in rows if not row.pace_hz}
    for paced in rows:
        calls = in_a_row.get(_alike(paced)) if paced.pace_hz else None
        if calls and calls.p50 and paced.p50:
            names = calls.case, paced.case
            both = results.measured(calls.case), results.measured(paced.case)
            yield CameraFrames(
                model=paced.model, runtime=paced.runtime, unit=calls.unit_label,
                pace_hz=paced.pace_hz, in_a_row=calls.p50, paced=paced.p50,
                comparison=compare_launches(*both, names),
            )  # fmt: skip


def _alike(row: CaseSummary) -> tuple[object, ...]:
    """What both have in common: all but the pace."""
    options = {name: value for name, value in row.options.items() if name != "pace"}
    return row.model.identity, row.runtime, row.unit, tuple(sorted(options.items()))


def _times_the_time(frames: CameraFrames) -> str:
    ratio, bounds = frames.comparison.ratio, frames.comparison.interval
    if ratio is None:
        return format.MISSING
    return f"{ratio:.2f} ({f'{bounds.low:.2f} to {bounds.high:.2f}' if bounds else 'too few'})"


COLUMNS: tuple[Column[CameraFrames], ...] = (
    Column("Model", lambda frames: one_line(frames.model.name), numeric=False),
    Column("Runtime", lambda frames: one_line(frames.runtime), numeric=False),
    Column("Unit", lambda frames: one_line(frames.unit), numeric=False),
    Column("in a row ms", lambda frames: format.latency(frames.in_a_row)[0]),
    Column("frames/s", lambda frames: f"{frames.pace_hz:g}"),
    Column("a frame ms", lambda frames: format.latency(frames.paced)[0]),
    Column("times the time", _times_the_time),
)
