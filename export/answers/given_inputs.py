"""Photographs, files and words of a command line as the inputs of any model.

What a model does not say, how a photograph becomes its input, is assumed here and told.
"""

import math
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from export.mil.allowed_shapes import picture_sizes
from export.mil.description import (
    CategoryInput,
    ImageInput,
    ModelDescription,
    SingleInput,
    TensorInput,
)
from export.package.metadata import PackageMetadata, metadata_of
from export.runtimes.base import Feature
from export.runtimes.inputs import MAX_INPUT_ELEMENTS, crop, in_mode, takes_pixels
from export.runtimes.single_inputs import example, wanted
from mobilenet.common.decoding import decoding
from mobilenet.common.errors import ConfigError
from mobilenet.common.files import open_regular
from mobilenet.common.images import open_picture
from mobilenet.common.size import Size
from mobilenet.preprocess import SQUASHED, Geometry

if TYPE_CHECKING:
    from PIL.Image import Image

Input = ImageInput | TensorInput | SingleInput

ARRAY = ".npy"
MAX_FILE_BYTES = 8 * MAX_INPUT_ELEMENTS + (1 << 12)  # of float64, and a header


@dataclass(frozen=True, eq=False)
class GivenInputs:
    """What a model is given."""

    features: dict[str, Feature]
    photographs: dict[str, "Image"] = field(default_factory=dict)
    """As they were, upright, by the inputs that they became."""
    remarks: tuple[str, ...] = ()
    """How each photograph became its input."""


def given_inputs(
    description: ModelDescription, images: Sequence[str], values: Sequence[str]
) -> GivenInputs:
    """The inputs from words.

    `images` are files, or NAME=file where the model takes several; `values` are NAME=value, which
    is a number, a text, JSON, or an array in an .npy file.

    Raises `ConfigError` for what the model does not take, or is not given.
    """
    inputs: dict[str, Input] = {item.name: item for item in description.all_inputs}
    about = metadata_of(description.metadata)
    pictures: dict[str, Path] = {}
    for word in images:
        name, path = _picture_of(word, inputs, about)
        _check_new(name, pictures)
        pictures[name] = Path(path)
    features: dict[str, Feature] = {}
    for name, value in _values(values, inputs):
        _check_new(name, features)
        features[name] = value
    remarks = []
    photographs = {name: open_picture(path) for name, path in pictures.items()}
    for name, photograph in photographs.items():
        item = inputs[name]
        assert isinstance(item, ImageInput | TensorInput), "numbers are no pictures"
        geometry, size = _geometry(description, about), _size(item)
        features[name] = _input_of(item, crop(photograph, size, geometry), about)
        how = _fitting(geometry, size, is_own=about is not None)
        if isinstance(item, ImageInput) and item.mode == "F":
            how += ", grey of 0 to 255"
        source = "as the package says" if about else "assumed: the package does not say how"
        remarks.append(f"{name}: {pictures[name].name}, {how} ({source})")
    _check_complete(inputs.values(), features)
    return GivenInputs(features, photographs, tuple(remarks))


def _check_new(name: str, earlier: Container[str]) -> None:
    if name in earlier:
        raise ConfigError(
            f"input {name!r} is given twice", "run the model once for each value of it"
        )


def _picture_of(
    word: str, inputs: dict[str, Input], about: PackageMetadata | None
) -> tuple[str, str]:
    """The input that a word is for, and the file."""
    name, _, path = word.partition("=")
    taken = [item for item in inputs.values() if _takes_pictures(item, about)]
    if path and name in inputs:
        if inputs[name] not in taken:
            raise ConfigError(
                f"image {path} for {name!r}, {_kind(inputs[name])}", _how(inputs[name])
            )
        return name, path
    if len(taken) != 1:
        listed = ", ".join(repr(item.name) for item in taken) or "none"
        raise ConfigError(
            f"image {word}: the model has several inputs that are images, {listed}" if taken
            else f"image {word}: the model has no input that is an image",
            f"name the input: --image {taken[0].name}={word}" if taken
            else "; ".join(map(_how, inputs.values())) or "it takes nothing",
        )  # fmt: skip
    return taken[0].name, word


def _takes_pictures(item: Input, about: PackageMetadata | None) -> bool:
    """An image, or an array that a package of ours says how to make from one."""
    if isinstance(item, TensorInput):
        return about is not None and takes_pixels(item)
    return isinstance(item, ImageInput)


def _geometry(description: ModelDescription, about: PackageMetadata | None) -> Geometry | None:
    """The package's own; of others a classifier sees the middle, and the rest the whole picture.

    Vision's default is the middle, too (`.centerCrop`).
    """
    if about is not None:
        return about.geometry
    classifies = any(output.kind == "dictionary" for output in description.outputs)
    return None if classifies else SQUASHED


def _fitting(geometry: Geometry | None, size: Size, is_own: bool) -> str:
    """How a photograph comes to its size, in words; that of others says which side is which."""
    if geometry is None:
        return f"its middle, as {picture_sizes(size, None)}"
    if is_own:
        return geometry.describe(size)
    return f"squashed to {picture_sizes(size, None)}, {geometry.interpolation}"


def _size(item: ImageInput | TensorInput) -> Size:
    size = Size(item.height, item.width) if isinstance(item, ImageInput) else Size(*item.shape[2:])
    if not 0 < math.prod(size) <= MAX_INPUT_ELEMENTS:
        raise ConfigError(
            f"input {item.name!r} has {picture_sizes(size, None)} pixels",
            "no picture can be made for it",
        )
    return size


def _input_of(
    item: ImageInput | TensorInput, picture: "Image", about: PackageMetadata | None
) -> Feature:
    if isinstance(item, TensorInput):
        assert about is not None, "or it takes no pictures"
        return about.normalization.apply(picture).astype(item.dtype)
    return in_mode(picture, item)


def _values(words: Iterable[str], inputs: dict[str, Input]) -> Iterable[tuple[str, Feature]]:
    for word in words:
        name, equals, text = word.partition("=")
        if not equals:
            raise ConfigError(f"input {word} has no value", "give NAME=VALUE")
        if name not in inputs:
            raise ConfigError(
                f"input {name!r} is unknown", f"the model takes {', '.join(map(repr, inputs))}"
            )
        item = inputs[name]
        if isinstance(item, ImageInput):
            raise ConfigError(f"input {name!r} is an image", _how(item))
        yield (
            name,
            _array_for(item, text) if isinstance(item, TensorInput) else _single(item, text),
        )


def _single(item: SingleInput, text: str) -> Feature:
    """A number, a list or a dictionary is JSON, whose keys are always strings."""
    if isinstance(item, CategoryInput) and item.kind == "string":
        return text
    value = _parsed(text)
    if isinstance(value, dict) and isinstance(item, CategoryInput) and item.keys == "int64":
        with decoding(f"input {item.name!r}", _how(item), ConfigError):
            return {int(key): number for key, number in value.items()}
    return value


def _array_for(item: TensorInput, text: str) -> Any:
    value = _stored(Path(text)) if text.endswith(ARRAY) else _parsed(text)
    with decoding(f"input {item.name!r}", _how(item), ConfigError):
        array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise ConfigError(f"input {item.name!r} is {text!r}: {_kind(item)} is needed", _how(item))
    fits = array.ndim < 2 and array.size == math.prod(item.shape)
    return array.reshape(item.shape) if fits else array  # a list of all values, or the only one


def _stored(path: Path) -> Any:
    """The array in a file: mapped, so that no header makes it larger than it is."""
    open_regular(path, MAX_FILE_BYTES).close()
    with decoding(str(path), "write it with numpy.save", ConfigError):
        return np.load(path, mmap_mode="r", allow_pickle=False)


def _parsed(text: str) -> Any:
    """What JSON means by it; else the text."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return text


def _check_complete(inputs: Iterable[Input], features: dict[str, Feature]) -> None:
    for item in inputs:
        if item.name not in features and not item.may_be_missing:
            raise ConfigError(f"input {item.name!r} is missing, {_kind(item)}", _how(item))


def _kind(item: Input) -> str:
    if isinstance(item, ImageInput):
        return f"an image of {item.words} pixels"
    return f"{item.dtype} of shape {item.shape}" if isinstance(item, TensorInput) else wanted(item)


def _how(item: Input) -> str:
    if isinstance(item, ImageInput):
        return f"--image {item.name}=photo.jpg"
    value = "array.npy" if isinstance(item, TensorInput) else example(item)
    return f"--input {item.name}={value}"
