"""Claim: of commands that are killed, interrupted or run at once, each file is fetched once.

What a dead command has fetched is not fetched again, and nothing of it stays.
"""

import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import slim_files
import web
from mobilenet.weights.resolve import load_weights

PATH = "/mobilenet_v1_0.25_128.tgz"
COMMAND = ["-m", "mobilenet", "weights", "slim", "--alpha", "0.25", "--resolution", "128"]
PATIENCE_S = 120  # for what takes a second on a machine that does nothing else


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return slim_files.slim_release(tmp_path_factory.mktemp("release"))


@pytest.fixture
def mirror() -> Iterator[web.Web]:
    with web.serving() as server:
        yield server


def start(mirror: web.Web, folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *COMMAND], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=os.environ | {"MOBILENET_CACHE": str(folder), "MOBILENET_MIRROR": mirror.url},
    )  # fmt: skip


def ended(process: subprocess.Popen[str]) -> str:
    """What it said on stderr; it must end well."""
    _, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, errors
    return errors


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def files(folder: Path) -> list[str]:
    """All but the working folders of dead commands, which `files.replacing` makes and sweeps."""
    paths = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return sorted(str(path) for path in paths if not any(p[0] == "." for p in path.parts))


def begun(mirror: web.Web, folder: Path, release: bytes) -> tuple[subprocess.Popen[str], Path]:
    """A command that has half of the file, and waits for the rest."""
    mirror.answers[PATH] = web.Versioned(release, cuts=(len(release) // 2,), then=mirror.over.wait)
    process = start(mirror, folder)
    until(lambda: any(path.stat().st_size for path in folder.glob("partial/*")))
    (partial,) = folder.glob("partial/*")
    return process, partial


def check_fetched(mirror: web.Web, folder: Path, kept: int) -> None:
    """The second request asked for the rest only, and the file is what it must be."""
    assert mirror.ranges == ["", f"bytes={kept}-"]
    name = "slim/slim_0.25_128.pb"
    assert files(folder) == [name, f"{name}.sha256"]
    digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    assert (folder / f"{name}.sha256").read_text() == digest


def test_after_ctrl_c_the_next_goes_on(
    mirror: web.Web, tmp_path: Path, release: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    process, partial = begun(mirror, tmp_path, release)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert "Traceback" not in errors
    kept = partial.stat().st_size
    assert partial.read_bytes() == release[:kept]
    monkeypatch.setenv("MOBILENET_CACHE", str(tmp_path))
    monkeypatch.setenv("MOBILENET_MIRROR", mirror.url)
    load_weights("slim", alpha=0.25, resolution=128)
    check_fetched(mirror, tmp_path, kept)


def test_who_waits_for_one_that_is_killed_goes_on(
    mirror: web.Web, tmp_path: Path, release: bytes
) -> None:
    first, partial = begun(mirror, tmp_path, release)
    second = start(mirror, tmp_path)
    assert second.stderr is not None
    lines = [second.stderr.readline() for _ in range(2)]
    assert lines[1].startswith("waiting for another process")
    first.send_signal(signal.SIGSTOP)
    kept = partial.stat().st_size
    first.kill()
    first.communicate()
    ended(second)
    check_fetched(mirror, tmp_path, kept)


def test_of_two_at_once_one_fetches(mirror: web.Web, tmp_path: Path, release: bytes) -> None:
    go_on = threading.Event()

    def held(handler: object) -> None:
        assert go_on.wait(PATIENCE_S)
        web.Versioned(release)(handler)  # type: ignore[arg-type]

    mirror.answers[PATH] = held
    first = start(mirror, tmp_path)
    until(lambda: mirror.asked)
    second = start(mirror, tmp_path)
    assert second.stderr is not None
    lines = [second.stderr.readline() for _ in range(2)]
    assert lines[1] == "waiting for another process that fetches slim_0.25_128.pb\n"
    go_on.set()
    assert "waiting" not in ended(first)
    ended(second)
    assert mirror.asked == [PATH]
    assert len(files(tmp_path)) == 2
