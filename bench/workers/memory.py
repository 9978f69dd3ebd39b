"""Memory of a launch: its peak, and a limit to it."""

import re
import resource
import sys
from pathlib import Path

from mobilenet.common.errors import UnsupportedError


def bound(limit_bytes: int) -> None:
    """Let one runaway call fail by itself rather than take the machine down.

    Address space that is only reserved counts here, hence twice the limit that `PeakMemory`
    holds resident memory to between calls. macOS does not enforce it.
    """
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_DATA, (2 * limit_bytes, 2 * limit_bytes))


class PeakMemory:
    """Peak resident memory of this process, and a limit to it."""

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.start = self.peak = peak_bytes()

    def __call__(self) -> None:
        """Raises `UnsupportedError` once the limit is passed."""
        self.peak = peak_bytes()
        if self.peak > self.limit_bytes:
            raise UnsupportedError(
                f"took {self.peak / 2**20:.0f} MiB of memory, "
                f"{(self.peak - self.start) / 2**20:.0f} of them while it ran; the limit is "
                f"{self.limit_bytes / 2**20:.0f} MiB",
                "close other programs, or measure a smaller model",
            )

    @property
    def growth(self) -> int:
        """Bytes that the peak rose since the first call."""
        return self.peak - self.start


def peak_bytes() -> int:
    """High-water mark of this process's resident memory."""
    if sys.platform == "darwin":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes, by getrusage(2)
    # On Linux getrusage remembers, across exec, what the parent held when it forked.
    match = re.search(rb"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_bytes())
    return int(match[1]) * 1024 if match else 0
