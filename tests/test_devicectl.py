"""What devicectl says becomes one line and what to do; what it prints is never read."""

import json
from pathlib import Path
from typing import Any

import pytest

import made_phone
import xcrun
from bench.devices import device_list, devicectl, xcode
from bench.devices.devicectl import DeviceError, Done
from bench.devices.phone_files import PhoneFiles
from made_phone import LISTED, MadePhone
from mobilenet.common.errors import ConfigError, PlaceLostError, UnsupportedError

SENTENCES = {
    "is locked": xcrun.ERRORS["locked"][1],
    "does not trust the app's developer": xcrun.ERRORS["untrusted"][1],
    "is not in developer mode": "Developer Mode is disabled.",
    "is not prepared for development": "The developer disk image could not be mounted.",
    "is not paired with this Mac": "The device must be paired before it can be connected.",
    "has no space left": "There is not enough free space on the device.",
    "cannot be reached": "The device disconnected immediately after connecting.",
    "does not have the app": xcrun.ERRORS["no app"][0],
}
UNREACHABLE = [  # of published logs, CoreDeviceError 4000 and 1011
    "A connection to this device could not be established.",
    "The operation couldn\u2019t be completed. Connection reset by peer",
    "The peer is no longer reachable.",
    "The connection was invalidated.",
    "CoreDeviceService was unable to locate a device matching the requested device identifier.",
    "The socket was closed unexpectedly.",
    "Timed out while attempting to negotiate tunnel parameters",
]


@pytest.fixture
def phone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MadePhone:
    return made_phone.make(tmp_path, ["true"], monkeypatch)


def answered(monkeypatch: pytest.MonkeyPatch, text: str, code: int = 0) -> None:
    """Have devicectl leave `text` as its answer."""

    def run(*words: str, **_: object) -> tuple[int, str]:
        Path(words[words.index("--json-output") + 1]).write_text(text)
        return code, xcrun.NOISE

    monkeypatch.setattr(xcode, "xcrun", run)


def failure(*sentences: str) -> str:
    error: Any = None
    for sentence in reversed(sentences):
        about = {"NSLocalizedDescription": {"string": sentence}}
        error = {"userInfo": {**about, "NSUnderlyingError": {"error": error}}}
    return json.dumps({"error": error})


@pytest.mark.parametrize(
    ("state", "sentence"),
    [*SENTENCES.items(), *(("cannot be reached", sentence) for sentence in UNREACHABLE)],
)
def test_an_error_says_what_is_the_matter(
    monkeypatch: pytest.MonkeyPatch, state: str, sentence: str
) -> None:
    monkeypatch.setattr(devicectl, "PAUSE_S", 0)
    answered(monkeypatch, failure("The application failed to launch.", sentence), code=1)
    with pytest.raises(DeviceError) as refused:
        devicectl.ask(Done, "device", name="Ann's 📱")
    assert refused.value.message == f"Ann's 📱 {state}"
    assert refused.value.hint


def test_a_file_that_is_not_there_yet_is_no_trouble(
    phone: MadePhone, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = PhoneFiles(phone.device(), xcrun.BUNDLE)
    said = "Failed to retrieve the file node for Documents/Errands/0a1b2c3d4e5f6071.jsonl"
    answered(monkeypatch, failure(said), code=1)
    assert files.read("0a1b2c3d4e5f6071.jsonl") == b""


@pytest.mark.parametrize(
    "error", [{}, 3, None, {"userInfo": 3}, {"userInfo": {"NSUnderlyingError": []}}, "no"]
)
def test_an_error_of_any_form_is_one_line(monkeypatch: pytest.MonkeyPatch, error: object) -> None:
    answered(monkeypatch, json.dumps({"error": error}), code=1)
    with pytest.raises(PlaceLostError, match="devicectl gave no reason"):
        devicectl.ask(Done, "device")


def test_an_unknown_error_is_given_in_its_own_words(monkeypatch: pytest.MonkeyPatch) -> None:
    answered(monkeypatch, failure("The operation failed.", "Mercury\nis retrograde."), code=1)
    with pytest.raises(
        DeviceError, match=r"^phone: The operation failed\. Mercury is retro"
    ) as no:
        devicectl.ask(Done, "device", name="phone")
    assert no.value.trouble is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"result": {}', '{"info": {}}', "ERROR: 3"])
def test_no_answer_is_said(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    answered(monkeypatch, text)
    with pytest.raises(PlaceLostError, match="devicectl left no answer"):
        devicectl.ask(Done, "list")


def test_success_in_words_is_none_by_its_code(monkeypatch: pytest.MonkeyPatch) -> None:
    answered(monkeypatch, '{"result": {}}', code=1)
    with pytest.raises(PlaceLostError, match="ended with code 1"):
        devicectl.ask(Done, "list")


def test_without_a_mac_it_is_said_what_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UnsupportedError, match="no xcrun here") as refused:
        device_list.devices()
    assert refused.value.hint == "a Mac with Xcode 15.3 or later is needed"


def test_a_line_that_is_too_long_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_phone.put_on_path(tmp_path, monkeypatch)
    with pytest.raises(UnsupportedError, match="xcrun devicectl cannot be started: Argument list"):
        xcode.xcrun("devicectl", "x" * (1 << 22), limit_s=9)


def test_devices_are_phones_and_no_simulators(phone: MadePhone) -> None:
    simulator = {**LISTED, "hardwareProperties": {"reality": "simulated", "platform": "iOS"}}
    watch = {**LISTED, "hardwareProperties": {"platform": "watchOS"}}
    phone.show(simulator, LISTED, watch, {"identifier": "bare"})
    assert [device.name for device in device_list.devices()] == [made_phone.NAME, "bare"]
    assert phone.device().kind == "iPhone 15 Pro, iOS 26.1"


@pytest.mark.parametrize(
    ("section", "changes", "obstacle"),
    [
        ("connectionProperties", {"pairingState": "unpaired"}, "not paired"),
        ("connectionProperties", {"tunnelState": "unavailable"}, "not connected"),
        ("deviceProperties", {"developerModeStatus": "disabled"}, "developer mode is off"),
        ("deviceProperties", {"osVersionNumber": "16.7.2"}, "iOS 17 and later"),
    ],
)
def test_a_device_that_is_no_use_says_why(
    phone: MadePhone, section: str, changes: dict[str, str], obstacle: str
) -> None:
    phone.show({**LISTED, section: {**LISTED[section], **changes}})
    with pytest.raises(UnsupportedError, match="cannot be measured on") as refused:
        phone.device()
    assert obstacle in refused.value.hint


def test_a_name_that_is_nobodys_is_answered_with_those_there_are(phone: MadePhone) -> None:
    with pytest.raises(ConfigError, match="no device is called 'x'") as refused:
        device_list.find("x")
    assert xcrun.IDENTIFIER in refused.value.hint
    phone.show(LISTED, {**LISTED, "identifier": "other"})
    with pytest.raises(ConfigError, match="several devices are called"):
        phone.device()
    assert device_list.find("other").identifier == "other"


def test_what_could_not_be_removed_from_a_phone_is_not_in_the_way(
    phone: MadePhone, tmp_path: Path
) -> None:
    package = str(made_phone.package(tmp_path))
    (phone.folder / "container" / "Documents" / "Errands").mkdir(parents=True)
    names = {PhoneFiles(phone.device(), xcrun.BUNDLE).send(package) for _ in range(2)}
    assert len(names) == 2


@pytest.mark.parametrize("name", [made_phone.NAME, xcrun.IDENTIFIER, "00008130-1"])
def test_a_phone_is_known_by_each_of_its_names(phone: MadePhone, name: str) -> None:
    assert phone.device() == device_list.find(name)


def test_a_phone_is_read_in_the_form_of_xcode_27_alone(phone: MadePhone) -> None:
    newer = {
        "connection": {"pairingState": "paired", "state": "unavailable"},
        "hardware": LISTED["hardwareProperties"],
        "software": {"osVersionNumber": {"components": [27, 0], "stringValue": "27.0"}},
        "state": {"name": "Ann's", "developerModeStatus": {"enabled": {"mode": 1}}},
    }
    simulated = {**newer, "hardware": {**LISTED["hardwareProperties"], "reality": "simulated"}}
    off = {"state": {"name": "Bob's", "developerModeStatus": {"disabled": {}}}}
    phone.show(*({"identifier": "1", "properties": each} for each in (newer, simulated, off)))
    ann, bob = device_list.devices()
    assert (ann.name, ann.kind) == ("Ann's", "iPhone 15 Pro, iOS 27.0")
    assert ann.hardware_properties.udid == "00008130-1"
    assert "not connected" in ann.obstacle()
    assert "developer mode is off" in bob.obstacle()
