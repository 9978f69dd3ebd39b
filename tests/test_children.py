"""Calls in children: what comes back, and what does when nothing does."""

import os
import signal
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

import crashing
from mobilenet.common.children import Child, ChildError, ChildPool
from mobilenet.common.errors import ConfigError
from process_tree import MARK, marked, wait_until

LONG = 120.0  # s; no call here comes near it


def called(pool: ChildPool, function: Callable[..., object], *arguments: object) -> object:
    return pool.submit(lambda child: child.call(LONG, function, *arguments)).result(LONG)


def test_a_call_returns_and_raises() -> None:
    with ChildPool(1, {"CHILD": "yes"}) as pool:
        assert called(pool, os.getenv, "CHILD") == "yes"
        number = called(pool, os.getpid)
        assert number not in (os.getpid(), None)
        assert called(pool, bytes, 1 << 20) == bytes(1 << 20)
        with pytest.raises(ChildError, match=r"^ValueError: math domain error$"):
            called(pool, crashing.raises, ValueError("math domain error"))
        with pytest.raises(ChildError, match=r"^alpha is 7$"):
            called(pool, crashing.raises, ConfigError("alpha is 7"))
        with pytest.raises(ChildError, match=r"^MemoryError$"):
            called(pool, crashing.raises, MemoryError())
        with pytest.raises(ChildError, match=r"^SystemExit: 3$"):
            called(pool, crashing.raises, SystemExit(3))
        with pytest.raises(ChildError, match="pickle"):
            called(pool, crashing.unpicklable)
        assert called(pool, os.getpid) == number


def test_a_crash_costs_its_own_call() -> None:
    with ChildPool(1) as pool:
        number = called(pool, os.getpid)
        for function, argument, ending in [
            (os._exit, 7, "exit code 7"),
            (os.abort, None, "SIGABRT"),
            (crashing.signals_itself, signal.SIGRTMIN + 1, r"signal \d+"),
        ]:
            with pytest.raises(ChildError, match=f"^its process ended: {ending}$"):
                called(pool, function, *[argument] * (argument is not None))
        assert called(pool, os.getpid) != number


@pytest.mark.parametrize("stuck", [crashing.sleeps, crashing.stops, crashing.turns_in_c])
def test_a_call_has_a_time_limit(stuck: Callable[[], None]) -> None:
    with ChildPool(1) as pool:
        number = called(pool, os.getpid)
        with pytest.raises(ChildError, match=r"^no result within 0.5 s$"):
            pool.submit(lambda child: child.call(0.5, stuck)).result(LONG)
        with pytest.raises(ProcessLookupError):
            os.kill(number, 0)
        assert called(pool, os.getpid) != number


@pytest.mark.parametrize("stuck", [crashing.sleeps, crashing.stops, crashing.turns_in_c])
def test_leaving_ends_all_children(stuck: Callable[[], None]) -> None:
    numbers: list[int] = []

    def work(child: Child) -> None:
        numbers.append(child.call(LONG, os.getpid))
        child.call(LONG, stuck)

    with ChildPool(2) as pool:
        interrupted = [pool.submit(work) for _ in range(3)]
        wait_until(lambda: len(numbers) == 2)
    for number in numbers:
        with pytest.raises(ProcessLookupError):
            os.kill(number, 0)
    assert [future.cancelled() for future in interrupted] == [False, False, True]
    with pytest.raises(ChildError, match="its process ended: SIGKILL"):
        interrupted[0].result()


def test_what_a_child_started_and_wrote_goes_with_it(tmp_path: Path) -> None:
    with ChildPool(1, {MARK: str(tmp_path)}) as pool:
        folder = Path(str(called(pool, tempfile.mkdtemp)))
        called(pool, crashing.starts_a_sleeper)
        assert folder.is_dir()
        wait_until(lambda: len(marked(str(tmp_path))) == 2)
    assert not folder.parent.exists()
    wait_until(lambda: not marked(str(tmp_path)))
