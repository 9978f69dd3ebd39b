"""Packages on the runtimes that are for their formats, compiled and ready to be loaded."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bench.accuracy.subjects import CompiledPackage
from bench.runtimes.classes import CLASSES, create
from bench.session.cases import Candidate, candidates
from mobilenet.common.errors import ConfigError, UnsupportedError

if TYPE_CHECKING:
    from export.runtimes.base import Runtime
    from export.runtimes.portable import Precision


def compiled(
    packages: Sequence[Path],
    runtimes: Sequence[str],
    units: Sequence[str],
    precision: "Precision | None",
    folder: Path,
    *,
    with_logits: bool = False,
) -> list[CompiledPackage]:
    """Each package on the one of `runtimes` that is for its format, compiled into `folder`.

    Without `units`, on the runtime's last. `with_logits`: of classifiers, whose logits are asked
    for beside what they give.

    Raises `UserError` for a package that cannot be run here: nothing is left out in silence.
    """
    if not packages:
        raise ConfigError("no package was named", "python -m bench accuracy PACKAGE... --data DIR")
    chosen = candidates(packages, runtimes, units=units)
    for runtime in dict.fromkeys(candidate.runtime for candidate in chosen):
        if precision and runtime != "portable":
            raise ConfigError(f"precision {precision} on {runtime}", "only portable emulates it")
    if not units:
        chosen = list({each.model.identity: each for each in chosen}.values())
    return [
        _compiled(
            candidate, precision or "float32", folder,
            logits=_logits(candidate) if with_logits else "", is_unit_free=not units,
        )
        for candidate in chosen
    ]  # fmt: skip


def _compiled(
    candidate: Candidate, precision: "Precision", folder: Path, *, logits: str, is_unit_free: bool
) -> CompiledPackage:
    """On the candidate's unit, or the last that its runtime has here."""
    runtime = _runtime(candidate, precision, (logits,) if logits else ())
    if reason := runtime.unavailable():
        raise UnsupportedError(reason, "--runtime portable runs on any machine")
    unit = runtime.units()[-1] if is_unit_free else candidate.unit
    if unit not in runtime.units():
        raise UnsupportedError(
            f"this machine has no {unit}", f"it has {', '.join(runtime.units())}"
        )
    own_folder = folder / f"{candidate.model.identity[:16]}-{unit}"
    own_folder.mkdir(exist_ok=True)
    return CompiledPackage(
        candidate.model,
        runtime,
        runtime.compile(candidate.package, own_folder),
        unit,
        precision if candidate.runtime == "portable" else "",
        logits,
    )


def _runtime(candidate: Candidate, precision: "Precision", more: tuple[str, ...]) -> "Runtime":
    """The runtime with one thread a call, since calls run side by side."""
    from export.runtimes.coreai import CoreAIRuntime
    from export.runtimes.portable import PortableRuntime

    if candidate.runtime == "coreai":  # in a process of its own: also where it cannot be timed
        return CoreAIRuntime(more)
    if candidate.runtime == "portable":
        return PortableRuntime(1, precision, more)
    threads = {"threads": 1} if candidate.entry.has_threads else {}
    return create(CLASSES[candidate.runtime], threads)


def _logits(candidate: Candidate) -> str:
    """What logits are called that the model does not give by itself; empty for none."""
    if candidate.runtime not in ("portable", "coreai"):
        return ""
    from export.mil.read.model import read
    from export.verify.agreement import logits_name

    function = read(candidate.package).function()
    name = logits_name(function)
    return "" if name in function.outputs else name
