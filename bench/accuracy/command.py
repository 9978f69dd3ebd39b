"""`bench accuracy`: top-1, mAP or mIOU of packages themselves, and where they differ."""

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from bench.accuracy.accuracy_options import AccuracyOptions
from mobilenet.common.progress import SILENT, Progress
from mobilenet.common.temporary import owned_folder
from mobilenet.common.text import duration

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bench.accuracy.runs import Line, PictureRun
    from bench.results.records import Record

LONG_S = 600
DEFAULT_FOLDER = Path("results")


class Measured(NamedTuple):
    """What was measured, and the file that holds it."""

    records: list["Record"]
    path: Path


def measure(
    packages: Sequence[Path], data: Path, options: AccuracyOptions, progress: Progress = SILENT
) -> Measured:
    """How well `packages` do on `data`: photographs by class, boxes, or masks.

    Goes on where the same call was interrupted. Raises `UserError` for what cannot be measured.
    """
    from bench.accuracy import preparing, recipes, runs

    if options.output:
        inputs = [path for path in (options.labels, options.images) if path]
        check_output(options.output, [*packages, *inputs])
    for name in set(options.recipe or ()) - {recipes.PACKAGE}:
        recipes.named(name)  # what cannot be done is said before the work
    with owned_folder() as folder:
        run = preparing.prepare(packages, data, options, folder, progress)
        name = f"accuracy-{runs.digest(run.head)[:8]}.jsonl"
        path = options.output or DEFAULT_FOLDER / name
        return Measured(carry_out(run, path, options.jobs, progress), path)


def carry_out(
    run: "PictureRun[Line]", path: Path, jobs: int | None = None, progress: Progress = SILENT
) -> list["Record"]:
    """Answer what is still to be answered, and write the records to `path`."""
    import msgspec

    from bench.accuracy import journal, live, picture_pass
    from bench.machine.environment import environment
    from bench.results.records import Plan
    from bench.session.launching import utc
    from bench.session.runner import head
    from mobilenet.common.files import write_atomically

    check_output(path)
    started, jobs, tally = utc(), jobs or picture_pass.cores(), run.tally()
    with journal.opened(log_path(path), run.head) as log:
        for answer in run.kept(log_path(path)):
            tally.add(answer)
        if log.done:
            progress.say(f"{log.done} of {run.total} were answered before")
        left = run.total - log.done
        _announce(picture_pass.interpreting_s(run.interpreted_s, left, jobs), progress)
        answers = run.answers(log.done, jobs)
        try:
            with contextlib.closing(answers):  # now, not when the error has been told
                for answer in live.tracked(answers, tally, run.total, progress):
                    log.file.append(answer)
                    tally.add(answer)
        except KeyboardInterrupt:
            progress.say(f"{tally.seen} of {run.total} are kept; the same command goes on.")
            raise
    records = list(tally.records(started))
    plan = Plan(rounds=1, warmup_s=0, warmup_calls=0, samples=0, timeout_s=0, seed=0)
    lines = (
        msgspec.json.encode(record) + b"\n" for record in (head(plan, environment()), *records)
    )
    write_atomically(path, b"".join(lines))
    return records


def _announce(seconds: float, progress: Progress) -> None:
    """How long an interpreter will take; a warning when that is long."""
    if not seconds:
        return
    text = f"Core AI is interpreted here: about {duration(max(seconds, 1))}"
    if seconds > LONG_S:
        progress.warn(f"{text}; --limit takes fewer photographs")
    else:
        progress.say(f"{text}.")


def check_output(path: Path, inputs: "Iterable[Path]" = ()) -> None:
    """Raise unless records can go to `path`: it is new, or a run that stopped left its answers."""
    from bench.results import jsonl
    from mobilenet.common import files

    for output in (path, log_path(path)):
        files.check_regular_file(output, inputs)
    if not log_path(path).exists():
        jsonl.check_new(path)


def log_path(path: Path) -> Path:
    """Where the raw answers are: beside the records, but not a results file itself."""
    return path.with_suffix(".predictions.ndjson")
