"""Claim: streams, places and limits that are not as usual end in one line and exit code 2.

Real processes with closed and full streams, pipes that nobody reads, names that are not UTF-8,
folders that are gone, and limits on files. A reader that has had enough is no error.
"""

import errno
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import made_results
from mobilenet.common import terminal
from mobilenet.networks.v1 import MobileNetConfig

ROOT = Path(__file__).parents[2]
FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="the system has no /dev/full")


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("results") / "r.jsonl"
    return made_results.write(path, made_results.realistic(rounds=1, samples=3))


def ended(words: str, *arguments: object, **options: object) -> tuple[int, str, str]:
    """Exit code, output and errors of the shell's `words`; "$@" in them is `reports` of these."""
    command = [sys.executable, "-m", "reports", *map(str, arguments)]
    done = subprocess.run(
        ["/bin/sh", "-c", words, "sh", *command],
        capture_output=True, timeout=120, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)}, **options,
    )  # fmt: skip
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def is_one_line(text: str) -> bool:
    return text.startswith("error: ") and text.count("\n") == 1 and text.endswith(")\n")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ('"$@" >&-', 2, True),
        ('"$@" >&- 2>&- <&-', 2, False),
        ('"$@" 2>&- <&- >/dev/null', 0, False),
        pytest.param('"$@" >/dev/full', 2, True, marks=needs_full),
        pytest.param('"$@" >/dev/full 2>/dev/full', 2, False, marks=needs_full),
    ],
)
def test_closed_and_full_streams(words: str, code: int, said: bool, results: Path) -> None:
    exit_code, out, err = ended(words, results)
    assert (exit_code, out) == (code, "")
    assert is_one_line(err) if said else not err


@pytest.mark.parametrize("arguments", [["--json"], ["--csv"]])
def test_a_reader_that_has_had_enough_is_no_error(arguments: list[str], results: Path) -> None:
    code, out, err = ended('{ "$@"; echo $? >&2; } | head -1', results, *arguments)
    assert (code, out.count("\n"), err) == (0, 1, "0\n")


@pytest.mark.parametrize("arguments", [["--json"], []])
def test_a_verdict_that_nobody_reads_keeps_its_exit_code(
    arguments: list[str], tmp_path: Path
) -> None:
    """A red check is red with `| head`, and its warnings may go unread, too."""
    names = "fast", "slow"
    cases = [made_results.case(made_results.model(MobileNetConfig()), case=name) for name in names]
    times_ms = dict(zip(names, (10.0, 20.0), strict=True))
    launches = made_results.launches(cases, times_ms, 15, 20, seed=4)
    path = made_results.write(tmp_path / "r.jsonl", [made_results.session(15), *cases, *launches])
    for pipe in ("2>/dev/null", "2>&1"):
        words = f'{{ "$@" {pipe}; echo $? >"{tmp_path}/code"; }} | true'
        ended(words, "compare", path, "--cases", *names, *arguments)
        assert (tmp_path / "code").read_text() == "1\n", pipe


def test_a_file_that_nobody_reads_is_no_success(results: Path) -> None:
    words = '{ "$@"; echo $? >&2; } | true'
    assert ended(words, "page", results, "-o", "/dev/stdout") == (0, "", "141\n")


def test_nothing_is_written_into_files_that_take_a_closed_streams_place(
    results: Path, tmp_path: Path
) -> None:
    page = tmp_path / "page.html"
    code, _, _ = ended('"$@" >&- 2>&- <&-', "page", results, "-o", page)
    assert code == 2  # its name could not be said
    assert page.read_text().startswith("<!doctype html>")
    assert page.read_text().rstrip().endswith("</html>")


def test_names_that_are_not_utf_8(results: Path, tmp_path: Path) -> None:
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe"))
    try:
        folder.mkdir()
    except OSError as error:
        assert error.errno == errno.EILSEQ  # noqa: PT017  # macOS has no such names
        pytest.skip("the file system has no such names")
    path = folder / "r.jsonl"
    path.write_bytes(results.read_bytes())
    os.environ["PYTHONIOENCODING"] = "ascii"
    try:
        assert ended('"$@"', path, cwd=folder)[0] == 0
        assert ended('"$@"', path, "--csv", cwd=folder)[0] == 0
    finally:
        del os.environ["PYTHONIOENCODING"]
    code, _, err = ended('"$@"', path.with_name("missing"), cwd=folder)
    assert code == 2
    assert is_one_line(err)
    assert r"\udcff" in err


def test_a_place_that_is_gone_and_a_limit_on_files(results: Path, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    words = 'rmdir "$PWD"; "$@"'
    code, _, err = ended(words, "page", results, "-o", "page.html", cwd=gone)
    assert (code, is_one_line(err)) == (2, True), err

    def small_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))

    output = tmp_path / "page.html"
    code, _, err = ended('"$@"', "page", results, "-o", output, preexec_fn=small_files)
    assert (code, is_one_line(err)) == (2, True), err
    assert not output.exists()


def raiser(error: BaseException) -> Callable[[], None]:
    def command() -> None:
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (MemoryError(), "error: out of memory ("),
        (ImportError("x.so: failed to map segment from shared object"), "error: out of memory ("),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), "error: out of memory ("),
        (RuntimeError("[MIL FileWriter]: Unknown error"), "error: a temporary file cannot be wr"),
        (OSError(errno.ENOSPC, "No space left"), "error: No space left ("),
    ],
)
def test_what_the_system_refuses_is_one_line(
    error: Exception, said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    app = terminal.command("test", "")
    app.default(raiser(error))
    assert terminal.run(app, []) == 2
    err = capfd.readouterr().err
    assert is_one_line(err)
    assert err.startswith(said)


@pytest.mark.parametrize(
    "error", [ValueError("x"), RuntimeError("x"), ImportError("x"), RecursionError(), KeyError(1)]
)
def test_a_bug_keeps_its_traceback(error: Exception) -> None:
    app = terminal.command("test", "")
    app.default(raiser(error))
    with pytest.raises(type(error)) as raised:
        terminal.run(app, [])
    assert raised.value is error
