"""What is printed: plain text, whole, and nothing that a pipe has no use for."""

import io
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from rich.table import Table
from rich.text import Text

from listener import Listener
from mobilenet.common import terminal
from mobilenet.common.errors import ConfigError
from mobilenet.common.progress import SILENT, tracked
from mobilenet.common.text import LONGEST, duration, one_line

HOSTILE = "[/red][link=https://example.org]x[/link] :cat: \x1b[31m\x9b1m \u202eabc\u2066 a\nb\tc"
SHOWN = r"[/red][link=https://example.org]x[/link] :cat: \x1b[31m\x9b1m \u202eabc\u2066 a\nb\tc"


def test_one_line_shows_what_it_cannot_print() -> None:
    assert one_line(HOSTILE) == SHOWN
    assert one_line("\udcff") == r"\udcff"  # of a file name that is not UTF-8
    assert one_line("Zürich, 猫, a\\nb") == "Zürich, 猫, a\\nb"


def test_a_long_line_loses_its_middle() -> None:
    line = one_line("a" * 10_000 + "end")
    assert len(line) <= LONGEST + len(" ... ")
    assert line.startswith("aaa")
    assert line.endswith("end")


@pytest.mark.parametrize(
    ("seconds", "text"), [(45, "45 s"), (200, "3 min 20 s"), (3599.6, "1 h 0 min"), (0.4, "0 s")]
)
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_every_kind_of_output_shows_hostile_text_as_text(
    capsys: pytest.CaptureFixture[str],
) -> None:
    terminal.line(HOSTILE, (HOSTILE, "bold"))
    terminal.card({HOSTILE: [HOSTILE, "second"]})
    terminal.table([HOSTILE, "number"], [(HOSTILE, "1")], words=[HOSTILE], styles=["red"])
    terminal.say(HOSTILE)
    terminal.warn(HOSTILE)
    out, err = capsys.readouterr()
    assert out.count(SHOWN) == 6
    assert err == f"{SHOWN}\nwarning: {SHOWN}\n"
    assert (out + err).replace("\n", "").isprintable()


def test_tables_of_others_pass_the_same_filter(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table("[bold]header[/bold]")
    table.add_row("\x1b[31m[/nothing]")
    table.add_row(Text("\u202ecell", "red"))
    terminal.show(table, "[/line]")
    out = capsys.readouterr().out
    assert "[bold]header[/bold]" in out
    assert r"\x1b[31m[/nothing]" in out
    assert r"\u202ecell" in out
    assert "[/line]\n" in out


def test_piped_tables_are_whole_and_end_where_their_text_ends(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    terminal.table(
        ["name", "n"], [("x" * 120, "1"), ("y", "")], words=["name"], styles=["dim", ""]
    )
    header, first, second = capsys.readouterr().out.splitlines()
    assert header == "name" + " " * 118 + "n"
    assert first == "x" * 120 + "  1"
    assert second == "y"


def test_json_has_no_code_in_it_and_means_the_same(capfdbinary: object) -> None:
    import json

    terminal.print_json({"name": HOSTILE})
    text = capfdbinary.readouterr().out.decode()  # type: ignore[attr-defined]
    assert text.replace("\n", "").isprintable()
    assert json.loads(text) == {"name": HOSTILE}


def test_a_stream_of_few_letters_is_no_reason_to_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    terminal.line("Zürich")
    assert stream.buffer.getvalue() == rb"Z\xfcrich" + b"\n"  # type: ignore[attr-defined]


def test_errors_are_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    app = terminal.command("test", "")

    @app.default
    def main(name: str) -> None:
        raise OSError(5, "broken", name) if name == "os" else ConfigError(HOSTILE * 100, HOSTILE)

    for name in ("os", "ours", HOSTILE):
        assert terminal.run(app, [name]) == 2
    assert terminal.run(app, [f"--{HOSTILE}"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 4
    assert err.splitlines()[0].startswith("error: broken: os")
    assert err.replace("\n", "").isprintable()
    assert all(len(line) < 2.2 * LONGEST for line in err.splitlines())


def test_work_is_told_by_its_weights() -> None:
    listener = Listener()
    assert list(tracked([1, 3], float, "Measuring", listener)) == [1, 3]
    assert listener.updates == [
        ("Measuring", 0, 4, "0/2"), ("Measuring", 1, 4, "1/2"), ("Measuring", 4, 4, "2/2"),
    ]  # fmt: skip
    assert list(tracked([], float, "Nothing", SILENT)) == []


BARS = """
from mobilenet.common import terminal
with terminal.working("[/spinner]") as progress, progress.bar("[/title]") as bar:
    bar.update(0, 2, "0/2")
    progress.say("[/said]")
    with progress.bar("nested") as nested:
        nested.update(1, 2)
    bar.update(2, 2, "[/text]")
terminal.table(["a"], [["b"]])
"""


def test_bars_are_drawn_on_a_terminal_alone() -> None:
    piped = subprocess.run(
        [sys.executable, "-c", BARS], capture_output=True, text=True, check=True
    )
    assert piped.stderr == "[/said]\n"
    assert piped.stdout == "a\nb\n"

    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80"}
    with subprocess.Popen(
        [sys.executable, "-c", BARS], stderr=theirs, stdout=subprocess.DEVNULL, env=environment
    ) as process:
        os.close(theirs)
        drawn = b""
        while chunk := _read(ours):
            drawn += chunk
    assert process.returncode == 0
    for text in (b"[/spinner]", b"[/title]", b"[/said]", b"[/text], 0 s left"):
        assert text in drawn
    assert b"nested" not in drawn  # one bar at a time


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 1 << 16)
    except OSError:  # Linux says so when the other end is closed
        return b""


@pytest.mark.parametrize("package", ["mobilenet", "export", "bench", "reports"])
def test_a_console_script_goes_by_its_name_and_completes(package: str, tmp_path: Path) -> None:
    script = f"mobilenet-{'weights' if package == 'mobilenet' else package}"
    code = (
        f"import sys; sys.argv[0] = '/usr/bin/{script}'\n"
        f"from {package}.__main__ import main; sys.exit(main())"
    )

    def run(*arguments: str) -> str:
        return subprocess.run(
            [sys.executable, "-c", code, *arguments],
            capture_output=True, text=True, check=True, env={**os.environ, "HOME": str(tmp_path)},
        ).stdout  # fmt: skip

    assert run("--help").startswith(f"Usage: {script}")
    assert run("--version") == "0.1.0\n"
    run("--install-completion", "--shell", "bash")
    completion = tmp_path / ".local/share/bash-completion/completions" / script
    subprocess.run(["bash", "-n", completion], check=True)
    assert script in completion.read_text()


@pytest.mark.parametrize("package", ["mobilenet", "export", "bench", "reports"])
def test_help_is_light_and_has_no_blanks_at_ends(package: str) -> None:
    code = (
        "import sys, runpy\n"
        f"sys.argv = [{package!r}, '--help']\n"
        "try:\n"
        f"    runpy.run_module({package!r}, run_name='__main__', alter_sys=True)\n"
        "except SystemExit as end:\n"
        "    assert not end.code\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"Usage: python -m {package}")
    loaded = {name.partition(".")[0] for name in done.stderr.split()}
    assert not {"torch", "coremltools", "onnx", "pandas", "numpy", "h5py"} & loaded
    assert all(line == line.rstrip() for line in done.stdout.splitlines())
    assert "\x1b" not in done.stdout
