"""Training of what is stored: the compressed network learns from the one that it stands for.

It begins where learning layer by layer ended. A run that is gone on with ends as one that never
was interrupted. The network with the least loss on the photographs that are held back is given
back, be it the one that training began with.
"""

from pathlib import Path

import torch

from export.compression.calibration import Calibration
from export.compression.compressed_network import CompressedNetwork
from export.compression.learning.finetuning_state import StateFile, digest_of
from export.compression.learning.training import Training, TrainingPlan
from mobilenet.checkpoint import Checkpoint
from mobilenet.common.errors import ConfigError
from mobilenet.common.interrupts import held_back
from mobilenet.common.progress import SILENT, Progress

STEPS_PER_MINUTE = 46  # of two cores and MobileNet v1 1.0 at 224; the same everywhere
MAX_MINUTES = 24 * 60


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
    kept, note = file.read(training.example)
    if note:
        progress.say(note)
    if kept is None:
        training.check()
    else:
        training.restore(kept)
        done = "had ended" if training.is_over else "goes on"
        progress.say(f"finetuning {done} after step {training.step} of {steps}")
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
        f"finetuning: {training.first} before, {training.best} after step {training.best.step}, "
        f"on {len(photographs.held_back)} photographs held back"
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


def _run(training: Training, file: StateFile, progress: Progress) -> None:
    with progress.bar("Finetuning") as bar:
        text = str(training.best)
        while not training.is_over:
            bar.update(training.step, training.steps, text)
            with held_back():  # a step is taken whole
                training.take_step()
                if training.is_due:
                    text = str(training.check())
            if training.is_due or training.step % STEPS_PER_MINUTE == 0:
                file.write(training.state())
