"""What all plots share: colours, shapes, axes, hover texts, and how they become files.

Okabe and Ito's colours, and a shape or dash beside every colour: readable in grey and for the
colour-blind.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import altair as alt

from bench.results.summary import CaseSummary
from mobilenet.common import files
from mobilenet.common.errors import UnsupportedError
from mobilenet.common.text import unique_labels

Values = Sequence[Mapping[str, Any]]
Chart = alt.Chart | alt.LayerChart
R = TypeVar("R")
C = TypeVar("C", alt.Chart, alt.LayerChart)

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down")
WIDTH, HEIGHT, ROW = 640, 340, 18
MAX_HEIGHT = 16_000  # pixels: the renderer takes ten bytes for each, and has an end
MAX_POINTS = 50_000
MAX_ROWS = 1000  # of names below each other; a hundredth of a second each
PNG_SCALE = 2
TEXTS = {"amount", "case", "device", "layer", "round", "sample", "series", "source", "thermal"}
TIMES = {"case": "case", "p50_ms": "p50 (ms)", "low_ms": "from (ms)", "high_ms": "to (ms)"}
FONT = "system-ui, -apple-system, Segoe UI, Roboto, Helvetica, Arial, sans-serif"


class Plot(NamedTuple):
    """A chart with its name (part of a file's), its title, and a sentence on how to read it."""

    name: str
    title: str
    caption: str
    chart: Chart


def theme(ink: str, faint: str, background: str) -> dict[str, Any]:
    """Vega-Lite's `config` for one pair of text and line colours."""
    text = {"labelColor": ink, "titleColor": ink, "titleFontWeight": "normal"}
    return {
        "background": background,
        "font": FONT,
        "view": {"stroke": None},
        "axis": {
            **text, "gridColor": faint, "domainColor": faint, "tickColor": faint,
            "labelFontSize": 11, "titleFontSize": 12, "labelLimit": 0, "labelOverlap": "greedy",
            "labelSeparation": 4,
        },
        "legend": {
            **text, "orient": "top", "labelFontSize": 11, "titleFontSize": 11, "labelLimit": 0,
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


def save(plot: Plot, stem: Path) -> tuple[Path, Path]:
    """Write `stem`.png and `stem`.svg; returns both paths.

    Raises `ConfigError`, `OSError`, and `UnsupportedError` when the renderer gives up.
    """
    import vl_convert as vlc

    spec = specification(plot.chart.properties(title=plot.title).configure(**LIGHT))
    png, svg = paths(stem)
    try:
        pixels, lines = vlc.vegalite_to_png(spec, scale=PNG_SCALE), vlc.vegalite_to_svg(spec)
    except ValueError as error:
        raise UnsupportedError(
            f"plot {plot.name} cannot be drawn: {error}", "`reports page` leaves it to the browser"
        ) from error
    files.write_atomically(png, pixels)
    files.write_atomically(svg, lines.encode())
    return png, svg


def specification(chart: Chart) -> dict[str, Any]:
    """What Vega draws, with names that are short, and fit for XML: no control characters.

    A name that stands in data, domains and titles is the same in all of them.
    """
    spec: dict[str, Any] = chart.to_dict(validate=False)
    labels = unique_labels(_texts(spec))
    return _replaced(spec, labels)  # type: ignore[no-any-return]


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from chain.from_iterable(map(_texts, value.values()))
    elif isinstance(value, list):
        yield from chain.from_iterable(map(_texts, value))


def _replaced(value: Any, labels: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _replaced(item, labels) for key, item in value.items()}
    if isinstance(value, list):
        return [_replaced(item, labels) for item in value]
    return labels[value] if isinstance(value, str) else value


def shown(rows: Sequence[R]) -> tuple[Sequence[R], str]:
    """As many rows as are drawn, and what to say of those that are not."""
    note = f" The first {MAX_ROWS} of {len(rows)} are drawn." if len(rows) > MAX_ROWS else ""
    return rows[:MAX_ROWS], note


def data(values: Values) -> alt.InlineData:
    """Rows inside the chart: no session has more than `MAX_POINTS`."""
    return alt.InlineData(values=[dict(value) for value in islice(values, MAX_POINTS)])


def x_axis(field: str, title: str, log: bool = False) -> alt.X:
    """A horizontal axis of numbers: from zero on, or logarithmic."""
    if not log:
        return alt.X(f"{field}:Q", title=title, scale=alt.Scale(zero=True))
    scale = alt.Scale(type="log", nice=False, padding=16)
    return alt.X(f"{field}:Q", title=title, scale=scale, axis=alt.Axis(tickCount=8))


def tips(**titles: str) -> list[alt.Tooltip]:
    """The hover text: fields of a row and what to call them, with their units."""
    return [
        alt.Tooltip(f"{field}:N", title=title)
        if field in TEXTS
        else alt.Tooltip(f"{field}:Q", title=title, format=",.4~g")
        for field, title in titles.items()
    ]


def unit_color(rows: Sequence[CaseSummary]) -> alt.Color:
    """A colour for each compute unit, with a legend where there are several."""
    names = _units(rows)
    encoding = alt.Color("unit:N", title="unit", scale=colors(names))
    return encoding.legend(None) if len(names) == 1 else encoding


def unit_shape(rows: Sequence[CaseSummary]) -> alt.Shape:
    """A shape for each compute unit, in the same legend."""
    names = _units(rows)
    encoding = alt.Shape("unit:N", title="unit", scale=shapes(names))
    return encoding.legend(None) if len(names) == 1 else encoding


def colors(names: Sequence[str]) -> alt.Scale:
    """A scale that gives each name its colour, from the start again when they run out."""
    return alt.Scale(
        domain=list(names), range=[COLORS[i % len(COLORS)] for i in range(len(names))]
    )


def shapes(names: Sequence[str]) -> alt.Scale:
    """The same with shapes."""
    return alt.Scale(
        domain=list(names), range=[SHAPES[i % len(SHAPES)] for i in range(len(names))]
    )


def sized(chart: C, height: int = HEIGHT) -> C:
    """The chart at the common width; `height` in pixels."""
    return chart.properties(width=WIDTH, height=min(height, MAX_HEIGHT))


def _units(rows: Sequence[CaseSummary]) -> list[str]:
    return sorted({row.unit_label for row in rows})
