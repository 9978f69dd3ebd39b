"""The one place where numbers become text. Everything inside is in ns and bytes."""

import math

from bench.results.stats import Estimate

MISSING = "-"
SLUG_LENGTH = 120  # a file's name may have 255


def milliseconds(value_ns: float | None, digits: int = 3) -> str:
    """`digits` significant digits, no unit: "12.3", "0.0457", "1230"."""
    return MISSING if value_ns is None else significant(value_ns / 1e6, digits)


def significant(value: float, digits: int = 3) -> str:
    """Plain decimal notation with `digits` significant digits."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    return f"{value:.{max(0, digits - 1 - math.floor(math.log10(abs(value))))}f}"


def latency(estimate: Estimate | None) -> tuple[str, str]:
    """Median and interval in ms, with no more digits than the interval supports."""
    if estimate is None:
        return MISSING, MISSING
    if estimate.interval is None:
        return milliseconds(estimate.value), "too few"
    low_ms, high_ms = (bound / 1e6 for bound in estimate.interval)
    decimals = _decimals(high_ms - low_ms, estimate.value / 1e6)
    bounds = f"{low_ms:.{decimals}f} to {high_ms:.{decimals}f}"
    return f"{estimate.value / 1e6:.{decimals}f}", bounds


def _decimals(width: float, value: float) -> int:
    """Decimals that show the interval's width in one digit, and the value in at least two."""
    by_width = -math.floor(math.log10(width)) if width > 0 else 6
    by_value = -math.floor(math.log10(value)) if value > 0 else 0
    return max(0, min(by_width, by_value + 4), by_value + 1)


def megabytes(size_bytes: int | None) -> str:
    """Decimal megabytes, no unit."""
    return MISSING if size_bytes is None else significant(size_bytes / 1e6)


def millions(count: int | None) -> str:
    """A count in millions with 3 significant digits, no unit."""
    return MISSING if count is None else significant(count / 1e6)


def scientific(value: float | None) -> str:
    """Two significant digits and an exponent: "2.1e-03"."""
    return MISSING if value is None else f"{value:.1e}"


def share(count: int, total: int) -> str:
    """Percent of a total, no unit."""
    return f"{100 * count / total:.2f}" if total else MISSING


def percent(ratio: float, decimals: int = 1) -> str:
    """A ratio as a signed change: 1.034 is "+3.4 %"."""
    return f"{(ratio - 1) * 100:+.{decimals}f} %"


def difference(ratio: float | None) -> str:
    """How far a ratio above 1 is from it, without a sign: 1.034 is "3.4 %"."""
    return MISSING if ratio is None else f"{significant(100 * (ratio - 1), 2)} %"


def gibibytes(size_bytes: int) -> str:
    """Whole GiB, with the unit."""
    return f"{size_bytes / 2**30:.0f} GiB"


def plural(count: int, noun: str) -> str:
    """A count with its noun: "1 case", "2,000 cases"."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def slug(text: str) -> str:
    """Fit for a file's name or an anchor: letters, digits, hyphens, not too many."""
    kept = text.lower()[: 2 * SLUG_LENGTH]
    words = "".join(c if c.isalnum() and c.isascii() else " " for c in kept).split()
    return "-".join(words)[:SLUG_LENGTH] or "unnamed"
