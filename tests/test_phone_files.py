"""Files come back from a phone whole, or it is said why not."""

import pytest

from bench.devices import devicectl
from bench.devices.device_list import Device
from bench.devices.devicectl import LOCKED, DeviceError, trouble_of
from bench.devices.phone_files import PhoneFiles


@pytest.fixture
def files() -> PhoneFiles:
    return PhoneFiles(Device("phone"), "app")


def test_what_did_not_arrive_whole_is_brought_again(
    files: PhoneFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    copies = [b"half", b"all of it"]
    monkeypatch.setattr(files, "read", lambda _: copies.pop(0))
    assert files.read_whole("name", 9) == b"all of it"


def test_what_never_arrives_whole_is_said(
    files: PhoneFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "read", lambda _: b"half")
    with pytest.raises(DeviceError, match="of 9 bytes that phone has computed, 4 arrive"):
        files.read_whole("name", 9)


def test_a_file_that_is_not_there_yet_is_empty_and_a_locked_phone_is_no_such_file(
    files: PhoneFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    errors = [DeviceError("No such file", ""), trouble_of(LOCKED, "phone")]

    def ask(*_: object, **__: object) -> object:
        raise errors.pop(0)

    monkeypatch.setattr(devicectl, "ask", ask)
    assert files.read("name") == b""
    with pytest.raises(DeviceError, match="is locked"):
        files.read("name")
