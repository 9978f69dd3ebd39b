"""The rules of the house: a name stands for one thing, files are short, what is public is told."""

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from mobilenet.common import errors

ROOT = Path(__file__).parent.parent
FILES = sorted(
    path for package in ("mobilenet", "export", "bench", "reports")
    for path in (ROOT / package).rglob("*.py")
)  # fmt: skip
MAX_LINES = 250
OF_TORCH = "forward"  # what every module has


def public(body: list[ast.stmt]) -> Iterator[ast.ClassDef | ast.FunctionDef]:
    for node in body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from public(node.body)


def repeated(names: list[str]) -> list[str]:
    return [name for name, number in Counter(names).items() if number > 1]


def test_a_name_occurs_once() -> None:
    trees = [ast.parse(path.read_text("utf-8")) for path in FILES]
    classes = [
        node.name for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)
    ]
    assert not repeated(classes)
    assert not repeated([path.name for path in FILES if not path.name.startswith("__")])


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_is_short_and_tells_what_is_public(path: Path) -> None:
    text = path.read_text("utf-8")
    assert len(text.splitlines()) <= MAX_LINES
    tree = ast.parse(text)
    assert ast.get_docstring(tree)
    untold = [node.name for node in public(tree.body) if not ast.get_docstring(node)]
    assert set(untold) <= {OF_TORCH}


def test_every_error_has_a_hint() -> None:
    """One where it is raised, or the usual one of its kind; a child's error is told by others."""
    kinds = {
        name: kind
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, errors.UserError)
    }
    calls = [
        (path, node)
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in kinds
        and not any(isinstance(argument, ast.Starred) for argument in node.args)
    ]
    assert calls
    assert not [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path, node in calls
        if len(node.args) + len(node.keywords) < 2 and not kinds[node.func.id].usual_hint
    ]
