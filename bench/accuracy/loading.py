"""Packages on the runtimes that are for their formats, compiled and ready to be loaded."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from bench.accuracy.subjects import CompiledPackage
from bench.results.records import Model
from bench.runtimes.classes import CLASSES, create
from bench.session.cases import Candidate, candidates, check_names
from export.prepared import function_name
from mobilenet.common.errors import ConfigError, UnsupportedError
from mobilenet.common.progress import SILENT, Progress

if TYPE_CHECKING:
    from export.mil.program import Precision
    from export.runtimes.base import Runtime

WITH_FUNCTIONS = ("coreml", "coreai", "portable")


def compiled(
    packages: Sequence[Path],
    runtimes: Sequence[str],
    units: Sequence[str],
    precision: "Precision | None",
    folder: Path,
    *,
    with_logits: bool = False,
    progress: Progress = SILENT,
) -> list[CompiledPackage]:
    """Each package on the one of `runtimes` that is for its format, compiled into `folder`.

    Of one with a function for each resolution, every function. Without `units`, on the runtime's
    last. `with_logits`: of classifiers, whose logits are asked
    for beside what they give.

    Raises `UserError` for a package that cannot be run here: nothing is left out in silence.
    """
    if not packages:
        raise ConfigError("no package was named", "python -m bench accuracy PACKAGE... --data DIR")
    check_names("runtime", runtimes, CLASSES)
    chosen = candidates(packages, runtimes, units=units, progress=progress)
    for runtime in dict.fromkeys(candidate.runtime for candidate in chosen):
        if precision and runtime != "portable":
            raise ConfigError(f"precision {precision} on {runtime}", "only portable emulates it")
    if not units:
        chosen = list({each.model.identity: each for each in chosen}.values())
    return [
        _compiled(
            part, precision or "float32", folder, with_logits=with_logits, is_unit_free=not units
        )
        for candidate in chosen
        for part in _parts(candidate)
    ]


class CandidateFunction(NamedTuple):
    """A candidate, and which of its functions; "" is the default, or the only one."""

    candidate: Candidate
    model: Model
    function: str = ""


def _parts(candidate: Candidate) -> Iterator[CandidateFunction]:
    model = candidate.model
    if not model.resolutions or candidate.runtime not in WITH_FUNCTIONS:
        yield CandidateFunction(candidate, model)
        return
    for size in model.resolutions:
        function = function_name(size)
        own = msgspec.structs.replace(model, name=f"{model.name} {function}", resolutions=())
        if size != model.resolution:  # what is said of the package is of its default
            own = msgspec.structs.replace(
                own, resolution=size, macs=None, preprocessing="", published_top1=None,
                published_top5=None,
            )  # fmt: skip
        yield CandidateFunction(candidate, own, function)


def _compiled(
    part: CandidateFunction,
    precision: "Precision",
    folder: Path,
    *,
    with_logits: bool,
    is_unit_free: bool,
) -> CompiledPackage:
    """On the candidate's unit, or the last that its runtime has here."""
    candidate = part.candidate
    logits = _logits(part) if with_logits else ""
    runtime = _runtime(part, precision, (logits,) if logits else ())
    if reason := runtime.unavailable():
        raise UnsupportedError(reason, "--runtime portable runs on any machine")
    unit = runtime.units()[-1] if is_unit_free else candidate.unit
    if unit not in runtime.units():
        raise UnsupportedError(
            f"this machine has no {unit}", f"it has {', '.join(runtime.units())}"
        )
    own_folder = folder / f"{candidate.model.identity[:16]}-{unit}{part.function}"
    own_folder.mkdir(exist_ok=True)
    return CompiledPackage(
        part.model,
        runtime,
        runtime.compile(candidate.package, own_folder),
        unit,
        precision if candidate.runtime == "portable" else "",
        logits,
    )


def _runtime(part: CandidateFunction, precision: "Precision", more: tuple[str, ...]) -> "Runtime":
    """The runtime with one thread a call, since calls run side by side."""
    from export.runtimes.coreai import CoreAIRuntime
    from export.runtimes.coreml import CoreMLRuntime
    from export.runtimes.portable import PortableRuntime

    candidate, function = part.candidate, part.function or None
    if candidate.runtime == "coreai":  # in a process of its own: also where it cannot be timed
        return CoreAIRuntime(more, function)
    if candidate.runtime == "portable":
        return PortableRuntime(1, precision, more, function)
    if candidate.runtime == "coreml":
        return CoreMLRuntime(function)
    threads = {"threads": 1} if candidate.entry.has_threads else {}
    return create(CLASSES[candidate.runtime], threads)


def _logits(part: CandidateFunction) -> str:
    """What logits are called that the model does not give by itself; empty for none."""
    candidate = part.candidate
    if candidate.runtime not in ("portable", "coreai"):
        return ""
    from export.mil.read.model import network
    from export.verify.agreement import logits_name

    function = network(candidate.package).function(part.function or None)
    name = logits_name(function)
    return "" if name in function.outputs else name
