"""From a file's convolutions, in order, to a network: alpha, depth and classes from the shapes."""

import math
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from mobilenet.checkpoint import Array, BatchNorm, Layer
from mobilenet.common.errors import CheckpointError, ConfigError
from mobilenet.networks.v1 import (
    BLOCKS,
    SHALLOW_LEAVES_OUT,
    STEM_CHANNELS,
    MobileNetConfig,
    WidthRule,
)

OIHW = (0, 1, 2, 3)
HWIO, HWC1 = (
    (3, 2, 0, 1),
    (2, 3, 0, 1),
)  # TensorFlow's kernels to (out, in / groups, height, width)
TORCH_NORM = ("weight", "bias", "running_mean", "running_var")
TENSORFLOW_NORM = ("gamma", "beta", "moving_mean", "moving_variance")
MOST_ROUNDED = 8  # channels by which a width rule moves a layer, at most
TORCH_COUNTER = "num_batches_tracked"
FULL, SHALLOW = 1 + 2 * len(BLOCKS), 1 + 2 * (len(BLOCKS) - len(SHALLOW_LEAVES_OUT))


class Tensors:
    """A file's tensors by name, each read when it is asked for, and float32 from then on."""

    def __init__(self, names: Iterable[str], read: Callable[[str], Any]) -> None:
        self.names = frozenset(names)
        self._read = read
        self._taken: set[str] = set()

    def numbered(self, pattern: str) -> list[tuple[int, ...]]:
        """The numbers in the names that begin with `pattern`, a regular expression, in order."""
        found = (re.match(pattern, name) for name in self.names)
        return sorted({tuple(map(int, match.groups())) for match in found if match})

    def take(self, name: str, axes: tuple[int, ...] | None = (0,)) -> Array:
        """The tensor with its axes in our order; `axes` also says how many it must have.

        None takes it as it is.
        """
        if name not in self.names:
            raise CheckpointError(f"tensor {name} is missing", "is the file complete?")
        self._taken.add(name)
        array = np.asarray(self._read(name))
        axes = tuple(range(array.ndim)) if axes is None else axes
        if array.ndim != len(axes):
            raise CheckpointError(
                f"tensor {name} has shape {array.shape}, {len(axes)} dimensions are needed",
                "is it a MobileNet v1?",
            )
        if array.dtype.kind != "f":
            raise CheckpointError(f"tensor {name} holds {array.dtype}, not floats")
        with np.errstate(over="ignore"):  # float64 beyond float32 turns inf, which is refused
            return np.array(array.transpose(axes), np.float32, order="C")  # writable, our own

    def convolution(
        self,
        kernel: str,
        norm: str,
        axes: tuple[int, ...] = OIHW,
        fields: Sequence[str] = TORCH_NORM,
    ) -> Layer:
        """A kernel, and the batch norm whose four vectors are called `norm` + field."""
        vectors = (self.take(norm + field) for field in fields)
        return Layer(self.take(kernel, axes), norm=BatchNorm(*vectors))

    def refuse_rest(self, ignored: str = TORCH_COUNTER) -> None:
        """Raise for a tensor that nobody took: the file holds more than a MobileNet v1."""
        if rest := sorted(n for n in self.names - self._taken if not n.endswith(ignored)):
            raise CheckpointError(
                f"tensor {rest[0]} has no place in a MobileNet v1 (nor have {len(rest) - 1} more)",
                "is it another network?",
            )


def licence_of(classes: int) -> str:
    """Every published ImageNet checkpoint of the families read here is under Apache-2.0."""
    return "Apache-2.0" if classes in (1000, 1001) else "unknown"


def assemble(
    convolutions: Sequence[Layer], logits: Layer | None, width_rule: WidthRule, **traits: Any
) -> tuple[MobileNetConfig, dict[str, Layer]]:
    """Config and layers by our names, for 27 convolutions in order (shallow: 17).

    Without `logits` the network ends in its features. `traits` are the further fields of
    `MobileNetConfig`. Raises `CheckpointError` when the shapes are those of no MobileNet v1;
    `Checkpoint` checks each single one.
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
            alpha=alpha, shallow=shallow, width_rule=width_rule,
            **({"head": "features"} if logits is None else {"classes": logits.kernel.shape[0]}),
            **traits,
        )  # fmt: skip
    except ConfigError as error:
        raise CheckpointError(f"the file's {error.message}", error.hint) from error
    names = (spec.name for spec in config.convolutions())
    head = {} if logits is None else {"logits": logits}
    return config, dict(zip(names, convolutions, strict=True)) | head


def find_alpha(first: int, last: int, width_rule: WidthRule) -> float:
    """The roundest alpha that makes the first layer `first` and the last `last` channels wide.

    >>> find_alpha(11, 358, "keras")
    0.35
    """
    exact = last / BLOCKS[-1][0]
    for digits in range(6):
        step = 10.0**-digits
        nearest = round(exact / step)
        reach = math.ceil(MOST_ROUNDED / BLOCKS[-1][0] / step)
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
