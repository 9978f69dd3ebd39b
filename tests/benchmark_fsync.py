"""What it costs to bring records and packages to the disk: run by hand, asserts nothing.

python tests/benchmark_fsync.py [FOLDER]

FOLDER lies on the disk that is asked; default: the working folder.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from unittest import mock

from bench.session import runner
from bench.session.cases import candidates
from bench.session.schedule import PLANS
from export.pipeline import export
from mobilenet.common import durable, files
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.untrained import untrained

RUNS, SMALL_FILES = 7, 300


def shares(work: Callable[[], object]) -> tuple[float, list[float]]:
    """Seconds of `work`, and of each time that something was brought to the disk in it."""
    flushes: list[float] = []
    inside = False

    def timed(call: Callable[[object], None]) -> Callable[[object], None]:
        def wrapper(argument: object) -> None:
            nonlocal inside
            if inside:  # one is made of the other
                call(argument)
                return
            inside, begin = True, time.perf_counter()
            call(argument)
            inside = False
            flushes.append(time.perf_counter() - begin)

        return wrapper

    names = ("flush", "flush_path", "flush_tree")
    with mock.patch.multiple(durable, **{name: timed(getattr(durable, name)) for name in names}):
        begin = time.perf_counter()
        work()
        return time.perf_counter() - begin, flushes


def small_files(path: Path) -> None:
    with files.replacing(path, any_folder=True) as temporary:
        temporary.mkdir()
        for number in range(SMALL_FILES):
            (temporary / str(number)).write_bytes(bytes(1000))


def main(parent: Path) -> None:
    with tempfile.TemporaryDirectory(dir=parent) as name:
        folder = Path(name)
        checkpoint = untrained(MobileNetConfig(0.25, 128))
        package = export(checkpoint, folder / "net.mlpackage", verify=False).path
        chosen = candidates([package], ["portable"])
        total, flushes = shares(
            lambda: runner.start(chosen, PLANS["quick"], folder / "results.jsonl")
        )
        print(
            f"a quick session, {total:.1f} s: {len(flushes)} times to the disk, "
            f"{statistics.median(flushes) * 1e3:.2f} ms each, {max(flushes) * 1e3:.2f} ms at "
            f"most; {sum(flushes) / total:.3%} of the session (bound: 1 %)"
        )
        for title, work in (
            ("an export, not verified", lambda: export(checkpoint, package, verify=False)),
            (f"a folder of {SMALL_FILES} files", lambda: small_files(folder / "small")),
        ):
            runs = [shares(work) for _ in range(RUNS)]
            total = statistics.median(total for total, _ in runs)
            share = statistics.median(sum(flushes) / total for total, flushes in runs)
            print(f"{title}, {total:.3f} s: {share:.1%} of it")


if __name__ == "__main__":
    main(Path(sys.argv[1] if sys.argv[1:] else "."))
