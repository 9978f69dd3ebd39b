"""Claim: figures of one process, or of a camera's pace, never pass for isolated calls in a row.

Whatever a file says later, or beside them: a head that comes again, launches of another pace in a
case, both kinds of session in one file.
"""

from pathlib import Path

import msgspec
import pytest

import bench.__main__
import made_phone_sessions
import made_results as made
import reports.__main__
from bench.results.read import read
from bench.results.records import Launch, Record, SessionHead
from bench.results.session_report import Report, reports_of
from mobilenet.common import terminal

IN_ONE = "one process for all launches"
SHARED = made_phone_sessions.session(isolation="shared")
ISOLATED = made_phone_sessions.session()
CALLS = [record for record in SHARED if isinstance(record, Launch)]


def isolated_again() -> list[Record]:
    """The head comes again, as of a resumed session, and says that it was isolated."""
    head = SHARED[0]
    assert isinstance(head, SessionHead)
    return [*SHARED, msgspec.structs.replace(head, isolation="process")]


def told(path: Path, records: list[Record]) -> list[Report]:
    return reports_of(read([made.write(path, records)]))


def figures(told: list[Report], is_marked: bool) -> int:
    return sum(
        row.p50 is not None
        for report in told
        for title, rows in report.tables().items()
        for row in rows
        if (IN_ONE in title or "frames a second" in title) == is_marked
    )


def test_a_second_head_does_not_isolate_what_shared_a_process(tmp_path: Path) -> None:
    later = told(tmp_path / "a.jsonl", isolated_again())
    assert figures(later, is_marked=True) == 4
    assert figures(later, is_marked=False) == 0


def test_both_kinds_in_one_file_stay_apart(tmp_path: Path) -> None:
    for records in (SHARED + ISOLATED, ISOLATED + SHARED):
        both = told(tmp_path / "a.jsonl", records)
        assert figures(both, is_marked=True) == figures(both, is_marked=False) == 4


@pytest.mark.parametrize("pace_hz", [30.0, 1e-9, 1e99])
def test_one_launch_at_a_pace_marks_its_case(tmp_path: Path, pace_hz: float) -> None:
    first = next(launch for launch in CALLS if "CPU_ONLY" in launch.case)
    paced = [
        msgspec.structs.replace(record, pace_hz=pace_hz) if record is first else record
        for record in SHARED
    ]
    (one,) = told(tmp_path / "a.jsonl", paced)
    assert sum(row.pace_hz > 0 for row in one.cases) == 1
    assert all(len({row.pace_hz for row in rows}) == 1 for rows in one.tables().values())


def test_commands_do_not_compare_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    app = str(made.write(tmp_path / "app.jsonl", SHARED))
    slower = made_phone_sessions.session(ms=3.0)
    driven = str(made.write(tmp_path / "driven.jsonl", slower))
    assert terminal.run(reports.__main__.app, ["compare", app, driven]) == 2
    assert "isolation is 'shared' and 'process'" in capsys.readouterr().err
    assert terminal.run(reports.__main__.app, ["compare", app, driven, "--force"]) == 3


def test_an_apps_session_is_not_gone_on_with_in_processes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    app = made.write(tmp_path / "app.jsonl", SHARED[:-1])
    before = app.read_bytes()
    assert terminal.run(bench.__main__.app, ["resume", str(app)]) == 2
    assert "measured by itself, in one process" in " ".join(capsys.readouterr().err.split())
    assert app.read_bytes() == before
