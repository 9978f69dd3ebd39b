"""`make mutants`: deliberate faults in the code, each of which the tests that it names must catch.

The kept list is `tests/mutants/*.toml`. A mutant is one changed place of one file; it is made in
a copy of the source tree, never in the tree itself, and only its own tests are run there, up to
the first that fails. At the end these are run on an unchanged copy: there they must pass, else
they have caught nothing.

`python tests/run_mutants.py [WORD ...]` runs those whose name or file holds one of the words.
"""

import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from os import environ
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
SOURCES = ("mobilenet", "export", "bench", "reports", "tests", "pyproject.toml", "README.md")
AT_ONCE = 2
LONGEST_S = 240  # for the tests of one mutant: one that hangs is not caught
FAILED = 1  # pytest's exit code; those above tell of tests that were never run
FAILURE = re.compile(r"^(?:FAILED|ERROR) (\S+?\.py::.+?)(?: - .*)?$", re.MULTILINE)


class Mutant(NamedTuple):
    """`new` in place of `old`, which occurs once in `file`; `tests` are files or node ids."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


class Verdict(NamedTuple):
    """`caught_by` is the test that failed as one must; empty when none did."""

    caught_by: str
    seconds: float
    last_line: str


def kept(root: Path = ROOT) -> list[Mutant]:
    """Every mutant of the list."""
    return [
        Mutant(**{**entry, "tests": tuple(entry["tests"])})
        for path in sorted((root / "tests" / "mutants").glob("*.toml"))
        for entry in tomllib.loads(path.read_text("utf-8"))["mutant"]
    ]


def mutated(mutant: Mutant, root: Path = ROOT) -> str:
    """The text of the mutant's file with its fault. Raises `ValueError` where it has no place."""
    text = (root / mutant.file).read_text("utf-8")
    if (count := text.count(mutant.old)) != 1:
        raise ValueError(f"{mutant.name}: {count} places in {mutant.file} for {mutant.old!r}")
    return text.replace(mutant.old, mutant.new)


def verdict(mutant: Mutant, root: Path = ROOT) -> Verdict:
    """Run the mutant's tests on a copy of `root` that has its fault."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        copy = _copied(root, Path(folder))
        (copy / mutant.file).write_text(mutated(mutant, root), "utf-8")
        began = time.monotonic()
        try:
            done = _pytest(copy, mutant.tests, "-x", timeout=LONGEST_S)
        except subprocess.TimeoutExpired:
            return Verdict("", LONGEST_S, f"not done after {LONGEST_S} s")
    seconds = time.monotonic() - began
    failure = FAILURE.search(done.stdout) if done.returncode == FAILED else None
    last_line = (done.stdout or done.stderr or "it said nothing").strip().splitlines()[-1]
    return Verdict(failure[1] if failure else "", seconds, last_line)


def failing_unchanged(tests: Iterable[str], root: Path = ROOT) -> set[str]:
    """Which of `tests` fail without any fault: what they fail with is no catch."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        done = _pytest(_copied(root, Path(folder)), sorted(set(tests)), "-n", str(AT_ONCE))
    if done.returncode > FAILED:
        raise RuntimeError(done.stdout + done.stderr)
    return set(FAILURE.findall(done.stdout))


def main(words: Sequence[str], root: Path = ROOT) -> int:
    """Exit code 0 when every mutant is caught, 1 when one survives, 2 for an error in the list."""
    mutants = [mutant for mutant in kept(root) if _is_asked_for(mutant, words)]
    try:
        for mutant in mutants:
            mutated(mutant, root)
    except ValueError as error:
        print(f"error: {error} (mend the list in tests/mutants)", file=sys.stderr)
        return 2
    verdicts = _run(mutants, root)
    caught = {
        mutant: verdict.caught_by for mutant, verdict in verdicts.items() if verdict.caught_by
    }
    failing = failing_unchanged(caught.values(), root) if caught else set()
    for mutant, (test, _, last_line) in verdicts.items():
        if test in failing:
            print(f"not caught: {mutant.name} ({mutant.file}); {test} fails without it, too")
        elif not test:
            print(
                f"survived: {mutant.name} ({mutant.file}); {' '.join(mutant.tests)}: {last_line}"
            )
    count = sum(test not in failing for test in caught.values())
    print(f"{count} of {len(mutants)} caught")
    return int(count < len(mutants))


def _is_asked_for(mutant: Mutant, words: Sequence[str]) -> bool:
    return not words or any(word in mutant.name or word in mutant.file for word in words)


def _run(mutants: Sequence[Mutant], root: Path) -> dict[Mutant, Verdict]:
    """Run all, with a line for each as it is done."""
    verdicts = {}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        running = {pool.submit(verdict, mutant, root): mutant for mutant in mutants}
        for number, future in enumerate(as_completed(running), start=1):
            mutant, result = running[future], future.result()
            verdicts[mutant] = result
            print(
                f"[{number}/{len(mutants)}] {result.seconds:5.1f} s  {mutant.file}: "
                f"{mutant.name}: {result.caught_by or 'SURVIVED'}",
                flush=True,
            )
    return verdicts


def _copied(root: Path, folder: Path) -> Path:
    """What the tests need of `root`, in `folder`."""
    for name in SOURCES:
        source = root / name
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "peers")
            shutil.copytree(source, folder / name, ignore=ignored)
        elif source.is_file():
            shutil.copy(source, folder / name)
    return folder


def _pytest(
    folder: Path, tests: Iterable[str], *options: str, timeout: float | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--tb=no", "-rfE", "-p", "no:cacheprovider",
         *options, *tests],
        cwd=folder, env={**environ, "PYTHONPATH": str(folder)}, timeout=timeout,
        capture_output=True, text=True, check=False,
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
