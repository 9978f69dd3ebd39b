"""A whole session of `bench` with the worker in Swift, beside the portable runtime.

The script of its engine has what the portable runtime computes: a small classifier's classes.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

import swift_goldens
from bench import placement
from bench.placement import PlacementOptions
from bench.results import jsonl
from bench.results.placed_ops import PlacedOp
from bench.results.read import last_session
from bench.results.records import Case, Launch, Plan
from bench.runtimes.entries import RUNTIMES, RuntimeEntry
from bench.session import runner
from bench.session.cases import candidates
from bench.workers import made_inputs
from export.pipeline import export
from export.runtimes.portable import PortableRuntime
from export.spec import Variant
from mobilenet.common.errors import ConfigError, UnsupportedError
from small_models import classifier

PLAN = Plan(rounds=2, warmup_s=0, warmup_calls=3, samples=10, timeout_s=60, seed=1)
LATER = 10  # a call that the launch which prepares a case does not come to

Session = Callable[..., tuple[list[Case], list[Launch]]]


@pytest.fixture
def session(
    swift_worker: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Session:
    """Measures with a fault in the script, or none; on the runtimes that are named."""
    monkeypatch.setitem(RUNTIMES, "made", RuntimeEntry(("CPU_ONLY", "ALL"), worker=swift_worker))
    package = classifier().save(tmp_path / "Net.mlpackage")

    def measure(*runtimes: str, **faults: Any) -> tuple[list[Case], list[Launch]]:
        script = {"load_ns": 0, "call_ns": 250_000, "faulty_call": LATER, "outputs": of(package)}
        beside = package.with_name("Net.mlpackage.made.json")
        beside.write_bytes(msgspec.json.encode({**script, **faults}))
        path = tmp_path / "results.jsonl"
        runner.start(candidates([package], runtimes, threads=1), PLAN, path)
        with jsonl.resume(path) as (_, records):
            cases = [record for record in records if isinstance(record, Case)]
            return cases, [record for record in records if isinstance(record, Launch)]

    return measure


def of(package: Path) -> list[dict[str, Any]]:
    """What the portable runtime computes of a package, in the lines of a script."""
    runtime = PortableRuntime(threads=1)
    model = runtime.load(runtime.compile(package, package.parent), "CPU")
    computed = model.predict(made_inputs.make(model.description))
    label, answer = computed["label"], computed["answer"]
    return [
        {"name": "label", "text": label},
        {"name": "answer", "keys": list(answer), "numbers": list(map(float, answer.values()))},
    ]


def test_both_workers_compute_the_same_and_are_interleaved(session: Session) -> None:
    cases, launches = session("portable", "made")
    assert [(case.runtime, case.unit, case.skipped) for case in cases] == [
        ("portable", "CPU", ""), ("made", "CPU_ONLY", ""), ("made", "ALL", ""),
        ("portable", "CPU", ""),  # the A/A control
    ]  # fmt: skip
    assert all(case.compile_ns and case.first_load_ns is not None for case in cases)
    assert [launch.status for launch in launches] == ["ok"] * 8
    assert len({launch.output.digest for launch in launches if launch.output}) == 1
    assert len({launch.output.top1 for launch in launches if launch.output}) == 1
    assert {launch.output.difference for launch in launches if launch.output} == {0.0}


@pytest.mark.parametrize(("fault", "status"), [("crash", "crashed"), ("wrong", "refused")])
def test_a_fault_is_that_launchs(session: Session, fault: str, status: str) -> None:
    cases, launches = session("made", fault=fault)
    assert not any(case.skipped for case in cases)
    assert [launch.status for launch in launches] == [status] * 6


def test_what_does_not_run_at_all_is_said_before_the_first_round(session: Session) -> None:
    with pytest.raises(UnsupportedError, match="it cannot be loaded for CPU_ONLY"):
        session("made", fault="load")


@pytest.mark.macos
@pytest.mark.skipif(sys.platform != "darwin", reason="Core ML runs on macOS")
def test_core_ml_in_swift_agrees_with_the_portable_runtime(tmp_path: Path) -> None:
    package = export(Variant(alpha=0.25, resolution=96, weights="untrained"), tmp_path).path
    path = tmp_path / "results.jsonl"
    chosen = candidates([package], ["portable", "coreml-native"], units=["CPU", "CPU_ONLY"])
    runner.start(chosen, PLAN, path)
    with jsonl.resume(path) as (_, records):
        launches = [record for record in records if isinstance(record, Launch)]
        reasons = [record.skipped for record in records if isinstance(record, Case)]
    assert set(reasons) == {""}
    native = [launch for launch in launches if "coreml-native" in launch.case]
    assert [launch.reason for launch in launches] == [""] * len(launches)
    assert all(launch.output and launch.output.difference < 0.05 for launch in native)


def test_placement_is_asked_of_the_worker(
    swift_worker: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(RUNTIMES, "made", RuntimeEntry(("CPU_ONLY", "ALL"), worker=swift_worker))
    package = classifier().save(tmp_path / "Net.mlpackage")
    beside = package.with_name("Net.mlpackage.made.json")
    script = {"load_ns": 0, "call_ns": 0, "faulty_call": 0, "outputs": []}
    ops = [swift_goldens.placed_op(), PlacedOp(
        function="main", name="probabilities", type="ios16.softmax", preferred="CPU", supported=(),
    )]  # fmt: skip
    beside.write_bytes(msgspec.json.encode({**script, "ops": ops}))
    output = tmp_path / "plan.jsonl"
    options = PlacementOptions(runtime="made", require="ane=0.9", output=output)
    plan, is_met = placement.placement(package, options)
    assert is_met
    assert (plan.case, plan.ops) == ("Net | made | ALL", tuple(ops))
    assert last_session(output).placements == [plan]
    beside.write_bytes(msgspec.json.encode(script))
    with pytest.raises(UnsupportedError, match="where operations run is not told here"):
        placement.plan_of(package, "ALL", "made")
    with pytest.raises(ConfigError, match="unit is CPU_AND_NE"):
        placement.plan_of(package, "CPU_AND_NE", "made")
