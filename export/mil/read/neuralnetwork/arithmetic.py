"""Layers that compute on each element: activations, functions, sums and products."""

from functools import partial

from export.mil.program import Constant
from export.mil.read.neuralnetwork.layer_translation import LayerRule, LayerTranslation
from export.mil.read.neuralnetwork.layer_weights import weight
from export.mil.read.specification import Message, enum_name

EPSILON = 1e-6  # of functions that say none
# Fields that a function takes, and what MIL calls them
ACTIVATIONS: dict[str | None, tuple[str, tuple[str, ...]]] = {
    "linear": ("linear_activation", ("alpha", "beta")),
    "ReLU": ("relu", ()),
    "leakyReLU": ("leaky_relu", ("alpha",)),
    "thresholdedReLU": ("thresholded_relu", ("alpha",)),
    "tanh": ("tanh", ()),
    "scaledTanh": ("scaled_tanh", ("alpha", "beta")),
    "sigmoid": ("sigmoid", ()),
    "sigmoidHard": ("sigmoid_hard", ("alpha", "beta")),
    "ELU": ("elu", ("alpha",)),
    "softsign": ("softsign", ()),
    "softplus": ("softplus", ()),
}
UNARIES: dict[str, tuple[str, tuple[tuple[str, str], ...]]] = {
    "SQRT": ("sqrt", ()),
    "RSQRT": ("rsqrt", (("epsilon", "epsilon"),)),
    "INVERSE": ("inverse", (("epsilon", "epsilon"),)),
    "POWER": ("pow", (("alpha", "y"),)),
    "EXP": ("exp", ()),
    "LOG": ("log", (("epsilon", "epsilon"),)),
    "ABS": ("abs", ()),
    "THRESHOLD": ("threshold", (("alpha", "alpha"),)),
}
CHAINED = {"add": "add", "multiply": "mul", "max": "maximum", "min": "minimum"}
BROADCAST = {
    "addBroadcastable": "add", "multiplyBroadcastable": "mul", "subtractBroadcastable": "sub",
    "divideBroadcastable": "real_div", "powBroadcastable": "pow", "maxBroadcastable": "maximum",
    "minBroadcastable": "minimum", "floorDivBroadcastable": "floor_div",
    "modBroadcastable": "mod",
}  # fmt: skip
FUNCTIONS = {
    **{kind: kind for kind in (
        "acos", "asin", "atan", "atanh", "ceil", "cos", "cosh", "erf", "exp2", "floor", "round",
        "sign", "sin", "sinh", "tan", "tanh",
    )},
    "acosh": "layer.acosh", "asinh": "layer.asinh", "copy": "identity",
}  # fmt: skip
COMPARISONS = {
    "equal": "equal", "notEqual": "not_equal", "lessThan": "less", "lessEqual": "less_equal",
    "greaterThan": "greater", "greaterEqual": "greater_equal",
}  # fmt: skip
LOGIC = {"logicalAnd": "logical_and", "logicalOr": "logical_or", "logicalXor": "logical_xor"}


def _activation(layer: LayerTranslation) -> None:
    kind = layer.params.WhichOneof("NonlinearityType")
    p: Message = getattr(layer.params, kind or "", None)
    if kind in ("PReLU", "parametricSoftplus"):
        channels = (layer.shape() or (1, 1, 1))[-3]
        slopes = {
            field.name: _vector(message, f"{layer.name}.{field.name}", channels)
            for field, message in p.ListFields()
        }
        name = "prelu" if kind == "PReLU" else "softplus_parametric"
        layer.last_of_maps(name, x=layer.maps(), **slopes)
        return
    name, fields = ACTIVATIONS[kind]
    layer.last(name, x=layer.inputs[0], **{field: float(getattr(p, field)) for field in fields})


def _vector(message: Message, name: str, channels: int) -> Constant:
    """A value for each channel; one value stands for all."""
    if len(message.floatValue) == 1:
        return weight(message, name, (1,))
    return weight(message, name, (channels,))


def _unary(layer: LayerTranslation) -> None:
    p, x = layer.params, layer.inputs[0]
    scale, shift = p.scale or 1.0, p.shift  # 0 is "not given"
    if (scale, shift) != (1.0, 0.0):
        x = layer.step("linear_activation", x=x, alpha=float(scale), beta=float(shift))
    kind, fields = UNARIES[enum_name(p, "type")]
    numbers = {mil: float(getattr(p, field)) for field, mil in fields}
    if not numbers.get("epsilon", 1.0):
        numbers["epsilon"] = EPSILON
    layer.last(kind, x=x, **numbers)


def _chain(kind: str, layer: LayerTranslation) -> None:
    """Elementwise over all inputs; one input is taken with the layer's own number."""
    first, *others = layer.inputs
    if not others:
        layer.last(kind, x=first, y=float(getattr(layer.params, "alpha", 0.0)))
        return
    for other in others[:-1]:
        first = layer.step(kind, x=first, y=other)
    layer.last(kind, x=first, y=others[-1])


def _average(layer: LayerTranslation) -> None:
    total, *others = layer.inputs
    for other in others:
        total = layer.step("add", x=total, y=other)
    layer.last("mul", x=total, y=1.0 / len(layer.inputs))


def _scale(layer: LayerTranslation) -> None:
    p, x = layer.params, layer.inputs[0]
    scale = weight(p.scale, f"{layer.name}.scale", _channels_first(p.shapeScale))
    if not p.hasBias:
        layer.last("mul", x=x, y=scale)
        return
    x = layer.step("mul", x=x, y=scale)
    layer.last("add", x=x, y=weight(p.bias, f"{layer.name}.bias", _channels_first(p.shapeBias)))


def _bias(layer: LayerTranslation) -> None:
    p = layer.params
    layer.last(
        "add", x=layer.inputs[0], y=weight(p.bias, f"{layer.name}.bias", _channels_first(p.shape))
    )


def _channels_first(shape: Message) -> tuple[int, ...]:
    """[C] or [C, H, W] as it broadcasts against (B, C, H, W)."""
    sizes = tuple(int(size) for size in shape)
    return (*sizes, 1, 1) if len(sizes) == 1 else sizes


def _gelu(layer: LayerTranslation) -> None:
    mode = ("EXACT", "TANH_APPROXIMATION", "SIGMOID_APPROXIMATION")[layer.params.mode]
    layer.last("gelu", x=layer.inputs[0], mode=mode)


def _clip(layer: LayerTranslation) -> None:
    p = layer.params
    layer.last("clip", x=layer.inputs[0], alpha=float(p.minVal), beta=float(p.maxVal))


def _clamped_relu(layer: LayerTranslation) -> None:
    p = layer.params
    layer.last("clamped_relu", x=layer.inputs[0], alpha=float(p.alpha), beta=float(p.beta))


def _plain(kind: str, layer: LayerTranslation) -> None:
    layer.last(kind, x=layer.inputs[0])


def _comparison(kind: str, layer: LayerTranslation) -> None:
    """1 where it holds, else 0: with the other input, or with the layer's own number."""
    x, *others = layer.inputs
    y = others[0] if others else float(layer.params.alpha)
    layer.last("cast", x=layer.step(kind, "bool", x=x, y=y), dtype="fp32")


def _logic(kind: str, layer: LayerTranslation) -> None:
    result = layer.step(kind, "bool", x=layer.truth(0), y=layer.truth(1))
    layer.last("cast", x=result, dtype="fp32")


def _logical_not(layer: LayerTranslation) -> None:
    layer.last("cast", x=layer.step("logical_not", "bool", x=layer.truth(0)), dtype="fp32")


def _where(layer: LayerTranslation) -> None:
    _, a, b = layer.inputs
    layer.last("select", cond=layer.truth(0), a=a, b=b)


# What takes values of any rank, and gives one of the same
ELEMENTWISE_KINDS = frozenset(
    {*BROADCAST, *CHAINED, *COMPARISONS, *FUNCTIONS, *LOGIC, "activation", "average",
     "clampedReLU", "clip", "gelu", "logicalNot", "unary", "whereBroadcastable"}
)  # fmt: skip
RULES: dict[str, LayerRule] = {
    **{kind: partial(_chain, name) for kind, name in (CHAINED | BROADCAST).items()},
    **{kind: partial(_plain, name) for kind, name in FUNCTIONS.items()},
    **{kind: partial(_comparison, name) for kind, name in COMPARISONS.items()},
    **{kind: partial(_logic, name) for kind, name in LOGIC.items()},
    "activation": _activation,
    "average": _average,
    "bias": _bias,
    "clampedReLU": _clamped_relu,
    "clip": _clip,
    "gelu": _gelu,
    "logicalNot": _logical_not,
    "scale": _scale,
    "unary": _unary,
    "whereBroadcastable": _where,
}
