"""Lists of photographs and their classes: "a.jpg 281", "./b/c d.jpg,n02123045", "e.png;tabby".

Name and class are parted by whatever parts them in every line of the file: a tab, a semicolon, a
comma, or blanks.
"""

import csv
import posixpath
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from mobilenet.common.errors import ConfigError
from mobilenet.common.files import open_regular

# What people call a photograph. One that Pillow cannot open is reported as broken.
SUFFIXES = frozenset(
    [
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"),
        *(".heic", ".heif", ".avif", ".jp2"),
    ]
)
HEADINGS = frozenset({"image", "imageid", "image_id", "filename", "file", "path", "name", "id"})
WORDNET = re.compile(r"n\d{8}(?![0-9A-Za-z])")  # also of Stanford Dogs' "n02085620-Chihuahua"
MAX_LIST_BYTES = 1 << 28
SEPARATORS = "\t;,"
# Up to the first suffix of a photograph, behind which blanks follow: names have blanks, too.
_NAMED = re.compile(
    rf"(.*?(?:{'|'.join(map(re.escape, sorted(SUFFIXES)))}))\s+(.*)", re.IGNORECASE
)


def read_list(path: Path) -> dict[str, str]:
    """File name to class. Raises `ConfigError`, naming the line, for a list that is none."""
    try:
        with open_regular(path, MAX_LIST_BYTES) as file:
            lines = file.read().decode("utf-8-sig").splitlines()
    except FileNotFoundError:
        raise ConfigError(f"{path} does not exist", "--labels takes a text or CSV file") from None
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{path} is not UTF-8 at byte {error.start}", "save it as UTF-8"
        ) from error
    truths: dict[str, str] = {}
    for number, row in enumerate(_rows(path, lines), start=1):
        if not any(cell.strip() for cell in row) or (number == 1 and _is_heading(row)):
            continue
        if len(row) < 2 or not row[1].strip():
            raise ConfigError(f"{path}, line {number}: {row} has no class", "a name and a class")
        name, truth = posixpath.normpath(row[0].strip()), truth_of(row[1].strip())
        if truths.setdefault(name, truth) != truth:
            raise ConfigError(f"{path}, line {number}: {name} has two classes", "keep one")
    return truths


def truth_of(text: str) -> str:
    """The class; of Kaggle's "n03995372 85 1 499 272", the first word."""
    match = WORDNET.match(text)
    return match[0] if match else text


def _rows(path: Path, lines: Sequence[str]) -> list[list[str]]:
    """The cells of each line."""
    is_csv = path.suffix.lower() == ".csv"
    try:
        for separator in SEPARATORS:
            rows = list(csv.reader(lines, delimiter=separator))
            if _are_parted(rows) and len(rows) == len(lines):
                return rows
        return list(csv.reader(lines)) if is_csv else [_by_blanks(line) for line in lines]
    except csv.Error as error:
        raise ConfigError(f"{path} is no list: {error}", "a name and a class a line") from error


def _are_parted(rows: Sequence[Sequence[str]]) -> bool:
    """Whether every line has a class, and before it a name: a word, or that of a photograph.

    In "a.jpg tench, Tinca tinca" the comma is the label's.
    """
    filled = [row for row in rows if any(cell.strip() for cell in row)]
    return bool(filled) and all(
        len(row) > 1 and row[1].strip() and _is_name(row[0].strip()) for row in filled
    )


def _is_name(text: str) -> bool:
    return len(text.split()) == 1 or Path(text).suffix.lower() in SUFFIXES


def _by_blanks(line: str) -> list[str]:
    match = _NAMED.fullmatch(line.strip())
    return list(match.groups()) if match else line.split(None, 1)


def _is_heading(row: Iterable[str]) -> bool:
    return next(iter(row)).strip().lower() in HEADINGS
