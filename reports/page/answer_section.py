"""The page's answer: which variant for how many frames a second.

What `choose` recommends depends on the rate only by which variants are fast enough. From the time
of one variant to that of the next there is one answer: a page that holds them all has the answer
to any rate, and need not know how to choose.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise
from typing import NamedTuple

import msgspec

from bench.results import format
from bench.results.session_report import Report
from bench.results.summary import CaseSummary
from reports.choose import Choice, Option, Requirements, choose, frame_ns, options
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
    source: str = ""
    milliseconds: str = ""
    per_second: str = ""
    megabytes: str = ""
    command: str = ""
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
        for runtime, rows in report.runtimes().items():
            if known := options(rows, report.top1):
                answers = list(_answers(report, rows, known))
                anchor = naming.anchor(number)
                runtimes.append(
                    RuntimeAnswers(machine, report.source, runtime, anchor, trust, answers)
                )
            else:
                unanswered.append(f"{runtime} on {machine}: {_why_unanswered(rows)}")
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
        name = f"{plot_data.label(closest.row.model)} on {closest.row.unit_label}"
        rate = format.significant(1e9 / closest.frame_ns)
        return RateAnswer(time, reason=f"none: {name} comes closest with {rate} a second")
    option = by_case[choice.case]
    model = option.row.model
    return RateAnswer(
        time, variant=model.name, card=plot_data.card(model), unit=option.row.unit_label,
        top1=f"{option.top1.percent:.1f}", source=option.top1.source,
        milliseconds=format.milliseconds(option.frame_ns),
        per_second=format.significant(1e9 / option.frame_ns),
        megabytes=format.megabytes(model.size_bytes), command=choice.export,
    )  # fmt: skip


def _why_unanswered(rows: Sequence[CaseSummary]) -> str:
    """Nothing timed, or nothing of known accuracy: then at least what is fastest."""
    timed = [row for row in rows if frame_ns(row)]
    if not timed:
        reasons = dict.fromkeys(row.reason or row.status for row in rows)
        return f"nothing was timed ({'; '.join(reasons)})"
    fastest = min(timed, key=lambda row: frame_ns(row) or 0.0)
    return (
        f"no accuracy is known of what was timed; {fastest.model.name} on {fastest.unit_label} is "
        f"the fastest, with {format.significant(1e9 / (frame_ns(fastest) or 1.0))} frames a second"
    )
