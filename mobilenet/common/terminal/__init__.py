"""The terminal: data goes to stdout, what is said about it to stderr, so that pipes see data.

Only commands and views come here. Text is never markup, wherever it is from; what would move the
cursor or turn the direction of writing is shown as an escape.
"""

from mobilenet.common.terminal.commands import add_examples, command, is_running, run
from mobilenet.common.terminal.output import (
    card,
    deliver,
    line,
    print_data,
    print_json,
    say,
    show,
    table,
    warn,
)
from mobilenet.common.terminal.progress_bar import DRAWN, working

__all__ = [
    "DRAWN", "add_examples", "card", "command", "deliver", "is_running", "line", "print_data",
    "print_json", "run", "say", "show", "table", "warn", "working",
]  # fmt: skip
