"""Standard streams that were closed before the program began.

The next file to be opened would take such a stream's number, and whatever a library prints would
be written into it.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

# The wrong direction on purpose: what is written to a closed stdout is lost, and that is an
# error; of a closed stderr nobody wants to hear.
MODES = {"stdin": os.O_WRONLY, "stdout": os.O_RDONLY, "stderr": os.O_WRONLY}


def open_closed_streams() -> None:
    """Give each closed one a file: reading stdin and writing stdout raise `OSError`."""
    for number, (name, mode) in enumerate(MODES.items()):
        if getattr(sys, name) is None:  # as Python has it when the stream was closed
            descriptor = os.open(os.devnull, mode)
            os.dup2(descriptor, number)
            if descriptor != number:
                os.close(descriptor)
            file = os.fdopen(number, "r" if name == "stdin" else "w", closefd=False)
            setattr(sys, name, file)


@contextmanager
def read_or_not(stream: IO[str]) -> Iterator[None]:
    """Write to `stream`; where its reader has had enough, the rest of the command leads nowhere.

    The command goes on: a check that prints into `| head` keeps its exit code.
    """
    try:
        yield
    except BrokenPipeError:
        _lead_nowhere(stream)


def drop_unwritable_output() -> None:
    """Where stdout is full or closed, let it lead nowhere: what is buffered would fail again."""
    try:
        sys.stdout.flush()
    except OSError:
        _lead_nowhere(sys.stdout)


def _lead_nowhere(stream: IO[str]) -> None:
    descriptor = os.open(os.devnull, os.O_WRONLY)
    os.dup2(descriptor, stream.fileno())
    os.close(descriptor)
