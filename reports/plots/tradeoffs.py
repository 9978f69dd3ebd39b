"""The plots of what accuracy costs: time and size."""

from collections.abc import Mapping, Sequence

import altair as alt

from bench.results.summary import CaseSummary
from bench.results.top1 import Top1
from reports.plots import plot_data, style
from reports.plots.plot_data import Datum
from reports.plots.style import Plot

ACCURACIES = {"published": "published ones, not measured here", "measured": "measured here"}
FRAME_MS = 1e3 / 30  # the line; a page moves it to the rate that is asked for
FAR = 4.0  # a line that is so many times off the points is left out: they would be squeezed
LINE = "frame_ms"


def accuracy(rows: Sequence[CaseSummary], top1: Mapping[str, Top1]) -> Plot | None:
    """Top-1 in percent against time in ms, with the Pareto front; None for one model."""
    values = accuracies(rows, top1)
    if len({value["card"] for value in values}) < 2:
        return None
    names = sorted({value["series"] for value in values})
    kind = _kind(top1)
    base = alt.Chart(style.data(values)).encode(
        tooltip=style.tips(**style.TIMES, **_accuracy_tips(kind), size_mb="size (MB)"),
        color=style.series_color(names),
    )  # fmt: skip
    title, domain = "time per image, p50 (ms, log scale)", _time_domain(values)
    x = alt.X("p50_ms:Q", title=title, axis=alt.Axis(tickCount=8)).scale(
        type="log", nice=False, domain=domain
    )
    dots = _points(base, names).encode(x=x, y=_top1_axis(kind))
    bars = base.mark_rule(strokeWidth=1.5)
    times = bars.encode(x="low_ms:Q", x2="high_ms:Q", y="top1:Q")
    shares = bars.encode(x="p50_ms:Q", y="top1_low:Q", y2="top1_high:Q")
    front = (
        alt.Chart(style.data([value for value in values if value["front"]]))
        .mark_line(interpolate="step-after", style=style.REFERENCE)
        .encode(x="p50_ms:Q", y="top1:Q")
    )
    chart = style.labelled(style.layered(*_frame_line(), front, times, shares, dots), "front")
    return Plot(
        "accuracy", "Accuracy against time",
        "Up and to the left is better; the dashed steps are the Pareto front, the upright line is "
        f"the time of a frame. The accuracies are {ACCURACIES[kind]}. Lines through points are "
        "intervals of 95 %.",
        style.sized(chart.add_params(alt.param(name=LINE, value=FRAME_MS))),
    )  # fmt: skip


def size(rows: Sequence[CaseSummary], top1: Mapping[str, Top1]) -> Plot | None:
    """Top-1 in percent against size in MB, a point a model; None where all have one size."""
    models = {value["card"]: value for value in reversed(accuracies(rows, top1))}
    values = _fronted(list(models.values()), "size_mb")
    if len({value["size_mb"] for value in values}) < 2:
        return None
    for value in values:
        value["series"] = value["form"]
    names = sorted({value["series"] for value in values})
    kind = _kind(top1)
    base = alt.Chart(style.data(values)).encode(
        color=style.series_color(names),
        tooltip=style.tips(case="case", size_mb="size (MB)", **_accuracy_tips(kind)),
    )
    x = style.x_axis("size_mb", "size (MB, log scale)", log=True)
    dots = _points(base, names).encode(x=x, y=_top1_axis(kind))
    shares = base.mark_rule(strokeWidth=1.5).encode(
        x="size_mb:Q", y="top1_low:Q", y2="top1_high:Q"
    )
    return Plot(
        "size", "Accuracy against size",
        f"Up and to the left is better. The accuracies are {ACCURACIES[kind]}.",
        style.sized(style.labelled(style.layered(shares, dots), "front")),
    )  # fmt: skip


def accuracies(rows: Sequence[CaseSummary], top1: Mapping[str, Top1]) -> list[Datum]:
    """Cases of known accuracy, the Pareto front marked: of two as fast, the more accurate."""
    known = [row for row in rows if row.p50 and row.model.identity in top1]
    plotted = [row for row in known if row.is_ranked]
    several_units = len({row.unit_label for row in plotted}) > 1
    several_forms = len({_form(row) for row in plotted}) > 1
    known_as = plot_data.labels(row.model for row in plotted)
    data: list[Datum] = []
    for row in plotted:
        figure, form = top1[row.model.identity], _form(row)
        low, high = figure.interval or (figure.percent, figure.percent)
        parts = [row.unit_label] * several_units + [form] * several_forms
        data.append({
            **plot_data.case(row, known_as[row.model.identity]),
            "series": ", ".join(parts), "form": form,
            "top1": figure.percent, "top1_low": low, "top1_high": high,
            "source": figure.source,
        })  # fmt: skip
    data = _fronted(data, "p50_ms")
    labels = [value["label"] for value in data]
    for index, name in enumerate(labels):
        if name in labels[:index]:  # the same network on a slower unit
            data[index]["label"] = ""
    return data


def _fronted(values: list[Datum], cost: str) -> list[Datum]:
    """Sorted by `cost`; `front` where nothing cheaper is as accurate."""
    best = float("-inf")
    ordered = sorted(values, key=lambda value: (value[cost], -value["top1"]))
    for value in ordered:
        value["front"] = value["top1"] > best
        best = max(best, value["top1"])
    return ordered


def _form(row: CaseSummary) -> str:
    model = row.model
    precision = "float16" if model.precision in plot_data.HALF else model.precision
    other = "" if model.format == "mlprogram" else model.format
    return " ".join(filter(None, (precision, model.compression, other)))


def _kind(top1: Mapping[str, Top1]) -> str:
    return "measured" if any(figure.measured for figure in top1.values()) else "published"


def _accuracy_tips(kind: str) -> dict[str, str]:
    return {"top1": f"top-1, {kind} (%)", "source": "source"}


def _top1_axis(kind: str) -> alt.Y:
    """With room at both ends, where no share of a whole is written."""
    axis = alt.Axis(labelExpr="inrange(datum.value, [0, 100]) ? datum.label : ''")
    return alt.Y("top1:Q", title=f"top-1, {kind} (%)", axis=axis).scale(zero=False, padding=16)


def _points(base: alt.Chart, names: Sequence[str]) -> alt.Chart:
    """Open shapes: those that lie on each other can be told apart."""
    points: alt.Chart = base.mark_point(size=80, strokeWidth=2, opacity=1).properties(
        name=style.POINTS
    )
    return points.encode(shape=style.series_shape(names))


def _time_domain(values: Sequence[Datum]) -> list[float]:
    low = min(value["low_ms"] for value in values) / 1.25
    high = max(value["high_ms"] for value in values) * 1.25
    near = low / FAR < FRAME_MS < high * FAR
    return [min(low, FRAME_MS / 1.1), max(high, FRAME_MS * 1.1)] if near else [low, high]


def _frame_line() -> tuple[alt.Chart, alt.Chart]:
    """The time of a frame as a line across, and above it how many of them make a second."""
    base = (
        alt.Chart(alt.InlineData(values=[{}]))
        .transform_calculate(p50_ms=LINE, rate=f"format(1000 / {LINE}, '.3~g') + ' a second'")
        .encode(x="p50_ms:Q")
    )
    words = base.mark_text(y=0, dx=-4, dy=7, align="right", clip=True, style=style.LABEL)
    return base.mark_rule(clip=True, style=style.REFERENCE, strokeDash=[1, 0]), words.encode(
        text="rate:N"
    )
