"""Layers that make one value of several."""

from collections.abc import Callable, Sequence

from mobilenet.sources.keras.graph_draft import KerasValue
from mobilenet.sources.keras.layer_call import CommonSettings, LayerCall, shown


class ConcatenateSettings(CommonSettings):
    """Of Concatenate."""

    axis: int = -1


def merging(op: str) -> Callable[[LayerCall], KerasValue]:
    """Add, Multiply, Subtract: element by element."""

    def translate(layer: LayerCall) -> KerasValue:
        layer.settings(CommonSettings)
        first, *rest = _merged(layer)
        for value in rest:
            first = elementwise(layer, op, first, value)
        return first

    return translate


def elementwise(layer: LayerCall, op: str, first: KerasValue, second: KerasValue) -> KerasValue:
    """Two values of one shape, or with one number where the other has many."""
    shapes = first.shape, second.shape
    if len(first.shape) != len(second.shape) or any(
        a != b and 1 not in {a, b} for a, b in zip(*shapes, strict=True)
    ):
        raise layer.refusal(f"combines shapes {shown(first.shape)} and {shown(second.shape)}")
    shape = tuple(b if a == 1 else a for a, b in zip(*shapes, strict=True))
    return layer.add(op, [first.name, second.name], shape)


def concatenate(layer: LayerCall) -> KerasValue:
    """Concatenate."""
    axis = layer.settings(ConcatenateSettings).axis
    values = _merged(layer)
    first = values[0]
    in_graph = first.axis(axis)
    if not in_graph:
        raise layer.refusal(f"has axis {axis}")
    at = axis % (len(first.shape) + 1) - 1
    sizes = [value.shape[at] for value in values if len(value.shape) == len(first.shape)]
    total = sum(size for size in sizes if size is not None)
    shape = (*first.shape[:at], total, *first.shape[at + 1 :])
    others = {value.shape[:at] + value.shape[at + 1 :] for value in values}
    if len(others) != 1 or None in sizes or len(sizes) != len(values):
        raise layer.refusal(f"joins shapes {', '.join(shown(value.shape) for value in values)}")
    return layer.add("Concat", [value.name for value in values], shape, axis=in_graph)


def _merged(layer: LayerCall) -> Sequence[KerasValue]:
    """The values in the one list that a merging layer is called with."""
    listed = layer.call.arguments
    if len(listed) != 1 or not isinstance(listed[0], list) or len(layer.inputs) < 2:
        raise layer.refusal(f"is called with {len(layer.inputs)} values in no list")
    if len(listed[0]) != len(layer.inputs):
        raise layer.refusal("is called with something else than values")
    return layer.inputs
