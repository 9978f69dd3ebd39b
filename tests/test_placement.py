"""Where Core ML says it runs what: the plan of the fake library, and what is made of it."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

import fake_native
from bench import __main__, placement
from bench.results import session_lines
from bench.results.device_shares import device_shares, first_off
from bench.results.placed_ops import PlacedOp, Placement
from export.pipeline import export
from export.runtimes import coreml
from mobilenet.checkpoint import Checkpoint
from mobilenet.common import terminal


@pytest.fixture(scope="module")
def package(hot: Checkpoint, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("package")
    return export(hot, folder, verify=False).path


@pytest.fixture
def _mac(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    fake_native.install(monkeypatch)
    monkeypatch.setattr(coreml, "sys", SimpleNamespace(platform="darwin"))
    yield
    fake_native.Model.units.clear()


def op(preferred: str, cost: float | None = 0.1, name: str = "x") -> PlacedOp:
    return PlacedOp(
        function="main", name=name, type="ios16.conv", preferred=preferred, supported=(), cost=cost
    )


def run(*arguments: str) -> int:
    return terminal.run(__main__.app, ["placement", *arguments])


@pytest.mark.usefixtures("_mac")
def test_every_operation_has_its_place_and_constants_have_none(package: Path) -> None:
    plan = placement.plan_of(package, "ALL")
    kinds = [op.type.partition(".")[2] for op in plan.ops]
    assert kinds.count("conv") == 27
    assert not any(kind == "const" for kind in kinds)
    assert {op.preferred for op in plan.ops} == {"ANE", "CPU"}
    assert all(op.cost for op in plan.ops)
    assert device_shares(plan.ops)["ANE"] == pytest.approx(0.96, abs=0.03)
    off = first_off(plan.ops)
    assert off is not None
    assert off.type == "ios16.softmax"


@pytest.mark.usefixtures("_mac")
def test_the_exit_code_is_for_continuous_integration(
    package: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(str(package), "--require", "ane=0.9") == 0
    assert run(str(package), "--require", "ane=0.999") == 1
    assert run(str(package), "--unit", "CPU_ONLY", "--require", "ane=0.1") == 1
    said = capsys.readouterr()
    assert "ios16.conv" in said.out
    assert "first to leave the Neural Engine" in said.err


@pytest.mark.usefixtures("_mac")
def test_json_is_json_and_the_file_is_a_results_file(
    package: Path, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    output = tmp_path / "plan.jsonl"
    assert run(str(package), "--json", "--output", str(output)) == 0
    assert json.loads(capsysbinary.readouterr().out)["ops"]
    kinds = [json.loads(line)["kind"] for line in output.read_text().splitlines()]
    assert kinds == ["session", "case", "placement"]


@pytest.mark.usefixtures("_mac")
def test_an_empty_plan_is_a_warning_and_meets_nothing(
    package: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        fake_native.Plan, "get_compute_device_usage_for_mlprogram_operation", lambda *_: None
    )
    assert run(str(package), "--require", "ane=0.1") == 1
    assert "plan is empty" in capsys.readouterr().err


def test_off_a_mac_it_says_so(package: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if sys.platform != "darwin":
        assert run(str(package)) == 2
        assert "Core ML runs on macOS" in capsys.readouterr().err


def test_shares_are_of_cost_and_of_operations_where_costs_are_missing() -> None:
    assert device_shares([op("ANE", 0.3), op("CPU", 0.1), op("", 0.9)])["ANE"] == pytest.approx(
        0.75
    )
    assert device_shares([op("ANE", None), op("CPU", None)])["CPU"] == 0.5
    assert device_shares([]) == {}


def test_bench_and_reports_say_the_same_of_a_plan() -> None:
    """Shares by cost, and what leaves the Neural Engine, not what was never on it."""
    ops = (op("CPU", 0.01, "image_cast"), op("ANE", 0.96, "conv0"), op("CPU", 0.03, "softmax"))
    line = session_lines.placement(Placement(case="x", started="now", ops=ops))
    assert line == (
        "placement of x, as planned by Core ML: CPU 4.0 %, ANE 96.0 % of the "
        "estimated cost; first to leave the Neural Engine: softmax (ios16.conv), on CPU"
    )
    free = tuple(op(preferred, None) for preferred in ("ANE", "CPU"))
    assert "ANE 50.0 % of the operations" in session_lines.placement(
        Placement(case="x", started="now", ops=free)
    )


def test_the_first_to_leave_comes_after_the_first_to_arrive() -> None:
    ops = [op("CPU", name="cast"), op("ANE", name="conv"), op("GPU", name="softmax")]
    found = first_off(ops)
    assert found is not None
    assert found.name == "softmax"
    assert first_off(ops[:2]) is None


@pytest.mark.parametrize("text", ["ane", "ane=", "ane=2", "ane=-0.1", "npu=0.5", "ane=nan", "=1"])
def test_a_requirement_that_means_nothing_is_refused(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("x.mlpackage", "--require", text) == 2
    assert f"require is '{text}'" in capsys.readouterr().err


def test_a_requirement_names_a_device_and_a_share() -> None:
    plan = Placement(case="x", started="now", ops=(op("GPU"),))
    assert placement.met(plan, placement.parse_requirement("GPU=1"))
    assert not placement.met(plan, placement.parse_requirement("ane=0.01"))
