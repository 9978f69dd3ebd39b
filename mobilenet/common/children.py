"""Functions called in processes of their own: in bounded time, and none outlives its parent.

What may crash, hang or fill memory is called in a child. A child is killed, not asked, so one
that is stopped or turns in a C loop ends like any other, and what it started ends with it: it
leads a session, which also keeps Ctrl-C for the parent. Its temporary files lie in a folder that
the parent removes.

However the parent ends, its children do too. Linux kills them (prctl(2), PR_SET_PDEATHSIG, which
means the thread that started them: here one that lives as long as they do). Elsewhere a thread in
the child waits for the end of a pipe that only the parent holds open.
"""

import contextlib
import ctypes
import io
import os
import pickle
import queue
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import NamedTuple, ParamSpec, Self, TypeVar

from mobilenet.common.errors import UserError
from mobilenet.common.temporary import owned_folder

PR_SET_PDEATHSIG = 1  # linux/prctl.h
MAIN = "from mobilenet.common.children import main; main()"

T = TypeVar("T")
P = ParamSpec("P")


class ChildError(UserError):
    """A call in a child that has no result: it raised, took too long, or ended its process."""


class _Running(NamedTuple):
    process: "subprocess.Popen[bytes]"
    connection: socket.socket
    stream: io.BufferedRWPair


class Child:
    """A process that makes one call after the other; a new one when a call has ended it."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._lock = threading.Lock()  # of `kill`, against a start at the same moment
        self._running: _Running | None = None
        self._is_closed = False

    def call(
        self, limit_s: float, function: Callable[P, T], *arguments: P.args, **options: P.kwargs
    ) -> T:
        """What a function, which is imported there, returns.

        Raises `ChildError` for what it raises, after `limit_s` seconds without a result, and when
        the process ends.
        """
        request = pickle.dumps((function, arguments, options))
        running = self._started()
        try:
            running.connection.settimeout(limit_s)
            pickle.dump(request, running.stream)
            running.stream.flush()
            result, error = pickle.load(running.stream)  # noqa: S301  # by our own process
        except TimeoutError:
            self._end()
            raise ChildError(f"no result within {limit_s:g} s") from None
        except (EOFError, OSError, pickle.UnpicklingError):  # closed, or in the middle of a result
            raise ChildError(f"its process ended: {_ending(self._end())}") from None
        if error is not None:
            raise ChildError(error)
        return result  # type: ignore[no-any-return]

    def kill(self) -> None:
        """End it, and with it a call that another thread waits for; no other is begun."""
        with self._lock:
            self._is_closed = True
            if self._running:
                _kill(self._running.process)

    def close(self) -> None:
        """Let go of it, when no call is waited for any more."""
        if self._running:
            self._end()

    def _started(self) -> _Running:
        with self._lock:
            if self._is_closed:
                raise ChildError("its process ended: the pool is closed")
            if self._running is None:
                self._running = _start(self._environment)
            return self._running

    def _end(self) -> int:
        """Kill it and forget it; its exit code."""
        with self._lock:
            assert self._running, "a call begins with a start"
            process, connection, stream = self._running
            self._running = None
            _kill(process)
        with contextlib.suppress(OSError):  # what was not sent
            stream.close()
        connection.close()
        return process.returncode


class ChildPool:
    """Some children and a thread for each, to be used in a `with` statement."""

    def __init__(self, count: int, environment: Mapping[str, str] | None = None) -> None:
        self._room = contextlib.ExitStack()
        folder = self._room.enter_context(owned_folder())
        full = {**os.environ, **(environment or {}), "TMPDIR": str(folder)}
        self._children = [Child({**full, "PYTHONPATH": search_path()}) for _ in range(count)]
        self._idle: queue.LifoQueue[Child] = queue.LifoQueue()
        for child in self._children:
            self._idle.put(child)
        self._threads = ThreadPoolExecutor(count)

    def submit(self, work: Callable[[Child], T]) -> "Future[T]":
        """Begin some work in a thread that has a child for itself."""
        return self._threads.submit(self._carry_out, work)

    def _carry_out(self, work: Callable[[Child], T]) -> T:
        child = self._idle.get()
        try:
            return work(child)
        finally:
            self._idle.put(child)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End all children, whatever they do. Work that has not begun is cancelled."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        for child in self._children:
            child.kill()
        self._threads.shutdown()
        for child in self._children:
            child.close()
        self._room.close()


def search_path() -> str:
    """Where a child in Python finds modules: where this process does."""
    return os.pathsep.join(path or os.getcwd() for path in sys.path)  # noqa: PTH109  # a text


def _start(environment: Mapping[str, str]) -> _Running:
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", MAIN, str(theirs.fileno())],
            stdin=subprocess.PIPE,  # open as long as this process is
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
            env=environment,
            start_new_session=True,
        )
    return _Running(process, ours, ours.makefile("rwb"))


def _kill(process: "subprocess.Popen[bytes]") -> None:
    if process.returncode is None:  # else its number may be another's by now
        with contextlib.suppress(ProcessLookupError, PermissionError):  # all of them have ended
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert process.stdin
        process.stdin.close()


def _ending(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:  # a real-time signal has no name
        return f"signal {-code}"


def main() -> None:
    """In a child: answer calls until the parent closes its end."""
    _end_with_parent()
    with (
        socket.socket(fileno=int(sys.argv[1])) as connection,
        connection.makefile("rwb") as stream,
        contextlib.suppress(EOFError),
    ):
        while True:
            stream.write(_answer(pickle.load(stream)))  # noqa: S301  # by our own parent
            stream.flush()


def be_killed_with_parent() -> None:
    """On Linux, whatever this process does; a parent that has ended by now goes unnoticed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _end_with_parent() -> None:
    be_killed_with_parent()

    def wait() -> None:
        os.read(0, 1)
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()  # also for a parent that is gone by now


def _answer(request: bytes) -> bytes:
    """A pickled pair: the result, and what went wrong."""
    try:
        function, arguments, options = pickle.loads(request)  # noqa: S301  # by our own parent
        return pickle.dumps((function(*arguments, **options), None))
    except UserError as error:
        return pickle.dumps((None, error.message))
    except BaseException as error:  # noqa: BLE001  # exits and panics too are the parent's to tell
        return pickle.dumps((None, f"{type(error).__name__}: {error}".removesuffix(": ")))
