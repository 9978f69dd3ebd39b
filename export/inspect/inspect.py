"""Facts about any model, on any machine: what it takes, what it costs, what is odd.

Reads the files alone: neither coremltools nor PyTorch is imported, and nothing runs.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from export.inspect.asked_sizes import asked_sizes
from export.inspect.declared import Declared, FeatureFacts, declared
from export.inspect.part_facts import ExaminedPart, PartExamination, PartFacts, functions_of
from export.inspect.rules.finding import RuleFinding
from export.inspect.rules.pipeline_declarations import declaration_findings
from export.inspect.rules.pipelines import PipelineStage, pipeline_findings
from export.inspect.rules.versions import version_findings
from export.mil.read.pipeline_file import KINDS as PIPELINES
from export.package import model_files
from export.package.calibration_record import CalibrationRecord
from export.package.metadata import listed_labels, metadata_of
from export.package.model_files import ModelFiles
from mobilenet.common.decoding import decoding
from mobilenet.common.errors import PackageError, UserError
from mobilenet.common.options import OWN_SIZE, SizeOptions


@dataclass(frozen=True)
class Inspection:
    """Everything `inspect` says."""

    path: str
    kind: str
    specification_version: int
    oldest: str
    size_bytes: int
    identity: str
    inputs: tuple[FeatureFacts, ...]
    outputs: tuple[FeatureFacts, ...]
    labels: tuple[str, ...]
    about: dict[str, str]
    photographs: str  # how one becomes the input, where a package of ours says it
    learned: CalibrationRecord | None  # of a package of ours, where photographs showed its weights
    parts: tuple[PartFacts, ...]
    findings: tuple[RuleFinding, ...]


def inspect(
    path: Path,
    largest: Mapping[str, float] | None = None,
    unrun: UserError | None = None,
    sizes: SizeOptions = OWN_SIZE,
) -> Inspection:
    """Look at the model at `path`, of several sizes at those asked for.

    `largest` is the largest absolute value of each operation's output on some pictures, by the
    operation's name in the default function; `unrun` says why there is none, though asked for.
    Raises `PackageError` for what is damaged or unsafe, `UnsupportedError` for sizes that it does
    not have. Weights that are not there are a finding.
    """
    files = model_files.find(path)
    # numbers of all kinds are looked at; those that are none are among the findings
    with decoding(str(path), model_files.AGAIN, PackageError), np.errstate(all="ignore"):
        return _inspection(files, declared(files), largest or {}, unrun, sizes)


def _inspection(
    files: ModelFiles,
    about: Declared,
    largest: Mapping[str, float],
    unrun: UserError | None,
    sizes: SizeOptions,
) -> Inspection:
    metadata = metadata_of(about.about)
    asked = asked_sizes((each for part in about.parts for each in functions_of(part)), sizes)
    examination = PartExamination(files, metadata, largest, asked)
    examined = [each for part in about.parts for each in examination.of(part)]
    labels = next((each.labels for each in examined if each.labels), ())
    return Inspection(
        path=str(files.path), kind=about.kind, specification_version=about.version,
        oldest=about.oldest,
        size_bytes=files.size_bytes, identity=files.identity(),
        inputs=about.inputs, outputs=about.outputs,
        labels=listed_labels(about.about) or labels,  # a detector of ours names unused ones, too
        about=about.about,
        photographs="" if metadata is None else metadata.geometry.describe(metadata.size),
        learned=None if metadata is None else metadata.calibration or None,
        parts=tuple(each.facts for each in examined),
        findings=tuple(_findings(about, examined, unrun)),
    )  # fmt: skip


def _findings(
    about: Declared, examined: Sequence[ExaminedPart], unrun: UserError | None
) -> Iterator[RuleFinding]:
    """About the file, about each part, and about how the parts fit together."""
    if about.need is not None:
        yield from version_findings(about.version, about.need)
    for each in examined:
        yield from each.findings
    if unrun is not None:
        yield RuleFinding(
            "not-run", "warning", f"it was not run on photographs: {unrun.message}", unrun.hint
        )
    if about.model is not None:
        yield from declaration_findings(about.model)
    if about.kind in PIPELINES:
        yield from pipeline_findings([_stage(each.facts) for each in examined])


def _stage(part: PartFacts) -> PipelineStage:
    """A model as the rules for pipelines see it."""
    shapes = [layer.input_shape for layer in part.layers if layer.type == part.kind]
    classes = shapes[0][-1] if shapes and shapes[0] else 0
    return PipelineStage(part.name, part.kind, classes, tuple(part.weight_bytes or ()))
