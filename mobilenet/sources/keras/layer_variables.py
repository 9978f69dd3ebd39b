"""Which weights a layer has, and which of a file's they are.

Keras gives weights back by their order (keras/src/legacy/saving/legacy_h5_format.py): those that
are trained first. Here their names must agree with it, or say it alone.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from mobilenet.common.decoding import decoding
from mobilenet.common.errors import CheckpointError
from mobilenet.common.text import one_line
from mobilenet.graph import FileConstant
from mobilenet.sources.keras.model_tree import MAX_NAME, NOTHING, SAVE_AGAIN, Entry

LayerWeights = Mapping[str, FileConstant]  # by the variable's name: "kernel"
ModelWeights = Mapping[tuple[str, ...], LayerWeights]  # by the layer's path
# Keras 3 calls the kernel of a DepthwiseConv2D "kernel"
SAME_VARIABLE = {"depthwise_kernel": "kernel"}
# counters of random numbers, of Keras 3 and 2: nothing of them is used for an answer
RANDOM_STATE = frozenset({"seed_generator_state", "StateVar"})
WITH_KERNEL = {
    "Conv2D": ("kernel",),
    "DepthwiseConv2D": ("kernel",),
    "SeparableConv2D": ("kernel", "pointwise_kernel"),
    "Dense": ("kernel",),
}


class Variable(NamedTuple):
    """One weight that a layer must have."""

    layer: Entry
    name: str
    is_trained: bool = True


class Switches(msgspec.Struct):
    """What in a layer's `config` says which weights there are."""

    use_bias: bool = True
    scale: bool = True
    center: bool = True
    mean: msgspec.Raw = NOTHING


def variables(layer: Entry) -> list[Variable]:
    """A layer's weights in Keras' order. Raises `CheckpointError` for settings of wrong types."""
    kind = layer.description.class_name
    if kind not in {*WITH_KERNEL, "BatchNormalization", "Normalization"}:
        return []
    with decoding(f"what {layer.title} is set to", SAVE_AGAIN):
        switches = msgspec.json.decode(layer.description.config, type=Switches)
    if kind == "BatchNormalization":
        trained = [name for name, is_there in
                   (("gamma", switches.scale), ("beta", switches.center)) if is_there]  # fmt: skip
        fixed = ["moving_mean", "moving_variance"]
    elif kind == "Normalization":
        trained, fixed = [], ["mean", "variance", "count"] if switches.mean == NOTHING else []
    else:
        trained, fixed = [*WITH_KERNEL[kind], *(["bias"] if switches.use_bias else [])], []
    can_train = layer.naming.trainable is not False
    return [Variable(layer, name, can_train) for name in trained] + [
        Variable(layer, name, False) for name in fixed
    ]


def match(
    names: Sequence[str], leaves: Sequence[Entry], title: str, *, are_ordered: bool = True
) -> dict[str, Variable]:
    """The variable that each weight of a file is, of a layer or of all in a model inside.

    Names are "layer/kernel:0", or longer. Raises `CheckpointError` where they fit neither by
    name nor, if they are in Keras' own, by order.
    """
    needed = [variable for leaf in leaves for variable in variables(leaf)]
    depth = 1 if len(leaves) == 1 else 2  # a layer alone may be called anything
    by_name = {(variable.layer.name, variable.name)[-depth:]: variable for variable in needed}
    ends = [_end(name)[-depth:] for name in names]
    if len(set(ends)) == len(ends) == len(needed) and set(ends) == by_name.keys():
        return {name: by_name[end] for name, end in zip(names, ends, strict=True)}
    in_order = sorted(needed, key=lambda variable: not variable.is_trained)
    if not are_ordered or [end[-1] for end in ends] != [variable.name for variable in in_order]:
        raise CheckpointError(
            f"{title} has the weights {_listed(end[-1] for end in ends)} in the file, "
            f"{_listed(variable.name for variable in in_order)} in its description",
            SAVE_AGAIN,
        )
    return dict(zip(names, in_order, strict=True))


def without_random_state(names: Sequence[str]) -> list[str]:
    """Names of weights that count for an answer."""
    return [name for name in names if _end(name)[-1] not in RANDOM_STATE]


def _end(name: str) -> tuple[str, str]:
    """The last two words of a weight's name: its layer's, and its own."""
    *path, variable = name.removesuffix(":0").split("/")
    return path[-1] if path else "", SAME_VARIABLE.get(variable, variable)


def _listed(names: Iterable[str]) -> str:
    return one_line(", ".join(names) or "none", MAX_NAME)
