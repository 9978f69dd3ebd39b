"""The contracts between rooms hold: each forbidden import, made in a copy, is refused."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("mobilenet", "export", "bench", "reports")
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]


class Forbidden(NamedTuple):
    """An import that must be refused: where it is made, and by which contract."""

    file: str
    line: str
    contract: str


ONE_WAY = "data walks one way"
NO_CIRCLES = "no circles"
RECORDS_ONLY = "reports take bench.results, nothing else of bench, and nothing of export"
RESULTS_ALONE = "results take nothing of bench, and nothing of export"
NO_FRAMEWORK = "models and records as data need no framework"
FORMATS = "formats know rows, neither networks nor readers"
ALONE = "formats do not know each other"
TERMINAL = "only commands and views use the terminal"
ROOMS = {package: f"rooms of {package}" for package in PACKAGES}

CASES = [
    Forbidden("mobilenet/fold.py", "import export.spec", ONE_WAY),
    Forbidden("export/spec.py", "import bench.results.records", ONE_WAY),
    Forbidden("bench/results/read.py", "import reports.choose", ONE_WAY),
    Forbidden("reports/choose.py", "import bench.session.schedule", RECORDS_ONLY),
    Forbidden("reports/claims.py", "import export.spec", RECORDS_ONLY),
    Forbidden("bench/results/read.py", "import bench.machine.thermal", RESULTS_ALONE),
    Forbidden("bench/results/read.py", "import bench.workers.protocol", RESULTS_ALONE),
    Forbidden("bench/results/read.py", "import export.spec", RESULTS_ALONE),
    *(
        Forbidden(file, f"import {framework}", NO_FRAMEWORK)
        for file in (
            "export/mil/program.py", "export/package/metadata.py", "export/inspect/inspect.py",
            "bench/results/records.py", "reports/choose.py",
        )
        for framework in ("torch", "coremltools")
    ),
    Forbidden("export/mil/program.py", "import mobilenet.torch_module", NO_FRAMEWORK),
    Forbidden("export/inspect/inspect.py", "import export.formats.coreml.save", NO_FRAMEWORK),
    Forbidden("export/formats/coreml/build.py", "import export.formats.registry", ALONE),
    Forbidden("export/formats/coreml/build.py", "import mobilenet.networks.v1", FORMATS),
    Forbidden("export/formats/coreml/build.py", "import mobilenet.sources.keras", FORMATS),
    Forbidden("mobilenet/fold.py", "import mobilenet.common.terminal", TERMINAL),
    Forbidden("export/pipeline.py", "import mobilenet.common.terminal", TERMINAL),
    Forbidden("bench/session/runner.py", "import mobilenet.common.terminal", TERMINAL),
    Forbidden("reports/choose.py", "import mobilenet.common.terminal", TERMINAL),
    Forbidden("mobilenet/common/files.py", "import mobilenet.checkpoint", ROOMS["mobilenet"]),
    Forbidden("export/mil/program.py", "import export.verify.gates", ROOMS["export"]),
    Forbidden("bench/machine/thermal.py", "import bench.session.runner", ROOMS["bench"]),
    Forbidden("reports/choose.py", "import reports.page.page", ROOMS["reports"]),
    Forbidden("mobilenet/networks/rows.py", "import mobilenet.networks.v1", NO_CIRCLES),
    Forbidden("export/mil/ops/operation.py", "import export.mil.ops.pooling", NO_CIRCLES),
    Forbidden("bench/session/schedule.py", "import bench.session.runner", NO_CIRCLES),
    Forbidden("reports/plots/style.py", "import reports.plots.timing", NO_CIRCLES),
]  # fmt: skip


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("copy")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package)
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def lint(folder: Path) -> dict[str, bool]:
    """Whether each contract is kept."""
    code = "import sys; from importlinter.cli import lint_imports_command as c; sys.exit(c())"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, "--no-logo", "--no-cache"], cwd=folder,
        capture_output=True, text=True, check=False,
        env=os.environ | {"PYTHONPATH": str(folder)},
    )  # fmt: skip
    return {
        name: state == "KEPT"
        for name, state in re.findall(r"^(.+) (KEPT|BROKEN)\b", done.stdout, re.MULTILINE)
    }


def test_all_are_kept_without_exception(copy: Path) -> None:
    names = [contract["name"] for contract in CONTRACTS["contracts"]]
    assert lint(copy) == dict.fromkeys(names, True)
    assert not any("ignore_imports" in contract for contract in CONTRACTS["contracts"])
    assert {case.contract for case in CASES} == set(names)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.file}: {case.line}")
def test_forbidden(case: Forbidden, copy: Path) -> None:
    path = copy / case.file
    text = path.read_text("utf-8")
    path.write_text(f"{text}\n{case.line}\n", "utf-8")
    try:
        assert not lint(copy)[case.contract]
    finally:
        path.write_text(text, "utf-8")
