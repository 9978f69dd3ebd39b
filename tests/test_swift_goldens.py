"""What the Swift tests hold the worker in Swift to is what Python computes, and is installed."""

import tomllib
from pathlib import Path

import swift_goldens

ROOT = Path(__file__).parent.parent
SWIFT = ROOT / "bench/workers/swift"


def test_the_goldens_are_what_python_computes() -> None:
    assert swift_goldens.FILE.read_text() == swift_goldens.goldens(), (
        "`python tests/swift_goldens.py` writes them anew; then the Swift tests tell"
    )


def test_the_swift_package_is_part_of_the_distribution() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    patterns = settings["package-data"]["bench"]
    installed = {path for pattern in patterns for path in (ROOT / "bench").glob(pattern)}
    files = {path for path in SWIFT.rglob("*") if path.is_file() and ".build" not in path.parts}
    assert {path.name for path in files} >= {"Package.swift", "Runner.swift", "golden.json"}
    assert files <= installed
