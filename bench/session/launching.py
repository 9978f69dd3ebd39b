"""The launches of a session, one slot after the other, each written down as it ends."""

import datetime
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

from bench.results.bounds import MAX_SECONDS
from bench.results.records import Launch, Plan
from bench.session import schedule
from bench.session.prepare import PreparedCase
from bench.session.schedule import Slot
from bench.workers.gate import Measurement
from bench.workers.place import HERE, Place
from bench.workers.process import Outcome
from mobilenet.common.progress import SILENT, Progress, tracked

GIVE_UP_AFTER = 3  # failures of one case in a row: a hang costs its whole time limit each time
SLACK = 4  # times the estimate before a launch of a slow model counts as hung


class Journal(Protocol):
    """Where launches go."""

    def append(self, launch: Launch, /) -> None:
        """One more."""


@dataclass
class Runner:
    """Launches slot after slot and writes each down; knows which were done before."""

    plan: Plan
    prepared: dict[str, PreparedCase]
    journal: Journal
    done: set[tuple[str, int]] = field(default_factory=set)
    progress: Progress = SILENT
    title: str = "Measuring"
    place: Place = HERE
    _failures: Counter[str] = field(default_factory=Counter)

    def left(self) -> list[Slot]:
        """What is still to be launched."""
        every = schedule.slots(self.plan, list(self.prepared))
        return [slot for slot in every if (slot.case, slot.round) not in self.done]

    def run(self) -> None:
        """Launch everything that is left."""
        for slot in tracked(
            self.left(), lambda slot: self.seconds(slot.case), self.title, self.progress
        ):
            self.journal.append(self.launch(slot))

    def launch(self, slot: Slot) -> Launch:
        """One launch, whatever becomes of it."""
        started, load, before = utc(), self.place.load_average(), self.place.thermal()
        outcome = self._attempt(slot.case)
        self._failures[slot.case] = 0 if outcome.answer else self._failures[slot.case] + 1
        return Launch(
            case=slot.case,
            round=slot.round,
            position=slot.position,
            started=started,
            status=outcome.status,
            reason=outcome.reason,
            pace_hz=self.prepared[slot.case].job.pace_hz,
            load_average=load,
            **{
                "thermal_before": before,
                "thermal_after": self.place.thermal(),
                **(_measured(outcome.answer) if outcome.answer else {}),
            },
        )

    def seconds(self, case: str) -> float:
        """About how long a launch will take."""
        ready = self.prepared[case]
        return schedule.launch_seconds(self.plan, ready.outside_s, ready.call_s)

    def _attempt(self, case: str) -> Outcome[Measurement]:
        if self._failures[case] >= GIVE_UP_AFTER:
            return Outcome("failed", f"not tried: {GIVE_UP_AFTER} launches in a row had failed")
        job = msgspec.structs.replace(
            self.prepared[case].job,
            warmup_s=self.plan.warmup_s,
            warmup_calls=self.plan.warmup_calls,
            samples=self.plan.samples,
            timeout_s=min(max(self.plan.timeout_s, SLACK * self.seconds(case)), MAX_SECONDS),
        )
        return self.prepared[case].launch(job)


def _measured(measurement: Measurement) -> dict[str, Any]:
    """What a `Launch` holds of it, under the same names."""
    fields = msgspec.structs.asdict(measurement.result)
    del fields["top1"]  # it is in the output
    told = {name: value for name, value in fields.items() if value is not None}
    return {**told, "output": measurement.output}


def utc() -> str:
    """Now, as ISO 8601 with milliseconds."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
