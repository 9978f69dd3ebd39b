"""What a machine says of its heat, and when that is too much."""

import re
from typing import Self

import msgspec

from bench.results.bounds import Number

NOMINAL = "nominal"
HOT_CELSIUS = 85.0
DEGREES = re.compile(r"(-?\d+) C")


class Thermal(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Thermal pressure where the system tells it (macOS), else the hottest sensor (Linux).

    A machine that tells neither has no `Thermal` but None.
    """

    pressure: str = ""  # of Darwin's OSThermalNotification.h: "nominal", "moderate", "heavy", ...
    celsius: Number | None = None

    @classmethod
    def of_text(cls, text: str) -> Self | None:
        """From the words of schema 1: "heavy", "57 C", or nothing."""
        if not text:
            return None
        degrees = DEGREES.fullmatch(text)
        return cls(celsius=float(degrees[1])) if degrees else cls(pressure=text)

    @property
    def is_hot(self) -> bool:
        """Whether clocks may be lower for it: any pressure above nominal, or 85 degrees."""
        if self.pressure:
            return self.pressure != NOMINAL
        return self.celsius is not None and self.celsius >= HOT_CELSIUS

    def __str__(self) -> str:
        return self.pressure or ("unknown" if self.celsius is None else f"{self.celsius:.0f} C")
