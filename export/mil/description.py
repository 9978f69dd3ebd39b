"""What a model takes and gives: read off its files, and all that a caller needs to feed it."""

from dataclasses import dataclass, field
from typing import Literal

import msgspec


class ImageInput(msgspec.Struct, frozen=True, tag=True):
    """A picture: PIL, 8 bits, exactly `width` x `height` pixels."""

    name: str
    width: int
    height: int
    color: Literal["RGB", "BGR", "GRAYSCALE"] = "RGB"
    description: str = ""


class TensorInput(msgspec.Struct, frozen=True, tag=True):
    """An array of `shape`; `dtype` is numpy's name of it."""

    name: str
    shape: tuple[int, ...]
    dtype: str = "float32"
    description: str = ""


class NumberInput(msgspec.Struct, frozen=True):
    """A single number, such as a threshold or a column of a table; without `default` it has to
    be given, unless it may be missing."""

    name: str
    default: float | None = None
    description: str = ""
    is_integer: bool = False
    is_optional: bool = False


class CategoryInput(msgspec.Struct, frozen=True):
    """A string, a list of strings or integers, or a dictionary of either to numbers."""

    name: str
    kind: Literal["string", "sequence", "dictionary"]
    keys: Literal["string", "int64"] = "string"  # of the dictionary; what the list is of
    is_optional: bool = False
    description: str = ""


class PictureFormat(msgspec.Struct, frozen=True):
    """Of a picture that comes out: its size in pixels, and the channels it is made from."""

    width: int
    height: int
    color: Literal["RGB", "BGR", "GRAYSCALE", "GRAYSCALE_FLOAT16"]


@dataclass(frozen=True)
class ModelOutput:
    """What comes out: an array, a string (the class), a dictionary (class to probability), a
    list, a number (as Python's float) or an integer, or an image, which has a `picture`."""

    name: str
    kind: Literal["array", "string", "dictionary", "sequence", "number", "integer", "image"]
    shape: tuple[int, ...] = ()
    description: str = ""
    picture: PictureFormat | None = None


@dataclass(frozen=True)
class ModelDescription:
    """What Xcode shows of a model, and all a caller needs to feed it."""

    inputs: tuple[ImageInput | TensorInput, ...]
    outputs: tuple[ModelOutput, ...]
    labels: tuple[str, ...] = ()  # in the order of the probabilities, or of a detector's scores
    metadata: dict[str, str] = field(default_factory=dict)  # user-defined, as stored
    numbers: tuple[NumberInput, ...] = ()  # taken beside the inputs
    categories: tuple[CategoryInput, ...] = ()  # taken beside the inputs
