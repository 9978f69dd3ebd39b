"""From a photograph to the network's square, as different code does it: what a wrong crop costs.

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
from mobilenet.preprocess import Geometry, center_crop

if TYPE_CHECKING:
    from PIL.Image import Image

Array = NDArray[np.float32]
Box = tuple[float, float, float, float]
Size = tuple[int, int]  # width, height
Region = Callable[[Size, int], Box]  # a picture's size, and the square's: its place, of 0 to 1
GREY = (128, 128, 128)
PACKAGE = "package"  # the recipe that a package's own metadata holds


@dataclass(frozen=True)
class Recipe:
    """A named way to the square. Can be pickled: it goes to the decoding processes."""

    name: str
    words: str  # {size} and {shorter} stand for pixels
    source: str
    apply: Callable[["Image", int], "Image"]
    region: Region | None = None  # of one that keeps the whole picture

    def describe(self, size: int) -> str:
        """In words, for an input of `size` pixels."""
        return self.words.format(size=size, shorter=int(size / 0.875))


def shorter_side(geometry: Geometry, image: "Image", size: int) -> "Image":
    """Resize by the shorter side, then cut the centre out."""
    return center_crop(geometry.resize(image, size), size)


def of_package(geometry: Geometry, size: int) -> Recipe:
    """What the package's metadata says."""
    shorter = geometry.shorter_side(size)
    words = f"shorter side {shorter}, {geometry.interpolation}, centre {{size}} x {{size}}"
    return Recipe(PACKAGE, words, "the package's metadata", partial(shorter_side, geometry))


def squash(image: "Image", size: int) -> "Image":
    """Both sides to `size`, whatever the proportions; bilinear."""
    from PIL.Image import Resampling

    return image.resize((size, size), Resampling.BILINEAR)


def keras(image: "Image", size: int) -> "Image":
    """Both sides to `size` by the nearest pixel: `keras.utils.load_img`."""
    from PIL.Image import Resampling

    return image.resize((size, size), Resampling.NEAREST)


def fit(image: "Image", size: int) -> "Image":
    """The whole picture in the middle of a black square; bilinear."""
    from PIL import ImageOps
    from PIL.Image import Resampling

    return ImageOps.pad(image, (size, size), Resampling.BILINEAR, color="black")


def deeplab(image: "Image", size: int) -> "Image":
    """The longer side to `size`, bilinear, then grey to the right and below.

    DeepLab pads with its mean pixel, 127.5; 8 bits hold 128 (tensorflow/models
    research/deeplab/input_preprocess.py, preprocess_image_and_label; deeplab_demo.ipynb resizes
    the longer side).
    """
    from PIL import Image as PillowImage
    from PIL.Image import Resampling

    square = PillowImage.new("RGB", (size, size), GREY)
    square.paste(image.resize(fitted(image.size, size), Resampling.BILINEAR), (0, 0))
    return square


def fitted(picture: Size, side: int) -> Size:
    """A picture's size with its longer side as long as a square's."""
    width, height = (max(1, round(side * each / max(picture))) for each in picture)
    return width, height


def everywhere(_picture: Size, _side: int) -> Box:
    """The picture is the whole square."""
    return 0, 0, 1, 1


def corner(picture: Size, side: int) -> Box:
    """The picture begins in the upper left corner, its longer side as long as the square's."""
    width, height = fitted(picture, side)
    return 0, 0, width / side, height / side


def middle(picture: Size, side: int) -> Box:
    """The picture is in the middle, its longer side as long as the square's."""
    width, height = fitted(picture, side)
    left, top = round((side - width) / 2), round((side - height) / 2)
    return left / side, top / side, (left + width) / side, (top + height) / side


def slim(image: "Image", size: int) -> "Image":
    """The central 87.5 % of both sides, then TensorFlow's resize_bilinear to the square.

    That resize takes output pixel i from i * in / out, without half-pixel centres and without
    looking at more than two pixels a side (tensorflow/core/kernels/image/resize_bilinear_op.cc,
    LegacyScaler). TF-Slim goes on with the fractions; here they are rounded to 8 bits.
    """
    from PIL import Image as PillowImage

    rows = _legacy_bilinear(_central(np.asarray(image), 0.875), size, axis=0)
    pixels = _legacy_bilinear(rows, size, axis=1)
    return PillowImage.fromarray(np.rint(pixels).astype(np.uint8))


def _central(pixels: NDArray[np.uint8], share: float) -> NDArray[np.uint8]:
    """tf.image.central_crop: int((side - side * share) / 2) pixels go on either side."""
    top, left = (int((side - side * share) / 2) for side in pixels.shape[:2])
    return pixels[top : pixels.shape[0] - top, left : pixels.shape[1] - left]


def _legacy_bilinear(pixels: Array | NDArray[np.uint8], size: int, axis: int) -> Array:
    side = pixels.shape[axis]
    position = np.arange(size, dtype=np.float32) * np.float32(side / size)
    low = np.minimum(position.astype(np.int64), side - 1)
    high = np.minimum(low + 1, side - 1)
    weight = (position - low).reshape((-1, 1, 1) if axis == 0 else (1, -1, 1))
    first, second = (pixels.take(places, axis).astype(np.float32) for places in (low, high))
    return np.asarray(first + (second - first) * weight, np.float32)


_CROP = "shorter side {shorter}, %s, centre {size} x {size}"
_RECIPES = (
    Recipe(
        "torchvision", _CROP % "bilinear",
        "torchvision references/classification/presets.py, ClassificationPresetEval: "
        "Resize(256), CenterCrop(224); transformers' MobileNetV1ImageProcessor",
        partial(shorter_side, Geometry(0.875, "bilinear")),
    ),
    Recipe(
        "timm", _CROP % "bicubic", "timm data/transforms_factory.py, transforms_imagenet_eval",
        partial(shorter_side, Geometry(0.875, "bicubic")),
    ),
    Recipe(
        "slim", "central 87.5 % of both sides, TensorFlow's bilinear to {size} x {size}",
        "tensorflow/models research/slim/preprocessing/inception_preprocessing.py, "
        "preprocess_for_eval", slim,
    ),
    Recipe(
        "keras", "squashed to {size} x {size}, nearest pixel",
        "keras.utils.load_img(target_size=...), whose interpolation is 'nearest'", keras,
        everywhere,
    ),
    Recipe(
        "squash", "squashed to {size} x {size}, bilinear",
        "Vision's VNImageCropAndScaleOption.scaleFill, but for its filter", squash,
        everywhere,
    ),
    Recipe(
        "center-square", "the whole central square, bilinear, {size} x {size}",
        "Vision's VNImageCropAndScaleOption.centerCrop, but for its filter",
        partial(shorter_side, Geometry(1.0, "bilinear")),
    ),
    Recipe(
        "fit", "all of it within {size} x {size}, black around, bilinear",
        "Vision's VNImageCropAndScaleOption.scaleFit, but for its filter", fit, middle,
    ),
    Recipe(
        "deeplab", "longer side {size}, bilinear, grey to the right and below: {size} x {size}",
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
