"""Who computes: macOS's own Core AI on a preferred unit, or the library's interpreter."""

import sys
from typing import Any

from export.coreai import library

INTERPRETER = "CPU"  # the one unit of the library's own runtime
COMPUTE_UNITS = ("CPU", "GPU", "NE", "ALL")  # of a Mac's Core AI; what is preferred
SYSTEM = "USE_OS_COREAI"  # Apple's switch: macOS's Core AI, not the library's own


def uses_system() -> bool:
    """Whether models go to macOS's own Core AI, as the library itself says, or are interpreted.

    False without the library. Decided when it is imported: by the system, and by `SYSTEM`.
    """
    if sys.platform != "darwin" or library.missing():
        return False
    from coreai.runtime import SpecializationOptions

    return bool(SpecializationOptions.is_supported())


def available() -> tuple[str, ...]:
    """The units that may be asked for here."""
    return COMPUTE_UNITS if uses_system() else (INTERPRETER,)


def options(unit: str) -> Any:
    """How a Mac's Core AI is to specialize an asset for `unit`; None for the library's runtime."""
    if not unit or not uses_system():
        return None
    from coreai.runtime import SpecializationOptions

    if unit == "CPU":
        return SpecializationOptions.cpu_only()
    if unit == "ALL":
        return SpecializationOptions.default()
    from coreai.runtime import ComputeUnitKind

    kind = {"GPU": ComputeUnitKind.gpu, "NE": ComputeUnitKind.neural_engine}[unit]
    return SpecializationOptions.from_preferred_compute_unit_kind(kind())
