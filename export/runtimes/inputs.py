"""What a model is fed: how a picture becomes its input, and a check before a runtime sees it."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from export.mil.description import (
    ImageInput,
    ModelDescription,
    SingleInput,
    TensorInput,
    allows,
)
from export.package.metadata import metadata_of
from export.runtimes.base import Feature
from export.runtimes.single_inputs import check_single
from mobilenet.common.errors import UnsupportedError
from mobilenet.common.size import Size
from mobilenet.preprocess import Geometry, Normalization

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_NAMES = 20  # in a message
MAX_INPUT_ELEMENTS = 1 << 26  # half a GiB where they are made in float64


def picture_size(description: ModelDescription) -> Size:
    """Of the one picture that a model takes.

    Raises `UnsupportedError` for a model that takes something else, or a picture that is too
    large to be made.
    """
    check_sizes(description)
    several = len(description.inputs) != 1 or description.categories
    only = None if several else description.inputs[0]
    if isinstance(only, ImageInput):
        return Size(only.height, only.width)
    if only is not None and takes_pixels(only):
        return Size(*only.shape[2:])
    names = ", ".join(repr(item.name) for item in description.all_inputs[:MAX_NAMES]) or "nothing"
    raise UnsupportedError(
        f"the model takes {names}, not one picture",
        "only models of one picture are fed with pictures; any other: python -m export run",
    )


def takes_pixels(item: TensorInput) -> bool:
    """Whether an array may be one of RGB pixels, (1, 3, H, W)."""
    return len(item.shape) == 4 and item.shape[:2] == (1, 3)


def unknown_pixels(item: TensorInput) -> UnsupportedError:
    """The error for an array that nothing says how to make from a picture."""
    return UnsupportedError(
        f"input {item.name!r} is an array: how pixels become one is not known",
        "export the model with an image input",
    )


def check_sizes(description: ModelDescription) -> None:
    """Raise `UnsupportedError` unless all inputs have sizes, which memory is taken for."""
    shapes = {item.name: shape_of(item) for item in description.inputs}
    for name, shape in shapes.items():
        if min(shape, default=1) < 1:
            raise UnsupportedError(
                f"input {name!r} has shape {shape}: nothing can be made for it",
                "export the model with one fixed input size",
            )
    if sum(map(math.prod, shapes.values())) > MAX_INPUT_ELEMENTS:
        listed = ", ".join(f"{name!r} {shape}" for name, shape in shapes.items())
        raise UnsupportedError(
            f"the inputs are too large to be made here: {listed}",
            f"at most {MAX_INPUT_ELEMENTS:,} elements in all",
        )


def shape_of(item: ImageInput | TensorInput) -> tuple[int, ...]:
    """Of the array that is made for an input; of a picture (height, width, channels)."""
    return (item.height, item.width, 3) if isinstance(item, ImageInput) else item.shape


def geometry_of(description: ModelDescription) -> Geometry | None:
    """How a package of ours wants photographs cropped; None for others."""
    metadata = metadata_of(description.metadata)
    return None if metadata is None else metadata.geometry


def normalization_of(description: ModelDescription) -> Normalization | None:
    """What a package of ours wants of pixels in an array; None for others."""
    metadata = metadata_of(description.metadata)
    return None if metadata is None else metadata.normalization


def crop(photograph: "Image", size: Size, geometry: Geometry | None = None) -> "Image":
    """A photograph of any size as RGB of exactly `size`; the middle where nothing else is said."""
    from PIL import ImageOps

    from mobilenet.common.images import upright_rgb

    if geometry is not None:
        return geometry.apply(photograph, size)
    return ImageOps.fit(upright_rgb(photograph), (size.width, size.height))


def in_mode(picture: "Image", item: ImageInput) -> "Image":
    """An RGB picture as an input takes it: as it is, or its grey, 0 to 255."""
    return picture if item.mode == "RGB" else picture.convert("L").convert(item.mode)


def from_picture(
    description: ModelDescription, picture: "Image", normalization: Normalization | None = None
) -> dict[str, Feature]:
    """The model's input for an RGB picture of `picture_size`.

    An image input takes the picture itself. An array input takes its pixels as `normalization`
    says, or else the package's metadata. Raises `UnsupportedError` where neither does.
    """
    item = description.inputs[0]
    if isinstance(item, ImageInput):
        return {item.name: in_mode(picture, item)}
    normalization = normalization or normalization_of(description)
    if normalization is None:
        raise unknown_pixels(item)
    return {item.name: normalization.apply(picture).astype(item.dtype)}


def check(description: ModelDescription, inputs: Mapping[str, Feature]) -> None:
    """Raises `UnsupportedError` for inputs that the model does not take.

    `MLModel.predict` would look at names and image modes; `CompiledMLModel` leaves it to Apple,
    whose message does not name the input.
    """
    check_names(description, inputs)
    for item in description.inputs:
        if item.name not in inputs:
            continue
        value = inputs[item.name]
        if isinstance(item, ImageInput):
            _check_image(item, value)
        else:
            _check_array(item, value)


def complete(description: ModelDescription, inputs: Mapping[str, Feature]) -> dict[str, Feature]:
    """The inputs, with its default in all places of an array that is not given."""
    defaults = {
        item.name: np.full(item.shape, item.default, item.dtype)
        for item in description.inputs
        if isinstance(item, TensorInput) and item.may_be_missing and item.name not in inputs
    }
    return {**inputs, **defaults}


def check_names(description: ModelDescription, inputs: Mapping[str, Feature]) -> None:
    """Raises `UnsupportedError` for what is missing or unknown, and for a number, string, list or
    dictionary that is none."""
    known = {item.name: item for item in description.all_inputs}
    singles = {name: item for name, item in known.items() if isinstance(item, SingleInput)}
    needed = {name for name, item in known.items() if not item.may_be_missing}
    listed = [*map(repr, known)]
    hint = f"the model takes {', '.join(listed[:MAX_NAMES])}"
    if missing := needed - inputs.keys():
        raise UnsupportedError(f"input {min(missing)!r} is missing", hint)
    if unknown := inputs.keys() - known.keys():
        raise UnsupportedError(f"input {min(unknown)!r} is unknown", hint)
    for name in singles.keys() & inputs.keys():
        check_single(singles[name], inputs[name])


def _check_array(item: TensorInput, value: Feature) -> None:
    shape = tuple(getattr(value, "shape", ()))
    # without a declared shape, as between the models of a pipeline, any is taken
    if item.shape and not allows(item, shape):
        problem = f"has shape {getattr(value, 'shape', None)}"
        if item.allowed is not None:
            problem += f": {item.allowed.problem(shape)}"
        raise UnsupportedError(f"input {item.name!r} {problem}", f"give {item.words}")
    dtype = np.dtype(item.dtype)
    values = np.asarray(value)
    if values.dtype.kind not in "biuf":
        raise UnsupportedError(
            f"input {item.name!r} is an array of {values.dtype}", f"give numbers of {item.dtype}"
        )
    if dtype.kind in "iu" and values.dtype != dtype and not _are_held(values, dtype):
        raise UnsupportedError(
            f"input {item.name!r} is an array of {values.dtype} with numbers that {item.dtype} "
            "does not hold",
            f"give {item.dtype}",
        )


def _are_held(values: NDArray[Any], dtype: "np.dtype[Any]") -> bool:
    """Whether they are whole numbers within the range of an integer type."""
    limits = np.iinfo(dtype)
    return bool(
        np.all((values >= limits.min) & (values <= limits.max) & (values == np.rint(values)))
    )


def _check_image(item: ImageInput, value: Feature) -> None:
    wanted = f"give a PIL image of mode {item.mode} and {item.words} pixels"
    if not hasattr(value, "mode"):
        raise UnsupportedError(f"input {item.name!r} is a {type(value).__name__}", wanted)
    width, height = value.size
    if value.mode != item.mode or not allows(item, (height, width)):
        raise UnsupportedError(
            f"input {item.name!r} is {value.mode}, {width} x {height} pixels", wanted
        )
