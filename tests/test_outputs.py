"""What is fed, and what counts as an answer."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.workers import made_inputs, outputs
from export.mil.description import ImageInput, ModelDescription, TensorInput
from mobilenet.common.errors import UnsupportedError

CLASSES = {"classLabel": "cat", "classLabel_probs": {"dog": 0.1, "cat": 0.9}}


def test_inputs_fit_the_description_and_are_the_same_every_time() -> None:
    description = ModelDescription(
        (
            ImageInput("image", 32, 48),
            ImageInput("gray", 16, 16, "GRAYSCALE"),
            TensorInput("x", (1, 3, 4), "float16"),
            TensorInput("ids", (5,), "int32"),
        ),
        (),
    )
    one, two = made_inputs.make(description), made_inputs.make(description)
    assert one["image"].size == (32, 48)
    assert (one["image"].mode, one["gray"].mode) == ("RGB", "L")
    assert (one["x"].shape, one["x"].dtype) == ((1, 3, 4), np.float16)
    assert one["ids"].dtype == np.int32
    assert all(np.array_equal(np.asarray(one[key]), np.asarray(two[key])) for key in one)
    assert not np.array_equal(np.asarray(one["x"]), made_inputs.make(description, seed=1)["x"])


def test_inputs_in_files_are_those_that_were_made(tmp_path: Path) -> None:
    description = ModelDescription(
        (
            ImageInput("image", 32, 48),
            ImageInput("a/gray", 16, 16, "GRAYSCALE"),
            TensorInput("x", (1, 3, 4), "float16"),
            TensorInput("ids", (5,), "int32"),
            TensorInput("mask", (5,), "uint8"),
        ),
        (),
    )
    made = made_inputs.make(description)
    files = made_inputs.write(description, tmp_path)
    assert [(file.type, file.shape) for file in files] == [
        ("uint8", (48, 32, 3)), ("uint8", (16, 16)),
        ("float32", (1, 3, 4)), ("float32", (5,)), ("float32", (5,)),
    ]  # fmt: skip
    assert Path(files[3].path).read_bytes() == made["ids"].astype("<f4").tobytes()
    again = made_inputs.read(files, description)
    assert again["a/gray"].mode == "L"
    for name, values in made.items():
        assert np.array_equal(np.asarray(again[name]), np.asarray(values))
        assert np.asarray(again[name]).dtype == np.asarray(values).dtype


def test_a_made_picture_reaches_dark_and_bright() -> None:
    picture = made_inputs.make(ModelDescription((ImageInput("i", 224, 224),), ()))["i"]
    assert isinstance(picture, Image.Image)
    pixels = np.asarray(picture)
    assert pixels.min() < 60
    assert pixels.max() > 160
    assert pixels.std() > 20


@pytest.mark.parametrize("shape", [(1 << 40,), (0, 3), (-1, 3)])
def test_a_shape_that_cannot_be_meant_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(UnsupportedError, match="be made"):
        made_inputs.make(ModelDescription((TensorInput("x", shape),), ()))


@pytest.mark.parametrize(
    ("given", "top1"),
    [
        (CLASSES, "cat"),
        ({"p": {"dog": 0.7, "cat": 0.3}}, "dog"),
        ({"y": np.array([[0.1, 0.7, 0.2]]), "z": np.zeros(2)}, "1"),
        ({}, ""),
    ],
)
def test_top1_of_every_kind_of_output(given: dict[str, object], top1: str) -> None:
    assert outputs.top1(given) == top1


def test_the_order_of_a_dictionary_does_not_matter() -> None:
    turned = {**CLASSES, "classLabel_probs": {"cat": 0.9, "dog": 0.1}}
    assert outputs.top1(CLASSES) == outputs.top1(turned)
    assert np.array_equal(outputs.vector(CLASSES), outputs.vector(turned))


def test_rounding_noise_is_no_difference_and_another_network_is() -> None:
    reference = np.linspace(-1, 1, 50, dtype=np.float32)
    near = outputs.summary("", reference * np.float32(1.01), reference)
    far = outputs.summary("", reference[::-1], reference)
    other_shape = outputs.summary("", reference[:10], reference)
    assert outputs.wrong(near) == ""
    assert "relative L2" in outputs.wrong(far)
    assert "relative L2" in outputs.wrong(other_shape)


@pytest.mark.parametrize(("factor", "is_wrong"), [(1.09, False), (0.91, False), (1.11, True)])
def test_a_tenth_of_the_reference_is_allowed(factor: float, is_wrong: bool) -> None:
    reference = np.linspace(-1, 1, 50)
    assert bool(outputs.wrong(outputs.summary("", reference * factor, reference))) is is_wrong


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_no_answer(value: float) -> None:
    summary = outputs.summary("", np.float32([1.0, value]), np.float32([1.0, 2.0]))
    assert "not finite" in outputs.wrong(summary)
