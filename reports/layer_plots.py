"""The plots of layers: what each costs, and how far each is off."""

from collections.abc import Sequence
from typing import Any

import altair as alt

from bench.records import Placement
from mobilenet.config import MobileNetConfig
from reports import looks, points
from reports.layers import LayerErrors
from reports.looks import Plot


def operations(config: MobileNetConfig) -> Plot:
    """Cost per layer by arithmetic: the paper's Table 2, layer by layer."""
    values = points.layer_operations(config)
    kinds = ["stem", "depthwise", "pointwise", "classifier"]
    bars = _layer_bars(
        values, looks.x("macs_m", "multiply-adds (million)"), "kind", kinds,
        looks.tips(layer="layer", macs_m="multiply-adds (million)", percent="share (%)"),
    )  # fmt: skip
    return Plot(
        "operations", f"Operations per layer, alpha {config.alpha:g}, {config.resolution} pixels",
        "By arithmetic, not measured: nearly all operations are in the 1x1 convolutions.", bars,
    )  # fmt: skip


def placed_cost(placement: Placement) -> Plot:
    values = points.placed_costs(placement)
    bars = _layer_bars(
        values, looks.x("percent", "estimated share of the time (%)"), "device",
        ["ANE", "GPU", "CPU"],
        looks.tips(layer="operation", device="device", percent="estimated share (%)"),
    )  # fmt: skip
    return Plot(
        "placement", f"Estimated cost per layer: {placement.case}",
        "Core ML's own estimate from its compute plan, not a measurement.", bars,
    )  # fmt: skip


def layer_error(errors: LayerErrors) -> Plot:
    values = points.layer_errors(errors)
    chart = (
        alt.Chart(looks.data(values))
        .mark_line(point=True, color=looks.COLORS[0])
        .encode(
            y=alt.Y("layer:N", title=None, sort=None),
            x=looks.x("relative_l2", "relative L2 error (log scale)", log=True),
            order="index:Q",
            tooltip=looks.tips(
                layer="layer", relative_l2="relative L2", max_absolute="largest difference"
            ),
        )
    )  # fmt: skip
    return Plot(
        "layer_error", f"Error layer by layer: {errors.package} against {errors.reference}",
        "A sudden step names the layer at fault; a slow rise is rounding.",
        looks.sized(chart, height=max(120, looks.ROW * len(values))),
    )  # fmt: skip


def _layer_bars(
    values: looks.Values, x: Any, field: str, domain: Sequence[str], tooltip: Sequence[Any]
) -> Any:
    chart = (
        alt.Chart(looks.data(values))
        .mark_bar(stroke="#808080", strokeWidth=0.5)
        .encode(
            y=alt.Y("layer:N", title=None, sort=None),
            x=x,
            color=alt.Color(f"{field}:N", title=None)
            .scale(domain=list(domain), range=list(looks.COLORS[: len(domain)]))
            .legend(orient="top"),
            tooltip=list(tooltip),
        )
    )
    return looks.sized(chart, height=looks.ROW * len(values))
