"""Sessions made for a comparison: cases that take 10 ms, on a machine that is never the same."""

import math
import random

import msgspec

import made_results as made
from bench.results.records import Case, Record
from mobilenet.networks.v1 import MobileNetConfig

MODEL = made.model(MobileNetConfig())
CHANGED = msgspec.structs.replace(MODEL, identity="cd" * 32)
BASELINES = [made.model(MobileNetConfig(alpha=alpha)) for alpha in (0.5, 0.25, 0.75)]
NAME = made.case(MODEL).case


def session(
    models: list, machine: float = 1.0, rounds: int = 15, seed: int = 10, **changes: object
) -> list[Record]:
    """A session in which every case takes 10 ms on a machine slower by a factor; the first has
    a twin."""
    chance, phase = random.Random(seed), seed
    cases = [made.case(model) for model in models]
    cases.append(made.case(models[0], case="twin", control_of=cases[0].case))
    head = made.session(rounds, **{"session": f"{seed}", **changes})
    launches = []
    for number in range(rounds):
        drift = machine * (1 + 0.03 * math.sin(phase + number))
        for case in cases:
            ns = round(10e6 * drift * math.exp(chance.gauss(0, 0.02)))
            launches.append(made.measured(case.case, number, samples_ns=(ns,)))
    return [head, *cases, *launches]


def slowed(session: list[Record], ratio: float, name: str = NAME) -> list[Record]:
    return [
        msgspec.structs.replace(record, samples_ns=(round(record.samples_ns[0] * ratio),))
        if getattr(record, "case", "") == name and not isinstance(record, Case)
        else record
        for record in session
    ]
