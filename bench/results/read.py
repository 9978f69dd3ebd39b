"""SessionResults files into sessions. What can be shown is shown; what cannot is a warning.

A file may be cut in its last line, hold several sessions one after the other, or come from a
newer version of this tool: none of that hides the lines that can be read.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from bench.results import format, line_file
from bench.results.disagreements import Agreement
from bench.results.launch import usable
from bench.results.layer_errors import LayerErrors
from bench.results.metrics import MetricComparison
from bench.results.placed_ops import Placement
from bench.results.records import (
    SCHEMA,
    Accuracy,
    Case,
    Launch,
    Metrics,
    Pilot,
    Record,
    SessionHead,
    Soak,
)
from bench.results.upgrade import decode
from mobilenet.common.errors import RecordError

MAX_COMPLAINTS = 10_000  # lines that are no records
MAX_SESSIONS = 100  # of one file
MAX_CASES = 2000  # of one session; `bench all` has some 500
MAX_RUNTIMES = 20  # of one session
_SHOWN_LINES = 3  # of the same complaint


@dataclass
class SessionResults:
    """One session: its head, its cases, and their launches in the order they were written."""

    source: Path
    session: SessionHead | None = None  # None when the file begins in the middle of one
    cases: dict[str, Case] = field(default_factory=dict)
    launches: dict[str, list[Launch]] = field(default_factory=dict)
    soaks: list[Soak] = field(default_factory=list)
    placements: list[Placement] = field(default_factory=list)
    accuracies: list[Accuracy] = field(default_factory=list)
    agreements: list[Agreement] = field(default_factory=list)
    metrics: list[Metrics] = field(default_factory=list)
    metric_comparisons: list[MetricComparison] = field(default_factory=list)
    layer_errors: list[LayerErrors] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def measured(self, case: str) -> list[Launch]:
        """The launches of `case` that have figures."""
        return [launch for launch in self.launches.get(case, []) if usable(launch)]

    def add(self, record: Record) -> None:
        """Put `record` where it belongs: a later head or case replaces an earlier one."""
        match record:
            case SessionHead():
                self.session = record
            case Case():
                self.cases[record.case] = record
            case Launch():
                self.launches.setdefault(record.case, []).append(record)
            case Pilot():
                pass  # the plan is made of it, and nothing else
            case Soak():
                self.soaks.append(record)
            case Placement():
                self.placements.append(record)
            case Accuracy():
                self.accuracies.append(record)
            case Agreement():
                self.agreements.append(record)
            case Metrics():
                self.metrics.append(record)
            case MetricComparison():
                self.metric_comparisons.append(record)
            case LayerErrors():
                self.layer_errors.append(record)


def read(paths: Iterable[Path]) -> list[SessionResults]:
    """All sessions of all `paths`. Raises `RecordError` for a file that holds no record."""
    return [results for path in paths for results in read_file(path)]


def last_session(path: Path) -> SessionResults:
    """The newest session of a file, where one is wanted."""
    return read_file(path)[-1]


def read_file(path: Path) -> list[SessionResults]:
    """The sessions of one file."""
    if not line_file.check_size(path):
        raise RecordError(f"{path} is empty", line_file.HINT)
    complaints: list[str] = []
    sessions = list(_sessions(path, complaints))
    if not sessions:
        raise RecordError(
            f"{path} holds no results: {[*complaints, 'no line in it'][0]}", line_file.HINT
        )
    sessions[0].warnings[:0] = _shortened(complaints)
    for results in sessions:
        if len({case.runtime for case in results.cases.values()}) > MAX_RUNTIMES:
            raise RecordError(f"{path} has over {MAX_RUNTIMES} runtimes", line_file.HINT)
        results.warnings += _gaps(results)
    return sessions


def _sessions(path: Path, complaints: list[str]) -> Iterator[SessionResults]:
    current: SessionResults | None = None
    sessions = 1
    for record in _records(path, complaints):
        if current is None:
            current = SessionResults(path)
        elif isinstance(record, SessionHead) and not _continues(current, record):
            yield current
            current = SessionResults(path)
            sessions += 1
        current.add(record)
        if sessions > MAX_SESSIONS or len(current.cases) > MAX_CASES:
            raise RecordError(
                f"{path} has more than {MAX_SESSIONS} sessions, or {MAX_CASES} cases in one",
                "split it",
            )
    if current is not None:
        yield current


def _continues(current: SessionResults, head: SessionHead) -> bool:
    """A resumed session may repeat its head, but launches in other processes are of another."""
    before = current.session
    if before is None:
        return False
    return (before.session, before.isolation) == (head.session, head.isolation)


def _records(path: Path, complaints: list[str]) -> Iterator[Record]:
    for number, line in line_file.lines(path):
        if not line.strip():
            continue
        try:
            yield decode(line)
        except msgspec.DecodeError as error:
            if line.endswith(b"\n") or isinstance(error, msgspec.ValidationError):
                complaints.append(f"line {number} is not a record of ours: {error}")
            else:
                complaints.append(f"line {number}, the last, is cut off and left out")
        if len(complaints) > MAX_COMPLAINTS:
            raise RecordError(
                f"{path} has over {MAX_COMPLAINTS} lines like this: {complaints[0]}",
                line_file.HINT,
            )


def _shortened(complaints: list[str]) -> list[str]:
    rest = len(complaints) - _SHOWN_LINES
    return complaints[:_SHOWN_LINES] + ([f"{rest} more such lines"] if rest > 0 else [])


def _gaps(results: SessionResults) -> list[str]:
    """What is missing or newer than this reader, and taken as it is."""
    warnings = []
    if results.session is None:
        if results.cases:
            warnings.append("the session's head is missing: machine and plan are unknown")
    elif results.session.schema > SCHEMA:
        warnings.append(
            f"written in schema {results.session.schema}, this version reads up to {SCHEMA}: "
            "fields it does not know are left out; update the tool to see them"
        )
    if orphans := sorted(set(results.launches) - set(results.cases)):
        count = format.plural(len(orphans), "case")
        verb = "is" if len(orphans) == 1 else "are"
        warnings.append(f"launches of {count} that {verb} not described: {orphans[0]}")
    return warnings
