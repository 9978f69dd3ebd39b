"""From a file's convolutions, in order, to a network: alpha, depth and classes from the shapes."""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from mobilenet.checkpoint import Array, Layer
from mobilenet.config import BLOCKS, SHALLOW_LEAVES_OUT, STEM_CHANNELS, MobileNetConfig, WidthRule
from mobilenet.errors import CheckpointError, ConfigError

FULL, SHALLOW = 1 + 2 * len(BLOCKS), 1 + 2 * (len(BLOCKS) - len(SHALLOW_LEAVES_OUT))


class Tensors:
    """A file's tensors by name, each read when it is asked for, and float32 from then on."""

    def __init__(self, names: Iterable[str], read: Callable[[str], Any]) -> None:
        self.names = frozenset(names)
        self._read = read

    def take(self, name: str, axes: tuple[int, ...] = (0,)) -> Array:
        """The tensor with its axes in our order; `axes` also says how many it must have."""
        if name not in self.names:
            raise CheckpointError(f"tensor {name} is missing", "is the file complete?")
        array = np.asarray(self._read(name))
        if array.ndim != len(axes):
            raise CheckpointError(
                f"tensor {name} has shape {array.shape}, {len(axes)} dimensions are needed",
                "is it a MobileNet v1?",
            )
        if array.dtype.kind != "f":
            raise CheckpointError(f"tensor {name} holds {array.dtype}, not floats")
        with np.errstate(over="ignore"):  # float64 beyond float32 turns inf, which is refused
            return np.array(array.transpose(axes), np.float32, order="C")  # writable, our own


def assemble(
    convolutions: Sequence[Layer], logits: Layer, width_rule: WidthRule, **traits: Any
) -> tuple[MobileNetConfig, dict[str, Layer]]:
    """Config and layers by our names, for 27 convolutions in order (shallow: 17).

    `traits` are the further fields of `MobileNetConfig`. Raises `CheckpointError`, naming the
    layer, when the shapes are those of no MobileNet v1; `Checkpoint` checks each single one.
    """
    if len(convolutions) not in (FULL, SHALLOW):
        raise CheckpointError(
            f"{len(convolutions)} convolutions are in the file, MobileNet v1 has {FULL} "
            f"(shallow: {SHALLOW})",
            "is it a MobileNet v1?",
        )
    alpha = find_alpha(
        convolutions[0].kernel.shape[0], convolutions[-1].kernel.shape[0], width_rule
    )
    shallow = len(convolutions) == SHALLOW
    try:
        config = MobileNetConfig(
            alpha=alpha, shallow=shallow, classes=logits.kernel.shape[0],
            width_rule=width_rule, **traits,
        )  # fmt: skip
    except ConfigError as error:
        raise CheckpointError(f"the file's {error.message}", error.hint) from error
    names = (spec.name for spec in config.convolutions())
    return config, {**dict(zip(names, convolutions, strict=True)), "logits": logits}


def find_alpha(first: int, last: int, width_rule: WidthRule) -> float:
    """The roundest alpha that makes the first layer `first` and the last `last` channels wide.

    >>> find_alpha(11, 358, "keras")
    0.35
    """
    exact = last / BLOCKS[-1][0]
    for digits in range(6):
        step = 10.0**-digits
        nearest = round(exact / step)
        reach = math.ceil(
            8 / BLOCKS[-1][0] / step
        )  # no rule moves a layer by more than 8 channels
        for distance in sorted(range(-reach, reach + 1), key=abs):
            alpha = round((nearest + distance) * step, digits)
            if alpha > 0 and _widths(alpha, width_rule) == (first, last):
                return alpha
    raise CheckpointError(
        f"the first layer is {first} channels wide and the last {last}: no alpha gives both",
        "is it a MobileNet v1?",
    )


def _widths(alpha: float, width_rule: WidthRule) -> tuple[int, int] | None:
    try:
        config = MobileNetConfig(alpha=alpha, width_rule=width_rule)
    except ConfigError:
        return None
    return config.channels(STEM_CHANNELS), config.feature_channels
