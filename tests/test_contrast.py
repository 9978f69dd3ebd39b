"""Colours of pages and plots: contrast as WCAG 2.2 defines it, in both themes."""

import itertools
import re
from pathlib import Path

import pytest

from reports.page import page
from reports.plots import style

TEXT, GRAPHICS = 4.5, 3.0  # WCAG 2.2, 1.4.3 and 1.4.11
CSS = (Path(page.__file__).parent / "templates/page.css").read_text("utf-8")
LIGHT, DARK = (
    dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", block))
    for block in re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)
)
THEMES = {"light": (LIGHT, style.DARK_ON_LIGHT), "dark": (DARK, style.LIGHT_ON_DARK)}


def luminance(color: str) -> float:
    """WCAG 2.2, relative luminance of sRGB."""
    shares = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
    linear = [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: str, second: str) -> float:
    low, high = sorted(map(luminance, (first, second)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_wcags() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("theme", THEMES)
def test_text_can_be_read(theme: str) -> None:
    colors, _ = THEMES[theme]
    on_paper = itertools.product(
        ("ink", "quiet", "accent", "keeps", "misses"), ("paper", "panel", "keeps-paper")
    )
    for text, ground in [*on_paper, ("warn-ink", "warn-paper"), ("accent", "warn-paper")]:
        assert contrast(colors[text], colors[ground]) >= TEXT, (text, ground)


@pytest.mark.parametrize("theme", THEMES)
def test_series_can_be_seen(theme: str) -> None:
    colors, series = THEMES[theme]
    assert len(set(series)) == len(style.SHAPES)
    for color in series:
        assert contrast(color, colors["paper"]) >= GRAPHICS, color


def test_files_have_the_light_theme() -> None:
    assert style.LIGHT["background"] == LIGHT["paper"]
    assert style.LIGHT["axis"]["labelColor"] == LIGHT["ink"]
    assert style.LIGHT["range"]["category"] == list(style.DARK_ON_LIGHT)
    assert page.THEME["style"][style.LABEL]["fill"] == "var(--ink)"


def test_names_of_one_colour_differ_in_shape() -> None:
    names = [str(number) for number in range(36)]
    shapes = style.shapes(names).to_dict()["range"]
    assert len({(number % 6, shape) for number, shape in enumerate(shapes)}) == 36
