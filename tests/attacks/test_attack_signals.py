"""Claim: SIGTERM, and SIGHUP of a closed terminal, end every command as Ctrl-C does.

One line, an exit code of its own, and no temporary file is left, a library's or a child's either.
After SIGKILL the next command removes them. What is ignored at the start stays ignored.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = """
import subprocess, sys, tempfile
from mobilenet.common import terminal
app = terminal.command("test", "")
MAKE = "import tempfile; print(tempfile.mkdtemp(), flush=True)"
@app.default
def main() -> None:
    print(tempfile.mkdtemp(), flush=True)
    subprocess.run([sys.executable, "-c", MAKE], check=True)
    sys.stdin.read()
sys.exit(terminal.run(app, []))
"""


def started(folder: Path, ignored: tuple[signal.Signals, ...] = ()) -> subprocess.Popen[str]:
    """The command, when it has made its temporary files in `folder`."""

    def prepare() -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # the tests' may be ignored
            signal.signal(number, signal.SIG_IGN if number in ignored else signal.SIG_DFL)

    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND], preexec_fn=prepare, text=True,  # noqa: PLW1509
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(folder), "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert process.stdout
    for _ in range(2):
        made = Path(process.stdout.readline().strip())
        assert made.is_dir()
        assert folder in made.parents
    return process


@pytest.mark.parametrize(
    ("number", "said", "code"),
    [
        (signal.SIGINT, "error: interrupted\n", 130),
        (signal.SIGTERM, "error: terminated\n", 143),
        (signal.SIGHUP, "error: terminated\n", 129),
    ],
)
def test_a_signal_is_one_line_and_leaves_nothing(
    number: signal.Signals, said: str, code: int, tmp_path: Path
) -> None:
    process = started(tmp_path)
    process.send_signal(number)
    assert process.communicate()[1] == said
    assert process.returncode == code
    assert not list(tmp_path.iterdir())


def test_what_was_ignored_stays_ignored(tmp_path: Path) -> None:
    process = started(tmp_path, ignored=(signal.SIGHUP, signal.SIGTERM))
    process.send_signal(signal.SIGHUP)
    process.send_signal(signal.SIGTERM)
    assert process.communicate()[1] == ""
    assert process.returncode == 0


def test_what_a_killed_command_left_goes_with_the_next_and_nothing_else_does(
    tmp_path: Path,
) -> None:
    foreign = tmp_path / ".mobilenet-foreign"
    foreign.mkdir()
    living = started(tmp_path)
    (alive,) = set(tmp_path.iterdir()) - {foreign}
    killed = started(tmp_path)
    (left,) = set(tmp_path.iterdir()) - {foreign, alive}
    killed.kill()
    killed.communicate()
    assert left.is_dir()
    started(tmp_path).communicate()
    assert set(tmp_path.iterdir()) == {foreign, alive}
    living.communicate()
    assert list(tmp_path.iterdir()) == [foreign]
