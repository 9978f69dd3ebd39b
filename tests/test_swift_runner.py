"""The worker in Swift is built once, whoever asks, and what prevents it is a line.

A made compiler stands for Swift's; `test_swift_worker.py` has the real one.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bench.runtimes import swift_runner
from bench.runtimes.entries import RUNTIMES
from bench.session.cases import units_here
from mobilenet.common.errors import CheckpointError, UnsupportedError

COMPILER = """#!/bin/sh
echo "$@" >>"$0.log"
while [ $# -gt 1 ]; do [ "$1" = --scratch-path ] && scratch=$2; shift; done
%s
mkdir -p "$scratch/release"
printf '#!/bin/sh\\necho built\\n' >"$scratch/release/runner"
chmod +x "$scratch/release/runner"
"""


@pytest.fixture
def compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A made `swift`, the first on the path; what it was asked for is in its log."""
    path = tmp_path / "bin" / "swift"
    path.parent.mkdir()
    monkeypatch.setenv("MOBILENET_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", f"{path.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(swift_runner, "SWIFT", ("swift",))
    monkeypatch.setattr(swift_runner, "HINT", "get a compiler")
    yield put(path, "")
    assert not list((tmp_path / "cache").glob(".mobilenet-*"))


def put(compiler: Path, fault: str) -> Path:
    compiler.write_text(COMPILER % fault)
    compiler.chmod(0o755)
    return compiler


def asked(compiler: Path) -> int:
    return len(compiler.with_name("swift.log").read_text().splitlines())


def test_it_is_built_once(compiler: Path) -> None:
    path = swift_runner.built()
    assert subprocess.run([path], capture_output=True, text=True, check=True).stdout == "built\n"
    assert swift_runner.built() == path
    assert asked(compiler) == 1
    options = compiler.with_name("swift.log").read_text()
    assert f"--package-path {swift_runner.SOURCE}" in options
    assert "--configuration release" in options


def test_two_at_once_build_it_once(compiler: Path) -> None:
    put(compiler, "sleep 0.3")
    with ThreadPoolExecutor(2) as pool:
        assert len({future.result() for future in [
            pool.submit(swift_runner.built) for _ in range(2)
        ]}) == 1  # fmt: skip
    assert asked(compiler) == 1


def test_another_source_is_built_anew(
    compiler: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = swift_runner.built()
    source = tmp_path / "swift"
    (source / "Sources/Measure").mkdir(parents=True)
    (source / "Package.swift").write_text("let package = 1")
    monkeypatch.setattr(swift_runner, "SOURCE", source)
    second = swift_runner.built()
    (source / "Sources/Measure/More.swift").write_text("let more = 1")
    assert len({first, second, swift_runner.built()}) == 3
    assert asked(compiler) == 3


def test_a_compiler_that_is_not_there_is_a_reason(
    compiler: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(compiler.parent / "nowhere"))
    with pytest.raises(UnsupportedError) as caught:
        swift_runner.built()
    assert caught.value.message == "there is no Swift compiler to build the worker"
    assert caught.value.hint == "get a compiler"


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("echo '/a/Net.swift:9:1: error: cannot find it in scope'; echo 'warning: a'; exit 1",
         "the worker in Swift was not built: cannot find it in scope"),
        ("echo 'xcrun: no developer tools were found' >&2; exit 72",
         "the worker in Swift was not built: xcrun: no developer tools were found"),
        ("exit 1", "the worker in Swift was not built: it gave no reason"),
    ],
)  # fmt: skip
def test_what_the_compiler_says_is_the_reason_and_nothing_is_kept(
    compiler: Path, fault: str, reason: str
) -> None:
    put(compiler, fault)
    with pytest.raises(UnsupportedError) as caught:
        swift_runner.built()
    assert caught.value.message == reason
    put(compiler, "")
    assert swift_runner.built().exists()


def test_a_compiler_that_hangs_is_a_reason(
    compiler: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(compiler, "exec sleep 60")
    monkeypatch.setattr(swift_runner, "BUILD_TIMEOUT_S", 0.2)
    with pytest.raises(UnsupportedError, match="took over"):
        swift_runner.built()


def test_a_build_that_was_changed_is_not_run(compiler: Path) -> None:
    swift_runner.built().write_text("#!/bin/sh\n")
    with pytest.raises(CheckpointError, match="has sha256") as caught:
        swift_runner.built()
    assert "changed or damaged" in caught.value.hint


@pytest.mark.skipif(sys.platform == "darwin", reason="Core ML is here")
def test_core_ml_in_swift_is_a_runtime_that_says_why_it_is_not_here() -> None:
    outcome = units_here("coreml-native", RUNTIMES["coreml-native"].worker)
    assert (outcome.status, outcome.answer) == ("failed", None)
    assert outcome.reason == f"Core ML runs on macOS, this is {sys.platform}"
