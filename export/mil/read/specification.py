"""The protobuf file of a model, and what it declares: inputs, outputs, labels, metadata.

Format: coremltools, `mlmodel/format/Model.proto` and `FeatureTypes.proto`.

The message classes are coremltools' own, loaded without coremltools: its `__init__` imports
every framework there is, its `proto` package needs protobuf alone.
"""

import importlib.util
import sys
from collections.abc import Sized
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from export.mil.description import (
    CategoryInput,
    Color,
    ImageInput,
    ModelDescription,
    ModelOutput,
    NumberInput,
    PictureFormat,
    TensorInput,
)
from export.mil.read import flexible_features
from export.package.model_files import refuse_pointer
from mobilenet.common import memory_limit
from mobilenet.common.decoding import decoding
from mobilenet.common.errors import ConfigError, PackageError, UnsupportedError

Message = Any  # of protobuf: its classes are made when it is loaded, so nothing is known of them

MAX_BYTES = 640 << 20  # Apple's largest, VGG16.mlmodel, has 554 MB
# What parsing may take: twice a file of weights, but 2 bytes of a message may become 50.
MEMORY_BYTES, MEMORY_SHARE = 512 << 20, 3
MAX_OPERATIONS = 1 << 18  # of one function; the networks that people use have thousands
COLORS: dict[int, Color] = {10: "GRAYSCALE", 20: "RGB", 30: "BGR", 40: "GRAYSCALE_FLOAT16"}
NUMBERS = ("doubleType", "int64Type")
CATEGORIES: dict[str, Literal["string", "sequence", "dictionary"]] = {
    "stringType": "string", "sequenceType": "sequence", "dictionaryType": "dictionary",
}  # fmt: skip
SINGLE: dict[str, Literal["string", "dictionary", "sequence", "number", "integer"]] = {
    **CATEGORIES, "doubleType": "number", "int64Type": "integer",
}  # fmt: skip
ARRAY_TYPES = {
    65568: "float32",
    65600: "float64",
    131104: "int32",
    131080: "int8",
    65552: "float16",
}


def load(path: Path) -> Message:
    """The `Model` message in `path`; `PackageError` when there is none."""
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise PackageError(f"{path} has {size} bytes", f"at most {MAX_BYTES} are read")
    hint, kind = "is it a Core ML model? copy it again", proto("Model_pb2").Model
    try:
        with decoding(str(path), hint, PackageError):
            refuse_pointer(path)
            with memory_limit.growth(max(MEMORY_BYTES, MEMORY_SHARE * size)):
                model = kind.FromString(path.read_bytes())
    except ConfigError as error:
        raise PackageError(f"{path} cannot be read: {error.message}", hint) from error
    if model.WhichOneof("Type") is None:
        raise PackageError(f"{path} holds no model", "copy it again")
    return model


@cache
def proto(name: str) -> Any:
    """A module of `coremltools.proto`, without running `coremltools/__init__.py`."""
    if "coremltools" in sys.modules:
        return importlib.import_module(f"coremltools.proto.{name}")
    spec = importlib.util.find_spec("coremltools")
    assert spec is not None, "coremltools is a requirement of this package"
    stub = ModuleType("coremltools")
    stub.__path__ = list(spec.submodule_search_locations or ())
    sys.modules["coremltools"] = stub
    try:
        return importlib.import_module(f"coremltools.proto.{name}")
    finally:
        del sys.modules["coremltools"]  # a later import gets the real one


def enum_name(message: Message, field: str) -> str:
    """What the format calls the value of `field`, an enumeration."""
    values = message.DESCRIPTOR.fields_by_name[field].enum_type.values_by_number
    return str(values[getattr(message, field)].name)


def class_labels(classifier: Message) -> tuple[str | int, ...]:
    """The classes of any kind of classifier, in the file's order; () where it lists none."""
    kind = classifier.WhichOneof("ClassLabels")
    return () if kind is None else tuple(getattr(classifier, kind).vector)


def check_count(operations: Sized) -> None:
    """Raise `PackageError` for more operations or layers than a function can have."""
    if len(operations) > MAX_OPERATIONS:
        raise PackageError(
            f"the model has {len(operations):,} operations", f"at most {MAX_OPERATIONS:,} are read"
        )


def describe(
    declared: Message, labels: tuple[str, ...], metadata: dict[str, str]
) -> ModelDescription:
    """What `declared`, a `ModelDescription` or `FunctionDescription` message, says.

    Raises `UnsupportedError` for an input of an unknown type, and for a picture whose pixels are
    not known here.
    """
    kinds = [(feature, feature.type.WhichOneof("Type")) for feature in declared.input]
    others = (*NUMBERS, *CATEGORIES)
    return ModelDescription(
        inputs=tuple(_input(feature) for feature, kind in kinds if kind not in others),
        outputs=tuple(_output(feature) for feature in declared.output),
        labels=labels,
        metadata=metadata,
        numbers=tuple(_number(feature) for feature, kind in kinds if kind in NUMBERS),
        categories=tuple(_category(feature) for feature, kind in kinds if kind in CATEGORIES),
        states=tuple(_state(feature) for feature in declared.state),
    )


def of_function(declared: Message, name: str | None = None) -> Message:
    """What tells the features of a function, by default the main one, in a `ModelDescription`.

    That is all of it where there is one function only.
    """
    name = name or declared.defaultFunctionName
    return next((each for each in declared.functions if each.name == name), declared)


def _state(feature: Message) -> TensorInput:
    array = feature.type.stateType.arrayType
    return TensorInput(
        feature.name, tuple(array.shape), ARRAY_TYPES.get(array.dataType, "float32"),
        feature.shortDescription,
    )  # fmt: skip


def _number(feature: Message) -> NumberInput:
    is_integer = feature.type.WhichOneof("Type") == "int64Type"
    return NumberInput(
        feature.name, None, feature.shortDescription, is_integer, feature.type.isOptional
    )


def _category(feature: Message) -> CategoryInput:
    kind = feature.type.WhichOneof("Type")
    of = {
        "stringType": "string", "sequenceType": feature.type.sequenceType.WhichOneof("Type"),
        "dictionaryType": feature.type.dictionaryType.WhichOneof("KeyType"),
    }[kind]  # fmt: skip
    keys: Literal["string", "int64"] = "int64" if str(of).startswith("int64") else "string"
    return CategoryInput(
        feature.name, CATEGORIES[kind], keys, feature.type.isOptional, feature.shortDescription
    )


def _input(feature: Message) -> ImageInput | TensorInput:
    kind = feature.type.WhichOneof("Type")
    if kind == "imageType":
        image = feature.type.imageType
        (height, width), allowed = flexible_features.of_image(image)
        return ImageInput(
            feature.name, width, height, _color(f"input {feature.name!r}", image),
            feature.shortDescription, allowed,
        )  # fmt: skip
    if kind == "multiArrayType":
        array = feature.type.multiArrayType
        shape, allowed = flexible_features.of_array(array)
        return TensorInput(
            feature.name, shape, ARRAY_TYPES.get(array.dataType, "float32"),
            feature.shortDescription, allowed, flexible_features.default_of(feature.type),
        )  # fmt: skip
    raise UnsupportedError(
        f"input {feature.name!r} has the type {kind}, which is not known here",
        "images, multi-arrays, numbers, strings, lists and dictionaries can be read",
    )


def _output(feature: Message) -> ModelOutput:
    name, text, kind = feature.name, feature.shortDescription, feature.type.WhichOneof("Type")
    if kind == "imageType":
        return ModelOutput(name, "image", (), text, _picture(name, feature.type.imageType))
    if kind in SINGLE:
        return ModelOutput(name, SINGLE[kind], (), text)
    array = feature.type.multiArrayType
    dtype = ARRAY_TYPES.get(array.dataType, "")
    return ModelOutput(name, "array", tuple(map(int, array.shape)), text, dtype=dtype)


def _picture(name: str, image: Message) -> PictureFormat:
    (height, width), _ = flexible_features.of_image(image)
    return PictureFormat(width, height, _color(f"output {name!r}", image))


def _color(feature: str, image: Message) -> Color:
    if image.colorSpace not in COLORS:
        raise UnsupportedError(
            f"{feature} has colour space {image.colorSpace}", "RGB, BGR and grayscale are known"
        )
    return COLORS[image.colorSpace]
