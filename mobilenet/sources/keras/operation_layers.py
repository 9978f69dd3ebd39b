"""Functions between layers: Keras 3's own (keras.ops) and TensorFlow's, as Keras 2 keeps them.

Keras 3 makes each a layer of its own ("TrueDivide"), Keras 2 a TFOpLambda with the function's
name ("math.truediv"). What is passed by name must be known here, or be nothing.
"""

from collections.abc import Callable, Mapping

import numpy as np

from mobilenet.common.text import one_line
from mobilenet.sources.keras.activation_layers import FUNCTIONS, softmax_over
from mobilenet.sources.keras.graph_draft import ChannelPick, KerasValue, number_array
from mobilenet.sources.keras.layer_call import CommonSettings, LayerCall
from mobilenet.sources.keras.map_layers import reduced, reshaped
from mobilenet.sources.keras.merging_layers import elementwise
from mobilenet.sources.keras.model_tree import MAX_NAME
from mobilenet.sources.keras.scaling_layers import constant_beside

Operation = Callable[[LayerCall, Mapping[str, object]], "KerasValue | ChannelPick"]
BINARY = {
    "Add": "Add", "Subtract": "Sub", "Multiply": "Mul", "TrueDivide": "Div", "Divide": "Div",
    "math.add": "Add", "math.subtract": "Sub", "math.multiply": "Mul", "math.truediv": "Div",
    "math.divide": "Div", "realdiv": "Div", "__operators__.add": "Add",
    "nn.bias_add": "Add",
}  # fmt: skip
UNARY = {
    "Relu": "relu", "Relu6": "relu6", "Sigmoid": "sigmoid", "Tanh": "tanh", "Silu": "silu",
    "nn.relu": "relu", "nn.relu6": "relu6", "math.sigmoid": "sigmoid", "nn.sigmoid": "sigmoid",
    "math.tanh": "tanh", "nn.silu": "silu", "nn.swish": "silu", "identity": "linear",
}  # fmt: skip
# other names that TensorFlow's functions give their first and second argument
FIRST = ("x", "x1", "features", "value", "input_tensor", "tensor", "logits", "input", "values")
SECOND = ("y", "x2", "bias")
CHANNELS_LAST = ("NHWC", "N...C")
WHOLE, REVERSED = (None, None, None), (None, None, -1)  # start, stop, step


class FunctionSettings(CommonSettings, kw_only=True):
    """Of TFOpLambda and SlicingOpLambda."""

    function: str


class OperationSettings(CommonSettings):
    """Of the functions of Keras 3: what they are given beside tensors."""

    axis: int | list[int] | None = None
    keepdims: bool = False
    newshape: list[int] | None = None


def operation(layer: LayerCall) -> KerasValue | ChannelPick:
    """A function of Keras 3."""
    settings = layer.settings(OperationSettings)
    said = {"axis": settings.axis, "keepdims": settings.keepdims, "shape": settings.newshape}
    return _translated(layer, layer.entry.kind, {**said, **layer.call.keywords})


def tensorflow_function(layer: LayerCall) -> KerasValue | ChannelPick:
    """A function of TensorFlow."""
    function = layer.settings(FunctionSettings).function
    return _translated(layer, function, layer.call.keywords)


def _translated(
    layer: LayerCall, function: str, keywords: Mapping[str, object]
) -> KerasValue | ChannelPick:
    said = {key: item for key, item in keywords.items() if item is not None and item is not False}
    said.pop("name", None)
    positional = list(layer.call.arguments)
    first = positional.pop(0) if positional else next(
        (said.pop(key) for key in FIRST if key in said), None
    )  # fmt: skip
    if function in BINARY:
        second = positional.pop(0) if positional else next(
            (said.pop(key) for key in SECOND if key in said), None
        )  # fmt: skip
        if said.get("data_format") in CHANNELS_LAST:
            said.pop("data_format")
        result: KerasValue | ChannelPick = binary(layer, BINARY[function], first, second)
    elif function in UNARY:
        result = FUNCTIONS[UNARY[function]](layer, _value(layer, first))
    elif function in OTHERS:
        result = OTHERS[function](layer, first, positional, said)
        positional = []
    else:
        raise layer.refusal(f"computes {one_line(function, MAX_NAME)}, which is not known here")
    if positional or said:
        rest = one_line(repr(positional or said), MAX_NAME)
        raise layer.refusal(f"is called with {rest}, which is not understood")
    return result


def _value(layer: LayerCall, item: object) -> KerasValue:
    if not isinstance(item, KerasValue):
        raise layer.refusal(f"is called with {one_line(repr(item), MAX_NAME)}, no value")
    return item


def binary(layer: LayerCall, op: str, first: object, second: object) -> KerasValue:
    """Two values, or one and numbers. Raises `CheckpointError` for anything else."""
    if isinstance(first, KerasValue) and isinstance(second, KerasValue):
        return elementwise(layer, op, first, second)
    value = first if isinstance(first, KerasValue) else _value(layer, second)
    numbers = second if value is first else first
    constant = constant_beside(layer, op, value, number_array(numbers, layer.title))
    inputs = [value.name, constant] if value is first else [constant, value.name]
    return layer.add(op, inputs, value.shape)


def _mean(
    layer: LayerCall, first: object, positional: list[object], said: dict[str, object]
) -> KerasValue:
    value, axis = _value(layer, first), said.pop("axis", positional[0] if positional else None)
    axes = [value.axis(item) for item in axis] if isinstance(axis, list) else []
    if not value.is_map or sorted(str(item) for item in axes) != ["2", "3"]:
        raise layer.refusal(f"takes the mean over {axis}, of a map's height and width it is read")
    return reduced(layer, "ReduceMean", value, said.pop("keepdims", False) is True)


def _softmax(
    layer: LayerCall, first: object, positional: list[object], said: dict[str, object]
) -> KerasValue:
    axis = said.pop("axis", positional[0] if positional else -1)
    return softmax_over(layer, _value(layer, first), axis)


def _reshape(
    layer: LayerCall, first: object, positional: list[object], said: dict[str, object]
) -> KerasValue:
    shape = said.pop("shape", positional[0] if positional else None)
    if (
        not isinstance(shape, list)
        or shape[:1] not in ([-1], [1])
        or not all(type(size) is int for size in shape)
    ):
        raise layer.refusal(f"has the shape {one_line(repr(shape), MAX_NAME)}")
    return reshaped(layer, _value(layer, first), shape[1:])


def _cast(
    layer: LayerCall, first: object, positional: list[object], said: dict[str, object]
) -> KerasValue:
    kind = said.pop("dtype", positional[0] if positional else "float32")
    if kind != "float32":
        raise layer.refusal(f"casts to {one_line(str(kind), MAX_NAME)}")
    value = _value(layer, first)
    return layer.add("Identity", [value.name], value.shape)


def _item(
    layer: LayerCall, first: object, positional: list[object], said: dict[str, object]
) -> KerasValue | ChannelPick:
    """x[..., ::-1], and x[..., k], which `_stack` puts together."""
    index = said.pop("slice_spec", positional[0] if positional else None)
    value, items = _value(layer, first), index if isinstance(index, list) else [index]
    *rest, last = [_subscript(item) for item in items] or [None]
    are_whole = rest in ([...], [WHOLE] * 3)
    if are_whole and value.is_map and value.channels:
        if last == REVERSED:
            return _gathered(layer, value, list(range(value.channels))[::-1])
        if type(last) is int and 0 <= last < value.channels:
            return ChannelPick(value, last)
    raise layer.refusal(
        f"takes {one_line(repr(index), MAX_NAME)} of a value, only channels are picked or reversed"
    )


def _subscript(item: object) -> object:
    """Keras 2's and 3's ways to write `...` and `a:b:c` as one; others as they are."""
    if not isinstance(item, dict):
        return item
    if item.get("class_name") == "__ellipsis__":
        return ...
    words = item.get("config") if item.get("class_name") == "__slice__" else item
    if not isinstance(words, dict) or words.keys() != {"start", "stop", "step"}:
        return item
    return tuple(words[word] for word in ("start", "stop", "step"))


def _stack(
    layer: LayerCall, first: object, _positional: list[object], said: dict[str, object]
) -> KerasValue:
    picks = [item for item in first if isinstance(item, ChannelPick)] if isinstance(
        first, list
    ) else []  # fmt: skip
    axis = said.pop("axis", 0)
    if not picks or len(picks) != len(first) or len({p.value for p in picks}) > 1:  # type: ignore[arg-type]
        raise layer.refusal("stacks something else than channels of one value")
    if axis not in (-1, 3):
        raise layer.refusal(f"stacks channels along axis {axis}")
    return _gathered(layer, picks[0].value, [pick.channel for pick in picks])


def _gathered(layer: LayerCall, value: KerasValue, channels: list[int]) -> KerasValue:
    order = layer.numbers("channels", np.array(channels, np.int64))
    shape = (*value.shape[:-1], len(channels))
    return layer.add("Gather", [value.name, order], shape, axis=1)


OTHERS: dict[
    str,
    Callable[
        [LayerCall, object, list[object], dict[str, object]], "KerasValue | ChannelPick"
    ],
] = {
    "Mean": _mean, "math.reduce_mean": _mean, "Softmax": _softmax, "nn.softmax": _softmax,
    "Reshape": _reshape, "reshape": _reshape, "Cast": _cast, "cast": _cast,
    "GetItem": _item, "__operators__.getitem": _item, "Stack": _stack, "stack": _stack,
}  # fmt: skip
KNOWN = frozenset({*BINARY, *UNARY, *OTHERS})
