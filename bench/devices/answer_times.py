"""When the answer of a launch should be there, by what the launch before took, and if it is late.

Each question is work for the phone: three are allowed about a launch that is late, so that it
takes seven commands at most. Of what never ran, as compiling or a first load, nothing is known,
and to wait for its time limit would take minutes: there it is asked until the answer comes.
"""

import itertools
import math
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

import msgspec

from bench.session import schedule
from bench.workers.protocol import Job, WorkerResult

QUESTION_S = 1.0  # after the answer should have been there, the first time
START_S = 1.0  # of an app that is not known yet


class LaunchDuration(NamedTuple):
    """Of a launch, but for warm-up and samples; of one call."""

    outside_s: float
    call_s: float


class AnswerTimes:
    """What launches took, by model, unit and batch."""

    def __init__(self) -> None:
        self._durations: dict[tuple[str, str, int], LaunchDuration] = {}

    def learn(self, job: Job, line: bytes) -> None:
        """From the last line of an answer, where it is a result."""
        with suppress(msgspec.DecodeError):
            result = msgspec.json.decode(line, type=WorkerResult)
            outside_ns = result.start_ns + result.load_ns + result.first_call_ns
            call_ns = min(result.warmup_ns, default=result.first_call_ns)
            duration = LaunchDuration(START_S + outside_ns / 1e9, call_ns / 1e9)
            self._durations[_key(job)] = duration

    def expected_s(self, job: Job) -> float:
        """From the start of the app to its answer."""
        outside_s, call_s = self._durations.get(_key(job), LaunchDuration(START_S, 0.0))
        if job.pace_hz:
            call_s = max(call_s, 1 / job.pace_hz)
        return job.seconds + schedule.launch_seconds(job, outside_s, call_s)

    def questions_s(self, job: Job, left_s: float) -> Iterator[float]:
        """Times since the answer was late, at the time limit `left_s` at last."""
        times_s = (
            [QUESTION_S, math.sqrt(QUESTION_S * left_s)]
            if _key(job) in self._durations
            else (QUESTION_S * (2**number - 1) for number in itertools.count(1))
        )
        yield from itertools.takewhile(lambda time_s: time_s < left_s, times_s)
        yield left_s


def _key(job: Job) -> tuple[str, str, int]:
    return job.compiled, job.unit, job.batch
