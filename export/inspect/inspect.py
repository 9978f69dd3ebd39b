"""Facts about any model, on any machine: what it takes, what it costs, what is odd.

Reads the files alone: neither coremltools nor PyTorch is imported, and nothing runs.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from export.inspect.asked_sizes import asked_sizes, sizes_in_words
from export.inspect.declared import Declared, FeatureFacts, declared, features_of, input_facts
from export.inspect.input_scaling import input_scalings
from export.inspect.rules import findings
from export.inspect.rules.finding import RuleFinding
from export.inspect.rules.pipeline_declarations import declaration_findings
from export.inspect.rules.pipelines import PipelineStage, pipeline_findings
from export.inspect.rules.versions import version_findings
from export.inspect.unreadable_weights import weight_problem, without_weights
from export.mil.cost import FunctionCost, cost
from export.mil.ops.call import UnsupportedCallError
from export.mil.program import Function, Program, Shape
from export.mil.read.model import Part
from export.mil.read.pipeline_file import KINDS as PIPELINES
from export.mil.shapes import at
from export.mil.suppression_model import SuppressionModel
from export.mil.tabular_model import TabularModel
from export.package import model_files
from export.package.metadata import listed_labels, metadata_of
from export.package.model_files import ModelFiles
from mobilenet.common.decoding import decoding
from mobilenet.common.errors import PackageError, UserError
from mobilenet.common.options import OWN_SIZE, SizeOptions


@dataclass(frozen=True)
class LayerFacts:
    """One operation; None is unknown, in MACs, shapes and bytes alike."""

    name: str
    type: str
    input_shape: Shape | None
    output_shape: Shape | None
    macs: int | None
    parameters: int
    weight_bytes: int
    stored_as: str
    activation_bytes: int | None
    largest: float | None = None  # absolute value it took on the given pictures, in float32


@dataclass(frozen=True)
class PartFacts:
    """A function, or one model of a pipeline. `unknown` says why nothing more is known."""

    name: str
    kind: str
    unknown: str = ""
    contents: str = ""  # of a model of tables: how many of what
    macs: int | None = None  # of all layers that are known
    layers_of_unknown_macs: int = 0
    parameters: int | None = None
    weight_bytes: dict[str, int] | None = None
    activation_bytes: int | None = None
    peak_activation_bytes: int | None = None
    pixels: tuple[str, ...] = ()  # what 0 to 255 become, for each image input
    counted_at: tuple[str, ...] = ()  # the size of each input that may have others
    layers: tuple[LayerFacts, ...] = ()
    inputs: tuple[FeatureFacts, ...] = ()  # of one model of several
    outputs: tuple[FeatureFacts, ...] = ()


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
    parts: list[PartFacts] = []
    remarks: list[RuleFinding] = []
    labels: tuple[str, ...] = ()
    metadata = metadata_of(about.about)
    named = (each for part in about.parts for each in _functions(part))
    asked = asked_sizes(named, sizes)
    for part in about.parts:
        if not isinstance(part.model, Program):
            parts.append(_other_facts(part))
            if part.reason:
                remarks.append(_unread(part))
            labels = labels or (() if part.model is None else part.model.description.labels)
            continue
        for name, flexible in _functions(part):
            values = largest if flexible is part.model.function() else {}
            problem = None if files.kind == "aimodel" else weight_problem(files, flexible)
            stored = flexible if problem is None else without_weights(flexible)
            function = at(stored, asked.get(name, {}))
            if problem is not None:
                remarks.append(replace(problem, part=name))
            costs = cost(function)
            labels = labels or function.description.labels
            labels = labels or listed_labels(function.description.metadata)
            facts = _facts(name, part, function, costs, values)
            parts.append(replace(facts, counted_at=tuple(sizes_in_words(flexible, function))))
            for finding in findings(part.model.kind, function, costs, values, metadata):
                remarks.append(replace(finding, part=name))
    if about.need is not None:
        remarks[:0] = version_findings(about.version, about.need)
    if unrun is not None:
        remarks.append(
            RuleFinding(
                "not-run", "warning", f"it was not run on photographs: {unrun.message}", unrun.hint
            )
        )
    if about.model is not None:
        remarks.extend(declaration_findings(about.model))
    if about.kind in PIPELINES:
        remarks.extend(pipeline_findings([_stage(part) for part in parts]))
    return Inspection(
        path=str(files.path), kind=about.kind, specification_version=about.version,
        oldest=about.oldest,
        size_bytes=files.size_bytes, identity=files.identity(),
        inputs=about.inputs, outputs=about.outputs,
        labels=listed_labels(about.about) or labels,  # a detector of ours names unused ones, too
        about=about.about,
        photographs="" if metadata is None else metadata.geometry.describe(metadata.size),
        parts=tuple(parts), findings=tuple(remarks),
    )  # fmt: skip


def _functions(part: Part) -> Iterator[tuple[str, Function]]:
    """The functions of a program by their names in the inspection: "" for the only one."""
    functions = part.model.functions if isinstance(part.model, Program) else {}
    for name, function in functions.items():
        words = part.name, name if len(functions) > 1 else ""
        yield "/".join(word for word in words if word), function


def _unread(part: Part) -> RuleFinding:
    return RuleFinding(
        "not-read", "note", f"no more is known of it: {part.reason}",
        "what it declares is shown; Core ML on a Mac may run it", part.name,
    )  # fmt: skip


def _stage(part: PartFacts) -> PipelineStage:
    """A model as the rules for pipelines see it."""
    shapes = [layer.input_shape for layer in part.layers if layer.type == part.kind]
    classes = shapes[0][-1] if shapes and shapes[0] else 0
    return PipelineStage(part.name, part.kind, classes, tuple(part.weight_bytes or ()))


def _other_facts(part: Part) -> PartFacts:
    """Of a model that is no program: what is known of a table or a suppression, or the reason."""
    inputs, outputs = features_of(part) if part.name else ((), ())
    facts = PartFacts(part.name, part.kind, part.reason, inputs=inputs, outputs=outputs)
    if isinstance(part.model, TabularModel):
        return replace(facts, contents=part.model.contents, parameters=part.model.parameters)
    if not isinstance(part.model, SuppressionModel):
        return facts
    layer = LayerFacts(
        name=part.name or part.kind, type=part.kind, input_shape=part.model.shape,
        output_shape=None, macs=0, parameters=0, weight_bytes=0, stored_as="",
        activation_bytes=None,
    )  # fmt: skip
    return replace(facts, macs=0, parameters=0, weight_bytes={}, layers=(layer,))


def _facts(
    name: str, part: Part, function: Function, costs: FunctionCost, largest: Mapping[str, float]
) -> PartFacts:
    inputs, outputs = features_of(part) if part.name else ((), ())
    if name and not part.name:  # of several functions
        inputs = tuple(map(input_facts, function.description.inputs))
    layers = tuple(
        LayerFacts(
            layer.op.name, layer.op.type, layer.input_shape, layer.output_shape, layer.macs,
            layer.parameters, layer.weight_bytes, layer.stored_as, layer.activation_bytes,
            largest.get(layer.op.name),
        )
        for layer in costs.ops
    )  # fmt: skip
    return PartFacts(
        name=name, kind=part.kind, macs=costs.macs, layers_of_unknown_macs=len(costs.unknown_macs),
        parameters=costs.parameters, weight_bytes=costs.weight_bytes,
        activation_bytes=costs.activation_bytes,
        peak_activation_bytes=costs.peak_activation_bytes,
        pixels=tuple(_scaling_texts(function)), layers=layers, inputs=inputs, outputs=outputs,
    )  # fmt: skip


def _scaling_texts(function: Function) -> Iterator[str]:
    try:
        scalings = input_scalings(function)
    except UnsupportedCallError:
        yield "not known without the weights"
        return
    for scaling in scalings:
        if scaling.first is None:
            yield f"{scaling.input.name}: not a scale and bias for each channel"
        else:
            yield f"{scaling.input.name}: pixels 0 to 255 reach the first layer as {scaling.range}"
