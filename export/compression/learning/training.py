"""Where a run of finetuning stands, and its next step.

Distillation (Hinton et al. 2015, arXiv 1503.02531), without labels, of all numbers of the student
at once (Finkelstein et al. 2022, arXiv 2212.02634). What counts is the loss on the photographs
that are held back: where a check finds no less of it, the numbers go back to the best there were,
and training goes on in half as large steps. Every step follows from the seed and its number.
"""

import math
from copy import deepcopy
from typing import NamedTuple

import torch

from export.compression.calibration import Calibration
from export.compression.compressed_network import CompressedNetwork
from export.compression.learning.finetuning_state import FinetuningState
from export.compression.learning.photograph_crops import drawn_batch
from export.compression.learning.student import (
    ObservedNetwork,
    Student,
    difference,
    is_softmax,
)
from mobilenet.checkpoint import Checkpoint

BATCH = 24
WARM_UP = 20  # steps with smaller rates: Adam's first moments are noise
CHECKS = 20  # at most, on what is held back
LEAST_STEPS = 5  # between them
MOST_SETBACKS = 10  # a thousandth of the rates: no more will come
SEEDS_APART = 1 << 20  # more than the steps of a day


class TrainingPlan(NamedTuple):
    """What a run follows from, beside its networks and photographs."""

    steps: int
    seed: int
    device: torch.device


class Check(NamedTuple):
    """How the network does on what is held back, after so many steps."""

    step: int
    loss: float
    agreement: float | None
    """Share of photographs with the teacher's class; None where classes are not told."""

    def __str__(self) -> str:
        loss = f"loss {self.loss:.4f}"
        return loss if self.agreement is None else f"{loss}, agreement {self.agreement:.1%}"


class Training:
    """Where a run stands, and its next step."""

    def __init__(
        self,
        start: CompressedNetwork,
        teacher: Checkpoint,
        photographs: Calibration,
        plan: TrainingPlan,
    ) -> None:
        self.step, self.steps, self._seed, device = 0, *plan
        self._start, self._photographs, self._device = start, photographs, device
        self._teacher = ObservedNetwork(teacher, device)
        self._student = Student(start, device)
        groups = self._student.parameter_groups()
        self._rates = [group["lr"] for group in groups]
        self._optimizer = torch.optim.Adam(groups)
        self._readout = teacher.config.readout
        self._best_numbers = self._numbers()
        self._setbacks = 0
        self.first = self.best = Check(0, math.inf, 0.0 if is_softmax(self._readout) else None)

    def take_step(self) -> None:
        """One batch."""
        generator = torch.Generator().manual_seed(self._seed * SEEDS_APART + self.step)
        pixels = drawn_batch(self._photographs, BATCH, generator).to(self._device)
        for group, rate in zip(self._optimizer.param_groups, self._rates, strict=True):
            group["lr"] = rate * _share(self.step, self.steps) / 2**self._setbacks
        with torch.no_grad():
            right = self._teacher.answer(pixels)
        self._optimizer.zero_grad()
        loss = difference(self._student.answer(pixels), right, self._readout)
        torch.autograd.backward(loss)
        self._optimizer.step()
        self.step += 1

    @property
    def is_due(self) -> bool:
        """Whether it is time for a check."""
        every = max(LEAST_STEPS, math.ceil(self.steps / CHECKS))
        return self.step % every == 0 or self.step == self.steps

    @torch.no_grad()
    def check(self) -> Check:
        """On what is held back; the best is kept, and gone on from."""
        seen = self._photographs.views(self._photographs.held_back)
        losses, same = 0.0, 0
        for at in range(0, len(seen), BATCH):
            levels = torch.from_numpy(seen[at : at + BATCH].copy()).permute(0, 3, 1, 2)
            pixels = levels.to(self._device).float()
            ours, right = self._student.answer(pixels), self._teacher.answer(pixels)
            losses += len(pixels) * float(difference(ours, right, self._readout))
            if is_softmax(self._readout):
                same += int((ours.result.argmax(1) == right.result.argmax(1)).sum())
        agreement = same / len(seen) if is_softmax(self._readout) else None
        check = Check(self.step, losses / len(seen), agreement)
        if self.step == 0:
            self.first = self.best = check
        elif check.loss < self.best.loss:
            self.best, self._best_numbers = check, self._numbers()
        else:
            self._setbacks += 1
            self._student.module.load_state_dict(self._best_numbers)
        return check

    @property
    def is_over(self) -> bool:
        """Whether no step is left, or none that would help."""
        return self.step >= self.steps or self._setbacks >= MOST_SETBACKS

    def state(self) -> FinetuningState:
        """All that is needed to go on."""
        return FinetuningState(
            self.step, self._setbacks, tuple(self.first), tuple(self.best), self._numbers(),
            self._best_numbers, self._optimizer.state_dict()["state"],
        )  # fmt: skip

    def example(self) -> FinetuningState:
        """A state with the names, types and shapes of every state of this run."""
        optimizer = deepcopy(self._optimizer)
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                parameter.grad = torch.zeros_like(parameter)
        optimizer.step()
        return self.state()._replace(optimizer=optimizer.state_dict()["state"])

    def restore(self, state: FinetuningState) -> None:
        """Go on from there."""
        self.step, self._setbacks = state.step, state.setbacks
        self.first, self.best = Check(*state.first), Check(*state.best)
        self._student.module.load_state_dict(state.numbers)
        self._best_numbers = state.best_numbers
        self._optimizer.load_state_dict(self._optimizer.state_dict() | {"state": state.optimizer})

    def result(self) -> CompressedNetwork:
        """The best there was."""
        if self.best.step == 0:
            return self._start
        self._student.module.load_state_dict(self._best_numbers)
        return self._student.network()

    def _numbers(self) -> dict[str, torch.Tensor]:
        return {key: value.clone() for key, value in self._student.module.state_dict().items()}


def _share(step: int, steps: int) -> float:
    """Of the full rates: rising at first, then falling to nothing along a cosine."""
    return min(1, (step + 1) / WARM_UP) * (1 + math.cos(math.pi * step / steps)) / 2
