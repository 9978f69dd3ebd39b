"""Training of what is stored: the compressed network learns from the one that it stands for.

Distillation (Hinton et al. 2015, arXiv 1503.02531), without labels, of all its numbers at once
(Finkelstein et al. 2022, arXiv 2212.02634), from where learning layer by layer ended. Every step
follows from the seed and its number, so that a run that is gone on with ends as one that never
was interrupted. What counts is the loss on the photographs that are held back: the network that
had the least is given back, be it the one that training began with.
"""

import math
from copy import deepcopy
from pathlib import Path
from typing import NamedTuple

import torch

from export.compression.calibration import Calibration
from export.compression.compressed_network import CompressedNetwork
from export.compression.learning.finetuning_state import FinetuningState, StateFile, digest_of
from export.compression.learning.photograph_crops import drawn_batch
from export.compression.learning.student import (
    ObservedNetwork,
    Student,
    difference,
    is_softmax,
)
from mobilenet.checkpoint import Checkpoint
from mobilenet.common.errors import ConfigError
from mobilenet.common.interrupts import held_back
from mobilenet.common.progress import SILENT, Progress

STEPS_PER_MINUTE = 46  # of two cores and MobileNet v1 1.0 at 224; the same everywhere
MAX_MINUTES = 24 * 60
BATCH = 24
WARM_UP = 20  # steps with smaller rates: Adam's first moments are noise
CHECKS = 10  # at least, on what is held back; one a minute
PATIENCE = 0.5  # of all steps without a lesser loss: no more will come


def finetuned(
    start: CompressedNetwork,
    teacher: Checkpoint,
    photographs: Calibration,
    minutes: float,
    *,
    seed: int = 0,
    progress: Progress = SILENT,
    state: Path | None = None,
) -> CompressedNetwork:
    """`start`, trained to answer as `teacher`, or as it was where nothing was gained.

    `minutes` are steps: `steps_in` says how many. While it runs, all it needs to go on is in the
    file `state`, at most a minute old; Ctrl-C leaves it up to date. At the end the result is in
    it, and is taken from there without training: it is the caller who removes it. Raises
    `ConfigError` for a time that is none, and where `state` is a file of another kind or shape.
    """
    steps = steps_in(minutes)
    device = fastest_device()
    plan = TrainingPlan(steps, seed, device)
    file = StateFile(state, digest_of(start, teacher, photographs.digest, repr(plan)))
    training = Training(start, teacher, photographs, plan)
    kept, note = file.read(training.example())
    if note:
        progress.say(note)
    if kept is None:
        training.check()
    else:
        training.restore(kept)
        done = "had ended" if training.is_over else "goes on"
        progress.say(f"finetuning {done} after step {training.step} of {steps}")
    began = training.first
    try:
        _run(training, file, progress)
    except KeyboardInterrupt:
        if training.step and file.write(training.state()):
            progress.warn(
                f"finetuning ended after step {training.step} of {steps}: "
                "the same command goes on from there"
            )
        raise
    progress.say(
        f"finetuning: {began} before, {training.best} after step {training.best.step}, on "
        f"{len(photographs.held_back)} photographs held back"
    )
    return training.result()


def steps_in(minutes: float) -> int:
    """How many steps are trained for so many minutes, on whatever machine.

    By the clock, the result would depend on how busy a machine is. Raises `ConfigError`.
    """
    if not 0 < minutes <= MAX_MINUTES:
        raise ConfigError(
            f"finetune {minutes:g} minutes", f"more than 0, at most {MAX_MINUTES}; 10 is usual"
        )
    return max(1, round(minutes * STEPS_PER_MINUTE))


def fastest_device() -> torch.device:
    """A GPU where there is one."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


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
        self.first = self.best = Check(0, math.inf, 0.0 if is_softmax(self._readout) else None)

    def take_step(self) -> None:
        """One batch."""
        generator = torch.Generator().manual_seed(self._seed * MAX_STEPS + self.step)
        pixels = drawn_batch(self._photographs, BATCH, generator).to(self._device)
        for group, rate in zip(self._optimizer.param_groups, self._rates, strict=True):
            group["lr"] = rate * _share(self.step, self.steps)
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
        every = min(STEPS_PER_MINUTE, math.ceil(self.steps / CHECKS))
        return self.step % every == 0 or self.step == self.steps

    @torch.no_grad()
    def check(self) -> Check:
        """On what is held back; the best is kept."""
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
        return check

    @property
    def is_over(self) -> bool:
        """Whether no step is left, or none that would help."""
        waited = self.step - self.best.step
        return self.step >= self.steps or waited > PATIENCE * self.steps

    def state(self) -> FinetuningState:
        """All that is needed to go on."""
        return FinetuningState(
            self.step, tuple(self.first), tuple(self.best), self._numbers(),
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
        self.step = state.step
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


MAX_STEPS = MAX_MINUTES * STEPS_PER_MINUTE


def _run(training: Training, file: StateFile, progress: Progress) -> None:
    with progress.bar("Finetuning") as bar:
        text = str(training.best)
        while not training.is_over:
            bar.update(training.step, training.steps, text)
            with held_back():  # a step is taken whole
                training.take_step()
                if training.is_due:
                    text = str(training.check())
            if training.is_due or training.is_over:
                file.write(training.state())


def _share(step: int, steps: int) -> float:
    """Of the full rates: rising at first, then falling to nothing along a cosine."""
    return min(1, (step + 1) / WARM_UP) * (1 + math.cos(math.pi * step / steps)) / 2
