"""The door of every decoder that is not ours: what comes out of it is a value or one error."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import msgspec

from mobilenet.common.errors import CheckpointError, UserError
from mobilenet.common.git_lfs import POINTER, refuse_pointer
from mobilenet.common.text import one_line

MAX_REASON = 150  # characters of what a decoder says
MAX_JSON_BYTES = 1 << 24  # a record takes its decoder several times its text
AGAIN = "download or copy it again"

Record = TypeVar("Record")


@contextmanager
def decoding(
    what: str, hint: str = AGAIN, error: type[UserError] = CheckpointError
) -> Iterator[None]:
    """Turn whatever a decoder raises into an `error`: `what` cannot be read.

    Decoders fail as they like: by RecursionError, by MemoryError, by a panic of Rust's, which is
    no `Exception`. Our own errors, Ctrl-C and exits pass. Only a decoder's calls belong inside: a
    fault of our own code must show as one.
    """
    try:
        yield
    except (UserError, KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException as raised:
        raise error(f"{what} cannot be read: {_reason_of(raised)}", hint) from raised


def decode_json(
    text: bytes | str,
    kind: type[Record],
    what: str,
    hint: str = AGAIN,
    hook: Callable[[type, Any], Any] | None = None,
    *,
    error: type[UserError] = CheckpointError,
) -> Record:
    """A record of JSON; `hook` is msgspec's `dec_hook`. Raises an `error` about `what`."""
    if len(text) > MAX_JSON_BYTES:
        raise error(f"{what} has {len(text):,} bytes", hint)
    head = text[: len(POINTER)]
    refuse_pointer(head.encode("utf-8", "replace") if isinstance(head, str) else head, what, error)
    with decoding(what, hint, error):
        return msgspec.json.decode(text, type=kind, dec_hook=hook)


def _reason_of(error: BaseException) -> str:
    """The first line of what it says, else its name: "MemoryError"."""
    first = str(error)[: 8 * MAX_REASON].strip().partition("\n")[0]
    return one_line(first, MAX_REASON) or type(error).__name__
