"""The workflow of `docs/ci/models.yml`, its steps run as GitHub would, on small networks.

What a session measures is made up, since no verdict on time is certain on a busy machine; all
else is what the commands answer.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

import made_results as made
from bench.results.records import Record
from export.pipeline import export
from export.spec import ExportSpec, Variant
from made_sessions import slowed
from mobilenet.networks.v1 import MobileNetConfig

ROOT = Path(__file__).parent.parent
WORKFLOW = yaml.safe_load((ROOT / "docs/ci/models.yml").read_text("utf-8"))
STEPS = {step["name"]: step for step in WORKFLOW["jobs"]["model"]["steps"] if "name" in step}
CASES = "baseline | portable | CPU", "Net | portable | CPU"
SOUND, DIFFERENT, SLOWER, KEEP = "Sound?", "Different or larger?", "Slower?", "Keep main's model"


def package(path: Path, **spec: object) -> Path:
    variant = Variant(alpha=0.25, resolution=32, shallow=True, weights="untrained")
    return export(variant, path, spec=ExportSpec(**spec), verify=False).path


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout with the model, the same in the cache, and our commands on the path."""
    folder = tmp_path_factory.mktemp("repository")
    package(folder / "models/Net.mlpackage")
    for name in ("export", "reports"):
        command = folder / "bin" / f"mobilenet-{name}"
        command.parent.mkdir(exist_ok=True)
        command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m {name} "$@"\n')
        command.chmod(0o755)
    assert run(KEEP, folder).returncode == 0
    return folder


def run(step: str, folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """As GitHub runs a step whose shell is bash."""
    environment = {
        **os.environ, **{name: str(value) for name, value in WORKFLOW["env"].items()},
        "MODEL": "models/Net.mlpackage", "PYTHONPATH": str(ROOT),
        "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
        "GITHUB_STEP_SUMMARY": str(folder / "summary.md"), **more,
    }  # fmt: skip
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", STEPS[step]["run"]]
    return subprocess.run(
        command, cwd=folder, env=environment, text=True, capture_output=True, check=False
    )


def measuring(folder: Path, quick: list[Record], thorough: list[Record] | None = None) -> None:
    """A `mobilenet-bench` that writes these records, and says with which plan it was asked."""
    made.write(folder / "quick.jsonl", quick)
    made.write(folder / "thorough.jsonl", thorough or quick)
    command = folder / "bin/mobilenet-bench"
    command.write_text(
        "#!/bin/sh\n"
        '[ "$1 $2 $3" = "run baseline/baseline.mlpackage models/Net.mlpackage" ] || exit 9\n'
        'for last; do :; done\ncase "$*" in *--quick*) plan=quick;; *) plan=thorough;; esac\n'
        'echo "measured $plan"\ncp "$plan.jsonl" "$last"\n'
    )
    command.chmod(0o755)


def session(ratio: float, rounds: int = 15, twin: float = 1.0) -> list[Record]:
    model = made.model(MobileNetConfig(0.25, 32, True))
    cases = [made.case(model, case=name) for name in CASES]
    control = made.case(model, case="twin", control_of=CASES[0])
    latency = dict.fromkeys((*CASES, "twin"), 10.0)
    launches = made.launches([*cases, control], latency, rounds, 11, 1)
    records = [made.session(rounds), *cases, control, *launches]
    return slowed(slowed(records, ratio, CASES[1]), twin, "twin")


def outcomes(folder: Path, file: str) -> dict[str, str]:
    suite = ElementTree.parse(folder / "junit" / file).getroot()[0]
    return {case.get("name", ""): case[0].tag for case in suite}


def test_what_is_mains_is_green(repository: Path) -> None:
    done = run(DIFFERENT, repository)
    assert done.returncode == 0, done.stderr
    assert {*outcomes(repository, "diff.xml").values()} == {"system-out"}
    done = run(SLOWER, repository)  # not measured: there is no such command yet
    assert done.returncode == 0
    assert "the model is main's" in done.stdout


def test_nothing_to_compare_with_is_red(repository: Path, tmp_path: Path) -> None:
    shutil.copytree(repository / "models", tmp_path / "models")
    done = run(DIFFERENT, tmp_path)
    assert (done.returncode, "run this workflow on main" in done.stdout) == (1, True)
    (tmp_path / "bin").mkdir()
    measuring(tmp_path, session(1.0))
    assert run(SLOWER, tmp_path).returncode != 0


def test_the_commands_know_the_options_of_the_workflow(repository: Path) -> None:
    """What is made up below takes anything."""
    asked = re.findall(r"--[a-z]+", STEPS[SLOWER]["run"].split("code=0")[0])
    shown = subprocess.run(
        [sys.executable, "-m", "bench", "run", "--help"],
        cwd=ROOT, text=True, capture_output=True, check=True,
    ).stdout  # fmt: skip
    assert set(asked) <= set(re.findall(r"--[a-z]+", shown))
    assert {"--wait", "--quick", "--thorough", "--threads"} <= set(asked)


def test_an_unsound_model_is_red(repository: Path) -> None:
    done = run(SOUND, repository)  # it is untrained
    assert done.returncode == 1
    assert "failure" in outcomes(repository, "inspect.xml").values()
    assert "never trained" in (repository / "summary.md").read_text()


@pytest.fixture
def changed(repository: Path, tmp_path: Path) -> Path:
    """The same checkout with another model, four times as large, that answers something else."""
    shutil.copytree(repository, tmp_path, dirs_exist_ok=True)
    shutil.rmtree(tmp_path / "models/Net.mlpackage")
    variant = Variant(alpha=0.5, resolution=32, shallow=True, weights="untrained")
    export(variant, tmp_path / "models/Net.mlpackage", verify=False)
    return tmp_path


def test_another_model_is_red(changed: Path) -> None:
    done = run(DIFFERENT, changed)
    assert done.returncode == 1, done.stderr
    assert [*outcomes(changed, "diff.xml").values()] == ["failure", "failure"]
    assert "alpha 0.5" in (changed / "summary.md").read_text()


def test_more_precise_numbers_are_only_larger(repository: Path, tmp_path: Path) -> None:
    shutil.copytree(repository, tmp_path, dirs_exist_ok=True)
    shutil.rmtree(tmp_path / "models/Net.mlpackage")
    package(tmp_path / "models/Net.mlpackage", precision="fp32")
    assert run(DIFFERENT, tmp_path).returncode == 1
    assert [*outcomes(tmp_path, "diff.xml").values()] == ["system-out", "failure"]
    assert run(DIFFERENT, tmp_path, GROWTH="1.2").returncode == 0


@pytest.mark.parametrize(("ratio", "code"), [(1.0, 0), (1.2, 1), (0.8, 0)])
def test_slower_is_red(ratio: float, code: int, changed: Path) -> None:
    measuring(changed, session(ratio))
    done = run(SLOWER, changed)
    assert done.returncode == code, done.stdout + done.stderr
    assert "measured quick" in done.stdout
    assert "measured thorough" not in done.stdout
    assert [*outcomes(changed, "speed.xml").values()] == [["system-out", "failure"][code]]


@pytest.mark.parametrize(
    "undecided", [session(1.2, rounds=4), session(1.2, twin=1.5)], ids=["few", "unreliable"]
)
def test_undecided_is_measured_again_and_then_red(undecided: list[Record], changed: Path) -> None:
    measuring(changed, undecided, session(1.2))
    assert run(SLOWER, changed).returncode == 1
    measuring(changed, undecided, session(1.0))
    assert run(SLOWER, changed).returncode == 0
    measuring(changed, undecided)
    done = run(SLOWER, changed)
    assert done.returncode == 1, done.stderr
    assert "measured thorough" in done.stdout
    assert "::warning::speed is undecided" in done.stdout
    assert "skipped" in outcomes(changed, "speed.xml").values()
    assert run(SLOWER, changed, UNDECIDED="0").returncode == 0


def test_a_measurement_that_fails_is_red(changed: Path) -> None:
    measuring(changed, session(1.0))
    (changed / "quick.jsonl").write_text("no record\n")
    assert run(SLOWER, changed).returncode == 2
