"""Facts about any Core ML model, on any machine: what it takes, what it costs, what is odd.

Reads the files alone: neither coremltools nor PyTorch is imported, and nothing runs unless
pictures are given.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from export.inspect.input_scaling import pixels
from export.inspect.rules import Finding, findings
from export.mil.cost import FunctionCost, cost
from export.mil.program import Function, Shape
from export.mil.read import specification
from export.mil.read.model import Part
from export.mil.read.model import parts as parts_of
from export.package import model_files

# coremltools `models/utils.py` and Apple's release notes: the systems that brought each version
OLDEST = {
    1: "iOS 11", 2: "iOS 11.2", 3: "iOS 12", 4: "iOS 13", 5: "iOS 14", 6: "iOS 15", 7: "iOS 16",
    8: "iOS 17", 9: "iOS 18", 10: "iOS 26",
}  # fmt: skip


@dataclass(frozen=True)
class Feature:
    """An input or output, in words: "image, RGB, 224 x 224"."""

    name: str
    kind: str
    description: str = ""


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
    inputs: tuple[Feature, ...]
    outputs: tuple[Feature, ...]
    labels: tuple[str, ...]
    about: dict[str, str]
    parts: tuple[PartFacts, ...]
    findings: tuple[Finding, ...]


def inspect(path: Path, images: Sequence[Path] = ()) -> Inspection:
    """Look at the package or .mlmodel at `path`; run it on `images`, if there are any.

    Raises `PackageError` for what is damaged or unsafe, `UnsupportedError` when pictures are
    given and the model cannot be run here.
    """
    files = model_files.find(path)
    model = specification.load(files.specification)
    parts: list[PartFacts] = []
    found: list[Finding] = []
    labels: tuple[str, ...] = ()
    for part in parts_of(files, model):
        for name, kind, function in _functions(part):
            if function is None:
                parts.append(PartFacts(name, part.kind, unknown=part.reason))
                continue
            costs = cost(function)
            labels = labels or function.description.labels
            found += [replace(f, part=name) for f in findings(kind, function, costs)]
            parts.append(_facts(name, part.kind, function, costs))
    if images:
        from export.inspect.overflow import largest_values, overflows

        largest = largest_values(path, images)
        parts[0] = _with_largest(parts[0], largest)
        found += overflows(parts[0].layers)
    about, face = model.description.metadata, model.description
    kind = str(model.WhichOneof("Type"))
    version = model.specificationVersion
    return Inspection(
        path=str(path), kind=kind, specification_version=version,
        oldest=OLDEST.get(version, "unknown"),
        size_bytes=files.size_bytes, identity=files.identity(),
        inputs=tuple(map(_feature, _face(face, "input"))),
        outputs=tuple(map(_feature, _face(face, "output"))),
        labels=labels,
        about={"description": about.shortDescription, "author": about.author,
               "license": about.license, "version": about.versionString, **about.userDefined},
        parts=tuple(parts), findings=tuple(found),
    )  # fmt: skip


def _functions(part: Part) -> Iterator[tuple[str, str, Function | None]]:
    if part.program is None:
        yield part.name, part.kind, None
        return
    several = len(part.program.functions) > 1
    for name, function in part.program.functions.items():
        label = "/".join(word for word in (part.name, name if several else "") if word)
        yield label, part.program.kind, function


def _facts(name: str, kind: str, function: Function, costs: FunctionCost) -> PartFacts:
    layers = tuple(
        LayerFacts(
            one.op.name, one.op.type, one.input_shape, one.output_shape, one.macs,
            one.parameters, one.weight_bytes, one.stored_as, one.activation_bytes,
        )
        for one in costs.ops
    )  # fmt: skip
    return PartFacts(
        name=name, kind=kind, macs=costs.macs, layers_of_unknown_macs=len(costs.unknown_macs),
        parameters=costs.parameters, weight_bytes=costs.weight_bytes,
        activation_bytes=costs.activation_bytes,
        peak_activation_bytes=costs.peak_activation_bytes,
        pixels=tuple(_pixels_text(function)), layers=layers,
    )  # fmt: skip


def _pixels_text(function: Function) -> Iterator[str]:
    for way in pixels(function):
        if way.first is None:
            yield f"{way.input.name}: not a scale and bias for each channel"
        else:
            yield f"{way.input.name}: pixels 0 to 255 reach the first layer as {way.range}"


def _with_largest(part: PartFacts, largest: dict[str, float]) -> PartFacts:
    layers = tuple(replace(layer, largest=largest.get(layer.name)) for layer in part.layers)
    return replace(part, layers=layers)


def _face(face: Any, side: str) -> Any:
    """Inputs or outputs; of the default function where there are several."""
    for function in face.functions:
        if function.name == face.defaultFunctionName:
            return getattr(function, side)
    return getattr(face, side)


def _feature(message: Any) -> Feature:
    kind = message.type.WhichOneof("Type")
    text = str(kind).removesuffix("Type")
    if kind == "imageType":
        image = message.type.imageType
        color = image.DESCRIPTOR.fields_by_name["colorSpace"].enum_type
        text = f"image, {color.values_by_number[image.colorSpace].name}, {_size(image)}"
    elif kind == "multiArrayType":
        array = message.type.multiArrayType
        dtype = specification.ARRAY_TYPES.get(array.dataType, "unknown type")
        text = f"{dtype} ({', '.join(map(str, array.shape)) or 'shape not declared'})"
        text += _flexibility(array)
    elif kind == "dictionaryType":
        text = "dictionary, label to number"
    return Feature(message.name, text, message.shortDescription)


def _size(image: Any) -> str:
    return f"{image.width} x {image.height}" + _flexibility(image)


def _flexibility(kind: Any) -> str:
    """The other sizes that an input may have."""
    flexible = kind.WhichOneof("SizeFlexibility" if hasattr(kind, "width") else "ShapeFlexibility")
    if flexible == "enumeratedSizes":
        return f", or {', '.join(f'{s.width} x {s.height}' for s in kind.enumeratedSizes.sizes)}"
    if flexible == "enumeratedShapes":
        return f", or {', '.join(str(tuple(s.shape)) for s in kind.enumeratedShapes.shapes)}"
    return "" if flexible is None else ", flexible"
