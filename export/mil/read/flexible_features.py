"""What an input's type says of its size: the default, all that is allowed, and whether it may be
left out.

Format: coremltools, `mlmodel/format/FeatureTypes.proto`, which also says what stands for a
default that is not written.
"""

from collections.abc import Sequence
from typing import Any

from export.mil.allowed_shapes import AllowedShapes, EnumeratedShapes, Shape, ShapeRange
from mobilenet.common.errors import PackageError

MAX_SHAPES = 1024  # that an input enumerates; Core ML takes 128
UNSET = -1  # a size that nobody says


def of_image(image: Any) -> tuple[Shape, AllowedShapes | None]:
    """(height, width) of an `ImageFeatureType` message, and the others."""
    allowed: AllowedShapes | None = None
    flexible = image.WhichOneof("SizeFlexibility")
    if flexible == "enumeratedSizes":
        allowed = _enumerated(
            (size.height, size.width) for size in _few(image.enumeratedSizes.sizes)
        )
    elif flexible == "imageSizeRange":
        allowed = _range([image.imageSizeRange.heightRange, image.imageSizeRange.widthRange])
    declared = int(image.height), int(image.width)
    return (declared if all(declared) else _first(allowed, declared)), allowed


def of_array(array: Any) -> tuple[Shape, AllowedShapes | None]:
    """The shape of an `ArrayFeatureType` message, and the others."""
    allowed: AllowedShapes | None = None
    flexible = array.WhichOneof("ShapeFlexibility")
    if flexible == "enumeratedShapes":
        allowed = _enumerated(shape.shape for shape in _few(array.enumeratedShapes.shapes))
    elif flexible == "shapeRange":
        allowed = _range(array.shapeRange.sizeRanges)
    declared = tuple(map(int, array.shape))
    return declared or _first(allowed, declared), allowed


def default_of(kind: Any) -> float | None:
    """The number that stands for an array that is not given; None where it has to be given.

    Where none is written it is 0: coremltools (`backend/nn/load.py`) takes a newer version of the
    specification for any other.
    """
    if not kind.isOptional:
        return None
    array = kind.multiArrayType
    written = array.WhichOneof("defaultOptionalValue")
    return 0.0 if written is None else float(getattr(array, written))


def _enumerated(shapes: Any) -> EnumeratedShapes:
    return EnumeratedShapes(tuple(dict.fromkeys(tuple(map(int, shape)) for shape in shapes)))


def _range(ranges: Any) -> ShapeRange:
    return ShapeRange(
        tuple(int(each.lowerBound) for each in ranges),
        tuple(None if each.upperBound < 0 else int(each.upperBound) for each in ranges),
    )


def _first(allowed: AllowedShapes | None, declared: Shape) -> Shape:
    """What is the default where none is written; `UNSET` where it would hold nothing."""
    if isinstance(allowed, EnumeratedShapes) and allowed.shapes:
        return allowed.shapes[0]
    if isinstance(allowed, ShapeRange):
        return tuple(low or UNSET for low in allowed.least)
    return declared


def _few(shapes: Sequence[Any]) -> Sequence[Any]:
    if len(shapes) > MAX_SHAPES:
        raise PackageError(
            f"an input enumerates {len(shapes):,} shapes", f"at most {MAX_SHAPES:,} are read"
        )
    return shapes
