"""Facts about any model, on any machine: what it takes, what it costs, what is odd.

Reads the files alone: neither coremltools nor PyTorch is imported, and nothing runs.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from export.inspect.declared import Declared, FeatureFacts, declared
from export.inspect.input_scaling import input_scalings
from export.inspect.rules import findings
from export.inspect.rules.finding import RuleFinding
from export.mil.cost import FunctionCost, cost
from export.mil.program import Function, Program, Shape
from export.package import model_files
from export.package.model_files import ModelFiles
from mobilenet.common.decoding import decoding
from mobilenet.common.errors import PackageError


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
    macs: int | None = None  # of all layers that are known
    layers_of_unknown_macs: int = 0
    parameters: int | None = None
    weight_bytes: dict[str, int] | None = None
    activation_bytes: int | None = None
    peak_activation_bytes: int | None = None
    pixels: tuple[str, ...] = ()  # what 0 to 255 become, for each image input
    layers: tuple[LayerFacts, ...] = ()


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
    parts: tuple[PartFacts, ...]
    findings: tuple[RuleFinding, ...]


def inspect(path: Path, largest: Mapping[str, float] | None = None) -> Inspection:
    """Look at the model at `path`.

    `largest` is the largest absolute value of each operation's output on some pictures, by the
    operation's name in the default function. Raises `PackageError` for what is damaged or
    unsafe.
    """
    files = model_files.find(path)
    # numbers of all kinds are looked at; those that are none are among the findings
    with decoding(str(path), model_files.AGAIN, PackageError), np.errstate(all="ignore"):
        return _inspection(files, declared(files), largest or {})


def _inspection(files: ModelFiles, about: Declared, largest: Mapping[str, float]) -> Inspection:
    parts: list[PartFacts] = []
    remarks: list[RuleFinding] = []
    labels: tuple[str, ...] = ()
    for part in about.parts:
        if part.program is None:
            parts.append(PartFacts(part.name, part.kind, unknown=part.reason))
            continue
        for name, function in _functions(part.name, part.program):
            values = largest if function is part.program.function() else {}
            costs = cost(function)
            labels = labels or function.description.labels
            parts.append(_facts(name, part.kind, function, costs, values))
            for finding in findings(part.program.kind, function, costs, values):
                remarks.append(replace(finding, part=name))
    return Inspection(
        path=str(files.path), kind=about.kind, specification_version=about.version,
        oldest=about.oldest,
        size_bytes=files.size_bytes, identity=files.identity(),
        inputs=about.inputs, outputs=about.outputs,
        labels=labels,
        about=about.about,
        parts=tuple(parts), findings=tuple(remarks),
    )  # fmt: skip


def _functions(part: str, program: Program) -> Iterator[tuple[str, Function]]:
    """The functions of a program by their names in the inspection: "" for the only one."""
    several = len(program.functions) > 1
    for name, function in program.functions.items():
        yield "/".join(word for word in (part, name if several else "") if word), function


def _facts(
    name: str, kind: str, function: Function, costs: FunctionCost, largest: Mapping[str, float]
) -> PartFacts:
    layers = tuple(
        LayerFacts(
            layer.op.name, layer.op.type, layer.input_shape, layer.output_shape, layer.macs,
            layer.parameters, layer.weight_bytes, layer.stored_as, layer.activation_bytes,
            largest.get(layer.op.name),
        )
        for layer in costs.ops
    )  # fmt: skip
    return PartFacts(
        name=name, kind=kind, macs=costs.macs, layers_of_unknown_macs=len(costs.unknown_macs),
        parameters=costs.parameters, weight_bytes=costs.weight_bytes,
        activation_bytes=costs.activation_bytes,
        peak_activation_bytes=costs.peak_activation_bytes,
        pixels=tuple(_scaling_texts(function)), layers=layers,
    )  # fmt: skip


def _scaling_texts(function: Function) -> Iterator[str]:
    for scaling in input_scalings(function):
        if scaling.first is None:
            yield f"{scaling.input.name}: not a scale and bias for each channel"
        else:
            yield f"{scaling.input.name}: pixels 0 to 255 reach the first layer as {scaling.range}"
