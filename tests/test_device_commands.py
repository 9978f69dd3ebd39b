"""`--device`, `--team`, `bench devices`: the commands on a made phone, with its app built once."""

import json
from pathlib import Path

import msgspec
import pytest

import fake_worker
import made_app
import made_phone
import xcrun
from bench import __main__
from bench.app import xcode_project
from bench.devices import measurable, signed_app
from bench.results import jsonl
from bench.results.read import read_file
from bench.results.records import Launch, SessionHead, Soak
from bench.runtimes.entries import RUNTIMES, RuntimeEntry
from made_phone import LISTED, NAME, MadePhone
from mobilenet.common import terminal
from mobilenet.common.errors import CheckpointError
from mobilenet.common.progress import SILENT
from small_models import classifier

TEAM = "ABCDE12345"
DEVICE = ("--device", NAME)
SHORT = ("--rounds", "1", "--quick", "--unit", "CPU_ONLY", "ALL")
PREPARING = 4  # launches: describe, compile, two units tried


@pytest.fixture
def phone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MadePhone:
    absent = RuntimeEntry(("CPU",), has_threads=True, worker=fake_worker.COMMAND)
    monkeypatch.setitem(RUNTIMES, "portable", absent)
    monkeypatch.setenv("MOBILENET_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    classifier().save(tmp_path / "Net.mlpackage")
    return made_phone.make(tmp_path, made_app.COMMAND, monkeypatch)


def command(*words: str) -> int:
    return terminal.run(__main__.app, list(words))


def run(*words: str) -> int:
    return command("run", "Net.mlpackage", *SHORT, *words)


def built(phone: MadePhone) -> int:
    return sum(words[0] == "xcodebuild" for words in phone.commands())


def test_the_app_is_built_once_and_the_phone_measured(
    phone: MadePhone, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(*DEVICE, "--team", TEAM, "--output", "a.jsonl") == 0
    assert "iPhone 15 Pro" in capfd.readouterr().out
    assert run(*DEVICE, "--output", "b.jsonl") == 0  # the team is that of the last time
    assert built(phone) == 1
    (build,) = (words for words in phone.commands() if words[0] == "xcodebuild")
    assert f"DEVELOPMENT_TEAM={TEAM}" in build
    assert "-allowProvisioningUpdates" in build
    assert build[build.index("-configuration") + 1] == "Release"
    assert build[build.index("-destination") + 1] == "platform=iOS,id=00008130-1"
    with jsonl.resume(Path("b.jsonl")) as (_, records):
        head = next(record for record in records if isinstance(record, SessionHead))
        launches = [record for record in records if isinstance(record, Launch)]
    assert head.environment.model == "iPhone16,1"
    assert [launch.status for launch in launches] == ["ok"] * 3


def test_a_phone_tells_where_operations_run(
    phone: MadePhone, capfd: pytest.CaptureFixture[str]
) -> None:
    asked = ("placement", "Net.mlpackage", *DEVICE, "--team", TEAM)
    assert command(*asked, "--require", "ane=1", "--output", "plan.jsonl") == 0
    assert "ios16.conv" in capfd.readouterr().out
    (session,) = read_file(Path("plan.jsonl"))
    assert session.session
    assert session.session.environment.name == "iPhone 15 Pro"
    (plan,) = session.placements
    assert (plan.case, plan.ops[0].preferred) == ("Net | coreml-native | ALL", "ANE")
    assert max(phone.per_launch()) <= 7


def test_a_locked_phone_is_one_line_and_resume_goes_on(
    phone: MadePhone, capfd: pytest.CaptureFixture[str]
) -> None:
    phone.fail("locked", after=PREPARING + 1)
    assert run(*DEVICE, "--team", TEAM, "--output", "a.jsonl") == 2
    said = " ".join(capfd.readouterr().err.split())
    assert "is locked" in said
    assert "`python -m bench resume a.jsonl` goes on" in said
    phone.show({**LISTED, "hardwareProperties": {"productType": "iPhone17,1"}})
    assert command("resume", "a.jsonl") == 2
    assert "of which none are known" in capfd.readouterr().err
    phone.show(LISTED)
    phone.mend()
    assert command("resume", "a.jsonl") == 0
    with jsonl.resume(Path("a.jsonl")) as (_, records):
        assert [r.status for r in records if isinstance(r, Launch)] == ["ok"] * 3


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--team", TEAM), "without a device"),
        ((*DEVICE, "--team", "x"), "no identifier of a team"),
        (DEVICE, "which team signs the app is not known"),
        (("--device", "nobody's"), "no device is called"),
        ((*DEVICE, "--team", TEAM, "--runtime", "portable"), "runtime 'portable' is unknown"),
        ((*DEVICE, "--team", TEAM, "--batch", "0"), "batch is 0"),
        ((*DEVICE, "--team", TEAM, "--wait"), "--wait waits for this machine"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    phone: MadePhone, capfd: pytest.CaptureFixture[str], words: tuple[str, ...], says: str
) -> None:
    """Before minutes are spent on building the app."""
    assert run(*words, "--output", "a.jsonl") == 2
    assert says in " ".join(capfd.readouterr().err.split())
    assert not Path("a.jsonl").exists()
    assert not built(phone)


def test_what_xcode_says_is_the_reason(
    phone: MadePhone, capfd: pytest.CaptureFixture[str]
) -> None:
    phone.fail("unsigned")
    assert run(*DEVICE, "--team", TEAM) == 2
    assert "No Account for Team" in " ".join(capfd.readouterr().err.split())
    assert not list(Path("cache").glob("app-*/*"))


def test_a_soak_on_the_phone(phone: MadePhone) -> None:
    words = ("--seconds", "1", *DEVICE, "--team", TEAM, "--output", "a.jsonl")
    assert command("soak", "Net.mlpackage", *words) == 0
    with jsonl.resume(Path("a.jsonl")) as (_, records):
        (soak,) = (record for record in records if isinstance(record, Soak))
    assert (soak.status, len(soak.windows), soak.power_source) == ("ok", 1, "battery")
    assert soak.thermal_before is not None
    assert soak.thermal_before.pressure == "nominal"


def test_devices_lists_what_can_be_measured_and_why_not_the_rest(
    phone: MadePhone, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    phone.show(LISTED, {**LISTED, "connectionProperties": {"tunnelState": "unavailable"}})
    monkeypatch.setattr(measurable, "RUNTIMES", {"portable": RUNTIMES["portable"]})
    assert command("devices", "--json") == 0
    listed = json.loads(capfd.readouterr().out)
    (runtime,) = listed["runtimes"]
    assert (runtime["units"], runtime["obstacle"]) == ([], "it is somewhere else")
    assert [device["obstacle"][:19] for device in listed["phones"]] == ["", "it is not connected"]
    assert listed["phones"][0] == {
        "name": NAME, "identifier": xcrun.IDENTIFIER, "kind": "iPhone 15 Pro, iOS 26.1",
        "obstacle": "",
    }  # fmt: skip
    assert command("devices") == 0
    assert "no: it is somewhere else" in " ".join(capfd.readouterr().out.split())


def test_without_a_mac_devices_says_what_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(measurable, "RUNTIMES", {})
    assert command("devices") == 0
    said = " ".join(capfd.readouterr().out.split())
    assert "and there is no xcrun here: a Mac with Xcode 15.3 or later is needed" in said
    assert command("run", "Net.mlpackage", "--device", "iPhone") == 2
    assert "a Mac with Xcode 15" in " ".join(capfd.readouterr().err.split())


def test_the_app_with_a_persons_packages_is_not_replaced(phone: MadePhone) -> None:
    assert run(*DEVICE, "--team", TEAM, "--output", "a.jsonl") == 0
    (build,) = (words for words in phone.commands() if words[0] == "xcodebuild")
    assert f"PRODUCT_BUNDLE_IDENTIFIER={xcrun.BUNDLE}" in build
    assert not xcrun.BUNDLE.startswith(xcode_project.BUNDLE)


def test_a_phone_newer_than_the_app_has_its_name_from_devicectl(
    phone: MadePhone, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = {"type": "device", "environment": {**made_app.ENVIRONMENT, "name": "iPhone16,1"}}
    text = f'{json.dumps(line)}\n{{"type":"end","outputs_bytes":0}}\n'
    place = phone.place()
    monkeypatch.setattr(place._launcher._files, "read", lambda _: text.encode())
    assert place.environment().name == "iPhone 15 Pro"


def test_the_app_is_built_anew_for_another_phone_and_when_its_profile_has_ended(
    phone: MadePhone,
) -> None:
    first = signed_app._built(phone.device(), TEAM, SILENT)
    assert signed_app._built(phone.device(), TEAM, SILENT) == first
    another = msgspec.structs.replace(phone.device(), identifier="another")
    assert signed_app._built(another, TEAM, SILENT) != first
    assert built(phone) == 2
    profile = first / "embedded.mobileprovision"
    ends = "0\x01<key>ExpirationDate</key>\n\t<date>2026-11-20T10:00:00Z</date>\x02"
    profile.write_text(ends)
    assert signed_app._built(phone.device(), TEAM, SILENT) == first
    assert built(phone) == 3
    assert not profile.exists()
    profile.write_text(ends.replace("2026", "9026"))
    with pytest.raises(CheckpointError):  # it is looked up, and was changed
        signed_app._built(phone.device(), TEAM, SILENT)
