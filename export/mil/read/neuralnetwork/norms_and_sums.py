"""Layers that compute over axes: norms, softmax, reductions, running sums."""

from functools import partial

from export.mil.read.neuralnetwork.layer_translation import LayerRule, LayerTranslation
from export.mil.read.neuralnetwork.layer_weights import weight

EPSILON = 1e-6  # of layers that say none
NORM_EPSILON = 1e-5  # of a batch norm that says none
REDUCTIONS = {
    "reduceL1": "l1_norm", "reduceL2": "l2_norm", "reduceMax": "max", "reduceMin": "min",
    "reduceSum": "sum", "reduceProd": "prod", "reduceMean": "mean", "reduceLogSum": "log_sum",
    "reduceSumSquare": "sum_square", "reduceLogSumExp": "log_sum_exp",
}  # fmt: skip
OLD_REDUCTIONS = (
    "sum", "mean", "prod", "log_sum", "sum_square", "l1_norm", "l2_norm", "max", "min",
)  # fmt: skip
OLD_AXES = {0: [-3, -2, -1], 1: [-2, -1], 2: [-3], 3: [-2], 4: [-1]}


def _batchnorm(layer: LayerTranslation) -> None:
    p, x = layer.params, layer.maps()
    epsilon = float(p.epsilon) or NORM_EPSILON
    whole_batch = p.computeMeanVar and not p.instanceNormalization
    names = ("gamma", "beta") if p.computeMeanVar else ("gamma", "beta", "mean", "variance")
    channels = int(p.channels)
    shape = (channels, 1, 1) if whole_batch else (channels,)
    weights = {name: weight(getattr(p, name), f"{layer.name}.{name}", shape) for name in names}
    if whole_batch:
        normal = _standardized(layer, x, [0, 2, 3], epsilon)
        scaled = layer.step("mul", x=normal, y=weights["gamma"])
        layer.last_of_maps("add", x=scaled, y=weights["beta"])
        return
    kind = "instance_norm" if p.computeMeanVar else "batch_norm"
    layer.last_of_maps(kind, x=x, **weights, epsilon=epsilon)


def _standardized(layer: LayerTranslation, x: str, axes: list[int], epsilon: float | None) -> str:
    """`x` less its mean over `axes`; with `epsilon`, over its standard deviation there."""
    mean = layer.step("reduce_mean", x=x, axes=axes, keep_dims=True)
    centred = layer.step("sub", x=x, y=mean)
    if epsilon is None:
        return centred
    squares = layer.step("square", x=centred)
    variance = layer.step("reduce_mean", x=squares, axes=axes, keep_dims=True)
    return layer.step("mul", x=centred, y=layer.step("rsqrt", x=variance, epsilon=epsilon))


def _mean_variance(layer: LayerTranslation) -> None:
    p = layer.params
    axes = [-3, -2, -1] if p.acrossChannels else [-2, -1]
    epsilon = (float(p.epsilon) or EPSILON) if p.normalizeVariance else None
    layer.last("identity", x=_standardized(layer, layer.inputs[0], axes, epsilon))


def _l2_normalize(layer: LayerTranslation) -> None:
    layer.last("l2_norm", x=layer.inputs[0], epsilon=float(layer.params.epsilon) or EPSILON)


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


def _old_reduce(layer: LayerTranslation) -> None:
    p, x, axes = layer.params, layer.inputs[0], OLD_AXES[layer.params.axis]
    if p.mode == len(OLD_REDUCTIONS):
        layer.last_counts("reduce_argmax", (0,), x=x, axis=axes[0], keep_dims=True)
        return
    kind = OLD_REDUCTIONS[p.mode]
    if kind == "log_sum":  # here the sum of logarithms, not the logarithm of a sum
        x = layer.step("log", x=x, epsilon=float(p.epsilon) or EPSILON)
        kind = "sum"
    layer.last(f"reduce_{kind}", x=x, axes=axes, keep_dims=True)


def _reduce(kind: str, layer: LayerTranslation) -> None:
    p = layer.params
    axes = {} if p.reduceAll or not p.axes else {"axes": [int(axis) for axis in p.axes]}
    layer.last(kind, x=layer.inputs[0], keep_dims=bool(p.keepDims), **axes)


def _running_sum(layer: LayerTranslation) -> None:
    p = layer.params
    axis = layer.counted(1) if len(layer.inputs) > 1 else int(p.axis)
    layer.last(
        "cumsum", x=layer.inputs[0], axis=axis, exclusive=bool(p.excludeFinalSum),
        reverse=bool(p.reverse),
    )  # fmt: skip


RULES: dict[str, LayerRule] = {
    **{kind: partial(_reduce, f"reduce_{name}") for kind, name in REDUCTIONS.items()},
    "batchnorm": _batchnorm,
    "cumSum": _running_sum,
    "l2normalize": _l2_normalize,
    "layerNormalization": _layer_norm,
    "lrn": _lrn,
    "mvn": _mean_variance,
    "reduce": _old_reduce,
    "softmax": _softmax,
    "softmaxND": _softmax_nd,
}
