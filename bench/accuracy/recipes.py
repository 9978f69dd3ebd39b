"""From a photograph to the network's input, as different code does it: what a wrong crop costs.

All take an upright 8-bit RGB picture (`mobilenet.common.images.upright_rgb`) and give 8 bits,
since that is what an image input of Core ML takes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mobilenet.common.errors import ConfigError
from mobilenet.common.size import Size
from mobilenet.preprocess import (
    IN_CORNER,
    SQUASHED,
    STANDARD_CROP,
    Extent,
    Geometry,
    Region,
    fitted,
)

if TYPE_CHECKING:
    from PIL.Image import Image

Array = NDArray[np.float32]
RegionOf = Callable[[Extent, Size], Region]  # a picture's size, and the input's: its place
PACKAGE = "package"  # the recipe that a package's own metadata holds


@dataclass(frozen=True)
class Recipe:
    """A named way to the input. Can be pickled: it goes to the decoding processes."""

    name: str
    words: str  # {size} stands for pixels, {covering}, {fitting} and {shape} for words of them
    source: str
    apply: Callable[["Image", Size], "Image"]
    region: RegionOf | None = None  # of one that keeps the whole picture

    def describe(self, size: Size) -> str:
        """In words, for an input of `size`."""
        return self.words.format(
            size=size,
            covering=_covering(STANDARD_CROP, size),
            fitting=f"longer side {size.height}" if size.is_square else "fitted into it",
            shape="square" if size.is_square else "part of these proportions",
        )


def _covering(geometry: Geometry, size: Size) -> str:
    covered = geometry.covered(size)
    return f"shorter side {covered.height}" if covered.is_square else f"to cover {covered}"


@cache  # equal for packages of one geometry: a picture is brought into its form once
def of_package(geometry: Geometry, size: Size) -> Recipe:
    """What the package's metadata says."""
    source = "the package's metadata"
    if geometry.whole:
        words = geometry.describe(size)
        return Recipe(PACKAGE, words, source, geometry.of_upright, geometry.region)
    words = f"{_covering(geometry, size)}, {geometry.interpolation}, centre {{size}}"
    return Recipe(PACKAGE, words, source, geometry.of_upright)


def keras(image: "Image", size: Size) -> "Image":
    """Both sides to those of `size` by the nearest pixel: `keras.utils.load_img`."""
    from PIL.Image import Resampling

    return image.resize((size.width, size.height), Resampling.NEAREST)


def fit(image: "Image", size: Size) -> "Image":
    """The whole picture in the middle of a black one; bilinear."""
    from PIL import ImageOps
    from PIL.Image import Resampling

    return ImageOps.pad(image, (size.width, size.height), Resampling.BILINEAR, color="black")


def middle(picture: Extent, size: Size) -> Region:
    """The picture is in the middle, as large as the input holds."""
    width, height = fitted(picture, size)
    left, top = round((size.width - width) / 2), round((size.height - height) / 2)
    right, bottom = left + width, top + height
    return left / size.width, top / size.height, right / size.width, bottom / size.height


def slim(image: "Image", size: Size) -> "Image":
    """The central 87.5 % of both sides, then TensorFlow's resize_bilinear to the input.

    That resize takes output pixel i from i * in / out, without half-pixel centres and without
    looking at more than two pixels a side (tensorflow/core/kernels/image/resize_bilinear_op.cc,
    LegacyScaler). TF-Slim goes on with the fractions; here they are rounded to 8 bits.
    """
    from PIL import Image as PillowImage

    rows = _legacy_bilinear(_central(np.asarray(image), 0.875), size.height, axis=0)
    pixels = _legacy_bilinear(rows, size.width, axis=1)
    return PillowImage.fromarray(np.rint(pixels).astype(np.uint8))


def _central(pixels: NDArray[np.uint8], share: float) -> NDArray[np.uint8]:
    """tf.image.central_crop: int((side - side * share) / 2) pixels go on either side."""
    top, left = (int((side - side * share) / 2) for side in pixels.shape[:2])
    return pixels[top : pixels.shape[0] - top, left : pixels.shape[1] - left]


def _legacy_bilinear(pixels: Array | NDArray[np.uint8], length: int, axis: int) -> Array:
    side = pixels.shape[axis]
    position = np.arange(length, dtype=np.float32) * np.float32(side / length)
    low = np.minimum(position.astype(np.int64), side - 1)
    high = np.minimum(low + 1, side - 1)
    weight = (position - low).reshape((-1, 1, 1) if axis == 0 else (1, -1, 1))
    first, second = (pixels.take(places, axis).astype(np.float32) for places in (low, high))
    return np.asarray(first + (second - first) * weight, np.float32)


_CROP = "{covering}, %s, centre {size}"
_RECIPES = (
    Recipe(
        "torchvision", _CROP % "bilinear",
        "torchvision references/classification/presets.py, ClassificationPresetEval: "
        "Resize(256), CenterCrop(224); transformers' MobileNetV1ImageProcessor",
        Geometry(0.875, "bilinear").of_upright,
    ),
    Recipe(
        "timm", _CROP % "bicubic", "timm data/transforms_factory.py, transforms_imagenet_eval",
        Geometry(0.875, "bicubic").of_upright,
    ),
    Recipe(
        "slim", "central 87.5 % of both sides, TensorFlow's bilinear to {size}",
        "tensorflow/models research/slim/preprocessing/inception_preprocessing.py, "
        "preprocess_for_eval", slim,
    ),
    Recipe(
        "keras", "squashed to {size}, nearest pixel",
        "keras.utils.load_img(target_size=...), whose interpolation is 'nearest'", keras,
        SQUASHED.region,
    ),
    Recipe(
        "squash", "squashed to {size}, bilinear",
        "Vision's VNImageCropAndScaleOption.scaleFill, but for its filter", SQUASHED.of_upright,
        SQUASHED.region,
    ),
    Recipe(
        "center-square", "the whole central {shape}, bilinear, {size}",
        "Vision's VNImageCropAndScaleOption.centerCrop, but for its filter",
        Geometry(1.0, "bilinear").of_upright,
    ),
    Recipe(
        "fit", "all of it within {size}, black around, bilinear",
        "Vision's VNImageCropAndScaleOption.scaleFit, but for its filter", fit, middle,
    ),
    Recipe(
        "deeplab", "{fitting}, bilinear, grey to the right and below: {size}",
        "tensorflow/models research/deeplab/input_preprocess.py and deeplab_demo.ipynb",
        IN_CORNER.of_upright, IN_CORNER.region,
    ),
)  # fmt: skip
RECIPES = {recipe.name: recipe for recipe in _RECIPES}


def named(name: str) -> Recipe:
    """Raises `ConfigError` for a name that is none of `RECIPES`."""
    if name not in RECIPES:
        raise ConfigError(
            f"recipe {name!r} is unknown", f"one of {', '.join((PACKAGE, *RECIPES))}"
        )
    return RECIPES[name]


def whole(name: str, geometry: Geometry | None, size: Size, usual: str) -> Recipe:
    """One that keeps the whole picture: of `RECIPES`, or of a package.

    `usual` is taken for a package without a geometry that does so. Raises `ConfigError`.
    """
    if name == PACKAGE and geometry is not None and geometry.whole:
        return of_package(geometry, size)
    recipe = named(usual if name == PACKAGE else name)
    if recipe.region is None:
        kept = (recipe.name for recipe in RECIPES.values() if recipe.region)
        raise ConfigError(
            f"recipe {name!r} cuts off what boxes and masks are about",
            f"one of {', '.join((PACKAGE, *kept))}",
        )
    return recipe
