"""What a model takes and gives: read off its files, and all that a caller needs to feed it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import msgspec

from export.mil.allowed_shapes import AllowedShapes, array_shapes, picture_sizes
from mobilenet.common.errors import UnsupportedError

Color = Literal["RGB", "BGR", "GRAYSCALE", "GRAYSCALE_FLOAT16"]
MODES: dict[Color, str] = {"RGB": "RGB", "BGR": "RGB", "GRAYSCALE": "L", "GRAYSCALE_FLOAT16": "F"}


class ImageInput(msgspec.Struct, frozen=True, tag=True):
    """A picture: PIL, of `width` x `height` pixels, or one of the sizes in `allowed`."""

    name: str
    width: int
    height: int
    color: Color = "RGB"
    description: str = ""
    allowed: AllowedShapes | None = None  # of (height, width)

    @property
    def channels(self) -> int:
        """Of its pixels."""
        return len(MODES[self.color].replace("F", "L"))

    @property
    def mode(self) -> str:
        """PIL's name of its pixels: 8 bits each, or F for halves, which PIL has as floats."""
        return MODES[self.color]

    @property
    def sizes(self) -> tuple[int, ...]:
        """What is fixed or free: (height, width)."""
        return self.height, self.width

    @property
    def tensor_shape(self) -> tuple[int, ...]:
        """As a program has it."""
        return 1, self.channels, self.height, self.width

    @property
    def may_be_missing(self) -> bool:
        """Never: no picture stands for one."""
        return False

    @property
    def words(self) -> str:
        """Its size and those that are allowed."""
        return picture_sizes(self.sizes, self.allowed)

    def at(self, sizes: tuple[int, ...]) -> "ImageInput":
        """The same of one size, (height, width)."""
        height, width = sizes
        return msgspec.structs.replace(self, height=height, width=width, allowed=None)


class TensorInput(msgspec.Struct, frozen=True, tag=True):
    """An array of `shape`, or one of those in `allowed`; `dtype` is numpy's name of it.

    One with a `default` may be left out: then that number stands in all its places.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str = "float32"
    description: str = ""
    allowed: AllowedShapes | None = None
    default: float | None = None

    @property
    def sizes(self) -> tuple[int, ...]:
        """What is fixed or free."""
        return self.shape

    @property
    def tensor_shape(self) -> tuple[int, ...]:
        """As a program has it."""
        return self.shape

    @property
    def may_be_missing(self) -> bool:
        """Whether a model runs without it."""
        return self.default is not None

    @property
    def words(self) -> str:
        """Its shape and those that are allowed."""
        return array_shapes(self.shape, self.allowed)

    def at(self, sizes: tuple[int, ...]) -> "TensorInput":
        """The same of one shape."""
        return msgspec.structs.replace(self, shape=sizes, allowed=None)


class NumberInput(msgspec.Struct, frozen=True):
    """A single number, such as a threshold or a column of a table; without `default` it has to
    be given, unless it may be missing."""

    name: str
    default: float | None = None
    description: str = ""
    is_integer: bool = False
    is_optional: bool = False

    @property
    def may_be_missing(self) -> bool:
        """Whether a model runs without it."""
        return self.is_optional or self.default is not None


class CategoryInput(msgspec.Struct, frozen=True):
    """A string, a list of strings or integers, or a dictionary of either to numbers."""

    name: str
    kind: Literal["string", "sequence", "dictionary"]
    keys: Literal["string", "int64"] = "string"  # of the dictionary; what the list is of
    is_optional: bool = False
    description: str = ""

    @property
    def may_be_missing(self) -> bool:
        """Whether a model runs without it."""
        return self.is_optional


SingleInput = NumberInput | CategoryInput


class PictureFormat(msgspec.Struct, frozen=True):
    """Of a picture that comes out: its size in pixels, and the channels it is made from."""

    width: int
    height: int
    color: Color


@dataclass(frozen=True)
class ModelOutput:
    """What comes out: an array, a string (the class), a dictionary (class to probability), a
    list, a number (as Python's float) or an integer, or an image, which has a `picture`."""

    name: str
    kind: Literal["array", "string", "dictionary", "sequence", "number", "integer", "image"]
    shape: tuple[int, ...] = ()
    description: str = ""
    picture: PictureFormat | None = None
    dtype: str = ""  # numpy's name of what an array is declared to be of


@dataclass(frozen=True)
class ModelDescription:
    """What Xcode shows of a model, and all a caller needs to feed it."""

    inputs: tuple[ImageInput | TensorInput, ...]
    outputs: tuple[ModelOutput, ...]
    labels: tuple[str, ...] = ()  # in the order of the probabilities, or of a detector's scores
    metadata: dict[str, str] = field(default_factory=dict)  # user-defined, as stored
    numbers: tuple[NumberInput, ...] = ()  # taken beside the inputs
    categories: tuple[CategoryInput, ...] = ()  # taken beside the inputs
    states: tuple[TensorInput, ...] = ()  # kept from one prediction to the next

    @property
    def all_inputs(self) -> tuple[ImageInput | TensorInput | SingleInput, ...]:
        """Everything that is taken, of all kinds."""
        return (*self.inputs, *self.numbers, *self.categories)

    def with_defaults(self, defaults: Mapping[str, float | None]) -> "ModelDescription":
        """With what stands for numbers that are not given, by their names; None for the others."""
        numbers = (
            msgspec.structs.replace(number, default=defaults.get(number.name))
            for number in self.numbers
        )
        return replace(self, numbers=tuple(numbers))

    @property
    def is_flexible(self) -> bool:
        """Whether an input may have another shape than its default."""
        return any(item.allowed is not None for item in self.inputs)

    def at(self, sizes: Mapping[str, tuple[int, ...]]) -> "ModelDescription":
        """With one size of every input, its default where `sizes` does not name it.

        Of a picture it is (height, width). Raises `UnsupportedError` for one that is not allowed.
        """
        if unknown := sizes.keys() - {item.name for item in self.inputs}:
            raise UnsupportedError(
                f"the model has no input {min(unknown)!r}",
                f"it takes {', '.join(item.name for item in self.inputs)}",
            )
        chosen = {item.name: sizes.get(item.name, item.sizes) for item in self.inputs}
        for item in self.inputs:
            if not allows(item, chosen[item.name]):
                other = item.at(chosen[item.name]).words
                raise UnsupportedError(
                    f"input {item.name!r} cannot be {other}", f"it can be {item.words}"
                )
        return replace(self, inputs=tuple(item.at(chosen[item.name]) for item in self.inputs))


def allows(item: ImageInput | TensorInput, sizes: tuple[int, ...]) -> bool:
    """Whether an input may have these sizes."""
    return sizes == item.sizes or (item.allowed is not None and item.allowed.allows(sizes))
