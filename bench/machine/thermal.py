"""How hot the machine says it is, read cheaply enough to ask before and after each launch."""

import ctypes
import functools
import sys
from collections.abc import Callable
from pathlib import Path

ZONES = Path("/sys/class/thermal")
# Darwin's OSThermalNotification.h, kOSThermalPressureLevel*; readable without root through
# notify(3), while `powermetrics` needs it.
PRESSURE = ("nominal", "moderate", "heavy", "trapping", "sleeping")
PRESSURE_KEY = b"com.apple.system.thermalpressurelevel"


def state() -> str:
    """macOS: the thermal pressure level; Linux: the hottest zone, as "57 C"; else empty."""
    if sys.platform == "darwin":
        level = _pressure_reader()()
        return PRESSURE[level] if level < len(PRESSURE) else str(level)
    return hottest_zone(ZONES)


@functools.cache
def _pressure_reader() -> Callable[[], int]:
    library = ctypes.CDLL(None)
    token = ctypes.c_int()
    library.notify_register_check(PRESSURE_KEY, ctypes.byref(token))

    def read() -> int:
        level = ctypes.c_uint64()
        library.notify_get_state(token, ctypes.byref(level))
        return level.value

    return read


def hottest_zone(folder: Path) -> str:
    hottest: int | None = None
    for file in folder.glob("thermal_zone*/temp"):
        try:
            value = int(file.read_text())
        except (OSError, ValueError):
            continue  # a zone whose sensor is off answers with an error
        hottest = value if hottest is None else max(hottest, value)
    return "" if hottest is None else f"{hottest / 1000:.0f} C"
