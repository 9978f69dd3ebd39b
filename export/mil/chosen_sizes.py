"""What a user asks for, a picture's size and how many at once, as sizes of a model's inputs."""

from collections.abc import Iterator

from export.mil.allowed_shapes import Shape
from export.mil.description import ImageInput, ModelDescription, TensorInput, allows
from mobilenet.common.errors import UnsupportedError
from mobilenet.common.size import Size


def chosen_sizes(
    description: ModelDescription, picture: Size | None = None, batch: int | None = None
) -> dict[str, Shape]:
    """For `ModelDescription.at`: of the inputs that take what is asked for.

    `picture` is for images, and for maps, (..., H, W) or (..., H, W, C), whichever is allowed;
    `batch` is the first size of an array. Raises `UnsupportedError` where no input takes them.
    """
    sizes: dict[str, Shape] = {}
    for item in description.inputs:
        fitting = (shape for shape in _shapes(item, picture, batch) if allows(item, shape))
        shape = next(fitting, None)
        if shape is not None:
            sizes[item.name] = shape
    if not sizes and (picture is not None or batch is not None):
        asked = [] if picture is None else [f"{picture.width} wide and {picture.height} high"]
        asked += [] if batch is None else [f"{batch} at once"]
        takes = "; ".join(f"{item.name!r}: {item.words}" for item in description.inputs)
        raise UnsupportedError(f"no input can be {', '.join(asked)}", f"it takes {takes}")
    return sizes


def _shapes(
    item: ImageInput | TensorInput, picture: Size | None, batch: int | None
) -> Iterator[Shape]:
    """What is asked for, in each way that this input could have it."""
    if isinstance(item, ImageInput):
        if picture is not None and batch is None:
            yield tuple(picture)
        return
    first = item.shape[:1] if batch is None else (batch,)
    if picture is None:
        yield (*first, *item.shape[1:])
    elif len(item.shape) > 2:
        shape = (*first, *item.shape[1:])
        yield (*shape[:-2], *picture)
        yield (*shape[:-3], *picture, shape[-1])
