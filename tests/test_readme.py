"""The README's Python examples run; its commands do in `test_first_run.py`."""

import ast
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

import made_results
from conftest import PHOTO

README = (Path(__file__).parent.parent / "README.md").read_text("utf-8")


@pytest.fixture
def examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.chdir(tmp_path)
    return re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def run(example: str) -> dict[str, Any]:
    """The names that the example leaves; the value of its last expression is `last`."""
    tree = ast.parse(example)
    expression = tree.body.pop()
    assert isinstance(expression, ast.Expr)
    names: dict[str, Any] = {}
    exec(compile(tree, "README.md", "exec"), names)
    return names | {"last": eval(compile(ast.Expression(expression.value), "", "eval"), names)}


def test_a_module_is_exported(examples: list[str]) -> None:
    exported = run(examples[0])["last"]
    assert exported.path == Path("Flowers.mlpackage")
    assert exported.verified.agreement < 3e-2


def test_a_model_is_loaded_in_place_of_core_ml(examples: list[str]) -> None:
    run(examples[0])
    shutil.copy(PHOTO, "photo.jpg")
    answer = run(examples[1])["last"]
    assert answer["classLabel"] in {"daisy", "rose", "violet"}
    assert sum(answer["classLabel_probs"].values()) == pytest.approx(1, abs=1e-2)


def test_results_are_a_table(examples: list[str]) -> None:
    Path("results").mkdir()
    for seed, name in enumerate(("mac", "linux")):
        records = made_results.realistic(rounds=9, samples=10, seed=seed)
        made_results.write(Path("results", f"{name}.jsonl"), records)
    names = run(examples[2])
    assert len(examples) == 3
    assert set(names["last"].index) == set(names["cases"].model)
    assert (names["last"] > 0).any(axis=None)
