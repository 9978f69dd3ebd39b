"""Inputs made from a package's own description, the same for every launch and worker."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from bench.workers.protocol import InputFile
from export.mil.description import ImageInput, ModelDescription, TensorInput
from export.runtimes.base import Feature
from export.runtimes.inputs import check_sizes, in_mode

if TYPE_CHECKING:
    from PIL.Image import Image

STORED: dict[str, np.dtype[Any]] = {"uint8": np.dtype("u1"), "float32": np.dtype("<f4")}


def make(description: ModelDescription, seed: int = 0) -> dict[str, Feature]:
    """One set of inputs. Raises `UnsupportedError` for sizes that cannot be meant."""
    check_sizes(description)
    generator = np.random.default_rng(seed)
    return {
        item.name: picture(item, generator)
        if isinstance(item, ImageInput)
        else tensor(item, generator)
        for item in description.inputs
    }


def write(description: ModelDescription, folder: Path) -> tuple[InputFile, ...]:
    """Such inputs as files in `folder`, for a job. Raises as `make`."""
    made = make(description)
    return tuple(
        _write(item, np.asarray(made[item.name]), folder / f"{number}.raw")
        for number, item in enumerate(description.inputs)
    )


def _write(item: ImageInput | TensorInput, values: NDArray[Any], path: Path) -> InputFile:
    in_bytes = isinstance(item, ImageInput) and item.mode != "F"
    kind: Literal["uint8", "float32"] = "uint8" if in_bytes else "float32"
    path.write_bytes(values.astype(STORED[kind]).tobytes())
    return InputFile(name=item.name, type=kind, shape=values.shape, path=str(path))


def read(files: Iterable[InputFile], description: ModelDescription) -> dict[str, Feature]:
    """The inputs in a job's files, each of the kind that the model takes."""
    items = {item.name: item for item in description.inputs}
    return {file.name: _read(file, items[file.name]) for file in files}


def _read(file: InputFile, item: ImageInput | TensorInput) -> Feature:
    values = np.frombuffer(Path(file.path).read_bytes(), STORED[file.type]).reshape(file.shape)
    if isinstance(item, TensorInput):
        return values.astype(item.dtype)
    from PIL import Image

    return Image.fromarray(values)


def picture(item: ImageInput, generator: np.random.Generator) -> "Image":
    """Smooth patches with noise over them: pixels that reach every part of the range."""
    from PIL import Image

    size = (item.width, item.height)
    patches = generator.integers(0, 256, (7, 7, 3), np.uint8)
    smooth = Image.fromarray(patches).resize(size, Image.Resampling.BILINEAR)
    noise = generator.integers(0, 64, (item.height, item.width, 3), np.uint8)
    image = Image.blend(smooth, Image.fromarray(noise), 0.25)
    return in_mode(image, item)


def tensor(item: TensorInput, generator: np.random.Generator) -> Feature:
    """Standard normal numbers; zeros and ones where only integers will do."""
    dtype = np.dtype(item.dtype)
    if dtype.kind == "f":
        return generator.standard_normal(item.shape).astype(dtype)
    return generator.integers(0, 2, item.shape).astype(dtype)
