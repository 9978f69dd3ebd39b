"""Claim: nothing is lost, doubled or left behind by commands that are killed at any moment.

python tests/attacks/attack_kills.py --kills 200 --seed 1

Kills every command that writes, with small untrained networks, and prints what came of it; exit
code 1 if anything did. 200 kills take some ten minutes on two cores that have nothing else to do.
"""

import argparse
import random
import sys
import tempfile
from collections import Counter
from contextlib import suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # the tests' own modules

from kill_apps import AppFolder
from kill_scenarios import Accuracy, Export, ExportAll, Page, Session, Weights
from killing import Attack, Row, Scenario, report

SCENARIOS = {
    "weights": (Weights, 3), "export": (Export, 3), "all": (ExportAll, 2),
    "session": (Session, 5), "accuracy": (Accuracy, 3), "page": (Page, 4), "app": (AppFolder, 2),
}  # fmt: skip
"""Each with its share of the kills."""


def main(argv: list[str] | None = None) -> int:
    """Kill, count, print; 1 if anything was lost, doubled or left."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="+", choices=SCENARIOS, default=list(SCENARIOS))
    options = parser.parse_args(argv)
    rows: dict[str, Row] = {}
    shares = [name for name in options.only for _ in range(SCENARIOS[name][1])]
    chance = random.Random(options.seed)
    kills = Counter(shares[number % len(shares)] for number in range(options.kills))
    # Ctrl-C shows what was counted so far.
    with tempfile.TemporaryDirectory() as folder, suppress(KeyboardInterrupt):
        for name, number in kills.items():
            work = Path(folder, name, "work")
            work.mkdir(parents=True)
            scenario: Scenario = SCENARIOS[name][0](work)
            Attack(scenario, chance, rows).run(number)
    return int(not report(rows))


if __name__ == "__main__":
    sys.exit(main())
