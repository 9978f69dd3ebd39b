"""From packages and options to what is to be measured."""

import functools
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from bench.results.records import Case, Model
from bench.runtimes.entries import RUNTIMES, RuntimeEntry, Worker
from bench.session.model_facts import model_of
from bench.workers.place import HERE, Place
from bench.workers.process import Outcome, run_worker
from bench.workers.protocol import Job, Units
from export.mil.description import ModelDescription
from export.package import model_files
from mobilenet.common.errors import ConfigError, PackageError
from mobilenet.common.progress import SILENT, Progress

MAX_BATCH = 1024
MAX_THREADS = 1024
MAX_PACE_HZ = 1000
DESCRIBE_TIMEOUT_S = 600  # to import what is needed for it, on the slowest of disks


@dataclass(frozen=True)
class Candidate:
    """One package on one runtime and compute unit, before anyone knows whether it will run."""

    package: Path
    model: Model
    runtime: str
    entry: RuntimeEntry
    unit: str
    settings: dict[str, int] = field(default_factory=dict)
    batch: int = 1
    pace_hz: int = 0  # calls a second; 0 is one call after the other

    def case(self) -> Case:
        """The record of it, as yet without what preparing will find out."""
        options = {name: str(value) for name, value in self.settings.items()}
        if self.batch > 1:
            options["batch"] = str(self.batch)
        if self.pace_hz:
            options["pace"] = str(self.pace_hz)
        parts = [self.model.name, self.runtime, self.unit]
        parts += [f"{name} {value}" for name, value in options.items() if name != "threads"]
        return Case(
            case=" | ".join(parts),
            model=self.model,
            runtime=self.runtime,
            unit=self.unit,
            options=options,
            package=_portable_path(self.package),
        )


def candidates(
    packages: Iterable[Path],
    runtimes: Sequence[str],
    *,
    units: Sequence[str] = (),
    threads: int | None = None,
    batches: Sequence[int] = (1,),
    paces: Sequence[int] = (0,),
    progress: Progress = SILENT,
    place: Place = HERE,
) -> list[Candidate]:
    """Everything asked for. Raises `UserError` for an unknown name or an unreadable package.

    `progress` is told of the same package under two names, which is measured once.
    """
    entries = place.runtimes
    check_names("runtime", runtimes, entries)
    check_names("unit", units, {unit for name in runtimes for unit in entries[name].units})
    check_batches(batches)
    check_paces(paces)
    options = {name: settings(name, threads) for name in runtimes}
    return [
        Candidate(path, model, name, entries[name], unit, options[name], batch, pace_hz)
        for path, model in _distinct([(path, model_of(path)) for path in packages], progress)
        for name, unit in _pairs(model, {name: entries[name] for name in runtimes}, units)
        for batch in dict.fromkeys(batches)
        for pace_hz in dict.fromkeys(paces)
    ]


def _pairs(
    model: Model, runtimes: Mapping[str, RuntimeEntry], units: Sequence[str]
) -> list[tuple[str, str]]:
    """The runtimes that time the model's format, or the last where none does; their units."""
    chosen = [name for name, entry in runtimes.items() if model.format in entry.formats]
    chosen = chosen or list(runtimes)[-1:]
    pairs = [(name, unit) for name in chosen for unit in _units(name, runtimes[name], units)]
    if not pairs:
        having = "; ".join(f"{name} has {', '.join(runtimes[name].units)}" for name in chosen)
        raise ConfigError(f"{model.name} has no unit {', '.join(units)}", having)
    return pairs


def _units(runtime: str, entry: RuntimeEntry, asked: Sequence[str]) -> list[str]:
    """Units to try; a runtime that is not here at all gets a single row to say so."""
    units = [unit for unit in entry.units if not asked or unit in asked]
    if len(units) > 1 and units_here(runtime, entry.worker).answer is None:
        return units[-1:]
    return units


@functools.cache
def units_here(runtime: str, worker: Worker) -> Outcome[Units]:
    """The units that `runtime` has where its worker runs; asked once."""
    job = Job(task="describe", runtime=runtime, timeout_s=DESCRIBE_TIMEOUT_S, memory_limit_bytes=0)
    return run_worker(worker, job, Units)


def candidate_of(case: Case, place: Place = HERE) -> Candidate:
    """What a record was made from at `place`. Raises `PackageError` when the package changed."""
    path = Path(case.package)
    if model_files.find(path).identity() != case.model.identity:
        raise PackageError(
            f"{path} is not the package that the session began with", "begin a new session"
        )
    check_names("runtime", [case.runtime], place.runtimes)
    entry = place.runtimes[case.runtime]
    options = {name: int(value) for name, value in case.options.items()}
    batch, pace_hz = options.pop("batch", 1), options.pop("pace", 0)
    check_batches([batch])
    check_paces([pace_hz])
    check_names("option", options, ["threads"])
    check_threads(options.get("threads"))
    return Candidate(path, case.model, case.runtime, entry, case.unit, options, batch, pace_hz)


def settings(runtime: str, threads: int | None) -> dict[str, int]:
    """Keyword arguments of the runtime: threads are fixed, so that they are known."""
    import psutil

    if not RUNTIMES[runtime].has_threads:
        return {}
    check_threads(threads)
    return {"threads": threads or psutil.cpu_count(logical=False) or 1}


def check_threads(threads: int | None) -> None:
    """Raises `ConfigError` for a number of threads that no machine has."""
    if threads is not None and not 1 <= threads <= MAX_THREADS:
        raise ConfigError(f"threads is {threads}", "1 to the number of cores")


def check_batches(batches: Iterable[int]) -> None:
    """Raises `ConfigError` for a batch of none, or of too many images."""
    for batch in batches:
        if not 1 <= batch <= MAX_BATCH:
            raise ConfigError(f"batch is {batch}", f"1 to {MAX_BATCH}")


def check_paces(paces: Iterable[int]) -> None:
    """Raises `ConfigError` for a pace that no camera has."""
    for hertz in paces:
        if not 0 <= hertz <= MAX_PACE_HZ:
            raise ConfigError(
                f"pace is {hertz}", f"1 to {MAX_PACE_HZ} calls a second, or 0: one after the other"
            )


def check_names(what: str, names: Iterable[str], choices: Iterable[str]) -> None:
    """Raises `ConfigError` for a name that is not among the choices."""
    for name in names:
        if name not in choices:
            hint = f"one of {', '.join(sorted(choices))}"
            raise ConfigError(f"{what} {name!r} is unknown", hint)


def description_of(package: Path) -> ModelDescription:
    """What a package takes and gives. Raises `PackageError`."""
    from export.mil.read.model import read_any

    return read_any(package).description


def _distinct(
    several: Iterable[tuple[Path, Model]], progress: Progress
) -> list[tuple[Path, Model]]:
    """Packages of the same name are told apart by their contents; the same one counts once."""
    first: dict[str, tuple[Path, Model]] = {}
    for path, model in several:
        before, _ = first.setdefault(model.identity, (path, model))
        if before != path:
            progress.warn(f"{path} is the same package as {before}: it is measured once")
    models = list(first.values())
    names = Counter(model.name for _, model in models)
    return [
        (path, model)
        if names[model.name] == 1
        else (path, msgspec.structs.replace(model, name=f"{model.name} {model.identity[:6]}"))
        for path, model in models
    ]


def _portable_path(path: Path) -> str:
    absolute, here = path.resolve(), Path.cwd()
    return str(absolute.relative_to(here) if absolute.is_relative_to(here) else absolute)
