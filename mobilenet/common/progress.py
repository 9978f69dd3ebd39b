"""A bar with the time left, on a terminal; silence in a pipe.

It is drawn between launches only: a bar that moves by itself takes time from what is measured.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from mobilenet.common import terminal

T = TypeVar("T")


def tracked(items: Sequence[T], weight: Callable[[T], float], what: str) -> Iterator[T]:
    """Each item in turn; `weight` is its share of the whole time, in any unit."""
    if not terminal.err.is_terminal or not items:
        yield from items
        return
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (TextColumn(what), BarColumn(), TextColumn("{task.fields[text]}"))
    total, passed, begin = sum(map(weight, items)), 0.0, time.monotonic()
    with Progress(*columns, console=terminal.err, auto_refresh=False, transient=True) as bar:
        task = bar.add_task(what, total=total, text=f"0/{len(items)}")
        for number, item in enumerate(items, start=1):
            yield item
            passed += weight(item)
            left = (time.monotonic() - begin) / passed * (total - passed)
            text = f"{number}/{len(items)}, {duration(left)} left"
            bar.update(task, completed=passed, text=text, refresh=True)


def duration(seconds: float) -> str:
    """A length of time as people say it: "45 s", "3 min", "1 h 20 min"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
