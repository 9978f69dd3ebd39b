"""The kept list of mutants fits the code as it is, and who survives is told."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

import run_mutants
from run_mutants import ROOT, Mutant

KEPT = run_mutants.kept()
PACKAGES = ("mobilenet", "export", "bench", "reports")


@pytest.mark.parametrize("mutant", KEPT, ids=lambda mutant: mutant.name)
def test_a_mutant_applies_compiles_and_has_tests(mutant: Mutant) -> None:
    text = run_mutants.mutated(mutant)
    assert text != (ROOT / mutant.file).read_text("utf-8")
    if mutant.file.endswith(".py"):
        compile(text, mutant.file, "exec")
    assert mutant.tests
    for test in mutant.tests:
        file, _, function = test.partition("::")
        assert f"def {function.split('[')[0]}(" in (ROOT / file).read_text("utf-8") or not function


def test_every_package_has_its_share() -> None:
    counts = Counter(mutant.file.split("/")[0] for mutant in KEPT)
    assert set(counts) == set(PACKAGES)
    assert min(counts.values()) >= 10
    assert len({mutant.name for mutant in KEPT}) == len(KEPT) >= 40


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A package of one function, whose test looks at one of its two branches."""
    (tmp_path / "pyproject.toml").write_text("[tool.pytest.ini_options]\n")
    for folder in ("mobilenet", "tests"):
        (tmp_path / folder).mkdir()
    (tmp_path / "mobilenet" / "sign.py").write_text(
        "def sign(x):\n    if x < 0:\n        return -1\n    return 1\n"
    )
    (tmp_path / "tests" / "test_sign.py").write_text(
        "from mobilenet.sign import sign\n\n\ndef test_sign():\n    assert sign(2) == 1\n"
    )
    return tmp_path


def mutant(old: str, new: str) -> Mutant:
    return Mutant("sign", "mobilenet/sign.py", old, new, ("tests/test_sign.py",))


def test_a_fault_that_a_test_sees_is_caught_and_leaves_the_tree_alone(tree: Path) -> None:
    before = (tree / "mobilenet" / "sign.py").read_bytes()
    verdict = run_mutants.verdict(mutant("return 1", "return 0"), tree)
    assert verdict.caught_by == "tests/test_sign.py::test_sign"
    assert (tree / "mobilenet" / "sign.py").read_bytes() == before


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("return -1", "return 1", "1 passed"),
        ("def sign", "def signum", "1 error"),  # no test was run, so none has failed
    ],
)
def test_a_fault_that_no_test_sees_survives(tree: Path, old: str, new: str, says: str) -> None:
    verdict = run_mutants.verdict(mutant(old, new), tree)
    assert verdict.caught_by == ""
    assert says in verdict.last_line


@pytest.fixture
def list_of(tree: Path) -> Callable[..., None]:
    """A function that makes the tree's own list: of a mutant for each pair of texts."""

    def write(*changes: tuple[str, str]) -> None:
        (tree / "tests" / "mutants").mkdir(exist_ok=True)
        entries = (
            f"[[mutant]]\nname = '{old}'\nfile = 'mobilenet/sign.py'\n"
            f"old = '{old}'\nnew = '{new}'\ntests = ['tests/test_sign.py']\n"
            for old, new in changes
        )
        (tree / "tests" / "mutants" / "mobilenet.toml").write_text("".join(entries))

    return write


def test_survivors_are_named_and_exit_code_1(
    tree: Path, list_of: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    list_of(("return 1", "return 0"), ("return -1", "return 1"))
    assert run_mutants.main([], tree) == 1
    *_, survivor, total = capsys.readouterr().out.splitlines()
    assert survivor.startswith("survived: return -1 (mobilenet/sign.py); tests/test_sign.py: ")
    assert total == "1 of 2 caught"
    assert run_mutants.main(["return 1"], tree) == 0
    assert capsys.readouterr().out.endswith("1 of 1 caught\n")


@pytest.mark.parametrize("old", ["return 2", "return"])  # in no place, and in two
def test_a_mutant_without_its_place_is_an_error_of_the_list(
    tree: Path, list_of: Callable[..., None], capsys: pytest.CaptureFixture[str], old: str
) -> None:
    list_of((old, "x"))
    assert run_mutants.main([], tree) == 2
    assert "places in mobilenet/sign.py" in capsys.readouterr().err


def test_a_test_that_fails_anyway_catches_nothing(
    tree: Path, list_of: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    (tree / "tests" / "test_sign.py").write_text("def test_sign():\n    assert False\n")
    list_of(("return 1", "return 0"))
    assert run_mutants.main([], tree) == 1
    assert "test_sign fails without it, too" in capsys.readouterr().out
