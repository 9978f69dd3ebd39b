"""A made phone behind a made `xcrun` on the PATH, and what a test may do to it."""

import io
import json
import os
import shlex
import sys
import tempfile
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import msgspec
import pytest

import xcrun
from bench.devices import devicectl, phone_launcher, xcode
from bench.devices.device_list import Device, find
from bench.devices.phone import Phone
from bench.devices.phone_launcher import PhoneLauncher
from bench.workers import gate
from bench.workers.protocol import Job

NAME = 'Karl\'s "iPhone" 📱 ; $(rm -rf ~)'
LISTED = {
    "identifier": xcrun.IDENTIFIER,
    "deviceProperties": {
        "name": NAME, "osVersionNumber": "26.1", "developerModeStatus": "enabled",
        "ddiServicesAvailable": True,
    },
    "hardwareProperties": {
        "platform": "iOS", "productType": "iPhone16,1", "marketingName": "iPhone 15 Pro",
        "reality": "physical", "udid": "00008130-1",
    },
    "connectionProperties": {"tunnelState": "connected", "pairingState": "paired"},
}  # fmt: skip
RUN = xcode.xcrun
SCRIPT = {
    "load_ns": 0, "call_ns": 250_000, "faulty_call": 10,
    "outputs": [{"name": "y", "numbers": [0.25, 0.5]}],
}  # fmt: skip


class MadePhone:
    """One iPhone, connected, with the app on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "launches").mkdir(parents=True)
        (folder / "log").touch()
        self.show(LISTED)

    def show(self, *devices: object) -> None:
        (self.folder / "devices").write_text(json.dumps(devices))

    def fail(self, fault: str, after: int = 0) -> None:
        """Have a fault, from so many launches on."""
        (self.folder / "fault").write_text(json.dumps([fault, after]))

    def mend(self) -> None:
        (self.folder / "fault").unlink()

    def commands(self) -> list[list[str]]:
        """All that xcrun was asked."""
        lines = (self.folder / "log").read_text().splitlines()
        return [json.loads(line) for line in lines]

    def per_launch(self) -> list[int]:
        """How many commands came with each launch, up to the next one."""
        counts = [0]
        for command in self.commands():
            if "launch" in command:
                counts.append(0)
            counts[-1] += 1
        return counts[1:]

    def jobs(self) -> list[Job]:
        """What its app was started for."""
        variables = [
            json.loads(command[command.index("--environment-variables") + 1])
            for command in self.commands()
            if "launch" in command
        ]
        return [msgspec.json.decode(values["BENCH_JOB"], type=Job) for values in variables]

    def device(self) -> Device:
        return find(NAME)

    def launcher(self, name: str = NAME) -> PhoneLauncher:
        return PhoneLauncher(find(name), xcrun.BUNDLE, self.install)

    def install(self) -> None:
        """The app is on it."""

    def place(self) -> Phone:
        return Phone(self.device(), xcrun.BUNDLE, self.install)


class Clock:
    """Stands for `time`."""

    def __init__(self) -> None:
        self.now = 0.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def monotonic(self) -> float:
        return self.now


def make(folder: Path, app: list[str], patch: pytest.MonkeyPatch) -> MadePhone:
    """One that answers within this process, at once, by a clock that only sleeping moves."""
    phone = MadePhone(folder / "phone")
    patch.setenv("MADE_PHONE", str(phone.folder))
    patch.setenv("MADE_APP", json.dumps(app))
    patch.setattr(tempfile, "tempdir", str(folder))  # the system's is swept, however full it is
    clock = Clock()
    for module in (devicectl, phone_launcher, gate):
        patch.setattr(module, "time", clock)

    def run(*words: str, **_: object) -> tuple[int, str]:
        said = io.StringIO()
        with redirect_stdout(said), redirect_stderr(said), pytest.raises(SystemExit) as ended:
            xcrun.main(list(words))
        return int(str(ended.value.code)), said.getvalue()

    patch.setattr(xcode, "xcrun", run)
    return phone


def put_on_path(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """`xcrun` as a program, which stands for what the one of this process does."""
    tools = folder / "tools"
    tools.mkdir()
    program = tools / "xcrun"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {xcrun.__file__} "$@"\n')
    program.chmod(0o755)
    patch.setattr(xcode, "xcrun", RUN)
    patch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")


def package(folder: Path, name: str = "Net") -> Path:
    """What stands for a model, with what the made engine plays beside it."""
    path = folder / f"{name}.mlpackage"
    path.mkdir()
    (path / "Manifest.json").write_text(name)
    (folder / f"{path.name}.made.json").write_bytes(msgspec.json.encode(SCRIPT))
    return path
