"""`make conformance` as a command, on a network of torchvision and one of timm."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.peers
ROOT = Path(__file__).parents[2]


def conformance(*arguments: str) -> subprocess.CompletedProcess[str]:
    paths = os.pathsep.join((str(ROOT), str(ROOT / "tests")))
    return subprocess.run(
        [sys.executable, "-m", "conformance", *arguments], cwd=ROOT,
        env=os.environ | {"PYTHONPATH": paths}, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_networks_of_both() -> None:
    done = conformance("squeezenet1_1", "lcnet_050", "--form", "float32", "--json")
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["network"] for row in rows] == ["squeezenet1_1", "lcnet_050"]
    assert all(0 < row["relative_l2"] < 1e-5 and row["macs"] > 1e6 for row in rows)


def test_a_name_that_is_not_on_the_list() -> None:
    done = conformance("resnet")
    assert done.returncode == 2
    assert "no network 'resnet' is on the list: resnet18" in done.stderr


def test_the_table_for_the_readme() -> None:
    done = conformance("lcnet_050", "--form", "float32", "--form", "neuralnetwork", "--markdown")
    heading, _, row = done.stdout.splitlines()
    assert heading == "| network | float32 | neuralnetwork | MACs | as PyTorch counts |"
    assert row.startswith("| lcnet_050 | ")
    assert row.endswith(" | yes |")
