"""Class labels: ImageNet's, the user's, and how any list becomes unique.

Core ML's classifier returns a dictionary from label to probability, so two classes of one name
would lose one of them.
"""

from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from pathlib import Path

from mobilenet.common.errors import CheckpointError
from mobilenet.common.files import open_regular

BACKGROUND = "background"  # class 0 of the authors' 1001-class networks
MAX_FILE_BYTES = 1 << 24


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
    """One label per line, in the order of the network's outputs, made unique.

    Raises `CheckpointError` for a file that is empty, not UTF-8, or has an empty line inside, and
    as `open_regular`.
    """
    with open_regular(path, MAX_FILE_BYTES) as file:
        data = file.read()
    try:
        lines = [line.strip() for line in data.decode("utf-8-sig").splitlines()]
    except UnicodeDecodeError as error:
        raise CheckpointError(
            f"{path.name} is not UTF-8 at byte {error.start}", "save it as UTF-8"
        ) from error
    while lines and not lines[-1]:
        lines.pop()
    if not lines:
        raise CheckpointError(f"{path.name} holds no label", "one per line")
    if "" in lines:
        raise CheckpointError(
            f"line {lines.index('') + 1} of {path.name} is empty", "one label per line"
        )
    return unique(lines)


@cache
def _table() -> tuple[tuple[str, str], ...]:
    text = (files("mobilenet") / "data" / "imagenet.tsv").read_text("utf-8")
    rows = (line.split("\t") for line in text.splitlines() if not line.startswith("#"))
    return tuple((wordnet_id, label) for wordnet_id, label in rows)
