"""Calls at a camera's rate: between frames processors clock down, between calls in a row never."""

import time
from collections.abc import Callable


class Frames:
    """Frames in equal steps from now on; one that comes during a call is lost."""

    def __init__(
        self,
        hertz: float,
        clock: Callable[[], int] = time.perf_counter_ns,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._period_ns, self._clock, self._sleep = int(1e9 / hertz), clock, sleep
        self._origin = clock()

    def wait(self) -> None:
        """Until the next frame."""
        now = self._clock()
        due = now + self._period_ns - (now - self._origin) % self._period_ns
        while (left := due - self._clock()) > 0:
            self._sleep(left / 1e9)
