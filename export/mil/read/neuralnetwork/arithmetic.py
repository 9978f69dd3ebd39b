"""Layers that compute on each element or over an axis: activations, norms, reductions."""

from functools import partial

from export.mil.program import Constant
from export.mil.read.neuralnetwork.choices import last_with_integers
from export.mil.read.neuralnetwork.layer_translation import LayerRule, LayerTranslation
from export.mil.read.neuralnetwork.layer_weights import weight
from export.mil.read.specification import Message

EPSILON = 1e-6  # of unary functions and reductions that say none


def _activation(layer: LayerTranslation) -> None:
    kind = layer.params.WhichOneof("NonlinearityType")
    x = layer.inputs[0]
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
    if kind not in ACTIVATIONS:
        layer.refuse()
        return
    name, fields = ACTIVATIONS[kind]
    layer.last(name, x=x, **{field: float(getattr(p, field)) for field in fields})


def _vector(message: Message, name: str, channels: int) -> Constant:
    """A value for each channel; one value stands for all."""
    if len(message.floatValue) == 1:
        return weight(message, name, (1,))
    return weight(message, name, (channels,))


def _unary(layer: LayerTranslation) -> None:
    p, x = layer.params, layer.inputs[0]
    name = p.DESCRIPTOR.fields_by_name["type"].enum_type.values_by_number[p.type].name
    scale, shift = p.scale or 1.0, p.shift  # 0 is "not given"
    if (scale, shift) != (1.0, 0.0):
        x = layer.step("linear_activation", x=x, alpha=float(scale), beta=float(shift))
    kind, fields = UNARIES[name]
    numbers = {mil: float(getattr(p, field)) for field, mil in fields}
    if not numbers.get("epsilon", 1.0):
        numbers["epsilon"] = EPSILON
    layer.last(kind, x=x, **numbers)


def _batchnorm(layer: LayerTranslation) -> None:
    p = layer.params
    names: tuple[str, ...] = ("gamma", "beta", "mean", "variance")
    if p.computeMeanVar:
        if not p.instanceNormalization:
            layer.refuse()
            return
        names = ("gamma", "beta")
    weights = {n: weight(getattr(p, n), f"{layer.name}.{n}", (int(p.channels),)) for n in names}
    kind = "instance_norm" if p.computeMeanVar else "batch_norm"
    layer.last_of_maps(kind, x=layer.maps(), **weights, epsilon=float(p.epsilon) or 1e-5)


def _layer_norm(layer: LayerTranslation) -> None:
    p = layer.params
    shape = tuple(int(size) for size in p.normalizedShape)
    layer.last(
        "layer_norm", x=layer.inputs[0], axes=list(range(-len(shape), 0)), epsilon=float(p.eps),
        gamma=weight(p.gamma, f"{layer.name}.gamma", shape),
        beta=weight(p.beta, f"{layer.name}.beta", shape),
    )  # fmt: skip


def _lrn(layer: LayerTranslation) -> None:
    p = layer.params
    layer.last_of_maps(
        "local_response_norm", x=layer.maps(), size=int(p.localSize), alpha=float(p.alpha),
        beta=float(p.beta), k=float(p.k) or 1.0,
    )  # fmt: skip


def _softmax(layer: LayerTranslation) -> None:
    layer.last("softmax", x=layer.inputs[0], axis=-3)


def _softmax_nd(layer: LayerTranslation) -> None:
    layer.last("softmax", x=layer.inputs[0], axis=int(layer.params.axis))


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


def _old_reduce(layer: LayerTranslation) -> None:
    p = layer.params
    kinds = ("sum", "mean", "prod", "log_sum", "sum_square", "l1_norm", "l2_norm", "max", "min")
    axes = {0: [-3, -2, -1], 1: [-2, -1], 2: [-3], 3: [-2], 4: [-1]}[p.axis]
    if p.mode >= len(kinds):
        last_with_integers(
            layer, "reduce_argmax", (0,), x=layer.inputs[0], axis=axes[0], keep_dims=True
        )
        return
    if kinds[p.mode] == "log_sum":  # here the sum of logarithms, not the logarithm of a sum
        logarithms = layer.step("log", x=layer.inputs[0], epsilon=float(p.epsilon) or EPSILON)
        layer.last("reduce_sum", x=logarithms, axes=axes, keep_dims=True)
        return
    layer.last(f"reduce_{kinds[p.mode]}", x=layer.inputs[0], axes=axes, keep_dims=True)


def _reduce(kind: str, layer: LayerTranslation) -> None:
    p = layer.params
    axes = {} if p.reduceAll or not p.axes else {"axes": [int(axis) for axis in p.axes]}
    layer.last(kind, x=layer.inputs[0], keep_dims=bool(p.keepDims), **axes)


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
    layer.last(kind, **dict(zip(("x", "y"), layer.inputs, strict=False)))


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
REDUCTIONS = {
    "reduceL1": "l1_norm", "reduceL2": "l2_norm", "reduceMax": "max", "reduceMin": "min",
    "reduceSum": "sum", "reduceProd": "prod", "reduceMean": "mean", "reduceLogSum": "log_sum",
    "reduceSumSquare": "sum_square", "reduceLogSumExp": "log_sum_exp",
}  # fmt: skip
ELEMENTWISE = {
    "addBroadcastable": "add", "multiplyBroadcastable": "mul", "subtractBroadcastable": "sub",
    "divideBroadcastable": "real_div", "powBroadcastable": "pow", "maxBroadcastable": "maximum",
    "minBroadcastable": "minimum", "floorDivBroadcastable": "floor_div",
    "modBroadcastable": "mod", "add": "add", "multiply": "mul", "max": "maximum",
    "min": "minimum",
}  # fmt: skip
PLAIN = {
    **{kind: kind for kind in (
        "ceil", "floor", "sign", "round", "exp2", "sin", "cos", "tan", "asin", "acos", "atan",
        "sinh", "cosh", "tanh", "erf",
    )},
    "copy": "identity",
}  # fmt: skip
ELEMENTWISE_KINDS = frozenset({*ELEMENTWISE, *PLAIN, "clampedReLU", "clip", "gelu"})
RULES: dict[str, LayerRule] = {
    **{kind: partial(_reduce, f"reduce_{name}") for kind, name in REDUCTIONS.items()},
    **{kind: partial(_chain, name) for kind, name in ELEMENTWISE.items()},
    **{kind: partial(_plain, name) for kind, name in PLAIN.items()},
    "activation": _activation,
    "average": _average,
    "batchnorm": _batchnorm,
    "bias": _bias,
    "clampedReLU": _clamped_relu,
    "clip": _clip,
    "gelu": _gelu,
    "layerNormalization": _layer_norm,
    "lrn": _lrn,
    "reduce": _old_reduce,
    "scale": _scale,
    "softmax": _softmax,
    "softmaxND": _softmax_nd,
    "unary": _unary,
}
