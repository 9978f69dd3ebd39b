"""A Core AI asset as a `Program`. Its graphs are read by Apple's library, in a process of its own.

An input is an array, or a picture; outputs are arrays. Labels and what else a package of ours says
are in `metadata.json`, since the format has no place for them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import msgspec

from export.coreai import idle_processes
from export.coreai.messages import ArrayType, CoreAIGraph, ImageType
from export.mil.description import ImageInput, ModelDescription, ModelOutput, TensorInput
from export.mil.program import Function, Program, TensorType
from export.mil.read.aimodel import element_rules, move_rules, weight_rules
from export.mil.read.aimodel.graph_translation import GraphTranslation, tensor_type
from export.mil.read.aimodel.picture_input import Order, picture_input
from export.package import asset_files
from export.package.metadata import metadata_of
from export.package.model_files import ModelFiles
from mobilenet.common.errors import PackageError, UnsupportedError

RULES = {**element_rules.RULES, **move_rules.RULES, **weight_rules.RULES}
MAIN, LABELS = "main", "labels"


def read(files: ModelFiles) -> Program:
    """The `Program` of an asset; its default function is "main", or the largest of ours.

    Raises `PackageError` for what is damaged, `UnsupportedError` for what is not known here, and
    where Apple's library is not installed.
    """
    about = asset_files.metadata(files.path)
    graphs = _graphs(_AssetProgram(asset_files.digest(files.path), files.path))
    private = {graph.name: graph for graph in graphs if graph.is_private}
    functions = {
        graph.name: _function(graph, private, about.user_defined())
        for graph in graphs
        if not graph.is_private
    }
    if not functions:
        raise PackageError(f"{files.path} has no function", asset_files.AGAIN)
    return Program(
        "coreai", _version(about.asset_version), functions,
        _default(functions, about.user_defined()),
        about.description, about.author, about.license,
    )  # fmt: skip


def _default(functions: Mapping[str, Function], metadata: dict[str, str]) -> str:
    """The format has none: of several resolutions, what the metadata describe."""
    about = metadata_of(metadata)
    names = (MAIN, "" if about is None else f"r{about.size.slug}")
    return next((name for name in names if name in functions), next(iter(functions)))


@dataclass(frozen=True)
class _AssetProgram:
    """The same wherever it lies."""

    digest: bytes
    path: Path = field(compare=False)


@lru_cache(maxsize=2)  # a package and its twin: each is asked for by several in turn
def _graphs(program: _AssetProgram) -> tuple[CoreAIGraph, ...]:
    with idle_processes.borrowed() as process:
        return process.graphs(program.path)


def _version(text: str) -> int:
    major = text.partition(".")[0]
    return int(major) if major.isascii() and major.isdigit() and len(major) < 4 else 0


def _function(
    graph: CoreAIGraph, private: Mapping[str, CoreAIGraph], metadata: dict[str, str]
) -> Function:
    translation = GraphTranslation(graph, private, RULES)
    features: list[ImageInput | TensorInput] = []
    inputs = []
    for value, (name, kind) in enumerate(graph.inputs.items()):
        if isinstance(kind, ImageType):
            picture = picture_input(translation, value, name, kind, _order(metadata))
            feature: ImageInput | TensorInput = picture.feature
            planes = TensorType(name, "float32", (1, 3, kind.height, kind.width))
            for passed in picture.values:
                translation.take(passed, planes)
            inputs.append(planes)
        elif isinstance(kind, ArrayType):
            feature = TensorInput(name, kind.shape, kind.dtype)
            inputs.append(tensor_type(name, kind))
            translation.take(value, inputs[-1])
        else:
            raise UnsupportedError(
                f"input {name!r} is a {kind.text}", "images and arrays can be read"
            )
        features.append(feature)
    description = ModelDescription(tuple(features), _outputs(graph), _labels(metadata), metadata)
    return translation.translate(inputs, description)


def _outputs(graph: CoreAIGraph) -> tuple[ModelOutput, ...]:
    return tuple(
        ModelOutput(name, "array", kind.shape if isinstance(kind, ArrayType) else ())
        for name, kind in graph.outputs.items()
    )


def _order(metadata: Mapping[str, str]) -> Order:
    """Of the channels that the network was trained on; RGB where nothing is said."""
    about = metadata_of(dict(metadata))
    return "RGB" if about is None else about.normalization.order


def _labels(metadata: Mapping[str, str]) -> tuple[str, ...]:
    """The classes in the order of the probabilities: a list of texts."""
    try:
        labels: Sequence[str] = msgspec.json.decode(metadata.get(LABELS, "[]"), type=list[str])
    except msgspec.DecodeError as error:
        raise PackageError(
            f"the asset's labels cannot be read: {error}", "they are a list of texts"
        ) from error
    return tuple(labels)
