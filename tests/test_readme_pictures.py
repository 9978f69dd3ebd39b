"""The README's pictures: in both themes, small, and of a session that is at hand."""

import re
from pathlib import Path

import pytest
from PIL import Image

from bench.results.session_report import read_reports
from reports.page import answer_section

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "docs/pictures"
MAX_BYTES = 200_000
STEMS = ("answer", "accuracy", "classes", "heads")


@pytest.mark.parametrize("stem", STEMS)
def test_a_picture_is_small_and_light_and_dark(stem: str) -> None:
    brightness = {}
    for theme in ("light", "dark"):
        (path,) = FOLDER.glob(f"{stem}-{theme}.*")
        assert path.stat().st_size < MAX_BYTES
        with Image.open(path) as picture:
            assert picture.width > 600
            brightness[theme] = picture.convert("L").getpixel((1, 1))
    assert brightness["light"] > 240
    assert brightness["dark"] < 40


def test_the_session_of_the_pictures_answers() -> None:
    session = FOLDER / "session.jsonl"
    (report,) = read_reports([session])
    (answers,) = answer_section.section([report]).runtimes
    assert answers.at(30).variant
    assert not re.search(r"JPEG|/home|/root|/tmp", session.read_text("utf-8"))  # nobody's files


def test_the_readme_shows_pictures_that_are_there() -> None:
    named = re.findall(r"docs/pictures/[\w.-]+", (ROOT / "README.md").read_text("utf-8"))
    assert all((ROOT / name).is_file() for name in named)
