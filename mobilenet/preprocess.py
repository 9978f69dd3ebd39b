"""What a checkpoint expects of its input: geometry outside the program, numbers inside it.

Geometry (resize, crop, interpolation) is done by the app before prediction and so lives in the
package's metadata. Normalization is arithmetic on pixels and lives in the program: Core ML's
image input can hold one scalar scale and a bias per channel, the rest goes into the kernels that
read the image.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from msgspec import UNSET, UnsetType
from numpy.typing import NDArray

from mobilenet.common.errors import CheckpointError
from mobilenet.common.images import upright_rgb
from mobilenet.common.size import Sides, Size

if TYPE_CHECKING:
    from PIL.Image import Image

Interpolation = Literal["nearest", "bilinear", "bicubic", "lanczos"]
ColorOrder = Literal["RGB", "BGR"]
Whole = Literal["squash", "corner"]
Triple = tuple[float, float, float]
Extent = tuple[int, int]  # width, height in pixels, as PIL has it
Region = tuple[float, float, float, float]  # left, top, right, bottom in parts of the input

MIN_CROP = 0.1  # a tenth of the picture: beyond, resizing makes pictures of any size
GREY = (128, 128, 128)


@dataclass(frozen=True)
class Geometry:
    """From a photograph to the network's input.

    Cropped: resized to cover size / crop, then the centre. The recipe of torchvision and timm
    (`transforms_imagenet_eval`), and of TF-Slim's `preprocess_for_eval` up to the order of crop
    and resize. To cover a square is to make the shorter side as long.

    Networks that say where things are keep the whole picture: "squash" makes both its sides the
    input's (TF Object Detection, `fixed_shape_resizer`; Vision's `.scaleFill`). "corner" keeps its
    proportions and puts it into the upper left corner of DeepLab's mean pixel, 127.5, of which 8
    bits hold 128 (tensorflow/models research/deeplab/input_preprocess.py,
    preprocess_image_and_label; deeplab_demo.ipynb resizes the longer side).
    """

    crop: float = 0.875
    interpolation: Interpolation = "bilinear"
    whole: Whole | UnsetType = UNSET  # files of those that crop do not mention it

    def __post_init__(self) -> None:
        if not MIN_CROP <= self.crop <= 1:
            raise CheckpointError(f"crop fraction is {self.crop}", f"{MIN_CROP} to 1")
        if self.whole and self.crop != 1:
            raise CheckpointError(
                f"crop fraction is {self.crop} of a picture that is kept whole", "leave it 1"
            )

    def covered(self, size: Sides) -> Size:
        """What a resized picture just covers, for an input of `size`."""
        height, width = Size.of(size)
        return Size(int(height / self.crop), int(width / self.crop))

    def resizing(self, size: Sides) -> str:
        """In words: "shorter side to 256", "to cover 73 x 109", or "squashed to 300 x 300"."""
        size = Size.of(size)
        if self.whole == "squash":
            return f"squashed to {size}"
        if self.whole == "corner":
            return f"longer side to {size.height}" if size.is_square else f"fitted into {size}"
        covered = self.covered(size)
        return f"shorter side to {covered.height}" if covered.is_square else f"to cover {covered}"

    def describe(self, size: Sides) -> str:
        """All steps in words: "shorter side to 256, bilinear, centre 224 x 224"."""
        last = "grey to the right and below" if self.whole else f"centre {Size.of(size)}"
        steps = [self.resizing(size), self.interpolation, last]
        return ", ".join(steps[:2] if self.whole == "squash" else steps)

    def apply(self, image: "Image", size: Sides) -> "Image":
        """A photograph of any mode and orientation as RGB of `size`."""
        return self.of_upright(upright_rgb(image), size)

    def of_upright(self, image: "Image", size: Sides) -> "Image":
        """An upright RGB picture as one of `size`."""
        from PIL import Image as PillowImage
        from PIL.Image import Resampling

        size = Size.of(size)
        if not self.whole:
            return center_crop(self.resize(image, size), size)
        filled = (size.width, size.height)
        inner = filled if self.whole == "squash" else fitted(image.size, size)
        canvas = PillowImage.new("RGB", filled, GREY)
        canvas.paste(image.resize(inner, Resampling[self.interpolation.upper()]), (0, 0))
        return canvas

    def region(self, picture: Extent, size: Sides) -> Region:
        """Where a picture of these pixels, kept whole, lies in the input."""
        size = Size.of(size)
        if self.whole == "squash":
            return 0, 0, 1, 1
        width, height = fitted(picture, size)
        return 0, 0, width / size.width, height / size.height

    def resize(self, image: "Image", size: Sides) -> "Image":
        """The whole picture, as large as a crop of `size` needs it."""
        from PIL.Image import Resampling

        covered = self.covered(size)
        if covered.is_square:
            # torchvision/transforms/functional.py, _compute_resized_output_size: int(size * long
            # / short), in this order, or an exact ratio loses a pixel to rounding
            width, height = (int(covered.height * side / min(image.size)) for side in image.size)
        else:  # timm/data/transforms.py, ResizeKeepRatio
            ratio = min(image.height / covered.height, image.width / covered.width)
            width, height = (round(side / ratio) for side in image.size)
        return image.resize((width, height), Resampling[self.interpolation.upper()])


def fitted(picture: Extent, size: Size) -> Extent:
    """A picture's size as large as `size` holds: of a square, the longer side fills it."""
    is_wide = picture[0] * size.height >= picture[1] * size.width
    filled, longer = (size.width, picture[0]) if is_wide else (size.height, picture[1])
    width, height = (max(1, round(filled * each / longer)) for each in picture)
    return width, height


def center_crop(image: "Image", size: Sides) -> "Image":
    """The middle pixels, as many as `size` says."""
    height, width = Size.of(size)
    left, top = round((image.width - width) / 2), round((image.height - height) / 2)
    return image.crop((left, top, left + width, top + height))


class ImageScaling(NamedTuple):
    """What Core ML's image input can say: x = scale * pixel + bias."""

    scale: float
    bias: Triple


@dataclass(frozen=True)
class Normalization:
    """network input = scale * pixel + bias, per channel of `order`, pixels 0 to 255."""

    scale: Triple
    bias: Triple
    order: ColorOrder = "RGB"

    def __post_init__(self) -> None:
        with np.errstate(all="ignore"):  # beyond float32
            values = np.array([self.scale, self.bias], np.float32)
            scale = values[0]
            is_sound = np.isfinite([*values, 1 / scale]).all() and scale.mean() != 0
        if not is_sound:
            raise CheckpointError(
                f"normalization scale {self.scale}, bias {self.bias}",
                "every value must be a finite float32, every scale and their mean other than 0",
            )

    @classmethod
    def from_mean_std(
        cls, mean: Triple, std: Triple, order: ColorOrder = "RGB"
    ) -> "Normalization":
        """torchvision's convention: (pixel / 255 - mean) / std.

        Raises `CheckpointError` for a standard deviation of 0.
        """
        if 0 in std:
            raise CheckpointError(f"the standard deviations are {std}", "none can be 0")
        return cls(
            _triple(1 / (255 * s) for s in std),
            _triple(-m / s for m, s in zip(mean, std, strict=True)),
            order,
        )

    @property
    def title(self) -> str:
        """In words: "pixel x 0.00784314 - 1, RGB"."""
        texts = [
            f"pixel x {scale:.6g} {'-' if bias < 0 else '+'} {abs(bias):.6g}"
            for scale, bias in zip(self.scale, self.bias, strict=True)
        ]
        return f"{', '.join(dict.fromkeys(texts))}, {self.order}"

    def apply(self, image: "Image") -> NDArray[np.float32]:
        """RGB picture to the network's input, (1, 3, H, W) float32."""
        return self.of_pixels(np.asarray(image)[None])

    def of_pixels(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Pixels (B, H, W, 3), RGB, to the network's input, (B, 3, H, W) float32."""
        values = pixels.astype(np.float32)
        if self.order == "BGR":
            values = values[..., ::-1]
        scaled = values * np.array(self.scale, np.float32) + np.array(self.bias, np.float32)
        return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2), np.float32)

    def split(self) -> tuple[ImageScaling, Triple]:
        """(what the image input holds, gain per channel for the kernels that read it).

        Exact because zero padding happens after normalization: kernel * gain over
        scalar * pixel + bias / gain equals kernel over scale * pixel + bias, border included.
        Folding the *bias* into a kernel would not be: the padded border would see it.
        """
        scalar = self.scale[0] if len(set(self.scale)) == 1 else float(np.mean(self.scale))
        gain = _triple(s / scalar for s in self.scale)
        bias = _triple(b / g for b, g in zip(self.bias, gain, strict=True))
        return ImageScaling(scalar, bias), gain

    def fed_as(self, feed: "Normalization", given: "Normalization") -> "Normalization":
        """What this becomes where pixels go into a graph as `given`, not as `feed`.

        What the graph does to them, and that it flips the channels, stays.
        """
        before, after, order = (
            np.array([feed.scale, feed.bias]), np.array([given.scale, given.bias]), given.order,
        )  # fmt: skip
        if self.order != feed.order:
            before, after = before[:, ::-1], after[:, ::-1]
            order = "BGR" if order == "RGB" else "RGB"
        scale = self.scale / before[0]
        bias = self.bias - scale * before[1]
        return Normalization(_triple(after[0] * scale), _triple(after[1] * scale + bias), order)


def _triple(values: Iterable[float]) -> Triple:
    red, green, blue = values
    return red, green, blue


STANDARD_CROP = Geometry()
SQUASHED = Geometry(1, whole="squash")  # detectors
IN_CORNER = Geometry(1, whole="corner")  # segmenters
INCEPTION = Normalization((1 / 127.5,) * 3, (-1.0,) * 3)  # TF-Slim, Keras, timm's v1: [-1, 1]
IMAGENET = Normalization.from_mean_std((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
CAFFE = Normalization(
    (0.017,) * 3, (-0.017 * 103.94, -0.017 * 116.78, -0.017 * 123.68), "BGR"
)  # shicai/MobileNet-Caffe deploy: mean_value, scale 0.017
