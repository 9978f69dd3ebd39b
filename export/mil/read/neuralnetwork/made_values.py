"""Layers that make values: constants, ranges, fillings, random numbers, sizes."""

from functools import partial

from export.mil.read.neuralnetwork.layer_translation import LayerRule, LayerTranslation
from export.mil.read.neuralnetwork.layer_weights import weight
from export.mil.read.plain_values import PlainValue

# MIL's names of the numbers that a distribution takes, by those of the file
DISTRIBUTIONS = {
    "Normal": ("random_normal", {"mean": "mean", "stdDev": "stddev"}),
    "Uniform": ("random_uniform", {"minVal": "low", "maxVal": "high"}),
    "Bernoulli": ("random_bernoulli", {"prob": "prob"}),
}


def _load_constant(layer: LayerTranslation) -> None:
    shape = tuple(int(size) for size in layer.params.shape)
    layer.constant(weight(layer.params.data, layer.name, shape))


def _load_map(layer: LayerTranslation) -> None:
    lead = (1,) if layer.folded else (1, 1)
    shape = tuple(int(size) for size in layer.params.shape)
    layer.constant(weight(layer.params.data, layer.name, (*lead, *shape)))


def _range(layer: LayerTranslation) -> None:
    """End, start and step: what is not computed is the layer's own."""
    p = layer.params
    own = [float(getattr(p, f"{name}Value", 0.0)) for name in ("end", "start", "stepSize")]
    computed = layer.inputs if layer.kind == "rangeDynamic" else []
    values: list[PlainValue] = [*computed, *own[len(computed) :]]
    layer.last("range_1d", **dict(zip(("end", "start", "step"), values, strict=True)))


def _shape(layer: LayerTranslation) -> None:
    layer.last_counts("shape", (0,), x=layer.inputs[0])


def _fill_like(layer: LayerTranslation) -> None:
    layer.last("fill_like", ref_tensor=layer.inputs[0], value=float(layer.params.value))


def _fill(layer: LayerTranslation) -> None:
    p = layer.params
    shape = layer.counted() if layer.inputs else [int(size) for size in p.targetShape]
    layer.last("fill", shape=shape, value=float(p.value))


def _broadcast(layer: LayerTranslation) -> None:
    """To sizes that are the layer's own, or computed: times 1 everywhere."""
    x, *others = layer.inputs
    shape = layer.counted(1) if others else [int(size) for size in layer.params.targetShape]
    layer.last("mul", x=x, y=layer.step("fill", shape=shape, value=1.0))


def _broadcast_like(layer: LayerTranslation) -> None:
    x, other = layer.inputs
    layer.last("mul", x=x, y=layer.step("fill_like", ref_tensor=other, value=1.0))


def _one_hot(layer: LayerTranslation) -> None:
    p = layer.params
    size = layer.counted(1) if len(layer.inputs) > 1 else int(p.oneHotVectorSize)
    layer.last(
        "one_hot", indices=layer.counted(), one_hot_vector_size=size, axis=int(p.axis),
        on_value=float(p.onValue), off_value=float(p.offValue),
    )  # fmt: skip


def _random(distribution: str, layer: LayerTranslation) -> None:
    kind, numbers = DISTRIBUTIONS[distribution]
    p = layer.params
    shape: PlainValue = [int(size) for size in getattr(p, "outputShape", ())]
    if layer.kind.endswith("Like"):
        shape = [*(layer.shape() or ())]
    elif layer.kind.endswith("Dynamic"):
        shape = layer.counted()
    values = {mil: float(getattr(p, name)) for name, mil in numbers.items()}
    layer.last(kind, shape=shape, seed=int(p.seed), **values)


def _categorical(layer: LayerTranslation) -> None:
    p = layer.params
    layer.last(
        "random_categorical", x=layer.inputs[0], mode="logits" if p.isLogits else "probs",
        size=int(p.numSamples), seed=int(p.seed),
    )  # fmt: skip


RULES: dict[str, LayerRule] = {
    **{
        f"random{name}{form}": partial(_random, name)
        for name in DISTRIBUTIONS
        for form in ("Dynamic", "Like", "Static")
    },
    "broadcastToDynamic": _broadcast,
    "broadcastToLike": _broadcast_like,
    "broadcastToStatic": _broadcast,
    "categoricalDistribution": _categorical,
    "fillDynamic": _fill,
    "fillLike": _fill_like,
    "fillStatic": _fill,
    "getShape": _shape,
    "loadConstant": _load_map,
    "loadConstantND": _load_constant,
    "oneHot": _one_hot,
    "rangeDynamic": _range,
    "rangeStatic": _range,
}
