"""What all plots share: colours, shapes, axes, hover texts, and how they become files.

Okabe and Ito's hues, darker on white and lighter on black, so that each has three times the
contrast of its background (WCAG 2.2, 1.4.11); and a shape or dash beside every colour: readable in
grey and for the colour-blind.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import altair as alt

from mobilenet.common import files
from mobilenet.common.errors import UnsupportedError
from mobilenet.common.text import unique_labels

Values = Sequence[Mapping[str, Any]]
Chart = alt.Chart | alt.LayerChart
R = TypeVar("R")
C = TypeVar("C", alt.Chart, alt.LayerChart)

DARK_ON_LIGHT = ("#0072b2", "#c85400", "#00835f", "#a8447c", "#8f6300", "#555b63")
LIGHT_ON_DARK = ("#4ba3e0", "#ff8f4a", "#2cc197", "#e58fc0", "#e9b23a", "#c3c8cf")
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down")
WIDTH, HEIGHT, ROW = 640, 340, 18
MAX_HEIGHT = 16_000  # pixels: the renderer takes ten bytes for each, and has an end
MAX_POINTS = 50_000
MAX_ROWS = 1000  # of names below each other; a hundredth of a second each
PNG_SCALE = 2
TEXTS = {"amount", "case", "device", "layer", "round", "sample", "series", "source", "thermal"}
TIMES = {"case": "case", "p50_ms": "p50 (ms)", "low_ms": "from (ms)", "high_ms": "to (ms)"}
LABEL, SECOND, REFERENCE = "plot-label", "plot-second", "plot-reference"  # styles of marks
POINTS = "points"  # the layer whose marks are labelled
FONT = "system-ui, -apple-system, Segoe UI, Roboto, Helvetica, Arial, sans-serif"


class Plot(NamedTuple):
    """A chart with its name (part of a file's), its title, and a sentence on how to read it."""

    name: str
    title: str
    caption: str
    chart: Chart


def theme(ink: str, faint: str, background: str, series: Sequence[str]) -> dict[str, Any]:
    """Vega-Lite's `config` for colours of text, lines and series: any that CSS knows."""
    text = {"labelColor": ink, "titleColor": ink, "titleFontWeight": "normal"}
    return {
        "background": background,
        "font": FONT,
        "view": {"stroke": None},
        "mark": {"color": series[0]}, "rule": {"color": series[0]},
        "range": {"category": list(series)},
        "style": {LABEL: {"fill": ink, "fontSize": 11}, SECOND: {"color": series[1]},
                  REFERENCE: {"color": ink, "strokeDash": [4, 3], "opacity": 0.6}},
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


LIGHT = theme("#1c1e21", "#d9dce1", "#ffffff", DARK_ON_LIGHT)


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
        drawn = _with_labels(vlc.vegalite_to_vega(spec))
        pixels, lines = vlc.vega_to_png(drawn, scale=PNG_SCALE), vlc.vega_to_svg(drawn)
    except ValueError as error:
        raise UnsupportedError(
            f"plot {plot.name} cannot be drawn: {error}", "`reports page` leaves it to the browser"
        ) from error
    files.write_atomically(png, pixels)
    files.write_atomically(svg, lines.encode())
    return png, svg


def _with_labels(drawn: dict[str, Any]) -> dict[str, Any]:
    """What Vega-Embed makes of it; without a canvas, labels do not keep clear of points."""
    for addition in drawn.get("usermeta", {}).get("embedOptions", {}).get("patch", ()):
        mark = addition["value"]
        mark["transform"][0]["avoidBaseMark"] = False
        drawn["marks"].append(mark)
    return drawn


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


def labelled(chart: C, first: str) -> C:
    """The chart with the `label` of each point beside it, where it hides no other.

    Vega-Lite has no such marks, Vega has (its `label` transform): they are added to what becomes
    of the chart, by Vega-Embed in a page and by `save` for files. Points of which the field
    `first` is true choose their place before others; one without a place keeps its hover text.
    """
    mark = {
        "type": "text", "style": LABEL, "from": {"data": f"{POINTS}_marks"},
        "encode": {"enter": {"text": {"field": "datum.label"}}},
        "transform": [{
            "type": "label", "size": {"signal": "[width, height]"}, "offset": [4],
            "anchor": ["bottom-right", "top-left", "bottom", "top", "right", "left"],
            "sort": {"field": f"datum.datum.{first}", "order": "descending"},
        }],
    }  # fmt: skip
    patch = [{"op": "add", "path": "/marks/-", "value": mark}]
    return chart.properties(usermeta={"embedOptions": {"patch": patch}})


def series_color(names: Sequence[str]) -> alt.Color:
    """A colour for each name in the field `series`, with a legend where there are several."""
    encoding = alt.Color("series:N", title=None, scale=colors(names))
    return encoding.legend(None) if len(names) == 1 else encoding


def series_shape(names: Sequence[str]) -> alt.Shape:
    """A shape for each of them, in the same legend."""
    encoding = alt.Shape("series:N", title=None, scale=shapes(names))
    return encoding.legend(None) if len(names) == 1 else encoding


def colors(names: Sequence[str]) -> alt.Scale:
    """A scale that gives each name a colour of the theme, in turn where there are more names."""
    return alt.Scale(domain=list(names))


def shapes(names: Sequence[str]) -> alt.Scale:
    """The same with shapes; names of one colour differ in theirs."""
    count = len(SHAPES)
    return alt.Scale(
        domain=list(names),
        range=[SHAPES[(number + number // count) % count] for number in range(len(names))],
    )


def layered(*charts: Chart) -> alt.LayerChart:
    """Charts on top of each other, the last above all."""
    return alt.LayerChart(layer=list(charts))


def sized(chart: C, height: int = HEIGHT) -> C:
    """The chart at the common width; `height` in pixels."""
    return chart.properties(width=WIDTH, height=min(height, MAX_HEIGHT))
