"""What a user says of weights whose file does not: `--padding`, `--epsilon`, `--mean`, ..."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal, get_args

from cyclopts import Parameter

from mobilenet.common.errors import ConfigError
from mobilenet.common.options import SEVERAL
from mobilenet.networks.rows import COLORS, Activation, Padding

if TYPE_CHECKING:
    from mobilenet.preprocess import ColorOrder, Normalization

Numbers = Annotated[tuple[float, ...] | None, SEVERAL]
PREPROCESSING = (("scale", "bias"), ("mean", "std"))


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Overrides:
    """How weights were trained: asked only where their file does not say it.

    What a family's files leave open is assumed, and what is given here replaces it; to give
    something else than a file says is an error. Raises `ConfigError` for values that contradict
    each other, and for those that no network can have.
    """

    padding: Padding | None = None
    """Of the weights, where their file does not say it: same, symmetric (PyTorch's 1), keras."""
    epsilon: float | None = None
    """Of the batch norms, where the file does not say it: 0.001 in TensorFlow, 1e-5 in PyTorch."""
    activation: Activation | None = None
    """Where the file does not say it: relu6 or relu."""
    scale: Numbers = None
    """Network input = scale x pixel (0 ... 255) + bias: one number, or one per channel."""
    bias: Numbers = None
    """Beside --scale: one number, or one per channel."""
    mean: Numbers = None
    """Network input = (pixel / 255 - mean) / std, as in torchvision: one number, or three."""
    std: Numbers = None
    """Beside --mean: one number, or three."""
    channels: Literal["rgb", "bgr"] | None = None
    """Order of the channels of the network's input, and of the numbers above. Default: rgb."""

    def __post_init__(self) -> None:
        for pair in PREPROCESSING:
            numbers = [getattr(self, name) for name in pair]
            if numbers.count(None) == 1:
                absent = pair[numbers.index(None)]
                have = pair[1 - numbers.index(None)]
                raise ConfigError(f"{have} without {absent}", f"give both: --{absent} as well")
            for name, values in zip(pair, numbers, strict=True):
                if values is not None and len(values) not in (1, COLORS):
                    raise ConfigError(f"{name} has {len(values)} numbers", "one, or three")
        if self.scale is not None and self.mean is not None:
            raise ConfigError("scale and mean at once", "give one of the two pairs")
        if self.epsilon is not None and not (math.isfinite(self.epsilon) and self.epsilon > 0):
            raise ConfigError(f"epsilon is {self.epsilon}", "a small number above 0")
        for name, words in (("padding", Padding), ("activation", Activation)):
            if (value := getattr(self, name)) not in (None, *get_args(words)):
                raise ConfigError(f"{name} is {value!r}", f"one of {', '.join(get_args(words))}")

    @property
    def has_preprocessing(self) -> bool:
        """Whether scale and bias are given, in either form."""
        return self.scale is not None or self.mean is not None

    def order(self, usual: "ColorOrder") -> "ColorOrder":
        """Of the channels: as given, else as usual."""
        return usual if self.channels is None else "RGB" if self.channels == "rgb" else "BGR"

    def normalization(self, usual: "Normalization") -> "Normalization":
        """As given; where nothing is, `usual`, each number with its colour.

        Raises `CheckpointError` for numbers that are no normalization.
        """
        from mobilenet.preprocess import Normalization

        order = self.order(usual.order)
        if self.scale is not None and self.bias is not None:
            return Normalization(_triple(self.scale), _triple(self.bias), order)
        if self.mean is not None and self.std is not None:
            return Normalization.from_mean_std(_triple(self.mean), _triple(self.std), order)
        if order == usual.order:
            return usual
        return Normalization(_triple(usual.scale[::-1]), _triple(usual.bias[::-1]), order)


def _triple(values: tuple[float, ...]) -> tuple[float, float, float]:
    first, second, third = values * COLORS if len(values) == 1 else values
    return first, second, third
