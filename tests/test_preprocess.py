"""Pixels to numbers: split exactly between the image input and conv0, turned upright first."""

import io
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from conftest import PHOTO
from mobilenet.common.images import upright_rgb
from mobilenet.preprocess import (
    CAFFE,
    IMAGENET,
    INCEPTION,
    Geometry,
    Normalization,
    center_crop,
)


def picture(rng: np.random.Generator, width: int, height: int) -> Image.Image:
    return Image.fromarray(rng.integers(0, 256, (height, width, 3), np.uint8))


def test_normalizations_are_the_published_ones(rng: np.random.Generator) -> None:
    image = picture(rng, 5, 4)
    pixels = np.asarray(image, np.float64)
    for norm, expected in [
        (INCEPTION, pixels / 127.5 - 1),
        (IMAGENET, (pixels / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]),
        (CAFFE, (pixels[..., ::-1] - [103.94, 116.78, 123.68]) * 0.017),
    ]:
        x = norm.apply(image)
        assert x.shape == (1, 3, 4, 5)
        assert x.dtype == np.float32
        np.testing.assert_allclose(x[0].transpose(1, 2, 0), expected, atol=2e-6)


@pytest.mark.parametrize("norm", [INCEPTION, IMAGENET, CAFFE])
def test_split_is_exact_at_the_padded_border_too(
    norm: Normalization, rng: np.random.Generator
) -> None:
    image = picture(rng, 8, 8)
    kernel = torch.from_numpy(rng.normal(size=(4, 3, 3, 3)))
    pixels = np.asarray(image, np.float64)
    pixels = pixels[..., ::-1] if norm.order == "BGR" else pixels
    x = torch.from_numpy((pixels * norm.scale + norm.bias).transpose(2, 0, 1).copy())[None]
    scaling, gain = norm.split()
    core_ml = torch.from_numpy((pixels * scaling.scale + scaling.bias).transpose(2, 0, 1).copy())[
        None
    ]
    folded = kernel * torch.tensor(gain, dtype=torch.float64)[None, :, None, None]
    torch.testing.assert_close(
        F.conv2d(core_ml, folded, padding=1),
        F.conv2d(x, kernel, padding=1),
        rtol=1e-12,
        atol=1e-12,
    )


@pytest.mark.parametrize("size", [(640, 480), (480, 640), (300, 300), (1000, 257)])
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_geometry_is_shorter_side_then_centre(
    size: tuple[int, int], interpolation: str, rng: np.random.Generator
) -> None:
    geometry = Geometry(0.875, interpolation)
    image = picture(rng, *size)
    resized = geometry.resize(image, 224)
    assert min(resized.size) == geometry.covered(224).height == 256
    assert abs(resized.width / resized.height - size[0] / size[1]) < 0.02
    assert geometry.apply(image, 224).size == (224, 224)


@pytest.mark.parametrize(
    ("size", "crop", "shorter"),
    [(224, 0.875, 256), (160, 0.875, 182), (128, 0.875, 146), (224, 0.95, 235), (96, 1.0, 96)],
)
def test_the_shorter_side_is_cut_to_whole_pixels(size: int, crop: float, shorter: int) -> None:
    """timm/data/transforms_factory.py: `scale_size = math.floor(img_size / crop_pct)`."""
    assert Geometry(crop).covered(size) == (shorter, shorter)


def torchvision_resize_and_crop(image: Image.Image, resize: int, size: int) -> Image.Image:
    """torchvision's Resize and CenterCrop on PIL, written out from transforms/functional.py."""
    w, h = image.size
    short, long = (w, h) if w <= h else (h, w)
    new_short, new_long = resize, int(resize * long / short)
    new_w, new_h = (new_short, new_long) if w <= h else (new_long, new_short)
    image = image.resize((new_w, new_h), Image.Resampling.BILINEAR)
    top, left = round((new_h - size) / 2.0), round((new_w - size) / 2.0)
    return image.crop((left, top, left + size, top + size))


@given(width=st.integers(1, 900), height=st.integers(1, 900))
@example(width=750, height=375)  # 256 / 375 * 750 is 511.99999999999994
@settings(max_examples=60, deadline=None)
def test_geometry_is_torchvisions_to_the_pixel(width: int, height: int) -> None:
    if max(width, height) > 8 * min(width, height):
        return
    image = picture(np.random.default_rng(width * 1000 + height), width, height)
    expected = torchvision_resize_and_crop(image, 256, 224)
    np.testing.assert_array_equal(Geometry().apply(image, 224), expected)


def timm_resize_and_crop(image: Image.Image, height: int, width: int) -> Image.Image:
    """timm's ResizeKeepRatio (longest 0) and torchvision's CenterCrop, written out."""
    scale_h, scale_w = math.floor(height / 0.875), math.floor(width / 0.875)
    ratio = min(image.height / scale_h, image.width / scale_w)
    new_h, new_w = round(image.height / ratio), round(image.width / ratio)
    image = image.resize((new_w, new_h), Image.Resampling.BILINEAR)
    top, left = round((new_h - height) / 2.0), round((new_w - width) / 2.0)
    return image.crop((left, top, left + width, top + height))


@given(width=st.integers(1, 900), height=st.integers(1, 900))
@settings(max_examples=40, deadline=None)
def test_geometry_of_an_oblong_input_is_timms_to_the_pixel(width: int, height: int) -> None:
    if max(width, height) > 8 * min(width, height):
        return
    image = picture(np.random.default_rng(width * 1000 + height), width, height)
    expected = timm_resize_and_crop(image, 64, 96)
    assert (expected.width, expected.height) == (96, 64)
    np.testing.assert_array_equal(Geometry().apply(image, (64, 96)), expected)


def test_geometry_says_what_it_does() -> None:
    assert Geometry().resizing(224) == "shorter side to 256"
    assert Geometry().resizing((64, 96)) == "to cover 73 x 109"


def test_centre_crop_takes_the_middle() -> None:
    pixels = np.arange(6 * 10, dtype=np.uint8).reshape(6, 10)
    crop = np.asarray(center_crop(Image.fromarray(pixels), 4))
    np.testing.assert_array_equal(crop, pixels[1:5, 3:7])
    oblong = np.asarray(center_crop(Image.fromarray(pixels), (2, 6)))
    np.testing.assert_array_equal(oblong, pixels[2:4, 2:8])


def test_photographs_are_turned_upright_and_made_rgb() -> None:
    photo = Image.open(PHOTO)
    turned = photo.rotate(90, expand=True)
    turned.getexif()[0x0112] = 6  # "rotate 90 clockwise to view"
    np.testing.assert_array_equal(np.asarray(upright_rgb(turned)), np.asarray(photo))
    assert upright_rgb(photo.convert("CMYK")).mode == "RGB"
    clear = Image.new("RGBA", (2, 2), (255, 0, 0, 0))
    assert upright_rgb(clear).getpixel((0, 0)) == (255, 255, 255)
    deep = Image.fromarray(np.full((2, 2), 256 * 200, np.uint16))
    assert upright_rgb(deep).getpixel((0, 0)) == (200, 200, 200)


def red_green_profile(name: bytes = b"swap") -> bytes:
    """An ICC profile that is sRGB but for red and green, which change places."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, green = profile.index(b"rXYZ"), profile.index(b"gXYZ")
    profile[red : red + 4], profile[green : green + 4] = b"gXYZ", b"rXYZ"
    return bytes(profile).replace("sRGB".encode("utf-16-be"), name.decode().encode("utf-16-be"))


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
def test_an_embedded_profile_is_followed(mode: str) -> None:
    orange = Image.new("RGB", (4, 3), (255, 102, 0)).convert(mode)  # of the web palette
    file = io.BytesIO()
    orange.save(file, "PNG", icc_profile=red_green_profile())
    red, green, blue = upright_rgb(Image.open(file)).getpixel((1, 1))
    assert abs(red - 102) <= 1
    assert abs(green - 255) <= 1
    assert abs(blue) <= 1


def test_a_profile_keeps_transparency() -> None:
    clear = Image.new("RGBA", (2, 2), (250, 120, 10, 0))
    clear.info["icc_profile"] = red_green_profile()
    assert upright_rgb(clear).getpixel((0, 0)) == (255, 255, 255)


@pytest.mark.parametrize("profile", [b"nonsense", red_green_profile(b"sRGB"), b"\0" * 200])
def test_srgb_and_damaged_profiles_leave_the_pixels(profile: bytes) -> None:
    image = Image.new("RGB", (2, 2), (250, 120, 10))
    image.info["icc_profile"] = profile
    assert upright_rgb(image).getpixel((0, 0)) == (250, 120, 10)


def test_a_profile_for_other_pixels_is_left_alone() -> None:
    gray = Image.new("L", (2, 2), 77)
    gray.info["icc_profile"] = red_green_profile()
    assert upright_rgb(gray).getpixel((0, 0)) == (77, 77, 77)
