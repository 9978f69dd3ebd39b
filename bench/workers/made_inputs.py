"""Inputs made from a package's own description, the same for every launch."""

import math
from typing import TYPE_CHECKING

import numpy as np

from export.mil.description import ImageInput, ModelDescription, TensorInput
from export.runtimes.base import Feature
from mobilenet.common.errors import PackageError

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_ELEMENTS = 1 << 28  # 1 GiB of float32


def make(description: ModelDescription, seed: int = 0) -> dict[str, Feature]:
    """One set of inputs. Raises `PackageError` for a shape that cannot be meant."""
    generator = np.random.default_rng(seed)
    return {
        item.name: picture(item, generator)
        if isinstance(item, ImageInput)
        else tensor(item, generator)
        for item in description.inputs
    }


def picture(item: ImageInput, generator: np.random.Generator) -> "Image":
    """Smooth patches with noise over them: pixels that reach every part of the range."""
    from PIL import Image

    _check(item.name, (item.height, item.width, 3))
    gray = item.color == "GRAYSCALE"
    size = (item.width, item.height)
    patches = generator.integers(0, 256, (7, 7, 3), np.uint8)
    smooth = Image.fromarray(patches).resize(size, Image.Resampling.BILINEAR)
    noise = generator.integers(0, 64, (item.height, item.width, 3), np.uint8)
    image = Image.blend(smooth, Image.fromarray(noise), 0.25)
    return image.convert("L") if gray else image


def tensor(item: TensorInput, generator: np.random.Generator) -> Feature:
    """Standard normal numbers; zeros and ones where only integers will do."""
    _check(item.name, item.shape)
    dtype = np.dtype(item.dtype)
    if dtype.kind == "f":
        return generator.standard_normal(item.shape).astype(dtype)
    return generator.integers(0, 2, item.shape).astype(dtype)


def _check(name: str, shape: tuple[int, ...]) -> None:
    if any(side < 1 for side in shape) or math.prod(shape) > MAX_ELEMENTS:
        raise PackageError(
            f"input {name} has shape {shape}: no input can be made for it",
            f"every side at least 1, at most {MAX_ELEMENTS} elements in all",
        )
