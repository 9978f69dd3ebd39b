"""A package exported earlier, verified again from what its metadata says it was made of."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from export.formats.coreml.build import CLASS_LABEL
from export.mil.description import ImageInput
from export.mil.program import Function
from export.mil.read.model import read
from export.package.metadata import Facts, Verified, facts_of
from export.spec import ExportSpec, Format, Outputs, Precision, Target
from export.verify.agreement import inputs_for, run, tap_of
from export.verify.gates import STRUCTURE_LIMIT, precision_limit, verify_package
from mobilenet.checkpoint import Checkpoint
from mobilenet.common.errors import PackageError
from mobilenet.common.images import open_picture

WITH_BACKGROUND = 1001


@dataclass(frozen=True)
class Recheck:
    """A later verification of a package, and its answer to a photograph."""

    package: str
    verified: Verified
    structure_limit: float
    precision_limit: float
    top5: tuple[tuple[str, float], ...] = ()


def verify_again(
    path: Path,
    photograph: Path | None = None,
    *,
    weights: str | None = None,
    offline: bool = False,
) -> Recheck:
    """Verify a package exported earlier, from what its metadata says it was made of."""
    function = read(path).function()
    facts = facts_of(function.description.metadata)
    if facts is None:
        raise PackageError(
            f"{path} was not exported by this tool: what it should compute is not known",
            f"python -m export inspect {path} tells what it is",
        )
    spec = _spec_of(facts, function)
    checkpoint = _checkpoint_of(facts, function.description.labels, weights, offline)
    photographs = [] if photograph is None else [open_picture(photograph)]
    verified = verify_package(path, checkpoint, spec, photographs)
    top5: tuple[tuple[str, float], ...] = ()
    if photographs and spec.outputs == "classifier":
        picture = checkpoint.geometry.apply(photographs[0], checkpoint.config.resolution)
        inputs = inputs_for(checkpoint, spec, [picture])
        results = run(path, inputs, "declared", tap_of(function), function=function.name)
        ranked = sorted(results.probabilities(0).items(), key=lambda item: -item[1])
        top5 = tuple(ranked[:5])
    return Recheck(str(path), verified, STRUCTURE_LIMIT, precision_limit(spec), top5)


def _checkpoint_of(
    facts: Facts, labels: tuple[str, ...], weights: str | None, offline: bool
) -> Checkpoint:
    """The weights a package was made of, found again and known by their checksum."""
    from mobilenet.weights.resolve import obtain

    config, origin = facts.config, facts.provenance
    checkpoint, _ = obtain(
        weights or (None if origin.trained else "untrained"),
        alpha=config.alpha, resolution=config.resolution, shallow=config.shallow,
        offline=offline, keep_background=config.classes == WITH_BACKGROUND,
    )  # fmt: skip
    if checkpoint.provenance.sha256 != origin.sha256:
        raise PackageError(
            f"the package was made from other weights: {origin.source}, "
            f"sha256 {origin.sha256[:12] or 'none'}",
            "give that file with --weights",
        )
    if not checkpoint.labels and config.readout.classes:  # they came with --classes
        checkpoint = replace(checkpoint, labels=labels)
    return checkpoint if config.readout.classes else checkpoint.as_features(config.readout.until)


def _spec_of(facts: Facts, function: Function) -> ExportSpec:
    """The options that made a package, read off it."""
    output = next(name for name in function.outputs if name != CLASS_LABEL)
    return ExportSpec(
        target=cast("Target", facts.target),
        precision=cast("Precision", facts.precision),
        min_ios=facts.min_ios,
        format=cast("Format", facts.format),
        layer=facts.config.readout.until or None,
        compress=facts.compression or None,
        resolutions=",".join(map(str, facts.resolutions)) or None,
        input="image" if isinstance(function.description.inputs[0], ImageInput) else "tensor",
        outputs=cast("Outputs", "classifier" if output == CLASS_LABEL + "_probs" else output),
    )
