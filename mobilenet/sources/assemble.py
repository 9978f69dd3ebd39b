"""From a file's tensors to its convolutions, and from those, in order, to a network."""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import numpy as np

from mobilenet.checkpoint import Array, BatchNorm, Layer
from mobilenet.common.errors import CheckpointError
from mobilenet.networks.classifier import LOGITS
from mobilenet.networks.config import NetworkConfig

Config = TypeVar("Config", bound=NetworkConfig)

OIHW = (0, 1, 2, 3)
HWIO, HWC1 = (
    (3, 2, 0, 1),
    (2, 3, 0, 1),
)  # TensorFlow's kernels to (out, in / groups, height, width)
TORCH_NORM = ("weight", "bias", "running_mean", "running_var")
TENSORFLOW_NORM = ("gamma", "beta", "moving_mean", "moving_variance")
TORCH_COUNTER = "num_batches_tracked"


class Tensors:
    """A file's tensors by name, each read when it is asked for, and float32 from then on."""

    def __init__(self, names: Iterable[str], read: Callable[[str], Any]) -> None:
        self.names = frozenset(names)
        self._read = read
        self._taken: set[str] = set()

    def numbered(self, pattern: str) -> list[tuple[int, ...]]:
        """The numbers in the names that begin with `pattern`, a regular expression, in order."""
        matches = (re.match(pattern, name) for name in self.names)
        return sorted({tuple(map(int, match.groups())) for match in matches if match})

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
    convolutions: Sequence[Layer], logits: Layer | None, template: Config
) -> tuple[Config, dict[str, Layer]]:
    """Config and layers by our names, for the convolutions of a file in the network's order.

    `template` says what shapes do not; the rest it is fitted to. Without `logits` the network
    ends in its features. Raises `CheckpointError` when the shapes are those of no such network;
    `Checkpoint` checks each single one.
    """
    widths = [layer.kernel.shape[0] for layer in convolutions]
    config = template.fitted(widths, None if logits is None else logits.kernel.shape[0])
    names = (row.name for row in config.rows())
    head = {} if logits is None else {LOGITS: logits}
    return config, dict(zip(names, convolutions, strict=True)) | head
