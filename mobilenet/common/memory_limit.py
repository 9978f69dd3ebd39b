"""A limit to the memory that one piece of work takes, for what is read of other people's files."""

import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mobilenet.common.errors import ConfigError


@contextmanager
def growth(limit_bytes: int) -> Iterator[None]:
    """Within the block this process can have so many bytes more than it has now.

    Raises `ConfigError` in place of `MemoryError`; what C libraries say instead is theirs. Only
    Linux holds a process to such a limit.
    """
    try:
        with _limited(limit_bytes):
            yield
    except MemoryError as error:
        message = f"it takes more than {limit_bytes >> 20} MiB of memory"
        raise ConfigError(message, "give a smaller one") from error


@contextmanager
def _limited(growth_bytes: int) -> Iterator[None]:
    if sys.platform != "linux":
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    bound = _data_bytes() + growth_bytes
    if soft == resource.RLIM_INFINITY or bound < soft:
        resource.setrlimit(resource.RLIMIT_DATA, (bound, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _data_bytes() -> int:
    """Of private writable memory, which RLIMIT_DATA counts: proc(5), statm."""
    return int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()
