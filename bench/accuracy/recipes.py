"""From a photograph to the network's input, as different code does it: what a wrong crop costs.

All take an upright 8-bit RGB picture (`mobilenet.common.images.upright_rgb`) and give 8 bits,
since that is what an image input of Core ML takes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mobilenet.common.errors import ConfigError
from mobilenet.common.size import Size
from mobilenet.preprocess import STANDARD_CROP, Geometry, center_crop

if TYPE_CHECKING:
    from PIL.Image import Image

Array = NDArray[np.float32]
Box = tuple[float, float, float, float]
Extent = tuple[int, int]  # width, height, as PIL has it
Region = Callable[[Extent, Size], Box]  # a picture's size, and the input's: its place, of 0 to 1
GREY = (128, 128, 128)
PACKAGE = "package"  # the recipe that a package's own metadata holds


@dataclass(frozen=True)
class Recipe:
    """A named way to the input. Can be pickled: it goes to the decoding processes."""

    name: str
    words: str  # {size} stands for pixels, {covering}, {fitting} and {shape} for words of them
    source: str
    apply: Callable[["Image", Size], "Image"]
    region: Region | None = None  # of one that keeps the whole picture

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


def covering(geometry: Geometry, image: "Image", size: Size) -> "Image":
    """Resize to cover what the crop needs, then cut the centre out."""
    return center_crop(geometry.resize(image, size), size)


def of_package(geometry: Geometry, size: Size) -> Recipe:
    """What the package's metadata says."""
    words = f"{_covering(geometry, size)}, {geometry.interpolation}, centre {{size}}"
    return Recipe(PACKAGE, words, "the package's metadata", partial(covering, geometry))


def squash(image: "Image", size: Size) -> "Image":
    """Both sides to those of `size`, whatever the proportions; bilinear."""
    from PIL.Image import Resampling

    return image.resize((size.width, size.height), Resampling.BILINEAR)


def keras(image: "Image", size: Size) -> "Image":
    """Both sides to those of `size` by the nearest pixel: `keras.utils.load_img`."""
    from PIL.Image import Resampling

    return image.resize((size.width, size.height), Resampling.NEAREST)


def fit(image: "Image", size: Size) -> "Image":
    """The whole picture in the middle of a black one; bilinear."""
    from PIL import ImageOps
    from PIL.Image import Resampling

    return ImageOps.pad(image, (size.width, size.height), Resampling.BILINEAR, color="black")


def deeplab(image: "Image", size: Size) -> "Image":
    """As large as `size` holds, bilinear, then grey to the right and below.

    DeepLab pads with its mean pixel, 127.5; 8 bits hold 128 (tensorflow/models
    research/deeplab/input_preprocess.py, preprocess_image_and_label; deeplab_demo.ipynb resizes
    the longer side).
    """
    from PIL import Image as PillowImage
    from PIL.Image import Resampling

    padded = PillowImage.new("RGB", (size.width, size.height), GREY)
    padded.paste(image.resize(fitted(image.size, size), Resampling.BILINEAR), (0, 0))
    return padded


def fitted(picture: Extent, size: Size) -> Extent:
    """A picture's size as large as `size` holds: of a square, the longer side fills it."""
    is_wide = picture[0] * size.height >= picture[1] * size.width
    filled, longer = (size.width, picture[0]) if is_wide else (size.height, picture[1])
    width, height = (max(1, round(filled * each / longer)) for each in picture)
    return width, height


def everywhere(_picture: Extent, _size: Size) -> Box:
    """The picture is the whole input."""
    return 0, 0, 1, 1


def corner(picture: Extent, size: Size) -> Box:
    """The picture begins in the upper left corner, as large as the input holds."""
    width, height = fitted(picture, size)
    return 0, 0, width / size.width, height / size.height


def middle(picture: Extent, size: Size) -> Box:
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
        partial(covering, Geometry(0.875, "bilinear")),
    ),
    Recipe(
        "timm", _CROP % "bicubic", "timm data/transforms_factory.py, transforms_imagenet_eval",
        partial(covering, Geometry(0.875, "bicubic")),
    ),
    Recipe(
        "slim", "central 87.5 % of both sides, TensorFlow's bilinear to {size}",
        "tensorflow/models research/slim/preprocessing/inception_preprocessing.py, "
        "preprocess_for_eval", slim,
    ),
    Recipe(
        "keras", "squashed to {size}, nearest pixel",
        "keras.utils.load_img(target_size=...), whose interpolation is 'nearest'", keras,
        everywhere,
    ),
    Recipe(
        "squash", "squashed to {size}, bilinear",
        "Vision's VNImageCropAndScaleOption.scaleFill, but for its filter", squash,
        everywhere,
    ),
    Recipe(
        "center-square", "the whole central {shape}, bilinear, {size}",
        "Vision's VNImageCropAndScaleOption.centerCrop, but for its filter",
        partial(covering, Geometry(1.0, "bilinear")),
    ),
    Recipe(
        "fit", "all of it within {size}, black around, bilinear",
        "Vision's VNImageCropAndScaleOption.scaleFit, but for its filter", fit, middle,
    ),
    Recipe(
        "deeplab", "{fitting}, bilinear, grey to the right and below: {size}",
        "tensorflow/models research/deeplab/input_preprocess.py and deeplab_demo.ipynb", deeplab,
        corner,
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


def whole(name: str, of_package: str) -> Recipe:
    """One that keeps the whole picture; "package" is `of_package`. Raises `ConfigError`."""
    recipe = named(of_package if name == PACKAGE else name)
    if recipe.region is None:
        kept = (recipe.name for recipe in RECIPES.values() if recipe.region)
        raise ConfigError(
            f"recipe {name!r} cuts off what boxes and masks are about",
            f"one of {', '.join((PACKAGE, *kept))}",
        )
    return recipe
