"""How hot the machine says it is, read cheaply enough to ask before and after each launch."""

import ctypes
import functools
import sys
from collections.abc import Callable
from pathlib import Path

from bench.results.thermal_state import Thermal

ZONES = Path("/sys/class/thermal")
# Darwin's OSThermalNotification.h, kOSThermalPressureLevel*; readable without root through
# notify(3), while `powermetrics` needs it.
PRESSURE = ("nominal", "moderate", "heavy", "trapping", "sleeping")
PRESSURE_KEY = b"com.apple.system.thermalpressurelevel"


def state() -> Thermal | None:
    """macOS: the thermal pressure level; Linux: the hottest zone; None where nothing is told."""
    if sys.platform == "darwin":
        level = _pressure_reader()()
        return Thermal(pressure=PRESSURE[level] if level < len(PRESSURE) else str(level))
    celsius = hottest_zone(ZONES)
    return None if celsius is None else Thermal(celsius=celsius)


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


def hottest_zone(folder: Path) -> float | None:
    """Degrees Celsius of the hottest sensor below `folder`; None without any that answers."""
    degrees: list[float] = []
    for file in folder.glob("thermal_zone*/temp"):
        try:
            degrees.append(int(file.read_text()) / 1000)
        except (OSError, ValueError):
            continue  # a zone whose sensor is off answers with an error
    return max(degrees, default=None)
