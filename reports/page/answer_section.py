"""The page's answer: which variant for how many frames a second.

What `choose` recommends depends on the rate only by which variants are fast enough. From the time
of one variant to that of the next there is one answer: a page that holds them all has the answer
to any rate, and need not know how to choose.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby, pairwise
from typing import NamedTuple

import msgspec

from bench.results import format
from bench.results.session_report import Report
from bench.results.summary import CaseSummary
from bench.results.top1 import Top1
from reports.choose import UNRANKED, Choice, Option, Requirements, choose, frame_ns, options
from reports.page import naming
from reports.plots import plot_data

FRAME_RATES = (15, 30, 60, 120)


class RateAnswer(NamedTuple):
    """What is recommended from one time of a frame on; without a `card`, why nothing is."""

    from_ns: float
    variant: str = ""
    card: str = ""
    unit: str = ""
    top1: str = ""
    interval: str = ""  # of 95 %
    source: str = ""
    milliseconds: str = ""
    per_second: str = ""
    megabytes: str = ""
    command: str = ""
    command_note: str = ""
    reason: str = ""


class RuntimeAnswers(NamedTuple):
    """The answers of one session and runtime, for longer and longer frames."""

    machine: str
    source: str
    runtime: str
    anchor: str  # of its session
    trust: naming.TrustLine
    answers: list[RateAnswer]

    def at(self, fps: float) -> RateAnswer:
        """The answer for `fps` frames a second."""
        return [each for each in self.answers if each.from_ns <= 1e9 / fps][-1]

    @property
    def rates(self) -> list[tuple[str, RateAnswer]]:
        """The answers for the usual rates, those of one answer together."""
        return [
            (", ".join(map(str, rates)), answer)
            for answer, rates in groupby(FRAME_RATES, key=self.at)
        ]


class AnswerSection(NamedTuple):
    """Everything that answers, and a line for each machine and runtime that cannot."""

    runtimes: list[RuntimeAnswers]
    unanswered: list[str]


def section(reports: Sequence[Report]) -> AnswerSection:
    """The answers of all sessions. Each runtime of each is on its own: they do not compete."""
    runtimes: list[RuntimeAnswers] = []
    unanswered: list[str] = []
    for number, report in enumerate(reports, start=1):
        machine, trust = naming.machine(report), naming.trust(report)
        untimed: dict[str, list[CaseSummary]] = {}
        for runtime, rows in report.runtimes().items():
            if not any(row.p50 for row in rows):
                untimed[runtime] = rows
            elif not any(map(frame_ns, rows)):
                unanswered.append(f"{machine}, {runtime}: {UNRANKED}")
            elif known := options(rows, report.top1):
                answers = list(_answers(report, rows, known))
                anchor = naming.anchor(number)
                runtimes.append(
                    RuntimeAnswers(machine, report.source, runtime, anchor, trust, answers)
                )
            else:
                unanswered.append(f"{machine}, {runtime}: {_fastest(rows)}")
        if untimed:
            unanswered.append(f"{machine}, {_why_untimed(untimed)}")
    return AnswerSection(runtimes, list(dict.fromkeys(unanswered)))


def _answers(
    report: Report, rows: Sequence[CaseSummary], known: Sequence[Option]
) -> Iterator[RateAnswer]:
    """An answer for each time at which one more variant fits, where it is another one."""
    alone = msgspec.structs.replace(report, cases=tuple(rows))
    by_case = {option.row.case: option for option in known}
    times = sorted({option.frame_ns for option in known})
    last = None
    for time, following in pairwise([0.0, *times, 2 * times[-1]]):
        (choice,) = choose([alone], Requirements(fps=2e9 / (time + following)))
        if choice.case != last:
            last = choice.case
            yield _answer(time, choice, by_case)


def _answer(time: float, choice: Choice, by_case: dict[str, Option]) -> RateAnswer:
    if not choice.case:
        closest = min(by_case.values(), key=lambda option: option.frame_ns)
        name = f"{closest.row.model.name} on {closest.row.unit_label}"
        rate = format.significant(1e9 / closest.frame_ns)
        return RateAnswer(time, reason=f"none: {name} comes closest with {rate} a second")
    option = by_case[choice.case]
    model = option.row.model
    return RateAnswer(
        time, variant=model.name, card=plot_data.card(model), unit=option.row.unit_label,
        top1=f"{option.top1.percent:.1f}", interval=_interval(option.top1),
        source=option.top1.source,
        milliseconds=format.milliseconds(option.frame_ns),
        per_second=format.significant(1e9 / option.frame_ns),
        megabytes=format.megabytes(model.size_bytes), command=choice.export,
        command_note=choice.export_note,
    )  # fmt: skip


def _interval(top1: Top1) -> str:
    return f"{top1.interval.low:.1f} to {top1.interval.high:.1f}" if top1.interval else ""


def _why_untimed(runtimes: Mapping[str, Sequence[CaseSummary]]) -> str:
    reasons = dict.fromkeys(row.reason or row.status for rows in runtimes.values() for row in rows)
    return f"{', '.join(runtimes)}: nothing was timed ({'; '.join(reasons)})"


def _fastest(rows: Sequence[CaseSummary]) -> str:
    """What can be said without an accuracy."""
    times = {time: row for row in rows if (time := frame_ns(row))}
    row, rate = times[min(times)], format.significant(1e9 / min(times))
    return (
        f"no accuracy is known of what was timed; {row.model.name} on {row.unit_label} is the "
        f"fastest, with {rate} frames a second"
    )
