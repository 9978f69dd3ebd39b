"""Sessions that compare a case with itself: `python tests/benchmark_control.py [SESSIONS] [PLAN]`.

Each is a real session of the default plan (or "quick") on the portable runtime, with its A/A
control, judged by `compare`. Goal: "no difference" in at least 17 of 20. Takes about a
minute each; run it on a machine that does nothing else. Prints, asserts nothing.
"""

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from bench.results.read import read
from bench.results.session_report import report
from bench.session import runner
from bench.session.cases import candidates
from bench.session.schedule import PLANS
from export.pipeline import export
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.untrained import untrained


def main(sessions: int, plan: str) -> None:
    labels = tuple(f"class {i}" for i in range(1000))
    checkpoint = replace(untrained(MobileNetConfig(0.5)), labels=labels)
    verdicts = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        package = export(checkpoint, folder, verify=False).path
        chosen = candidates([package], ["portable"])
        for number in range(sessions):
            path = folder / f"{number}.jsonl"
            runner.start(chosen, PLANS[plan], path)
            (control,) = report(read([path])[0]).controls
            verdicts.append(control.verdict)
            print(number, control.ratio, control.interval, control.verdict, flush=True)
    print(f"no difference shown in {verdicts.count('no difference shown')} of {sessions}")


if __name__ == "__main__":
    given = [*sys.argv[1:], *("20", "default")[len(sys.argv) - 1 :]]
    main(int(given[0]), given[1])
