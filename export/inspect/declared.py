"""What a file declares of itself, whatever its format: inputs, outputs, the systems it runs on."""

from collections.abc import Iterator
from dataclasses import dataclass

from export.mil.allowed_shapes import AllowedShapes, array_shapes, picture_sizes
from export.mil.description import ImageInput, TensorInput
from export.mil.program import Function, Program, Shape
from export.mil.read import aimodel_file, flexible_features, specification
from export.mil.read.model import Part, parts
from export.mil.read.needed_version import VersionNeed, needed_version
from export.mil.read.specification import Message
from export.package.model_files import ModelFiles

# coremltools `models/utils.py` and Apple's release notes: the systems that brought each version
OLDEST = {
    1: "iOS 11", 2: "iOS 11.2", 3: "iOS 12", 4: "iOS 13", 5: "iOS 14", 6: "iOS 15", 7: "iOS 16",
    8: "iOS 17", 9: "iOS 18", 10: "iOS 26",
}  # fmt: skip
OLDEST_OF_CORE_AI = "iOS 27"


@dataclass(frozen=True)
class FeatureFacts:
    """An input or output, in words: "image, RGB, 224 x 224"."""

    name: str
    kind: str
    description: str = ""
    default: tuple[int, ...] | None = None  # (height, width) or a shape, of what is flexible
    allowed: AllowedShapes | None = None  # beside it


@dataclass(frozen=True)
class Declared:
    """A file as it describes itself, and the models in it."""

    kind: str
    version: int
    oldest: str
    inputs: tuple[FeatureFacts, ...]
    outputs: tuple[FeatureFacts, ...]
    about: dict[str, str]
    parts: tuple[Part, ...]
    need: VersionNeed | None = None  # what is newest in a model of Core ML
    model: Message | None = None  # the whole of such a model


def declared(files: ModelFiles) -> Declared:
    """Of any model. Raises `PackageError` for what is damaged."""
    if files.kind == "aimodel":
        return _of_asset(aimodel_file.read(files))
    return _of_specification(files, specification.load(files.specification))


def _of_asset(program: Program) -> Declared:
    function, about = program.function(), dict(program.description.metadata)
    about.pop(aimodel_file.LABELS, None)  # they are shown as labels
    return Declared(
        program.kind, program.specification_version, OLDEST_OF_CORE_AI,
        tuple(map(input_facts, function.description.inputs)), tuple(_results(function)),
        {"description": program.short_description, "author": program.author,
         "license": program.license, **about},
        (Part("", program.kind, program, None),),
    )  # fmt: skip


def input_facts(feature: ImageInput | TensorInput) -> FeatureFacts:
    """An input of one function in words."""
    kind = f"image, {feature.color}, " if isinstance(feature, ImageInput) else f"{feature.dtype} "
    default = feature.sizes if feature.allowed else None
    return FeatureFacts(
        feature.name, kind + feature.words, feature.description, default, feature.allowed
    )


def _results(function: Function) -> Iterator[FeatureFacts]:
    types = function.types()
    for name in function.outputs:
        yield FeatureFacts(name, f"{types[name].dtype} {array_shapes(types[name].shape, None)}")


def _of_specification(files: ModelFiles, model: Message) -> Declared:
    description, about = model.description, model.description.metadata
    version = model.specificationVersion
    return Declared(
        str(model.WhichOneof("Type")), version, OLDEST.get(version, "unknown"),
        *_features(specification.of_function(description)),
        {"description": about.shortDescription, "author": about.author,
         "license": about.license, "version": about.versionString, **about.userDefined},
        parts(files, model), needed_version(model), model,
    )  # fmt: skip


def features_of(part: Part) -> tuple[tuple[FeatureFacts, ...], tuple[FeatureFacts, ...]]:
    """Inputs and outputs of one model of a pipeline."""
    if part.declared is None:
        return (), ()
    return _features(specification.of_function(part.declared))


def _features(declared: Message) -> tuple[tuple[FeatureFacts, ...], tuple[FeatureFacts, ...]]:
    """Inputs, states among them, and outputs."""
    entering = (*declared.input, *declared.state)
    return tuple(map(_feature, entering)), tuple(map(_feature, declared.output))


def _feature(message: Message) -> FeatureFacts:
    kind = message.type.WhichOneof("Type")
    text = str(kind).removesuffix("Type")
    default: Shape | None = None
    allowed: AllowedShapes | None = None
    if kind == "imageType":
        image = message.type.imageType
        default, allowed = flexible_features.of_image(image)
        text = f"image, {specification.enum_name(image, 'colorSpace')}, "
        text += picture_sizes(default, allowed)
    elif kind == "multiArrayType":
        array = message.type.multiArrayType
        default, allowed = flexible_features.of_array(array)
        text = f"{specification.ARRAY_TYPES.get(array.dataType, 'unknown type')} "
        text += array_shapes(default, allowed) if default else "(shape not declared)"
    elif kind == "stateType":
        array = message.type.stateType.arrayType
        dtype = specification.ARRAY_TYPES.get(array.dataType, "unknown type")
        text = f"state, {dtype} {array_shapes(tuple(array.shape), None)}"
    elif kind == "dictionaryType":
        key = message.type.dictionaryType.WhichOneof("KeyType")
        text = f"dictionary, {'integer' if key == 'int64KeyType' else 'label'} to number"
    elif kind == "sequenceType":
        element = message.type.sequenceType.WhichOneof("Type")
        text = f"list of {'integers' if element == 'int64Type' else 'strings'}"
    if message.type.isOptional:
        value = flexible_features.default_of(message.type)
        text += f", optional: {value:g}" if kind == "multiArrayType" else ", optional"
    return FeatureFacts(
        message.name, text, message.shortDescription, default if allowed else None, allowed
    )
