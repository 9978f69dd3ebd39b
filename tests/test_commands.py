"""What holds for every command: two examples that can be typed, no option that makes no sense."""

import shlex
from collections.abc import Iterator

import pytest
from cyclopts import App
from rich.console import Console

import bench.__main__
import export.__main__
import mobilenet.__main__
import reports.__main__
from mobilenet.common import terminal

APPS = {
    "mobilenet": mobilenet.__main__.app,
    "export": export.__main__.app,
    "bench": bench.__main__.app,
    "reports": reports.__main__.app,
}
SENSIBLE = {"--no-verify", "--no-layers"}


def commands() -> Iterator[tuple[App, list[str]]]:
    """Each application with the names of one of its commands; none for its default."""
    for app in APPS.values():
        if app.default_command is not None:
            yield app, []
        for name in app:
            if not name.startswith("-"):
                yield app, [name]


COMMANDS = [pytest.param(app, names, id=" ".join([app.name[0], *names]))
            for app, names in commands()]  # fmt: skip


def help_of(app: App, names: list[str]) -> str:
    console = Console(width=200, file=None)
    with console.capture() as captured:
        app.help_print(names, console=console)
    return captured.get()


@pytest.mark.parametrize(("app", "names"), COMMANDS)
def test_two_examples_that_parse(app: App, names: list[str]) -> None:
    _, _, examples = help_of(app, names).partition("Examples:\n")
    lines = [line.strip() for line in examples.splitlines() if line.strip()]
    assert len(lines) >= 2
    for line in lines:
        program, arguments = line[: len(app.name[0])], shlex.split(line[len(app.name[0]) :])
        assert program == app.name[0]
        assert [name for name in arguments[:1] if name in app] == names
        assert len(line) < 78  # of an 80 column terminal
        app.parse_args(arguments, exit_on_error=False, print_error=False)


@pytest.mark.parametrize(
    ("module", "arguments", "said"),
    [
        ("export", ["foo"], "'foo' is neither a command nor the value of an option"),
        ("export", ["inspect"], "parameter MODEL requires an argument"),
        (
            "reports",
            ["nowhere.jsonl"],
            "No such file or directory: nowhere.jsonl (check the path)",
        ),
        ("bench", ["run", "--fast"], "(see `python -m bench run --help`)"),
        ("mobilenet", ["wieghts"], 'Did you mean "weights"?'),
    ],
)
def test_typical_mistakes_are_a_line_that_helps(
    module: str, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert terminal.run(APPS[module], arguments) == 2
    printed = capsys.readouterr()
    assert said in printed.err
    assert printed.err.count("\n") == 1
    assert printed.out == ""


@pytest.mark.parametrize(("app", "names"), COMMANDS)
def test_every_switch_makes_sense_and_every_result_can_be_json(app: App, names: list[str]) -> None:
    text = help_of(app, names)
    options = {word for word in text.replace("│", " ").split() if word.startswith("--")}
    assert {name for name in options if name.startswith(("--no-", "--empty-"))} <= SENSIBLE
    assert not {name for name in options if "." in name.rstrip(".")}
    shown = {*text.replace("│", " ").split()}
    assert "--json" in shown
    assert ("-o" in shown) == (names != ["resume"])  # it goes on in its file
    assert "default: False" not in text
    assert "default: ()" not in text


def test_text_is_broken_where_the_terminal_ends_not_the_source() -> None:
    verify = help_of(APPS["export"], ["verify"])
    assert "are shown; of a detector the objects in it, of a segmenter" in verify
    compare = help_of(APPS["reports"], ["compare"])
    assert (
        "relative to those that did not, since the machine's speed changes, too.\n\nExit"
        in compare
    )
