"""Ask Apple's library in a process of its own; each of its ends becomes one clear error."""

import contextlib
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import msgspec
import numpy as np

from export.coreai import library, messages
from export.coreai.messages import (
    Array,
    CallFunction,
    CoreAIGraph,
    Failure,
    FunctionLoaded,
    FunctionOutputs,
    Graphs,
    LoadFunction,
    ReadGraphs,
)
from mobilenet.common import interrupts
from mobilenet.common.children import search_path
from mobilenet.common.errors import PackageError
from mobilenet.common.temporary import owned_folder

TIME_LIMIT_S = 300.0  # for one answer: an interpreter, some sixty times slower than others
ERROR = "error: "  # as the library begins one
T = TypeVar("T")
Values = Mapping[str, "np.ndarray[Any, np.dtype[Any]]"]


class CoreAIProcess:
    """A process that reads and runs assets, ended at the end of the `with` block.

    Raises `UnsupportedError` where the library is not installed.
    """

    def __init__(self, time_limit_s: float = TIME_LIMIT_S) -> None:
        library.require()
        self._time_limit_s = time_limit_s
        self._noise = tempfile.TemporaryFile()  # noqa: SIM115  # closed by `close`
        self._room = contextlib.ExitStack()
        compiled = self._room.enter_context(owned_folder())  # what the library compiles to
        self._asset = Path()
        self._is_asked = False
        with interrupts.held_back():
            self._process = subprocess.Popen(
                [sys.executable, "-m", "export.coreai.child"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._noise,
                env={
                    **os.environ,
                    "PYTHONPATH": search_path(),
                    "TMPDIR": str(compiled),
                },
                start_new_session=True,  # Ctrl-C is for us
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def is_idle(self) -> bool:
        """Whether it is there, and owes no answer."""
        return not self._is_asked and self._process.poll() is None

    def close(self) -> None:
        """End the process; nothing it still does is wanted."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._noise):
            assert pipe is not None
            with contextlib.suppress(BrokenPipeError):  # a request that nobody read
                pipe.close()
        self._room.close()

    def graphs(self, asset: Path) -> tuple[CoreAIGraph, ...]:
        """Every function of `asset` as data. Raises `PackageError` when it cannot be read."""
        self._asset = asset
        return self._ask(ReadGraphs(str(asset)), Graphs).graphs

    def load(
        self, asset: Path, function: str, more: Mapping[str, int] | None = None, unit: str = ""
    ) -> None:
        """Make one function ready, for one of `compute_units.available()`.

        It will also give the values of its graph whose numbers are in `more`, under these names.
        Raises `PackageError` when it cannot be.
        """
        self._asset = asset
        self._ask(LoadFunction(str(asset), function, unit, dict(more or {})), FunctionLoaded)

    def call(self, inputs: Values) -> "dict[str, np.ndarray[Any, np.dtype[Any]]]":
        """FunctionOutputs of the loaded function by name. Raises `PackageError` when it fails."""
        request = CallFunction({name: Array.of(values) for name, values in inputs.items()})
        answer = self._ask(request, FunctionOutputs)
        return {name: array.values() for name, array in answer.values.items()}

    def _ask(self, request: messages.Request, expected: type[T]) -> T:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        timer = threading.Timer(self._time_limit_s, self._process.kill)
        timer.start()
        self._is_asked = True
        try:
            messages.send(request, self._process.stdin)  # type: ignore[arg-type]
            data = messages.receive(self._process.stdout)  # type: ignore[arg-type]
        except BrokenPipeError:
            data = None
        finally:
            expired = not timer.is_alive()
            timer.cancel()
        if data is None:
            raise self._error(
                f"no answer within {self._time_limit_s:g} s" if expired else self._last_words()
            )
        self._is_asked = False
        answer = msgspec.msgpack.decode(data, type=messages.Answer)
        if isinstance(answer, Failure):
            raise self._error(answer.reason)
        assert isinstance(answer, expected), f"{type(answer).__name__} answers nothing asked"
        return answer

    def _last_words(self) -> str:
        """How the process ended, and the first error that it printed, or else the last line."""
        code = self._process.wait()
        self._noise.seek(0)
        lines = self._noise.read().decode(errors="replace").split("\n")
        said = [line.strip() for line in lines if line.strip()]
        errors = [line.partition(ERROR)[2] for line in said if ERROR in line]
        words = [*errors, *said[-1:]][:1]
        return ": ".join([f"its runtime ended with {code}", *words])

    def _error(self, reason: str) -> PackageError:
        return PackageError(
            f"{self._asset}: Core AI cannot use it: {reason}",
            "is it whole, and made for this version of Core AI?",
        )
