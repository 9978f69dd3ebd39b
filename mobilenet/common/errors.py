"""The one error tree.

UserError                 one line and a hint; exit code 2
├── ConfigError           a value that no MobileNet, export or benchmark can have
├── CheckpointError       a weight file that is not what it claims to be
├── UnreachableError      nothing answered: no network, no cache, no mirror
├── PackageError          a model package that is broken, foreign or unsafe
├── UnsupportedError      a package that is sound, but cannot be run or written here
│   └── OwnFaultError     by a fault of this program
├── RecordError           a results file that cannot be read or written
├── PlaceLostError        a device that launches need: locked, unplugged, gone
└── VerificationError     the package does not compute what the network does; exit code 1

Anything else that escapes is a bug and keeps its traceback.
"""

from mobilenet.common.text import MESSAGE, one_line


class UserError(Exception):
    """What went wrong in one line (with the value), and what the user can do about it."""

    exit_code = 2
    usual_hint = ""  # where a raise has none of its own

    def __init__(self, message: str, hint: str = "") -> None:
        self.message = one_line(message, MESSAGE)
        super().__init__(self.message)
        self.hint = one_line(hint or self.usual_hint, MESSAGE)


class ConfigError(UserError):
    """A value that no MobileNet, export or benchmark can have."""


class CheckpointError(UserError):
    """A weight file that is not what it claims to be: names the tensor or field."""

    usual_hint = "get the file again from where it was published, or give another"


class UnreachableError(UserError):
    """Nothing answered. The only error after which `--weights auto` may go on untrained."""


class PackageError(UserError):
    """A model package that is broken, foreign or unsafe to read."""


class UnsupportedError(UserError):
    """A sound package or option that this machine or runtime cannot serve."""


class OwnFaultError(UnsupportedError):
    """A model that cannot be run here, by a fault of this program as far as is known."""

    usual_hint = "this is a fault of this program: please report it with the model"


class RecordError(UserError):
    """A results file that cannot be read or written."""


class PlaceLostError(UserError):
    """Where launches run there can be no more of them until somebody helps: no launch's fault."""


class VerificationError(UserError):
    """A package that does not compute what the network does."""

    exit_code = 1
