"""Nodes that work on a map: convolutions, zeros around it, and the mean over all of it."""

from dataclasses import replace

from mobilenet.networks.rows import Pads, same_padding
from mobilenet.sources.stored import Allowance
from mobilenet.sources.walk.affine_nodes import biased, check_whole
from mobilenet.sources.walk.expressions import Expression
from mobilenet.sources.walk.layout import Layout
from mobilenet.sources.walk.matrix_nodes import matrix
from mobilenet.sources.walk.steps import (
    NO_PADS,
    Convolution,
    GraphValue,
    Matrix,
    Picture,
    Pooling,
    Visit,
)

SAME, EXPLICIT, VALID = "SAME_UPPER", "NOTSET", "VALID"


def convolution(visit: Visit, number: int) -> GraphValue:
    """Conv: a row, or behind the mean a matrix. `number` counts convolutions."""
    value, kernel = visit.value, visit.expression(1)
    if kernel is None or len(kernel.shape) != 4:
        raise visit.refusal("has no kernel of four axes")
    groups, strides = visit.number("group", 1), _strides(visit)
    dilations = visit.pair("dilations")
    channels, height, width = value.layout.natural
    if kernel.shape[1] * groups != channels or min(groups, *dilations, *kernel.shape) < 1:
        raise visit.refusal(f"has a kernel {kernel.shape} for {channels} channels")
    Allowance().spend(visit.node.title, kernel.shape)
    pads = _pads(visit, value)
    if isinstance(value.maker, Pooling | Matrix):
        if kernel.shape[2:] != (1, 1) or groups != 1 or pads != NO_PADS:
            raise visit.refusal("is a convolution behind the mean, and no dense layer")
        return _as_matrix(visit, value, kernel, number)
    _check_readable(visit, value)
    top, bottom, left, right = pads
    size = (
        _out(height + top + bottom, kernel.shape[2], strides[0], dilations[0]),
        _out(width + left + right, kernel.shape[3], strides[1], dilations[1]),
    )
    if min(size) < 1:
        raise visit.refusal(f"has a kernel larger than its map of {height} x {width}")
    is_same = visit.node.attributes.get("auto_pad") == SAME
    made = Convolution(
        number, visit.node, replace(value, pads=NO_PADS), kernel, strides, dilations, groups,
        pads, is_same,
    )  # fmt: skip
    row = GraphValue(visit.name, made, Layout.of_map(kernel.shape[0], *size))
    return biased(visit, row, visit.expression(2))


def padded(visit: Visit) -> GraphValue:
    """Pad: zeros around a map."""
    value, pads = visit.value, visit.integers(1, "pads") or ()
    filling = visit.expression(2)
    if visit.node.attributes.get("mode", "constant") != "constant" or (
        filling is not None and filling.value.any()
    ):
        raise visit.refusal("pads with something other than zeros")
    if len(value.layout.shape) != 4 or len(pads) != 8 or any(pads[i] for i in (0, 1, 4, 5)):
        raise visit.refusal(f"pads by {pads}")
    _, _, top, left, _, _, bottom, right = pads
    if min(pads) < 0:
        raise visit.refusal(f"cuts a map: it pads by {pads}")
    above, below, before, behind = value.pads
    around = (above + top, below + bottom, before + left, behind + right)
    return replace(value, pads=around)  # the name stays that of the map without zeros


def mean(visit: Visit) -> GraphValue:
    """GlobalAveragePool, ReduceMean, or AveragePool over the whole map."""
    value = visit.value
    check_whole(visit, value)
    if not isinstance(value.maker, Convolution):
        raise visit.refusal("takes the mean of what is no map of a convolution")
    layout = _mean_layout(visit, value.layout)
    if layout is None:
        raise visit.refusal("takes no mean of each channel's whole map")
    pending = value.after
    if pending is not None and any(each.shape[1:] != (1, 1) for each in pending):
        raise visit.refusal("takes the mean of a map that is scaled place by place")
    return GraphValue(visit.name, Pooling(replace(value, after=None)), layout, affine=pending)


def _mean_layout(visit: Visit, layout: Layout) -> Layout | None:
    match visit.node.op:
        case "ReduceMean":
            axes = visit.integers(1, "axes") or ()
            if any(not -len(layout.shape) <= axis < len(layout.shape) for axis in axes):
                return None
            return layout.mean_over(axes, visit.number("keepdims", 1) == 1)
        case "AveragePool" if not _is_over_all(visit, layout):
            return None
    return layout.mean_over((2, 3), keepdims=True) if len(layout.shape) == 4 else None


def _is_over_all(visit: Visit, layout: Layout) -> bool:
    attributes = visit.node.attributes
    if visit.pair("kernel_shape") != layout.shape[2:] or any(_numbers(visit)):
        return False
    return attributes.get("auto_pad", EXPLICIT) != SAME or all(
        sum(same_padding(side, stride, side)) == 0
        for side, stride in zip(layout.shape[2:], _strides(visit), strict=True)
    )


def _strides(visit: Visit) -> tuple[int, int]:
    strides = visit.pair("strides")
    if min(strides) < 1:
        raise visit.refusal(f"has strides {strides}")
    return strides


def _as_matrix(visit: Visit, value: GraphValue, kernel: Expression, number: int) -> GraphValue:
    if value.layout.shape != (1, kernel.shape[1], 1, 1):
        raise visit.refusal("is a convolution behind the mean, and no dense layer")
    made = matrix(visit, value, kernel, has_units_first=True, number=number)
    made = replace(made, layout=made.layout.reshaped((1, kernel.shape[0], 1, 1)))
    return biased(visit, made, visit.expression(2))


def _check_readable(visit: Visit, value: GraphValue) -> None:
    if value.after is not None:
        raise visit.refusal("reads a map that is scaled behind its activation")
    is_flipped = isinstance(value.maker, Picture) and value.layout.has_flipped_channels
    if not (value.layout.is_map or is_flipped):
        raise visit.refusal(f"reads a value of shape {value.layout.shape} that was moved")


def _pads(visit: Visit, value: GraphValue) -> Pads:
    """Top, bottom, left, right, with those that stand around the value already."""
    rule = visit.node.attributes.get("auto_pad", EXPLICIT)
    above, below, before, behind = value.pads
    numbers = _numbers(visit)
    if rule == SAME:
        _, height, width = value.layout.natural
        sides = (height + above + below, width + before + behind)
        kernel = visit.expression(1)
        assert kernel is not None, "checked before"
        (top, bottom), (left, right) = (
            same_padding(side, stride, (size - 1) * dilation + 1)
            for side, stride, size, dilation in zip(
                sides, _strides(visit), kernel.shape[2:], visit.pair("dilations"),
                strict=True,
            )
        )  # fmt: skip
    elif rule in (EXPLICIT, VALID):
        top, left, bottom, right = numbers
    else:
        raise visit.refusal(f"pads by the rule {rule}")
    return (above + top, below + bottom, before + left, behind + right)


def _numbers(visit: Visit) -> Pads:
    """ONNX's top, left, bottom, right."""
    pads = visit.node.attributes.get("pads", NO_PADS)
    if not isinstance(pads, tuple) or len(pads) != 4 or min(pads) < 0:
        raise visit.refusal(f"pads by {pads}")
    return pads[0], pads[1], pads[2], pads[3]


def _out(side: int, kernel: int, stride: int, dilation: int) -> int:
    return (side - (kernel - 1) * dilation - 1) // stride + 1
