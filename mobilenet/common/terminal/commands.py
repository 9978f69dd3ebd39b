"""What every command shares: one way to declare it, to run it, and to fail."""

import os
import sys

from cyclopts import App, CycloptsError

from mobilenet import __version__
from mobilenet.common.errors import UserError
from mobilenet.common.terminal.output import fail


def command(name: str, help: str) -> App:
    """An application whose errors are one line, and whose `--help` is instant and plain."""
    return App(
        name=name,
        help=help,
        version=__version__,
        help_format="plaintext",
        result_action="return_value",
    )


def run(app: App, argv: list[str] | None = None) -> int:
    """Run `app` and return its exit code: 0, 1 (a check failed), 2 (an error), 130 (Ctrl-C)."""
    try:
        result = app(
            sys.argv[1:] if argv is None else argv, exit_on_error=False, print_error=False
        )
        return result if isinstance(result, int) and not isinstance(result, bool) else 0
    except CycloptsError as error:
        return _failed(" ".join(str(error).split()), f"see `{app.name[0]} --help`")
    except UserError as error:
        return _failed(error.message, error.hint, error.exit_code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        return _failed(_describe(error), "check that the path exists, is writable and has space")
    except KeyboardInterrupt:
        return _failed("interrupted", "", 130)


def _failed(message: str, hint: str, code: int = 2) -> int:
    fail(message, hint)
    return code


def _describe(error: OSError) -> str:
    where = f": {error.filename}" if error.filename else ""
    return f"{error.strerror or error}{where}"
