"""What every command shares: one way to declare it, to run it, and to fail."""

import errno
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from cyclopts import App, CycloptsError, Parameter, UnusedCliTokensError

from mobilenet import __version__
from mobilenet.common import interrupts
from mobilenet.common.errors import UserError
from mobilenet.common.interrupts import Terminated
from mobilenet.common.temporary import owned_by_command
from mobilenet.common.terminal.help_pages import HelpPages
from mobilenet.common.terminal.output import fail
from mobilenet.common.terminal.streams import (
    drop_unwritable_output,
    open_closed_streams,
    read_or_not,
)

UNREAD = 141  # 128 + SIGPIPE, as of a program that the signal ends
NO_MEMORY = "out of memory", "close other programs, or allow more (`ulimit -v`)"
NO_FILE = "a temporary file cannot be written", "make room for it, or set TMPDIR to another folder"
REFUSALS = {  # what libraries say when the system has no room
    "failed to map segment": NO_MEMORY,  # the dynamic linker
    "can't allocate memory": NO_MEMORY,  # PyTorch
    "bad_alloc": NO_MEMORY,  # ONNX Runtime
    "[MIL FileWriter]": NO_FILE,  # coremltools
}
ANY_HINT = "check that the path exists, is writable and has space"
HINTS = {
    errno.ENOENT: "check the path",
    errno.ENOTDIR: "check the path",
    errno.EACCES: "check its permissions",
    errno.EROFS: "choose another place: this one cannot be written to",
    errno.ENOSPC: "make room, or choose another place",
}
EXPLAINED = (
    CycloptsError, UserError, OSError, UnicodeEncodeError, MemoryError, ImportError, RuntimeError,
)  # fmt: skip


def command(name: str, help: str, script: str = "") -> App:
    """An application whose errors are one line, and whose `--help` is instant and plain.

    Run as the console script `script`, it goes by that name and can install its completion: a
    shell completes after the name of a program, not after `python -m`. No option has a negative
    form unless it asks for one (`options.ON`).
    """
    as_script = is_running(script)
    app = App(
        name=script if as_script else name,
        help=help,
        version=__version__,
        help_format="plaintext",
        help_formatter=HelpPages(),
        result_action="return_value",
        suppress_keyboard_interrupt=False,  # `run` has an exit code and a line for each signal
        default_parameter=Parameter(
            negative_bool=(), negative_iterable=(), show_default=_default_in_words
        ),
    )
    if as_script:
        app.register_install_completion_command(help="Complete commands and options in the shell.")
    return app


def add_examples(app: App, examples: Mapping[str, Sequence[str]]) -> None:
    """End the `--help` of commands, by their names, with lines to type: what follows the name.

    The default command's name is "".
    """
    for name, arguments in examples.items():
        program = f"{app.name[0]} {name}".rstrip()
        lines = [f"  {program} {line}" for line in arguments]
        (app[name] if name else app).help_epilogue = "\n".join(["Examples:", *lines])


def _default_in_words(value: object) -> str | None:
    """As it would be typed; None where it is nothing."""
    if value is None or value is False or value in ((), math.inf):
        return None
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def is_running(script: str) -> bool:
    """Whether this process was started as the console script of that name."""
    return Path(sys.argv[0]).name == script


def run(app: App, argv: list[str] | None = None) -> int:
    """Run `app` and return its exit code.

    0, 1 (a check failed), 2 (an error), 130 (Ctrl-C), 143 (SIGTERM), 129 (SIGHUP) or 141 (nobody
    reads the file that it writes). Temporary files of the command, its libraries and its child
    processes are gone afterwards.
    """
    open_closed_streams()
    with interrupts.raised() as ignore_further:
        try:
            with owned_by_command():
                result = app(
                    sys.argv[1:] if argv is None else argv, exit_on_error=False, print_error=False
                )
            with read_or_not(sys.stdout):
                sys.stdout.flush()
            return result if isinstance(result, int) and not isinstance(result, bool) else 0
        except BrokenPipeError:
            drop_unwritable_output()
            return UNREAD
        except (*EXPLAINED, KeyboardInterrupt) as error:
            ignore_further()
            drop_unwritable_output()
            message, hint, code = _explained(error, app.name[0])
            fail(message, hint)
            return code


def _explained(error: BaseException, program: str) -> tuple[str, str, int]:
    """What went wrong, what can be done about it, and the exit code."""
    match error:
        case UserError():
            return error.message, error.hint, error.exit_code
        case CycloptsError():
            command = " ".join([program, *(error.command_chain or ())])
            return _of_arguments(error), f"see `{command} --help`", 2
        case OSError() | UnicodeEncodeError():
            return *_of_system(error), 2
        case MemoryError() | ImportError() | RuntimeError():
            return *_of_library(error), 2
        case Terminated():
            return "terminated", "", error.exit_code
        case _:
            return "interrupted", "", 130


def _of_arguments(error: CycloptsError) -> str:
    """What cyclopts says, in a line."""
    if isinstance(error, UnusedCliTokensError) and error.unused_tokens:
        return f"{error.unused_tokens[0]!r} is neither a command nor the value of an option"
    return " ".join(str(error).split())


def _of_system(error: OSError | UnicodeEncodeError) -> tuple[str, str]:
    """What the system refused, and what can be done about it."""
    if isinstance(error, UnicodeEncodeError):
        return f"{error.object} is not UTF-8", "rename the file"
    if error.errno == errno.EBADF:
        return "standard output is closed", "send it to a file, or to /dev/null"
    where = f": {error.filename}" if error.filename else ""
    return f"{error.strerror or error}{where}", HINTS.get(error.errno or 0, ANY_HINT)


def _of_library(error: Exception) -> tuple[str, str]:
    """What the system refused a library; anything else is a bug, and raised again."""
    if isinstance(error, MemoryError):
        return NO_MEMORY
    for words, explanation in REFUSALS.items():
        if words in str(error):
            return explanation
    raise error
