"""Launches on a phone: an app that is started afresh for each, with the job in its environment.

It is launched detached: under devicectl's console it would be debugged, and end with devicectl.
So its answer is a file, and the first question comes when it should be there: each is work for the
phone. A launch that takes no longer than it should costs three commands.
"""

import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import msgspec

from bench.devices import devicectl
from bench.devices.answer_times import AnswerTimes
from bench.devices.device_list import Device
from bench.devices.devicectl import DeviceError
from bench.devices.phone_files import PhoneFiles
from bench.results.environment_record import Environment
from bench.session.prepare import MEMORY_SHARE
from bench.workers.protocol import Job
from mobilenet.common.errors import PlaceLostError

T = TypeVar("T")

END_LIMIT_S = 10


class DeviceLine(msgspec.Struct, frozen=True, tag="device"):
    """First line of the answer to "describe": what the phone is."""

    environment: Environment


class EndLine(msgspec.Struct, frozen=True, tag="end"):
    """Last line of an answer: a file without it is half a file, or its app has ended."""

    outputs_bytes: int


class _Process(msgspec.Struct, frozen=True, rename="camel"):
    process_identifier: int


class _Launched(msgspec.Struct, frozen=True):
    process: _Process


class _Processes(msgspec.Struct, frozen=True, rename="camel"):
    running_processes: tuple[_Process, ...]


class _LockState(msgspec.Struct, frozen=True, rename="camel"):
    passcode_required: bool = False


class PhoneLauncher:
    """A worker behind a cable: the app `bundle`, which `install` brings there."""

    def __init__(self, device: Device, bundle: str, install: Callable[[], None]) -> None:
        self._device, self._bundle, self._install = device, bundle, install
        self._files = PhoneFiles(device, bundle)
        self._times = AnswerTimes()
        self._described = b""
        self.environment: Environment | None = None  # once it has described itself

    def launch(self, job: bytes, timeout_s: float) -> bytes:
        """The lines of the app's answer; its outputs go where the job wants them.

        Raises `TimeoutError`, `PlaceLostError` where the phone needs somebody, and as `install`.
        """
        asked = msgspec.json.decode(job, type=Job)
        if asked.task == "describe":
            return self._describe(asked, timeout_s)
        name = secrets.token_hex(8)
        lines, end = self._carry_out(self._there(asked, name), name, timeout_s)
        if end and end.outputs_bytes:
            outputs = self._files.read_whole(f"{name}.raw", end.outputs_bytes)
            Path(asked.outputs).write_bytes(outputs)
        self._times.learn(asked, lines[-1] if lines else b"")
        return b"".join(lines)

    def _describe(self, job: Job, timeout_s: float) -> bytes:
        """Once, with an app just installed: what earlier sessions left on the phone is removed."""
        if not self._described:
            self._install()
            lines, _ = self._carry_out(job, secrets.token_hex(8), timeout_s)
            for line in lines[:1]:
                with suppress(msgspec.DecodeError):
                    self.environment = self._named(
                        msgspec.json.decode(line, type=DeviceLine).environment
                    )
            self._described = b"".join(lines[1:] if self.environment else lines)
        return self._described

    def _named(self, environment: Environment) -> Environment:
        """A device that is newer than the app's table has its name from devicectl."""
        name = self._device.hardware_properties.marketing_name
        if environment.name != environment.model or not name:
            return environment
        return msgspec.structs.replace(environment, name=name)

    def _there(self, job: Job, name: str) -> Job:
        """The job in the phone's paths, which begin at the folder of errands."""
        limit = job.memory_limit_bytes
        if self.environment:
            limit = min(limit, int(self.environment.memory_bytes * MEMORY_SHARE))
        inputs = [msgspec.structs.replace(i, path=self._files.send(i.path)) for i in job.inputs]
        return msgspec.structs.replace(
            job,
            package=self._files.send(job.package) if job.package else "",
            folder=f"{name}-compiled",
            inputs=tuple(inputs),
            outputs=f"{name}.raw",
            memory_limit_bytes=limit,
        )

    def _carry_out(
        self, job: Job, name: str, timeout_s: float
    ) -> tuple[list[bytes], EndLine | None]:
        process = self._start(job, name)
        try:
            text = self._answer(process, f"{name}.jsonl", job, timeout_s)
        except TimeoutError:
            is_locked = self._is_locked()
            self._end(process)
            if is_locked:
                raise devicectl.trouble_of(devicectl.LOCKED, self._device.name) from None
            raise
        except KeyboardInterrupt:
            self._end(process)
            raise
        lines = text.splitlines(keepends=True)
        end = _end_line(text)
        return (lines[:-1], end) if end else (lines, None)

    def _start(self, job: Job, name: str) -> int:
        variables = {"BENCH_JOB": msgspec.json.encode(job).decode(), "BENCH_ANSWER": name}
        return self._ask(
            _Launched, "process", "launch", "--terminate-existing", "--environment-variables",
            msgspec.json.encode(variables).decode(), self._bundle,
        ).process.process_identifier  # fmt: skip

    def _answer(self, process: int, name: str, job: Job, timeout_s: float) -> bytes:
        deadline = time.monotonic() + timeout_s
        time.sleep(min(self._times.expected_s(job), timeout_s))
        if _end_line(text := self._files.read(name)):
            return text
        late = time.monotonic()
        for question_s in self._times.questions_s(job, max(deadline - late, 0)):
            time.sleep(max(late + question_s - time.monotonic(), 0))
            if not self._is_running(process):
                break
        else:
            raise TimeoutError
        # Gone: its answer is whole, or it crashed, or what arrives is half a file.
        text = self._files.read(name)
        return text if _end_line(text) else self._files.read(name)

    def _is_running(self, process: int) -> bool:
        running = self._ask(_Processes, "info", "processes").running_processes
        return any(other.process_identifier == process for other in running)

    def _is_locked(self) -> bool:
        """A locked phone stops an app in its middle, which is no fault of the launch."""
        try:
            return self._ask(_LockState, "info", "lockState").passcode_required
        except DeviceError as error:
            if error.trouble:
                raise
            return False  # an Xcode that cannot tell

    def _end(self, process: int) -> None:
        with suppress(PlaceLostError):  # it ended by itself, or cannot be reached
            self._ask(
                devicectl.Done, "process", "terminate", "--pid", str(process), "--kill",
                limit_s=END_LIMIT_S,
            )  # fmt: skip

    def _ask(
        self,
        expected: type[T],
        verb: str,
        noun: str,
        *more: str,
        limit_s: float = devicectl.SHORT_S,
    ) -> T:
        return devicectl.ask(
            expected, "device", verb, noun, "--device", self._device.identifier, *more,
            name=self._device.name, limit_s=limit_s,
        )  # fmt: skip


def _end_line(text: bytes) -> EndLine | None:
    """What the last line says, where it is whole and the last."""
    try:
        return msgspec.json.decode(text[text.rfind(b"\n", 0, -1) + 1 :], type=EndLine)
    except msgspec.DecodeError:
        return None
