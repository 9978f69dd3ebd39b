"""What is said of a machine, and what would disturb a measurement on it."""

import json
from pathlib import Path

import msgspec
import pytest

from bench import __main__
from bench.machine import interference, thermal
from bench.machine.environment import check_same_machine, environment
from bench.results import conditions
from bench.results.environment_record import Environment
from bench.results.thermal_state import Thermal
from mobilenet.common import terminal
from mobilenet.common.errors import RecordError

QUIET = Environment(
    system="macOS 15.1", machine="arm64", model="Mac16,1", processor="Apple M4",
    physical_cores=10, logical_cores=10, memory_bytes=16 << 30, python="3.12.1",
    packages={"coremltools": "9.0"}, power_source="mains", low_power_mode=False,
)  # fmt: skip


def found(**changes: object) -> list[str]:
    now = msgspec.structs.replace(QUIET, **changes)
    return [item.cause for item in conditions.of_environment(now)]


def test_this_machine_is_described() -> None:
    now = environment()
    assert now.system
    assert now.processor
    assert now.physical_cores >= 1
    assert now.memory_bytes > 1 << 28
    assert {"coremltools", "torch", "numpy"} <= now.packages.keys()
    assert msgspec.json.decode(msgspec.json.encode(now), type=Environment) == now


def test_a_quiet_machine_is_left_in_peace() -> None:
    assert found() == []
    assert found(system="iOS 26.1", power_source="battery") == []


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"load_average": 5.0}, "other programs are running (load 5.0 on 10 cores)"),
        ({"power_source": "battery"}, "battery"),
        ({"low_power_mode": True}, "low power mode"),
        ({"governor": "powersave"}, 'governor is "powersave"'),
        ({"turbo": True}, "turbo"),
        ({"virtual": "KVM"}, "virtual machine (KVM)"),
    ],
)
def test_each_disturbance_is_named(changes: dict[str, object], text: str) -> None:
    (cause,) = found(**changes)
    assert text in cause


def test_the_load_counts_from_half_of_the_cores_on() -> None:
    assert found(load_average=3.5, physical_cores=8) == []
    assert found(load_average=4.0, physical_cores=8) != []


@pytest.mark.parametrize(
    ("state", "hot"),
    [
        (Thermal(pressure="heavy"), True),
        (Thermal(pressure="nominal"), False),
        (Thermal(celsius=92), True),
        (Thermal(celsius=84.9), False),
        (None, False),
    ],
)
def test_heat_interferes(
    monkeypatch: pytest.MonkeyPatch, state: Thermal | None, hot: bool
) -> None:
    monkeypatch.setattr(interference, "WATCH_S", 0)
    monkeypatch.setattr(thermal, "state", lambda: state)
    assert any("hot" in item.cause for item in interference.of_moment()) == hot


def test_thehottest_zone_counts_and_a_broken_one_does_not(tmp_path: Path) -> None:
    for number, text in enumerate(["41000\n", "67500\n", "what\n"]):
        zone = tmp_path / f"thermal_zone{number}"
        zone.mkdir()
        (zone / "temp").write_text(text)
    assert thermal.hottest_zone(tmp_path) == 67.5
    assert thermal.hottest_zone(tmp_path / "none") is None


@pytest.mark.parametrize(
    "changes",
    [{"processor": "Apple M1"}, {"virtual": "KVM"}, {"packages": {"coremltools": "9.1"}}],
)
def test_another_machine_or_other_software_is_not_the_same(changes: dict[str, object]) -> None:
    check_same_machine(QUIET, msgspec.structs.replace(QUIET, load_average=3.0))
    with pytest.raises(RecordError, match=next(iter(changes))):
        check_same_machine(QUIET, msgspec.structs.replace(QUIET, **changes))


def test_another_system_is_other_software_of_a_phone() -> None:
    phone = msgspec.structs.replace(QUIET, system="iOS 26.1", python="", packages={})
    check_same_machine(phone, msgspec.structs.replace(phone, battery=0.5))
    with pytest.raises(RecordError, match=r"system 'iOS 26.1', here it is 'iOS 26.2'"):
        check_same_machine(phone, msgspec.structs.replace(phone, system="iOS 26.2"))


def test_the_command_prints_people_and_programs_their_form(
    capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(interference, "WATCH_S", 0.05)
    assert terminal.run(__main__.app, ["env", "--json"]) == 0
    document = json.loads(capsysbinary.readouterr().out)
    assert document.keys() == {"environment", "interference"}
    file = tmp_path / "machine.json"
    assert terminal.run(__main__.app, ["env", "-o", str(file)]) == 0
    assert json.loads(file.read_bytes()).keys() == document.keys()
