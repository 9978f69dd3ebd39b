"""The plots of layers: what each costs, and how far each is off."""

from collections.abc import Sequence

import altair as alt

from bench.results.layer_errors import LayerErrors
from bench.results.placed_ops import Placement
from mobilenet.networks.base_config import BaseConfig
from mobilenet.networks.families import DEFAULT_NETWORK, name_of
from reports.plots import plot_data, style
from reports.plots.style import Chart, Plot


def operations(config: BaseConfig) -> Plot:
    """Cost per layer by arithmetic: of v1 the paper's Table 2, layer by layer."""
    network = name_of(config)
    values = plot_data.layer_operations(config)
    kinds = ["stem", "depthwise", "pointwise", "classifier"]
    bars = _layer_bars(
        values, style.x_axis("macs_m", "multiply-adds (million)"), "kind", kinds,
        style.tips(layer="layer", macs_m="multiply-adds (million)", percent="share (%)"),
    )  # fmt: skip
    return Plot(
        "operations" if network == DEFAULT_NETWORK else f"operations_{network}",
        f"Operations per layer, {config.family}, alpha {config.alpha:g}, {config.size}",
        "By arithmetic, not measured: nearly all operations are in the 1x1 convolutions.", bars,
    )  # fmt: skip


def placed_cost(placement: Placement, config: BaseConfig | None) -> Plot:
    """Estimated share of the time of each operation, in percent, by its device.

    Beside it the share of the multiply-adds, of layers of `config` that are told by their names.
    """
    values, note = style.shown(plot_data.placed_costs(placement))
    chart: Chart = _layer_bars(
        values, style.x_axis("percent", "estimated share of the time (%)"), "device",
        ["ANE", "GPU", "CPU"],
        style.tips(layer="operation", device="device", percent="estimated share (%)"),
    )  # fmt: skip
    names = {value["layer"] for value in values}
    layers = plot_data.layer_operations(config) if config else []
    if counted := [layer for layer in layers if layer["layer"] in names]:
        ticks = (
            alt.Chart(style.data(counted))
            .mark_tick(thickness=2, size=style.ROW, style=style.REFERENCE, opacity=1)
            .encode(
                y=alt.Y("layer:N", sort=None), x="percent:Q",
                tooltip=style.tips(layer="layer", percent="share of the multiply-adds (%)"),
            )
        )  # fmt: skip
        chart = style.sized(style.layered(chart, ticks), height=style.ROW * len(values))
        note = f" The mark across is the layer's share of the multiply-adds.{note}"
    return Plot(
        "placement", f"Estimated cost per layer: {placement.case}",
        f"Core ML's own estimate from its compute plan, not a measurement.{note}", chart,
    )  # fmt: skip


def layer_error(errors: LayerErrors) -> Plot:
    """Relative L2 of each layer's output from the reference's, in program order."""
    values, note = style.shown(plot_data.layer_errors(errors))
    chart = (
        alt.Chart(style.data(values))
        .mark_line(point=True)
        .encode(
            y=alt.Y("layer:N", title=None, sort=None),
            x=style.x_axis("relative_l2", "relative L2 error (log scale)", log=True),
            order="index:Q",
            tooltip=style.tips(
                layer="layer", relative_l2="relative L2", max_absolute="largest difference"
            ),
        )
    )  # fmt: skip
    return Plot(
        "layer_error", f"Error layer by layer: {errors.package} against {errors.reference}",
        f"A sudden step names the layer at fault; a slow rise is rounding.{note}",
        style.sized(chart, height=max(120, style.ROW * len(values))),
    )  # fmt: skip


def _layer_bars(
    values: style.Values,
    x: alt.X,
    field: str,
    domain: Sequence[str],
    tooltip: Sequence[alt.Tooltip],
) -> alt.Chart:
    chart: alt.Chart = (
        alt.Chart(style.data(values))
        .mark_bar(stroke="#808080", strokeWidth=0.5)
        .encode(
            y=alt.Y("layer:N", title=None, sort=None),
            x=x,
            color=alt.Color(
                f"{field}:N",
                title=None,
                scale=style.colors(domain),
                legend=alt.Legend(orient="top"),
            ),
            tooltip=list(tooltip),
        )
    )
    return style.sized(chart, height=style.ROW * len(values))
