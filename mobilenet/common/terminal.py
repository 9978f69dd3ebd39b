"""What every command shares: one way to declare it, to print, and to fail.

Data goes to stdout and everything said about it to stderr, so that a pipe sees data alone.
"""

import os
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, CycloptsError, Parameter, Token
from rich.console import Console, RenderableType
from rich.markup import escape

from mobilenet import __version__
from mobilenet.common.errors import ConfigError, UserError
from mobilenet.common.files import Folder

PIPED_WIDTH = None if sys.stdout.isatty() else 160  # tables stay whole
out = Console(highlight=False, soft_wrap=True, width=PIPED_WIDTH)
err = Console(highlight=False, soft_wrap=True, stderr=True)


def _output_file(_type: object, tokens: Sequence[Token]) -> Path:
    text = tokens[0].value
    if text.endswith("/"):
        raise ConfigError(f"output {text} is a folder", "name a file in it")
    return Path(text)


def _output_package(_type: object, tokens: Sequence[Token]) -> Path | Folder:
    """A package is a folder: the shell completes its name with a slash, too."""
    text, path = tokens[0].value, Path(tokens[0].value)
    return Folder(path) if text.endswith("/") and path.suffix != ".mlpackage" else path


OutputFile = Annotated[Path, Parameter(alias="-o", converter=_output_file)]
"""An option that names a file to write. pathlib drops the slash that says "folder"."""
OutputPackage = Annotated[Path | Folder, Parameter(alias="-o", converter=_output_package)]
"""An option that names a package to write, or a folder for it."""


def command(name: str, help: str) -> App:
    """An application whose errors are one line, and whose `--help` is instant and plain."""
    return App(
        name=name,
        help=help,
        version=__version__,
        help_format="plaintext",
        result_action="return_value",
    )


def say(text: str) -> None:
    """A remark for the person at the terminal; never part of the data."""
    err.print(escape(text))


def warn(text: str) -> None:
    err.print(f"[yellow]warning:[/] {escape(text)}")


def show(*contents: RenderableType) -> None:
    """Print tables and texts of rich; where no terminal bounds a table, none of it is cut."""
    console = Console(markup=False, emoji=False, highlight=False)
    console.width = console.width if console.is_terminal else 220
    for content in contents:
        console.print(content, soft_wrap=True)


def status(text: str) -> AbstractContextManager[object]:
    """A spinner on stderr while something takes its time; nothing where stderr is piped."""
    return err.status(escape(text)) if err.is_terminal else nullcontext()


def print_json(data: object) -> None:
    """Any dataclass or msgspec structure as indented JSON on stdout; paths become text."""
    import msgspec

    sys.stdout.buffer.write(
        msgspec.json.format(msgspec.json.encode(data, enc_hook=str), indent=2) + b"\n"
    )
    sys.stdout.flush()


def run(app: App, argv: list[str] | None = None) -> int:
    """Run `app` and return its exit code: 0, 1 (a check failed), 2 (an error), 130 (Ctrl-C)."""
    try:
        result = app(
            sys.argv[1:] if argv is None else argv, exit_on_error=False, print_error=False
        )
        return result if isinstance(result, int) and not isinstance(result, bool) else 0
    except CycloptsError as error:
        return _fail(_one_line(error), f"see `{app.name[0]} --help`")
    except UserError as error:
        return _fail(error.message, error.hint, error.exit_code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        return _fail(_describe(error), "check that the path exists, is writable and has space")
    except KeyboardInterrupt:
        return _fail("interrupted", "", 130)


def _fail(message: str, hint: str, code: int = 2) -> int:
    tail = f" [dim]({escape(hint)})[/]" if hint else ""
    err.print(f"[red]error:[/] {escape(message)}{tail}")
    return code


def _one_line(error: Any) -> str:
    return " ".join(str(error).split())


def _describe(error: OSError) -> str:
    where = f": {error.filename}" if error.filename else ""
    return f"{error.strerror or error}{where}"
