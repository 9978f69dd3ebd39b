"""What every command shares: one way to declare it, to run it, and to fail."""

import os
import sys
from contextlib import suppress
from pathlib import Path

from cyclopts import App, CycloptsError

from mobilenet import __version__
from mobilenet.common import interrupts
from mobilenet.common.errors import UserError
from mobilenet.common.interrupts import Terminated
from mobilenet.common.temporary import owned_by_command
from mobilenet.common.terminal.output import fail


def command(name: str, help: str, script: str = "") -> App:
    """An application whose errors are one line, and whose `--help` is instant and plain.

    Run as the console script `script`, it goes by that name and can install its completion: a
    shell completes after the name of a program, not after `python -m`.
    """
    as_script = is_running(script)
    app = App(
        name=script if as_script else name,
        help=help,
        version=__version__,
        help_format="plaintext",
        result_action="return_value",
        suppress_keyboard_interrupt=False,  # `run` has an exit code and a line for each signal
    )
    if as_script:
        app.register_install_completion_command(help="Complete commands and options in the shell.")
    return app


def is_running(script: str) -> bool:
    """Whether this process was started as the console script of that name."""
    return Path(sys.argv[0]).name == script


def run(app: App, argv: list[str] | None = None) -> int:
    """Run `app` and return its exit code.

    0, 1 (a check failed), 2 (an error), 130 (Ctrl-C), 143 (SIGTERM) or 129 (SIGHUP). Temporary
    files of the command, its libraries and its child processes are gone afterwards.
    """
    with interrupts.raised() as ignore_further:
        try:
            with owned_by_command():
                result = app(
                    sys.argv[1:] if argv is None else argv, exit_on_error=False, print_error=False
                )
            return result if isinstance(result, int) and not isinstance(result, bool) else 0
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        except (CycloptsError, UserError, OSError, UnicodeEncodeError, KeyboardInterrupt) as error:
            ignore_further()
            message, hint, code = _explained(error, app.name[0])
            with suppress(OSError):  # after SIGHUP nobody reads it
                fail(message, hint)
            return code


def _explained(error: BaseException, program: str) -> tuple[str, str, int]:
    """What went wrong, what can be done about it, and the exit code."""
    match error:
        case UserError():
            return error.message, error.hint, error.exit_code
        case CycloptsError():
            return " ".join(str(error).split()), f"see `{program} --help`", 2
        case OSError():
            where = f": {error.filename}" if error.filename else ""
            hint = "check that the path exists, is writable and has space"
            return f"{error.strerror or error}{where}", hint, 2
        case UnicodeEncodeError():
            return f"{error.object} is not UTF-8", "rename the file", 2
        case Terminated():
            return "terminated", "", error.exit_code
        case _:
            return "interrupted", "", 130
