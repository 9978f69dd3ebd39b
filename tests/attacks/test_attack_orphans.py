"""Claim: no process outlives the command that started it, and Ctrl-C ends all, whatever they do.

Every child is stopped before its parent is killed or interrupted: it cannot do its part.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from conftest import PHOTO
from export.pipeline import export
from export.source import Published
from export.spec import ExportSpec, Variant
from process_tree import MARK, PATIENCE_S, marked, wait_until

GRID = ("all", "--weights", "untrained", "--alpha", "0.25", "--resolution", "32", "64", "96",
        "--depth", "shallow", "--offline", "--workers", "2")  # fmt: skip
PHOTOGRAPHS = 2000  # more than are decoded before the decoders are stopped
Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    variant = Variant(alpha=0.25, resolution=32, shallow=True, weights="untrained")
    path = tmp_path_factory.mktemp("package") / "net.mlpackage"
    return export(Published(variant), path, spec=ExportSpec(), verify=False).path


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a command whose processes can be told by `tmp_path`; none is left after the test."""
    commands: list[subprocess.Popen[bytes]] = []

    def started(*command: object) -> "subprocess.Popen[bytes]":
        environment = {
            **os.environ, MARK: str(tmp_path),
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        }  # fmt: skip
        parent = subprocess.Popen(
            [sys.executable, "-m", *map(str, command)], env=environment, cwd=tmp_path,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        commands.append(parent)
        return parent

    yield started
    for process in marked(str(tmp_path)):
        process.kill()
    for parent in commands:
        parent.communicate()


def export_all(start: Start, folder: Path, _: Path) -> "subprocess.Popen[bytes]":
    return start("export", *GRID, "-o", folder / "models")


def bench_accuracy(start: Start, folder: Path, package: Path) -> "subprocess.Popen[bytes]":
    (folder / "photographs" / "0").mkdir(parents=True)
    for number in range(PHOTOGRAPHS):
        (folder / "photographs" / "0" / f"{number}.jpg").symlink_to(PHOTO)
    return start("bench", "accuracy", package, "--runtime", "portable", "--jobs", "2",
                 "--data", folder / "photographs", "-o", folder / "a.jsonl")  # fmt: skip


def stop_children(parent: "subprocess.Popen[bytes]", folder: Path) -> None:
    """Both workers, as soon as they have begun."""

    def children() -> list[psutil.Process]:
        assert parent.poll() is None, parent.stderr.read().decode()
        return [
            process
            for process in marked(str(folder))
            if process.pid != parent.pid and process.num_threads() > 1  # Python itself is up
        ]

    wait_until(lambda: len(children()) == 2)
    for process in children():
        process.suspend()


@pytest.mark.parametrize("command", [export_all, bench_accuracy])
def test_nothing_outlives_a_killed_command(
    command: Callable[..., "subprocess.Popen[bytes]"], start: Start, tmp_path: Path, package: Path
) -> None:
    parent = command(start, tmp_path, package)
    stop_children(parent, tmp_path)
    parent.kill()
    wait_until(lambda: not marked(str(tmp_path)))


@pytest.mark.parametrize("command", [export_all, bench_accuracy])
def test_ctrl_c_ends_stopped_children(
    command: Callable[..., "subprocess.Popen[bytes]"], start: Start, tmp_path: Path, package: Path
) -> None:
    parent = command(start, tmp_path, package)
    stop_children(parent, tmp_path)
    parent.send_signal(signal.SIGINT)
    _, errors = parent.communicate(timeout=PATIENCE_S)
    assert parent.returncode == 130
    assert b"Traceback" not in errors
    assert not marked(str(tmp_path))
