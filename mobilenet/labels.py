"""Class labels: ImageNet's, the user's, and how any list becomes unique.

Core ML's classifier returns a dictionary from label to probability, so two classes of one name
would lose one of them.
"""

import re
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec

from mobilenet.common.decoding import decode_json
from mobilenet.common.errors import CheckpointError
from mobilenet.common.files import open_regular

BACKGROUND = "background"  # class 0 of the authors' 1001-class networks
WITH_BACKGROUND = 1001
IMAGENET_CLASSES = (1000, WITH_BACKGROUND)
PASCAL = (
    BACKGROUND, "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair",
    "cow", "diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa",
    "train", "tvmonitor",
)  # of VOC 2012's segmentation, in the order of its development kit  # fmt: skip
COCO = (
    "person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat",
    "traffic light", "fire hydrant", "stop sign", "parking meter", "bench", "bird", "cat", "dog",
    "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe", "backpack", "umbrella",
    "handbag", "tie", "suitcase", "frisbee", "skis", "snowboard", "sports ball", "kite",
    "baseball bat", "baseball glove", "skateboard", "surfboard", "tennis racket", "bottle",
    "wine glass", "cup", "fork", "knife", "spoon", "bowl", "banana", "apple", "sandwich",
    "orange", "broccoli", "carrot", "hot dog", "pizza", "donut", "cake", "chair", "couch",
    "potted plant", "bed", "dining table", "toilet", "tv", "laptop", "mouse", "remote",
    "keyboard", "cell phone", "microwave", "oven", "toaster", "sink", "refrigerator", "book",
    "clock", "vase", "scissors", "teddy bear", "hair drier", "toothbrush",
)  # the 80 classes that have boxes, in the order of instances_val2017.json  # fmt: skip
# Of the ids 1 to 90 of its boxes, which TF Object Detection has as classes; no box bears these.
COCO_GAPS = (12, 26, 29, 30, 45, 66, 68, 69, 71, 83)
MAX_FILE_BYTES = 1 << 24
MAX_ID = 10_000  # of a label map
LABEL_MAP = ".pbtxt"  # what TF Object Detection calls classes: string_int_label_map.proto
_ITEM = re.compile(r"item\s*(?::\s*)?\{([^{}]*)\}")
_FIELD = re.compile(r"\b(id|name|display_name)\s*:\s*(\d+|\"[^\"]*\"|'[^']*')")


def imagenet_labels() -> tuple[str, ...]:
    """The 1000 labels of ILSVRC 2012 in the order of training; no two alike in any case."""
    return tuple(label for _, label in _table())


def wordnet_ids() -> tuple[str, ...]:
    """The 1000 WordNet ids ("n01440764") of the same classes."""
    return tuple(wordnet_id for wordnet_id, _ in _table())


def labels_for(classes: int) -> tuple[str, ...]:
    """ImageNet's labels for 1000 outputs, with "background" first for 1001, else none."""
    if classes == 1000:
        return imagenet_labels()
    return (BACKGROUND, *imagenet_labels()) if classes == 1001 else ()


def labels_of_pixels(classes: int) -> tuple[str, ...]:
    """Pascal VOC's labels for 21 classes, the background first; else none."""
    return PASCAL if classes == len(PASCAL) else ()


def labels_of_boxes(classes: int) -> tuple[str, ...]:
    """COCO's labels for 80 classes, or for 90 with those that have no boxes; else none."""
    if classes == len(COCO) + len(COCO_GAPS):
        names = iter(COCO)
        ids = range(1, classes + 1)
        return tuple(unused(number) if number in COCO_GAPS else next(names) for number in ids)
    return COCO if classes == len(COCO) else ()


def numbered(classes: int) -> tuple[str, ...]:
    """Labels of boxes of which nothing says what they are: "class 1" and so on."""
    return tuple(f"class {number}" for number in range(1, classes + 1))


def unused(number: int) -> str:
    """What a class is called that no box has."""
    return f"unused {number}"


def unique(labels: Iterable[str]) -> tuple[str, ...]:
    """The labels, with " (2)", " (3)" and so on behind every repetition.

    >>> unique(["crane", "crow", "crane"])
    ('crane', 'crow', 'crane (2)')
    """
    labels = tuple(labels)
    taken = set(labels)
    seen: set[str] = set()
    result = []
    for label in labels:
        name, number = label, 1
        while name in seen or (number > 1 and name in taken):
            number += 1
            name = f"{label} ({number})"
        seen.add(name)
        result.append(name)
    return tuple(result)


def read_labels(path: Path) -> tuple[str, ...]:
    """As `labels_in`. Raises `CheckpointError` for a file that has none, too."""
    labels = labels_in(path)
    if not labels:
        raise CheckpointError(
            f"{path.name} holds no label", "a text of one per line, or JSON: a list, or by index"
        )
    return labels


def labels_in(path: Path) -> tuple[str, ...]:
    """The labels in a text or .json, in the order of the network's outputs, made unique; or none.

    A text has one label per line, or its number before it, as Teachable Machine writes. JSON is a
    list, labels by index, or indices by label (Keras' `class_indices`); or has one of these under
    "labels" (Teachable Machine) or "id2label" (transformers). A .pbtxt is a label map, whose ids
    begin with 1; those left out are unused.

    Raises `CheckpointError` for a text that is not UTF-8, an empty label or an index left out, and
    as `open_regular`.
    """
    with open_regular(path, MAX_FILE_BYTES) as file:
        data = file.read()
    readers = {".json": _in_json, LABEL_MAP: _in_map}
    reader = readers.get(path.suffix.lower(), _in_lines)
    labels = reader(data, path.name)
    if "" in labels:
        place = "line" if reader is _in_lines else "label"
        raise CheckpointError(
            f"{place} {labels.index('') + 1} of {path.name} is empty", "give each class a label"
        )
    return unique(labels)


def preferred(labels: tuple[str, ...]) -> tuple[str, ...]:
    """Ours for as many classes, where these are ImageNet's with synonyms ("tench, Tinca tinca").

    And where they name nothing: transformers makes up LABEL_0, LABEL_1 ...
    """
    ours = labels_for(len(labels))
    placeholders = labels[-1:] == (f"LABEL_{len(labels) - 1}",)
    synonyms = bool(ours) and labels[-1].partition(",")[0] == ours[-1]
    return ours if placeholders or synonyms else labels


def _text(data: bytes, name: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CheckpointError(
            f"{name} is not UTF-8 at byte {error.start}", "save it as UTF-8"
        ) from error


def _in_map(data: bytes, name: str) -> list[str]:
    labels = dict[int, str]()
    for item in _ITEM.finditer(_text(data, name)):
        fields = dict(_FIELD.findall(item[1]))
        label = fields.get("display_name") or fields.get("name") or ""
        number = int(fields.get("id", "0")[:9].strip("\"'") or 0)
        if number in labels or number > MAX_ID:
            raise CheckpointError(
                f"{name} has the id {number} twice, or over {MAX_ID}", "give each class its own"
            )
        if number:  # 0 is the background
            labels[number] = label[1:-1].strip()
    return [labels.get(at, unused(at)) for at in range(1, max(labels, default=0) + 1)]


def _in_lines(data: bytes, name: str) -> list[str]:
    lines = [line.strip() for line in _text(data, name).splitlines()]
    while lines and not lines[-1]:
        lines.pop()
    numbered = [line.split(maxsplit=1) for line in lines]
    if all(len(part) == 2 and part[0] == f"{at}" for at, part in enumerate(numbered)):
        return [label for _, label in numbered]
    return lines


def _in_json(data: bytes, name: str) -> list[str]:
    content: Any = decode_json(data, object, name, "a list of labels, or labels by index")
    if isinstance(content, dict):
        under = (content.get(key) for key in ("labels", "id2label"))
        content = next((part for part in under if isinstance(part, list | dict)), content)
    with suppress(msgspec.ValidationError):
        return [label.strip() for label in msgspec.convert(content, list[str])]
    with suppress(msgspec.ValidationError):
        return _by_index(msgspec.convert(content, dict[str, str]), name)
    with suppress(msgspec.ValidationError):
        indices = msgspec.convert(content, dict[str, int])
        if len(set(indices.values())) < len(indices):
            raise CheckpointError(f"{name} has two classes of one index", "number them from 0")
        return _by_index({f"{index}": label for label, index in indices.items()}, name)
    return []


def _by_index(labels: dict[str, str], name: str) -> list[str]:
    """In the order of their indices, from "0" on; empty where none has that."""
    if "0" not in labels:
        return []
    indices = [f"{index}" for index in range(len(labels))]
    if missing := [index for index in indices if index not in labels]:
        raise CheckpointError(
            f"{name} lists {len(labels)} classes, and none of index {missing[0]}",
            "number them from 0",
        )
    return [labels[index].strip() for index in indices]


@cache
def _table() -> tuple[tuple[str, str], ...]:
    text = (files("mobilenet") / "data" / "imagenet.tsv").read_text("utf-8")
    rows = (line.split("\t") for line in text.splitlines() if not line.startswith("#"))
    return tuple((wordnet_id, label) for wordnet_id, label in rows)
