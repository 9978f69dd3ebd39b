"""What each model in a file is made of and costs: the functions of a program, or the stages of a
pipeline."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from export.inspect.asked_sizes import sizes_in_words
from export.inspect.declared import FeatureFacts, features_of, input_facts
from export.inspect.input_scaling import input_scalings
from export.inspect.rules import findings
from export.inspect.rules.finding import RuleFinding
from export.inspect.unreadable_weights import weight_problem, without_weights
from export.mil.cost import FunctionCost, cost
from export.mil.ops.call import UnsupportedCallError
from export.mil.program import Function, Program, Shape
from export.mil.read.model import Part
from export.mil.shapes import at
from export.mil.suppression_model import SuppressionModel
from export.mil.tabular_model import TabularModel
from export.package.metadata import PackageMetadata, listed_labels
from export.package.model_files import ModelFiles


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


class ExaminedPart(NamedTuple):
    """The facts of a part, what is odd about it, and the classes that it names."""

    facts: PartFacts
    findings: tuple[RuleFinding, ...]
    labels: tuple[str, ...]


@dataclass(frozen=True)
class PartExamination:
    """What is known of all parts of `files` before they are looked at."""

    files: ModelFiles
    metadata: PackageMetadata | None  # of a package of ours
    largest: Mapping[str, float]  # as `inspect` has it
    sizes: Mapping[str, Mapping[str, Shape]]  # of the inputs of each function, where asked for

    def of(self, part: Part) -> Iterator[ExaminedPart]:
        """One model, of several functions each. Raises `PackageError` for what is damaged."""
        if not isinstance(part.model, Program):
            labels = () if part.model is None else part.model.description.labels
            yield ExaminedPart(_other_facts(part), _unread(part), labels)
            return
        default = part.model.function()
        for name, function in functions_of(part):
            yield self._function(part, name, function, self.largest if function is default else {})

    def _function(
        self, part: Part, name: str, flexible: Function, largest: Mapping[str, float]
    ) -> ExaminedPart:
        problem = None if self.files.kind == "aimodel" else weight_problem(self.files, flexible)
        stored = flexible if problem is None else without_weights(flexible)
        function = at(stored, self.sizes.get(name, {}))
        costs = cost(function)
        facts = _facts(name, part, function, costs, largest)
        assert isinstance(part.model, Program), "nothing else has functions"
        odd = [*findings(part.model.kind, function, costs, largest, self.metadata)]
        odd[:0] = [] if problem is None else [problem]
        return ExaminedPart(
            replace(facts, counted_at=tuple(sizes_in_words(flexible, function))),
            tuple(replace(finding, part=name) for finding in odd),
            function.description.labels or listed_labels(function.description.metadata),
        )


def functions_of(part: Part) -> Iterator[tuple[str, Function]]:
    """The functions of a program by their names in the inspection: "" for the only one."""
    functions = part.model.functions if isinstance(part.model, Program) else {}
    for name, function in functions.items():
        words = part.name, name if len(functions) > 1 else ""
        yield "/".join(word for word in words if word), function


def _unread(part: Part) -> tuple[RuleFinding, ...]:
    if not part.reason:
        return ()
    finding = RuleFinding(
        "not-read", "note", f"no more is known of it: {part.reason}",
        "what it declares is shown; Core ML on a Mac may run it", part.name,
    )  # fmt: skip
    return (finding,)


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
