"""COCO's instances from a file: what they say, and how they contradict themselves."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.accuracy import coco
from mobilenet.common.errors import ConfigError
from picture_models import boxed_set

PICTURES = [["red", "", "green", ""], ["", "", "", "blue"], ["red", "red", "red", "red"]]
Document = dict[str, Any]


def test_pictures_objects_and_classes(tmp_path: Path) -> None:
    path = boxed_set(tmp_path, PICTURES)
    dataset = coco.read(path)
    assert [picture.name for picture in dataset.pictures] == ["0.png", "1.png", "2.png"]
    assert dataset.classes == ("red", "green", "blue")
    objects = dataset.objects
    np.testing.assert_array_equal(objects.pictures, [0, 0, 1, 2, 2, 2, 2])
    np.testing.assert_array_equal(objects.classes, [0, 1, 2, 0, 0, 0, 0])
    np.testing.assert_array_equal(objects.boxes[1], [0, 24, 32, 24])
    assert (objects.areas == 768).all()
    summary = dataset.summary()
    assert (summary.name, summary.images, summary.classes) == ("instances", 3, 3)


def test_pictures_are_in_the_order_of_their_ids(tmp_path: Path) -> None:
    path = boxed_set(tmp_path, PICTURES)
    document = json.loads(path.read_text())
    document["images"].reverse()
    path.write_text(json.dumps(document))
    assert [picture.name for picture in coco.read(path).pictures] == ["0.png", "1.png", "2.png"]


def test_a_limit_keeps_the_objects_of_what_is_left(tmp_path: Path) -> None:
    dataset = coco.read(boxed_set(tmp_path, PICTURES))
    less = dataset.limited(2)
    assert [picture.name for picture in less.pictures] == ["0.png", "1.png"]
    np.testing.assert_array_equal(less.objects.classes, [0, 1, 2])
    assert less.summary().digest != dataset.summary().digest
    assert dataset.limited(None) is dataset.limited(3) is dataset
    assert less.notes == ("2 of 3 pictures, evenly spread",)


def test_pictures_may_lie_elsewhere(tmp_path: Path) -> None:
    path = boxed_set(tmp_path, PICTURES)
    moved = path.rename(tmp_path.parent / "elsewhere.json")
    assert coco.read(moved, tmp_path).folder == tmp_path
    with pytest.raises(ConfigError, match=r"lacks 3 of 3 pictures: 0\.png and 2 more") as error:
        coco.read(moved)
    assert "--images" in error.value.hint


def annotation(**changes: Any) -> Callable[[Document], None]:
    return lambda document: document["annotations"][0].update(changes)


def copy(rows: str) -> Callable[[Document], None]:
    return lambda document: document[rows].append(document[rows][0])


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (annotation(category_id=7), "annotation 0 is of unknown category 7"),
        (annotation(image_id=77), "annotation 0 is of unknown picture 77"),
        (annotation(bbox=[0, 0, -3, 5]), "annotation 0 is -3 x 5 pixels"),
        (annotation(bbox=[50, 0, 16, 5]), "reaches from 50, 0 to 66, 5, outside of its picture"),
        (annotation(bbox=[-2, 0, 16, 5]), "reaches from -2, 0"),
        (annotation(bbox=[1, 2, 3]), r"Expected `array` of length 4 - at"),
        (annotation(bbox="0 0 1 1"), "Expected `array`, got `str`"),
        (annotation(iscrowd=2), "iscrowd"),
        (annotation(area=-1), "area"),
        (annotation(bbox=None), "got `null`"),
        (copy("annotations"), "annotation 0 occurs 2 times"),
        (copy("images"), "picture 0 occurs 2 times"),
        (copy("categories"), "category 0 occurs 2 times"),
        (lambda d: d["categories"][1].update(name="red"), "category name 'red' occurs 2 times"),
        (lambda d: d["images"][1].update(file_name="0.png"), "file name '0.png' occurs 2 times"),
        (lambda d: d["images"][0].update(file_name="../0.png"), "lies outside"),
        (lambda d: d["images"][0].update(file_name="/etc/passwd"), "lies outside"),
        (lambda d: d["images"][0].update(width=0), "width"),
        (lambda d: d["images"][0].update(file_name="x.png"), "lacks 1 of 3 pictures: x.png"),
        (lambda d: d.pop("categories"), "missing required field `categories`"),
        (lambda d: d.update(annotations=[]), "has no annotations"),
        (lambda d: d.update(images=[]), "has no images|unknown picture"),
    ],
)
def test_contradictions_are_one_line(
    change: Callable[[Document], Any], complaint: str, tmp_path: Path
) -> None:
    path = boxed_set(tmp_path, PICTURES)
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))
    with pytest.raises(ConfigError, match=complaint) as error:
        coco.read(path)
    assert error.value.hint
    assert "\n" not in error.value.message


@pytest.mark.parametrize(
    "text", [b"", b"[]", b"{", b"\xff", b"[" * 100_000, b'{"images": 1e999}', b"null"]
)
def test_what_is_no_json_of_coco(text: bytes, tmp_path: Path) -> None:
    path = tmp_path / "instances.json"
    path.write_bytes(text)
    with pytest.raises(ConfigError, match=r"instances\.json cannot be read"):
        coco.read(path)
    with pytest.raises(ConfigError, match="does not exist"):
        coco.read(tmp_path / "none.json")
