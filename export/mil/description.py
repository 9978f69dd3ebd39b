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


@dataclass(frozen=True)
class ModelOutput:
    """What comes out: an array, a string (the class) or a dictionary (class to probability)."""

    name: str
    kind: Literal["array", "string", "dictionary"]
    shape: tuple[int, ...] = ()
    description: str = ""


@dataclass(frozen=True)
class ModelDescription:
    """What Xcode shows of a model, and all a caller needs to feed it."""

    inputs: tuple[ImageInput | TensorInput, ...]
    outputs: tuple[ModelOutput, ...]
    labels: tuple[str, ...] = ()  # in the order of the probabilities; empty without a classifier
    metadata: dict[str, str] = field(default_factory=dict)  # user-defined, as stored
