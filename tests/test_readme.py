"""The README's commands exist as it writes them."""

import re
import shlex
from importlib import import_module
from pathlib import Path

import pytest

from mobilenet.common import terminal

README = (Path(__file__).parent.parent / "README.md").read_text("utf-8")
COMMANDS = sorted(
    {
        line.split("#")[0].removeprefix("$ ").strip()
        for block in re.findall(r"```console\n(.*?)```", README, re.DOTALL)
        for line in block.splitlines()
        if line.startswith("$ python -m ")
    }
)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_of_a_command_is_in_its_help(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _, _, package, *words = shlex.split(command)
    app = import_module(f"{package}.__main__").app
    names = set(app)
    sub = words[:1] if words and words[0] in names else []
    assert terminal.run(app, [*sub, "--help"]) == 0
    printed = capsys.readouterr().out
    for option in (word.split("=")[0] for word in words if word.startswith("-")):
        assert re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", printed), option


def test_the_python_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (example,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    exec(compile(example, "README.md", "exec"), {})
    assert (tmp_path / "Flowers.mlpackage" / "Manifest.json").is_file()


def test_there_are_commands_of_every_package() -> None:
    assert {command.split()[2] for command in COMMANDS} == {"export", "bench", "reports"}
