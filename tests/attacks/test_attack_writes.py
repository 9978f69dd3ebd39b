"""Claim: writing is whole or has not happened, whichever system call fails or is the last.

Afterwards the old or the new package stands under its name, a results file holds every launch
that was acknowledged, once, and the next run leaves nothing of the one that died.
"""

import os
import subprocess
import sys
from pathlib import Path

import dying


def test_a_fault_at_every_call_loses_nothing_and_leaves_nothing() -> None:
    done = subprocess.run(
        [sys.executable, dying.__file__],
        cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert not done.returncode, done.stderr
    assert int(done.stdout) > 150
