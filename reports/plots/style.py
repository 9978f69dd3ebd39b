"""What all plots share: colours, shapes, axes, hover texts, and how they become files.

Okabe and Ito's colours, and a shape or dash beside every colour: readable in grey and for the
colour-blind.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import altair as alt

from bench.results.summary import Summary
from mobilenet.common import files

Values = Sequence[Mapping[str, Any]]

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down")
WIDTH, HEIGHT, ROW = 640, 340, 18
PNG_SCALE = 2
TEXTS = {"amount", "case", "device", "layer", "round", "sample", "series", "source", "thermal"}
TIMES = {"case": "case", "p50_ms": "p50 (ms)", "low_ms": "from (ms)", "high_ms": "to (ms)"}
FONT = "system-ui, -apple-system, Segoe UI, Roboto, Helvetica, Arial, sans-serif"


class Plot(NamedTuple):
    """A chart with its name (part of a file's), its title, and a sentence on how to read it."""

    name: str
    title: str
    caption: str
    chart: Any


def theme(ink: str, faint: str, background: str) -> dict[str, Any]:
    """Vega-Lite's `config` for one pair of text and line colours."""
    text = {"labelColor": ink, "titleColor": ink, "titleFontWeight": "normal"}
    return {
        "background": background,
        "font": FONT,
        "view": {"stroke": None},
        "axis": {
            **text, "gridColor": faint, "domainColor": faint, "tickColor": faint,
            "labelFontSize": 11, "titleFontSize": 12, "labelLimit": 230, "labelOverlap": "greedy",
            "labelSeparation": 4,
        },
        "legend": {
            **text, "orient": "top", "labelFontSize": 11, "titleFontSize": 11, "labelLimit": 300,
            "symbolBaseFillColor": ink, "symbolBaseStrokeColor": ink,
        },
        "title": {"color": ink, "anchor": "start", "fontSize": 15},
        "text": {"color": ink},
    }  # fmt: skip


LIGHT = theme("#1c1e21", "#d9dce1", "#ffffff")
DARK = theme("#e6e8eb", "#3a3f47", "transparent")


def paths(stem: Path) -> tuple[Path, Path]:
    """What `save` writes: `stem`.png and `stem`.svg."""
    return stem.with_name(stem.name + ".png"), stem.with_name(stem.name + ".svg")


def save(chart: Any, title: str, stem: Path) -> tuple[Path, Path]:
    """Write `stem`.png and `stem`.svg; returns both paths."""
    import vl_convert as vlc

    spec = chart.properties(title=title).configure(**LIGHT).to_dict()
    png, svg = paths(stem)
    files.write_atomically(png, vlc.vegalite_to_png(spec, scale=PNG_SCALE))
    files.write_atomically(svg, vlc.vegalite_to_svg(spec).encode())
    return png, svg


def data(values: Values) -> Any:
    """Rows inside the chart, with no bound on their number."""
    return alt.InlineData(values=[dict(value) for value in values])


def x(field: str, title: str, log: bool = False) -> Any:
    encoded = alt.X(f"{field}:Q", title=title)
    if not log:
        return encoded.scale(zero=True)
    return encoded.scale(type="log", nice=False, padding=16).axis(tickCount=8)


def tips(**titles: str) -> list[Any]:
    """The hover text: fields of a row and what to call them, with their units."""
    return [
        alt.Tooltip(f"{field}:N", title=title)
        if field in TEXTS
        else alt.Tooltip(f"{field}:Q", title=title, format=",.4~g")
        for field, title in titles.items()
    ]


def color(rows: Sequence[Summary]) -> Any:
    """A colour for each compute unit, with a legend where there are several."""
    names = _units(rows)
    encoded = alt.Color("unit:N", title="unit").scale(**colors(names))
    return encoded.legend(None) if len(names) == 1 else encoded


def shape(rows: Sequence[Summary]) -> Any:
    """A shape for each compute unit, in the same legend."""
    names = _units(rows)
    encoded = alt.Shape("unit:N", title="unit").scale(**shapes(names))
    return encoded.legend(None) if len(names) == 1 else encoded


def colors(names: Sequence[str]) -> dict[str, Any]:
    """A scale that gives each name its colour, from the start again when they run out."""
    return {"domain": [*names], "range": [COLORS[i % len(COLORS)] for i in range(len(names))]}


def shapes(names: Sequence[str]) -> dict[str, Any]:
    return {"domain": [*names], "range": [SHAPES[i % len(SHAPES)] for i in range(len(names))]}


def sized(chart: Any, height: int = HEIGHT) -> Any:
    return chart.properties(width=WIDTH, height=height)


def _units(rows: Sequence[Summary]) -> list[str]:
    return sorted({row.place for row in rows})
