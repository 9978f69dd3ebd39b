"""The results file survives full disks, cut lines and second writers."""

import errno
import os
import resource
import signal
from pathlib import Path

import msgspec
import pytest

from bench.results import jsonl
from bench.results.records import Case, Launch, Model, Record
from mobilenet.common.errors import RecordError

CASE = Case(
    case="a", model=Model(name="a", identity="0", size_bytes=1), runtime="fake", unit="CPU"
)
LAUNCH = Launch(case="a", round=0, position=0, started="now", status="ok", samples_ns=(1, 2, 3))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "results.jsonl"


def held(path: Path) -> list[Record]:
    with jsonl.resume(path) as (_, records):
        return records


def test_records_come_back_as_they_were(path: Path) -> None:
    with jsonl.create(path, [CASE]) as file:
        file.append(LAUNCH)
    assert held(path) == [CASE, LAUNCH]
    assert list(path.parent.iterdir()) == [path]


def test_each_launch_is_in_the_file_at_once(path: Path) -> None:
    with jsonl.create(path, [CASE]) as file:
        file.append(LAUNCH)
        assert path.read_bytes().count(b"\n") == 2


def test_a_file_is_never_replaced(path: Path) -> None:
    path.write_text("mine")
    with pytest.raises(RecordError, match="exists"), jsonl.create(path, [CASE]):
        pass
    assert path.read_text() == "mine"


def test_a_link_to_nothing_leads_to_the_new_file(path: Path) -> None:
    path.symlink_to(path.with_name("kept.jsonl"))
    with jsonl.create(path, [CASE]) as file:
        file.append(LAUNCH)
    assert path.is_symlink()
    assert held(path.with_name("kept.jsonl")) == [CASE, LAUNCH]


def test_two_that_begin_at_once_do_not_share_a_file(path: Path) -> None:
    with (
        jsonl.create(path, [CASE]),
        pytest.raises(RecordError, match="exists"),
        jsonl.create(path, [CASE]),
    ):
        pass


def test_a_second_session_on_the_file_is_refused(path: Path) -> None:
    with jsonl.create(path, [CASE]) as file:
        with pytest.raises(RecordError, match="another run"), jsonl.resume(path):
            pass
        file.append(LAUNCH)
    assert held(path) == [CASE, LAUNCH]


@pytest.mark.parametrize("cut", [1, 30, 80])
def test_a_line_cut_in_the_middle_is_dropped_and_writing_goes_on(path: Path, cut: int) -> None:
    with jsonl.create(path, [CASE]) as file:
        file.append(LAUNCH)
        file.append(LAUNCH)
    path.write_bytes(path.read_bytes()[:-cut])
    with jsonl.resume(path) as (file, records):
        assert records == [CASE, LAUNCH]
        file.append(LAUNCH)
    assert held(path) == [CASE, LAUNCH, LAUNCH]


def test_a_foreign_file_is_refused_and_left_alone(path: Path) -> None:
    path.write_text('{"kind": "shopping", "milk": 2}\n{"half')
    before = path.read_bytes()
    with pytest.raises(RecordError, match="line 1"), jsonl.resume(path):
        pass
    assert path.read_bytes() == before


def test_a_missing_file_is_one_line(path: Path) -> None:
    with pytest.raises(RecordError, match="does not exist"), jsonl.resume(path):
        pass


def test_a_full_disk_keeps_whole_lines_only(path: Path) -> None:
    """RLIMIT_FSIZE cuts a write in the middle as a full disk does."""
    with jsonl.create(path, [CASE]) as file:
        file.append(LAUNCH)
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        before = path.read_bytes()
        room = len(before) + len(msgspec.json.encode(LAUNCH)) // 2
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, limits[1]))
        try:
            with pytest.raises(RecordError, match=os.strerror(errno.EFBIG)) as caught:
                file.append(LAUNCH)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
            signal.signal(signal.SIGXFSZ, handler)
        assert "bench resume" in caught.value.hint
        assert path.read_bytes() == before  # as bytes: `resume` would mend half a line
        file.append(LAUNCH)
    assert held(path) == [CASE, LAUNCH, LAUNCH]
