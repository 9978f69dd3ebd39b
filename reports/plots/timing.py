"""The plots of time: one Altair definition each, for PNG, SVG and the page alike."""

from collections.abc import Mapping, Sequence

import altair as alt

from bench.results.read import SessionResults
from bench.results.records import Case, Soak
from bench.results.summary import CaseSummary
from reports.plots import plot_data, style
from reports.plots.style import Plot

LAUNCH_ROW = 7  # pixels: room for a triangle
MAX_LAUNCHES = 600  # in one plot; the fastest cases first


def units(rows: Sequence[CaseSummary]) -> Plot | None:
    """Time in ms on each compute unit; None where every network ran on one."""
    values = plot_data.cases(rows)
    models = {value["label"] for value in values}
    if len(values) == len(models):
        return None
    names = _units(rows)
    base = alt.Chart(style.data(values)).encode(
        y=alt.Y("label:N", title=None, sort=None),
        yOffset=alt.YOffset("series:N"),
        color=style.series_color(names),
        tooltip=style.tips(**style.TIMES),
    )
    dots = base.mark_point(filled=True, size=70, opacity=1).encode(
        x=style.x_axis("p50_ms", "time per call, p50 (ms, log scale)", log=True),
        shape=style.series_shape(names),
    )
    bars = base.mark_rule(strokeWidth=2).encode(x="low_ms:Q", x2="high_ms:Q")
    return Plot(
        "units", "Time by compute unit",
        "A point is the median over launches, the line through it its interval.",
        style.sized(bars + dots, height=max(120, style.ROW * len(values))),
    )  # fmt: skip


def launches(rows: Sequence[CaseSummary], results: SessionResults) -> Plot | None:
    """Median and first call of every launch, in ms; None without any."""
    values = plot_data.launches(rows, results, MAX_LAUNCHES)
    if not values:
        return None
    base = alt.Chart(style.data(values)).encode(
        y=alt.Y("name:N", title=None, sort=None).scale(paddingInner=0.35),
        yOffset=alt.YOffset("position:O"),
        tooltip=style.tips(**style.TIMES, round="round", first_ms="first call (ms)"),
    )  # fmt: skip
    time = style.x_axis("p50_ms", "time per call (ms, log scale)", log=True)
    dots = base.mark_point(filled=True, size=22, opacity=1).encode(x=time)
    bars = base.mark_rule(strokeWidth=1.5).encode(x="low_ms:Q", x2="high_ms:Q")
    first = base.mark_point(size=26, shape="triangle-up", style=style.SECOND).encode(
        x="first_ms:Q"
    )
    shown = len({value["case"] for value in values})
    cut = "" if shown == len(rows) else f" The {shown} fastest of {len(rows)} cases are shown."
    return Plot(
        "launches", "Every launch",
        "A filled point is the median of one launch, in the order of rounds, with the interval "
        f"of its samples; the open triangle is its first call.{cut}",
        style.sized(bars + first + dots, height=max(120, LAUNCH_ROW * len(values), 24 * shown)),
    )  # fmt: skip


def samples(results: SessionResults, case: str) -> Plot:
    """The raw samples of one case. Raises `RecordError` for a case without any."""
    values = plot_data.samples(results, case)
    chart = (
        alt.Chart(style.data(values))
        .mark_line(opacity=0.7, strokeWidth=1)
        .encode(
            x=alt.X("sample:Q", title="sample in its launch"),
            y=alt.Y("time_ms:Q", title="time per call (ms)").scale(zero=False),
            color=alt.Color("round:Q", title="round").scale(scheme="viridis"),
            detail="round:N",
            tooltip=style.tips(round="round", sample="sample", time_ms="ms"),
        )
    )
    return Plot("samples", f"Samples of {case}", "Each line is a launch.", style.sized(chart))


def alpha(rows: Sequence[CaseSummary]) -> Plot | None:
    """Time and operations of the deep networks at 224 pixels, in percent of the largest alpha."""
    return _sweep(
        "alpha", "Time and operations against alpha", "alpha, the width multiplier",
        plot_data.alpha_sweep(rows),
    )  # fmt: skip


def resolution(rows: Sequence[CaseSummary]) -> Plot | None:
    """The same at alpha 1, in percent of the largest resolution."""
    return _sweep(
        "resolution", "Time and operations against resolution", "side of the input (pixels)",
        plot_data.resolution_sweep(rows),
    )  # fmt: skip


def _sweep(name: str, title: str, axis: str, values: style.Values) -> Plot | None:
    if not values:
        return None
    series = sorted({value["series"] for value in values})
    knobs = sorted({value["knob"] for value in values})
    chart = (
        alt.Chart(style.data(values))
        .mark_line(point=alt.OverlayMarkDef(filled=True, size=60))
        .encode(
            x=alt.X("knob:Q", title=axis).scale(zero=False).axis(values=knobs, format=".3~g"),
            y=alt.Y("percent:Q", title="share of the largest (%)").scale(zero=True),
            color=alt.Color("series:N", title=None, scale=style.colors(series)),
            strokeDash=alt.StrokeDash("series:N", title=None).scale(domain=series),
            shape=alt.Shape("series:N", title=None, scale=style.shapes(series)),
            tooltip=style.tips(series="of", knob=axis, percent="%", amount="amount"),
        )
    )  # fmt: skip
    caption = (
        "Where the lines lie on each other, time falls as the operations do; a time above the "
        "operations is overhead that a smaller network does not save."
    )
    return Plot(name, title, caption, style.sized(chart))


def linear(rows: Sequence[CaseSummary]) -> Plot | None:
    """Time in ms against millions of multiply-adds, with a line for each unit that has three."""
    values = [value for value in plot_data.cases(rows) if value["macs_m"] is not None]
    lines = plot_data.fits(values)
    if not lines:
        return None
    names = _units(rows)
    base = alt.Chart(style.data(values)).encode(
        x=alt.X("macs_m:Q", title="multiply-adds (million)"),
        y=alt.Y("p50_ms:Q", title="time per call, p50 (ms)"),
        color=style.series_color(names),
        tooltip=style.tips(**style.TIMES, macs_m="multiply-adds (million)"),
    )
    dots = base.mark_point(filled=True, size=60, opacity=1).encode(shape=style.series_shape(names))
    bars = base.mark_rule().encode(y="low_ms:Q", y2="high_ms:Q")
    line = (
        alt.Chart(style.data(lines))
        .mark_line(strokeDash=[4, 3], opacity=0.6)
        .encode(x="macs_m:Q", y="p50_ms:Q", color=style.series_color(names))
    )
    return Plot(
        "linear", "Is time linear in operations?",
        "The dashed line is the least-squares fit for each unit; what is left at zero operations "
        "is the cost of a call.",
        style.sized(line + bars + dots),
    )  # fmt: skip


def endurance(soaks: Sequence[Soak], cases: Mapping[str, Case]) -> Plot:
    """Calls per second of each soak, window by window."""
    values = plot_data.soak_windows(soaks, cases)
    series = list(dict.fromkeys(value["series"] for value in values))
    chart = (
        alt.Chart(style.data(values))
        .mark_line(point=True)
        .encode(
            x=alt.X("seconds:Q", title="time under load (s)"),
            y=alt.Y("per_second:Q", title="calls per second").scale(zero=True),
            color=alt.Color("series:N", title=None, scale=style.colors(series)),
            strokeDash=alt.StrokeDash("series:N", title=None).scale(domain=series),
            tooltip=style.tips(
                case="case", seconds="at (s)", per_second="calls per second", thermal="thermal"
            ),
        )
    )
    caption = (
        "Calls in one process without a pause, from zero: a line that falls visibly is a device "
        "that throttles."
    )
    return Plot("soak", "Sustained load", caption, style.sized(chart))


def _units(rows: Sequence[CaseSummary]) -> list[str]:
    return sorted({row.unit_label for row in rows})
