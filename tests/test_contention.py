"""A machine that was busy shows in CPU time; wall time alone would call it a slow network."""

from pathlib import Path

import msgspec
import pytest

import made_results as made
from bench.results import contention, tables
from bench.results.processor_time import is_contended
from bench.results.records import Case, Launch, Record
from bench.results.session_report import Report, read_reports
from bench.results.summary import CaseSummary, summarize
from mobilenet.networks.v1 import MobileNetConfig
from reports import frame

MS = 1_000_000


def launch(case: Case, number: int, wall_ms: float, cpu_ms: float, switches: int = 0) -> Launch:
    samples = 20
    return made.measured(
        case.case, number, samples_ns=(round(wall_ms * MS),) * samples,
        cpu_ns=(round(cpu_ms * MS),) * samples, involuntary_switches=switches,
    )  # fmt: skip


def case(unit: str = "CPU", runtime: str = "portable", **options: str) -> Case:
    return made.case(made.model(MobileNetConfig()), runtime, unit, options=options)


def summary(of: Case, *pairs: tuple[float, float], switches: int = 0) -> CaseSummary:
    return summarize(of, [launch(of, n, *pair, switches) for n, pair in enumerate(pairs)])


def report(tmp_path: Path, of: Case, contended: int, rounds: int = 15) -> Report:
    launches = [
        launch(of, number, 40 if number < contended else 11, 11, switches=100)
        for number in range(rounds)
    ]
    records: list[Record] = [made.session(rounds), of, *launches]
    (made_report,) = read_reports([made.write(tmp_path / "r.jsonl", records)])
    return made_report


@pytest.mark.parametrize(
    ("threads", "wall", "cpu", "switches", "contended"),
    [
        (1, 10, 9.2, 0, False),
        (1, 10, 9.0, 0, True),
        (2, 10, 19, 500, False),
        (2, 10, 14, 0, False),  # the second thread had no work
        (2, 10, 14, 2, False),
        (2, 10, 14, 20, True),  # it was put aside
        (2, 10, 9.0, 0, True),  # not even one thread ran all the time
    ],
)
def test_a_launch_that_waited_for_the_processor(
    threads: int, wall: float, cpu: float, switches: int, contended: bool
) -> None:
    assert is_contended(launch(case(), 0, wall, cpu, switches), threads) == contended


def test_without_cpu_time_nothing_is_said_of_it() -> None:
    silent = made.measured("x")
    assert not is_contended(silent, 1)
    assert summarize(case(), [silent]).cpu_p50 is None


@pytest.mark.parametrize(
    ("runtime", "unit"), [("coreml", "CPU_AND_NE"), ("coreml", "ALL"), ("torch-mps", "GPU")]
)
def test_waiting_for_another_unit_is_no_contention(runtime: str, unit: str) -> None:
    waiting = summary(case(unit, runtime), *[(10, 1)] * 6)
    assert (waiting.contended, waiting.cpu_p50) == (0, None)
    assert contention.doubt([waiting]) == contention.remark([waiting]) == ""


def test_cpu_time_of_short_samples_is_a_mean() -> None:
    """Linux books the second thread's time at its ticks: to every fourth sample, say."""
    ticks = made.measured("x", samples_ns=(MS,) * 8, cpu_ns=(MS, MS, MS, 5 * MS) * 2)
    both_threads = summarize(case(threads="2"), [ticks])
    assert both_threads.cpu_p50
    assert both_threads.cpu_p50.value == 2 * MS
    assert both_threads.contended == 0


def test_a_session_with_contention_is_qualified(tmp_path: Path) -> None:
    unreliable = report(tmp_path, case(), 6).trust.unreliable
    assert unreliable.startswith("6 of 15 launches on the CPU, in 1 case, waited for it")
    assert "1,500 involuntary context switches" in unreliable


def test_launches_that_the_interval_leaves_outside_move_nothing(tmp_path: Path) -> None:
    trust = report(tmp_path, case(), 3).trust  # the interval begins at the fourth
    assert trust.unreliable == ""
    assert trust.warnings[0].startswith("3 of 15 launches")
    assert report(tmp_path, case(), 1, rounds=30).warnings == ()
    trust = report(tmp_path, case(), 1, rounds=6).trust
    assert trust.unreliable.startswith("1 of 6")  # of six, it goes from least to greatest


def test_a_worker_that_counts_nothing_as_cpu_time_is_told_of(tmp_path: Path) -> None:
    """A coarse clock, or a file made by hand: no figure is divided by it."""
    of = case(threads="999999")
    launches = [launch(of, number, 10, 0) for number in range(6)]
    path = made.write(tmp_path / "r.jsonl", [made.session(6), of, *launches])
    (uncounted,) = read_reports([path])
    assert uncounted.trust.unreliable.startswith("6 of 6 launches")
    assert tables.markdown([uncounted])


def test_cpu_time_is_shown_where_it_differs_and_never_ranked(tmp_path: Path) -> None:
    slow = case()
    fast = msgspec.structs.replace(slow, case="other", model=made.model(MobileNetConfig(0.5)))
    launches = [launch(slow, n, 10, 5) for n in range(6)]
    launches += [launch(fast, n, 9, 8.9) for n in range(6)]
    path = made.write(tmp_path / "r.jsonl", [made.session(6), slow, fast, *launches])
    (both,) = read_reports([path])
    assert [row.case for row in both.cases] == ["other", slow.case]  # by wall time
    assert [contention.distinct_cpu_ns(row) for row in both.cases] == [None, 5 * MS]
    assert list(frame.frame_of([both]).cpu_p50_ns) == [8.9 * MS, 5 * MS]
    assert "CPU ms" in tables.markdown([both])
    assert "6 launches waited for the CPU" in tables.note(both.cases[1])
    assert "CPU ms" not in tables.markdown(read_reports([_without(tmp_path, path)]))


def _without(tmp_path: Path, path: Path) -> Path:
    """The same session by a version that knew no CPU time."""
    records = [msgspec.json.decode(line) for line in path.read_bytes().splitlines()]
    for record in records:
        record.pop("cpu_ns", None)
    old = tmp_path / "old.jsonl"
    old.write_bytes(b"".join(msgspec.json.encode(record) + b"\n" for record in records))
    return old
