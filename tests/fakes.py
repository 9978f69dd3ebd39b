"""Stand-ins for what is slow, absent or dangerous: runtimes, a clock, Apple's native library."""

import ctypes
import errno
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np

from export.mil.description import ModelDescription, ModelOutput, TensorInput
from export.runtimes.base import Feature

DESCRIPTION = ModelDescription(
    inputs=(TensorInput("x", (1, 4)),), outputs=(ModelOutput("y", "array", (1, 4)),)
)


class FakeClock:
    """Nanoseconds that pass only when told; readings are cut to whole `step`s."""

    def __init__(self, step_ns: int = 1, reading_ns: int = 1) -> None:
        self.time_ns, self.step_ns, self.reading_ns = 0, step_ns, reading_ns

    def __call__(self) -> int:
        self.time_ns += self.reading_ns
        return self.time_ns // self.step_ns * self.step_ns

    def call(self, duration_ns: int) -> Callable[[], None]:
        """A function that takes `duration_ns`."""

        def work() -> None:
            self.time_ns += duration_ns

        return work

    def script(self, durations_ns: Iterator[int]) -> Callable[[], None]:
        """A function whose calls take these times, one after the other."""

        def work() -> None:
            self.time_ns += next(durations_ns)

        return work


class FakeRuntime:
    """Runs any package: y = 2 x, in 300 µs. Counts its loads in a file beside what it compiled."""

    name = "fake"
    description = DESCRIPTION

    def __init__(self, threads: int = 1) -> None:
        self.threads = threads

    def unavailable(self) -> str | None:
        return None

    def units(self) -> tuple[str, ...]:
        return ("CPU",)

    def compile(self, package: Path, folder: Path) -> Path:
        compiled = folder / "compiled"
        compiled.write_text(str(package))
        return compiled

    def load(self, compiled: Path, unit: str) -> "FakeRuntime":
        counter = compiled.with_name("loads")
        self.loads = len(counter.read_bytes()) + 1 if counter.exists() else 1
        with counter.open("ab") as file:
            file.write(b".")
        return self

    def predict(self, inputs: Mapping[str, Feature]) -> dict[str, Feature]:
        end = time.perf_counter_ns() + 300_000
        while time.perf_counter_ns() < end:
            pass
        return {"y": 2 * np.asarray(inputs["x"])}

    @property
    def tried(self) -> bool:
        """Whether this is no longer the launch that prepares the case."""
        return self.loads > 1


class Absent(FakeRuntime):
    def unavailable(self) -> str | None:
        return "it is somewhere else"


class SegmentationFault(FakeRuntime):
    def predict(self, inputs: Mapping[str, Feature]) -> dict[str, Feature]:
        if self.tried:
            ctypes.string_at(0)
        return super().predict(inputs)


class Abort(FakeRuntime):
    def predict(self, inputs: Mapping[str, Feature]) -> dict[str, Feature]:
        if self.tried:
            os.write(2, b"MPSGraph: failed assertion\n")
            os.abort()
        return super().predict(inputs)


class Hang(FakeRuntime):
    def predict(self, inputs: Mapping[str, Feature]) -> dict[str, Feature]:
        if self.tried:
            signal.pause()
        return super().predict(inputs)


class AlwaysCrashes(FakeRuntime):
    def load(self, compiled: Path, unit: str) -> "FakeRuntime":
        os.kill(os.getpid(), signal.SIGSEGV)
        return self


class Error(FakeRuntime):
    def predict(self, inputs: Mapping[str, Feature]) -> dict[str, Feature]:
        if self.tried:
            raise ValueError("no such operator")
        return super().predict(inputs)


class NotANumber(FakeRuntime):
    def predict(self, inputs: Mapping[str, Feature]) -> dict[str, Feature]:
        outputs = super().predict(inputs)
        return {"y": outputs["y"] * float("nan")} if self.tried else outputs


class Wrong(FakeRuntime):
    """Fast, and computes nothing."""

    def predict(self, inputs: Mapping[str, Feature]) -> dict[str, Feature]:
        return {"y": np.zeros((1, 4))} if self.tried else super().predict(inputs)


class Leak(FakeRuntime):
    """Keeps 4 MiB a call."""

    kept: list[bytes]

    def predict(self, inputs: Mapping[str, Feature]) -> dict[str, Feature]:
        if self.tried:
            self.kept = [*getattr(self, "kept", []), os.urandom(1 << 12) * 1024]
        return super().predict(inputs)


class Gulp(FakeRuntime):
    """Takes a terabyte in one call."""

    def predict(self, inputs: Mapping[str, Feature]) -> dict[str, Feature]:
        return {"y": np.zeros(1 << 37)} if self.tried else super().predict(inputs)


class Vanishes(FakeRuntime):
    """Something clears the temporary folder after the case was prepared."""

    def load(self, compiled: Path, unit: str) -> "FakeRuntime":
        compiled.read_text()
        compiled.unlink()
        return super().load(compiled, unit)


class NoRoom(FakeRuntime):
    def compile(self, package: Path, folder: Path) -> Path:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))


class Noise(FakeRuntime):
    """Prints from native code, into standard output and at length."""

    def predict(self, inputs: Mapping[str, Feature]) -> dict[str, Feature]:
        os.write(1, b'{"type":"answer"}\n' * 1000)
        print("noise", flush=True, file=sys.stdout)
        return super().predict(inputs)


class Tiring(FakeRuntime):
    """Slows down from call to call."""

    calls = 0

    def predict(self, inputs: Mapping[str, Feature]) -> dict[str, Feature]:
        self.calls += 1
        for _ in range(self.calls):
            outputs = super().predict(inputs)
        return outputs


class CrashesLate(FakeRuntime):
    """After half a second of use."""

    began = 0.0

    def predict(self, inputs: Mapping[str, Feature]) -> dict[str, Feature]:
        self.began = self.began or time.monotonic()
        if time.monotonic() - self.began > 0.5:
            os.abort()
        return super().predict(inputs)
