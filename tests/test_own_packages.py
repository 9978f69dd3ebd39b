"""What lies in the working folder under the name of one of our packages is not run."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bench.runtimes.entries import PYTHON_WORKER
from bench.workers.process import run_worker
from bench.workers.protocol import Job, Units
from mobilenet.common.own_packages import HOME

STRANGER = "open('was-run', 'w').close()\n"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages as an installation has them: in a folder where nobody works."""
    folder = tmp_path_factory.mktemp("site")
    for name in ("mobilenet", "export", "bench", "reports"):
        shutil.copytree(HOME / name, folder / name)
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def run(site: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        check=False, cwd=folder, env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True, text=True,
    )  # fmt: skip


def put(folder: Path, name: str) -> Path:
    """A stranger's module or package of that name."""
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(STRANGER)
    return path.parent if path.name == "__init__.py" else path


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("bench", "export.py"),
        ("bench", "export/__init__.py"),
        ("bench", "mobilenet/__init__.py"),
        ("export", "mobilenet.py"),
        ("reports", "bench/__init__.py"),
        ("reports", "mobilenet/__init__.py"),
    ],
)
def test_a_stranger_is_named_in_one_line(
    site: Path, folder: Path, command: str, name: str
) -> None:
    stranger = put(folder, name)
    done = run(site, folder, "-m", command, "--version")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith(f"error: {stranger} would be run instead of")
    assert not (folder / "was-run").exists()


@pytest.mark.parametrize(
    ("command", "name"),
    [("export", "bench/__init__.py"), ("bench", "reports.py"), ("mobilenet", "export.py")],
)
def test_what_a_command_does_not_import_is_left_alone(
    site: Path, folder: Path, command: str, name: str
) -> None:
    put(folder, name)
    assert run(site, folder, "-m", command, "--version").returncode == 0
    assert not (folder / "was-run").exists()


def test_a_folder_of_results_is_no_package(site: Path, folder: Path) -> None:
    for name in ("mobilenet", "export", "bench", "reports"):
        (folder / name).mkdir()
    for command in ("mobilenet", "export", "bench", "reports"):
        assert run(site, folder, "-m", command, "--version").returncode == 0


def test_a_worker_takes_nothing_from_the_working_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As started by an installed command, whose search path has no working folder in it."""
    for name in ("bench/__init__.py", "export.py", "mobilenet.py"):
        put(folder, name)
    monkeypatch.chdir(folder)
    job = Job(task="describe", runtime="portable", timeout_s=60, memory_limit_bytes=0)
    assert run_worker(PYTHON_WORKER, job, Units).answer == Units(("CPU",))
    assert not (folder / "was-run").exists()
