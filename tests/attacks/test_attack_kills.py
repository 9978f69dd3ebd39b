"""Claim: nothing is lost, doubled or left behind by a command that is killed at any moment.

A few kills; `python tests/attacks/attack_kills.py` kills every command that writes, 200 times.
"""

import random
import runpy
import time
from pathlib import Path

import pytest

from killing import Attack, Command, Result, Row, report

SCRIPT = Path(__file__).with_name("attack_kills.py")
CARELESS = """
import subprocess, sys, tempfile, time
from pathlib import Path
first, sign = Path("first"), Path("tmp/sign")
if not first.exists():
    first.touch()
elif not sign.exists():
    first.unlink()
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
    sign.touch()
    time.sleep(60)
"""


class Careless:
    """Leaves a process and a file behind, and nothing where something was."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def command(self) -> Command:
        return Command("careless", ["-c", CARELESS])

    def broken(self) -> int:
        return int(not (self.folder / "first").exists())

    def result(self) -> Result:
        return Result(0, doubled=1)

    def renew(self) -> None:
        """Nothing is to be done."""


class AtTheSign(random.Random):
    """The moment that a file appears."""

    def __init__(self, sign: Path) -> None:
        super().__init__(1)
        self.sign = sign

    def uniform(self, *_: float) -> float:
        deadline = time.monotonic() + 60
        while not self.sign.exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        return 0


def test_a_few_kills_do_no_harm(capsys: pytest.CaptureFixture[str]) -> None:
    attack = runpy.run_path(str(SCRIPT))["main"]
    assert attack(["--kills", "2", "--only", "weights"]) == 0, capsys.readouterr().out
    assert capsys.readouterr().out.splitlines()[-1].split() == ["all", "2", *"00000"]


def test_harm_is_seen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows: dict[str, Row] = {}
    chance = AtTheSign(tmp_path / "tmp" / "sign")
    Attack(Careless(tmp_path), chance, rows, patience_s=0.2).run(1)
    assert rows == {
        "careless": Row(kills=1, lost=1, doubled=2, orphans=1, leftovers=1, failures=0)
    }
    assert not report(rows)
    assert "careless" in capsys.readouterr().out
