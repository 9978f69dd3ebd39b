"""`reports choose`: the most accurate variant that is fast enough, with the reason."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, Self

import msgspec

from bench.results import format, stats
from bench.results.records import Model
from bench.results.session_report import Report
from bench.results.stats import Estimate
from bench.results.summary import CaseSummary
from bench.results.top1 import Top1
from mobilenet.common.errors import ConfigError

UNRANKED = "timed at a camera's pace or in batches, which is ranked with nothing"
MAX_BYTES = 1 << 60  # as large a file as any record holds


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """The answer for one session and runtime: a variant with its reason, or why there is none."""

    source: str
    runtime: str
    reason: str
    case: str = ""
    unit: str = ""
    model: str = ""
    frame_ns: float | None = None
    top1: float | None = None
    export: str = ""  # the command that makes exactly this package
    export_note: str = ""  # on files in it that only the user has
    closest: tuple[str, ...] = ()  # where none fits, what misses one requirement by least
    unreliable: str = ""  # why nothing can be concluded from the session
    warnings: tuple[str, ...] = ()  # of the session


class Option(NamedTuple):
    """A measured variant of known accuracy."""

    row: CaseSummary
    frame: Estimate  # of the time to plan with, in ns
    top1: Top1

    @property
    def frame_ns(self) -> float:
        """Time of a frame to plan with."""
        return self.frame.value


class Requirements(NamedTuple):
    """What the variant must do."""

    fps: float
    min_top1: float = 0.0
    max_bytes: float = math.inf
    ios: int | None = None  # the oldest that must load it

    @classmethod
    def checked(
        cls, fps: float, min_top1: float, max_bytes: float, ios: int | None = None
    ) -> Self:
        """Raises `ConfigError` for requirements that make no sense."""
        if not (math.isfinite(fps) and fps > 0):
            raise ConfigError(f"fps is {fps:g}", "frames a second, above 0")
        if not 0 <= min_top1 <= 100:
            raise ConfigError(f"min-top1 is {min_top1:g}", "percent, 0 to 100")
        if not max_bytes > 0:
            raise ConfigError(f"max-mb is {max_bytes / 1e6:g}", "megabytes, above 0")
        if ios is not None and ios < 1:
            raise ConfigError(f"ios is {ios}", "a version of iOS: 15, or 27")
        return cls(fps, min_top1, max_bytes, ios)

    def is_loaded(self, model: Model) -> bool:
        """Whether the oldest system loads it, as far as the model says what it needs."""
        return self.ios is None or model.min_ios is None or model.min_ios <= self.ios


class Criterion(NamedTuple):
    """One requirement of several, and how near a timed case comes to it."""

    text: str
    holds: Callable[[CaseSummary], bool]
    distance: Callable[[CaseSummary], float]  # the smaller, the closer
    figure: Callable[[CaseSummary], str]  # what a case has of it, in words


def criteria(wanted: Requirements, report: Report) -> tuple[Criterion, ...]:
    """Each requirement by itself. An accuracy that is not known is none that would do."""
    most = format.megabytes(int(min(wanted.max_bytes, MAX_BYTES)))

    def percent(row: CaseSummary) -> float:
        figure = report.top1.get(row.model.identity)
        return figure.percent if figure else -math.inf

    def accuracy(row: CaseSummary) -> str:
        told = report.unranked.get(row.model.identity, "unknown")
        return told if math.isinf(percent(row)) else f"{percent(row):.4g} %"

    return (
        Criterion(
            f"{wanted.fps:g} frames a second",
            lambda row: _time(row) <= 1e9 / wanted.fps,
            _time,
            lambda row: f"{format.significant(1e9 / _time(row))} frames a second",
        ),
        Criterion(
            f"a top-1 of {wanted.min_top1:g} %" if wanted.min_top1 else "a top-1 that is known",
            lambda row: percent(row) >= wanted.min_top1,
            lambda row: -percent(row),
            accuracy,
        ),
        Criterion(
            f"at most {most} MB",
            lambda row: row.model.size_bytes <= wanted.max_bytes,
            lambda row: row.model.size_bytes,
            lambda row: f"{format.megabytes(row.model.size_bytes)} MB",
        ),
        Criterion(
            f"a file for iOS {wanted.ios}",
            lambda row: wanted.is_loaded(row.model),
            lambda row: row.model.min_ios or 0,
            lambda row: f"one for iOS {row.model.min_ios}",
        ),
    )


def choose(reports: Iterable[Report], requirements: Requirements) -> list[Choice]:
    """One choice per session and runtime: figures of different runtimes are never mixed."""
    return [
        _choice(report, runtime, rows, requirements)
        for report in reports
        for runtime, rows in report.runtimes().items()
    ]


def options(rows: Iterable[CaseSummary], top1: dict[str, Top1]) -> list[Option]:
    """The rows that have both a time and an accuracy."""
    both = ((row, frame(row), top1.get(row.model.identity)) for row in rows)
    return [Option(row, time, accuracy) for row, time, accuracy in both if time and accuracy]


def frame(row: CaseSummary) -> Estimate | None:
    """Time of a frame to plan with, in ns: nine of ten calls take no longer."""
    return (row.p90 or row.p50) if row.is_ranked else None


def frame_ns(row: CaseSummary) -> float | None:
    """The same without its interval."""
    time = frame(row)
    return time.value if time else None


def _time(row: CaseSummary) -> float:
    return frame_ns(row) or math.inf


def _choice(
    report: Report, runtime: str, members: list[CaseSummary], requirements: Requirements
) -> Choice:
    rows = [row for row in members if frame(row)]
    asked = criteria(requirements, report)
    choice = Choice(
        source=report.source, runtime=runtime, reason="", unreliable=report.trust.unreliable,
        warnings=report.trust.warnings,
    )  # fmt: skip
    fits = options((row for row in rows if all(each.holds(row) for each in asked)), report.top1)
    if not fits:
        return msgspec.structs.replace(
            choice,
            reason=_why_none(rows, asked, any(row.p50 for row in members)),
            closest=tuple(_closest(rows, asked)),
        )
    best, remark = _best(fits)
    model = best.row.model
    return msgspec.structs.replace(
        choice, case=best.row.case, unit=best.row.unit, model=model.name,
        frame_ns=best.frame_ns, top1=best.top1.percent,
        export=model.command, export_note=model.command_note,
        reason=f"{_reason(best, requirements.fps)}, the best of {len(fits)} that fit, "
        f"{len(rows)} measured{remark}",
    )  # fmt: skip


def _best(fits: Sequence[Option]) -> tuple[Option, str]:
    """The choice, and what else was as good.

    Of those tied in accuracy with the most accurate (`Top1.is_tied_with`), those as fast as the
    fastest within the intervals of both; of these the smallest file.
    """
    best = max(fits, key=lambda option: option.top1.percent)
    accurate = [
        each for each in fits if best.top1.is_tied_with(each.top1, each.row.model.identity)
    ]
    fastest = min(accurate, key=lambda option: option.frame_ns).frame
    alike = [each for each in accurate if not stats.are_apart(each.frame, fastest)]
    smallest = min(alike, key=lambda option: (option.row.model.size_bytes, option.frame_ns))
    return smallest, _ties(smallest, best, len(alike))


def _ties(choice: Option, best: Option, alike: int) -> str:
    remark = ""
    if choice.top1.percent < best.top1.percent:
        figure = f"{best.top1.percent:.4g} % of {best.row.model.name}"
        remark = f"; the {figure} cannot be told from that"
    if alike > 1:
        remark += f"; the smallest of {alike} whose accuracy and time cannot be told apart"
    return remark


def _reason(best: Option, fps: float) -> str:
    needs = f"; needs iOS {best.row.model.min_ios}" if best.row.model.min_ios else ""
    return (
        f"{'p90' if best.row.p90 else 'p50'} {format.milliseconds(best.frame_ns)} ms of the "
        f"{format.significant(1e3 / fps)} ms that a frame may take; top-1 "
        f"{best.top1.percent:.4g} %, {best.top1.source}{needs}"
    )


def _why_none(rows: Sequence[CaseSummary], asked: Sequence[Criterion], is_timed: bool) -> str:
    if not rows:
        return UNRANKED if is_timed else "nothing was timed"
    for criterion in asked:
        if not any(map(criterion.holds, rows)):
            return f"nothing measured has {criterion.text}"
    return "nothing measured has all that is asked for at once"


def _closest(rows: Sequence[CaseSummary], asked: Sequence[Criterion]) -> Iterator[str]:
    """For each requirement, of the cases that lack it alone the one that comes nearest to it.

    Where all lack several, of those that lack it.
    """
    lacking = [[each for each in asked if not each.holds(row)] for row in rows]
    is_near = min(map(len, lacking), default=0) == 1
    for criterion in asked:
        near = [
            row for row, lacks in zip(rows, lacking, strict=True)
            if criterion in lacks and (len(lacks) == 1 or not is_near)
        ]  # fmt: skip
        if near:
            row = min(near, key=criterion.distance)
            yield f"{criterion.text}: {row.model.name} on {row.unit} ({criterion.figure(row)})"
