"""`bench accuracy`: top-1 and top-5 of packages themselves, and where they part."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

from cyclopts import Parameter

from mobilenet.common.errors import ConfigError
from mobilenet.common.options import FLAG, SEVERAL, OutputFile
from mobilenet.common.progress import SILENT, Progress
from mobilenet.common.temporary import owned_folder
from mobilenet.common.text import duration

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bench.accuracy.runs import Line, PictureRun
    from bench.results.records import Record

MAX_JOBS = 256
LONG_S = 600
DEFAULT_FOLDER = Path("results")


@Parameter(name="*")
@dataclass(frozen=True)
class AccuracyOptions:
    """On what, how, and against what."""

    labels: Path | None = None
    """Text or CSV file with a file name and a class a line. Default: val.txt in the folder."""
    recipe: Annotated[tuple[str, ...] | None, SEVERAL] = None
    """package, torchvision, timm, slim, keras, squash, center-square, fit. Default: package."""
    against: str | None = None
    """Weights as `python -m export` takes them: that network in PyTorch is the reference."""
    runtime: str | None = None
    """coreml, coreai, portable, torch, torch-mps. Default: what runs the format here."""
    unit: Annotated[tuple[str, ...] | None, SEVERAL] = None
    """Compute units; several are allowed. Default: the runtime's last, ALL for coreml."""
    precision: Literal["float32", "declared"] | None = None
    """Of portable: declared rounds every float16 result. Default: float32 on stored weights."""
    limit: int | None = None
    """At most so many photographs, spread evenly over the set."""
    jobs: int | None = None
    """Decoding processes, and threads that ask. Default: the number of cores."""
    offline: Annotated[bool, FLAG] = False
    """Take --against from the cache; reach for nothing."""
    output: OutputFile | None = None
    """New .jsonl file. Default: results/accuracy- and a name made from what is compared."""
    json: Annotated[bool, FLAG] = False
    """Print the records as JSON."""

    def __post_init__(self) -> None:
        if self.jobs is not None and not 1 <= self.jobs <= MAX_JOBS:
            raise ConfigError(f"jobs is {self.jobs}", f"1 to {MAX_JOBS}")


class Measured(NamedTuple):
    """What was measured, and the file that holds it."""

    records: list["Record"]
    path: Path


def measure(
    packages: Sequence[Path], data: Path, options: AccuracyOptions, progress: Progress = SILENT
) -> Measured:
    """How often `packages` are right on the photographs in the folder `data`.

    Goes on where the same call was interrupted. Raises `UserError` for what cannot be measured.
    """
    from bench.accuracy import photographs, plan, recipes, runs
    from bench.runtimes.entries import default_runtimes

    if options.output:
        labels = [options.labels] if options.labels else []
        check_output(options.output, [*packages, *labels])
    names = options.recipe or (recipes.PACKAGE,)
    for name in set(names) - {recipes.PACKAGE}:
        recipes.named(name)  # what cannot be done is said before the work
    dataset = photographs.find(data, options.labels).limited(options.limit)
    for note in dataset.notes:
        progress.say(note)
    with owned_folder() as folder:
        runtimes = (options.runtime,) if options.runtime else default_runtimes()
        classifiers = plan.load(packages, runtimes, options.unit or (), options.precision, folder)
        if options.against:
            original = plan.checkpoint(options.against, classifiers[0], options.offline, progress)
            classifiers.insert(0, original)
        prepared = plan.prepare(dataset, classifiers, names, progress)
        path = (
            options.output or DEFAULT_FOLDER / f"accuracy-{runs.digest(prepared.head)[:8]}.jsonl"
        )
        return Measured(carry_out(prepared, path, options.jobs, progress), path)


def carry_out(
    run: "PictureRun[Line]", path: Path, jobs: int | None = None, progress: Progress = SILENT
) -> list["Record"]:
    """Answer what is still to be answered, and write the records to `path`."""
    import msgspec

    from bench.accuracy import journal, live, picture_pass
    from bench.results.records import Plan
    from bench.session.runner import head, utc
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
    lines = (msgspec.json.encode(record) + b"\n" for record in (head(plan), *records))
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
