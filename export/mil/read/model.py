"""Any model on disk as data, whatever its format: a program, a pipeline of several."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from export.mil.model_pipeline import Model, ModelPipeline
from export.mil.program import Program
from export.mil.read import (
    aimodel_file,
    mlprogram,
    neuralnetwork_file,
    pipeline_file,
    specification,
    suppression_file,
    tabular_file,
)
from export.mil.read.needed_version import NEWEST
from export.mil.read.specification import Message
from export.mil.suppression_model import SuppressionModel
from export.mil.tabular_model import TabularModel
from export.package import model_files
from export.package.model_files import ModelFiles
from mobilenet.common.decoding import decoding
from mobilenet.common.errors import PackageError, UnsupportedError


@dataclass(frozen=True)
class Part:
    """One model of a pipeline, or the only one."""

    name: str  # "" when it is the only one
    kind: str  # as Core ML calls it: "mlProgram", "nonMaximumSuppression", ...
    model: Program | SuppressionModel | TabularModel | None
    declared: Message | None  # its `ModelDescription` message; None in another format
    reason: str = ""  # why there is no model


def read(path: Path) -> Program:
    """The program of the package, .mlmodel or Core AI asset at `path`.

    Raises `PackageError` for a damaged or unsafe model, `UnsupportedError` for a kind of model
    that is not a program, such as a tree ensemble or a pipeline.
    """
    model = read_any(path)
    if isinstance(model, Program):
        return model
    raise UnsupportedError(
        f"{path} is a {model.kind}, not a single network",
        "it can be inspected, and run as a whole",
    )


def network(path: Path) -> Program:
    """The only program in the model at `path`, be it all of it or a part of a pipeline.

    Its functions are described as the whole is. Raises as `read`, and `UnsupportedError` for a
    pipeline of several networks.
    """
    model = read_any(path)
    if not isinstance(model, ModelPipeline):
        return read(path)
    programs = [*model.programs()]
    if len(programs) != 1:
        raise UnsupportedError(
            f"{path} is a pipeline of {len(programs)} networks",
            "it can be inspected, and timed as a whole",
        )
    (program,) = programs
    functions = {
        name: replace(function, description=model.description)
        for name, function in program.functions.items()
    }
    return replace(program, functions=functions)


def read_any(path: Path) -> Model:
    """The model at `path`: as `read`, and also a pipeline or a non-maximum suppression."""
    files = model_files.find(path)
    if files.kind == "aimodel":
        return aimodel_file.read(files)
    message = specification.load(files.specification)
    _check_version(files, message)
    with decoding(str(path), model_files.AGAIN, PackageError):
        return _model(files, message, 0)


def _check_version(files: ModelFiles, model: Message) -> None:
    """Raise `UnsupportedError` for a version that is not known: what it says may mean else."""
    if model.specificationVersion > NEWEST:
        raise UnsupportedError(
            f"{files.path} has specification version {model.specificationVersion}, newer than any "
            f"that is known here ({NEWEST})",
            "update this program; `python -m export inspect` shows what can be told",
        )


def parts(files: ModelFiles, model: Message) -> tuple[Part, ...]:
    """The models in `model`, the `Model` message of `files`; those not known have a reason."""
    with decoding(str(files.path), model_files.AGAIN, PackageError):
        return tuple(_parts(files, model, "", 0))


def _parts(files: ModelFiles, model: Message, name: str, depth: int) -> Iterator[Part]:
    kind = str(model.WhichOneof("Type"))
    if kind in pipeline_file.KINDS:
        _check_depth(files, depth)
        for own, inner in pipeline_file.stages(model):
            yield from _parts(files, inner, f"{name}/{own}" if name else own, depth + 1)
        return
    try:
        yield Part(name, kind, _single(files, model), model.description)
    except UnsupportedError as error:
        yield Part(name, kind, None, model.description, error.message)


def _model(files: ModelFiles, model: Message, depth: int) -> Model:
    if model.WhichOneof("Type") not in pipeline_file.KINDS:
        return _single(files, model)
    _check_depth(files, depth)
    stages = tuple(pipeline_file.stages(model))
    models = [_model(files, inner, depth + 1) for _, inner in stages]
    return pipeline_file.joined(model.description, [name for name, _ in stages], models)


def _check_depth(files: ModelFiles, depth: int) -> None:
    if depth == pipeline_file.MAX_DEPTH:
        raise PackageError(f"{files.path} nests pipelines {depth} deep", "do not trust it")


def _single(files: ModelFiles, model: Message) -> Program | SuppressionModel | TabularModel:
    kind = model.WhichOneof("Type")
    if kind == "nonMaximumSuppression":
        return suppression_file.read(model)
    if kind in tabular_file.READERS:
        return tabular_file.read(model)
    if kind == "mlProgram":
        program = mlprogram.read(files, model)
    elif kind in neuralnetwork_file.KINDS:
        program = neuralnetwork_file.read(model)
    else:
        raise UnsupportedError(
            f"{files.path} is or holds a {kind or 'model'}: {tabular_file.reason(model)}",
            "Core ML on a Mac may run it",
        )
    for category in program.description.categories:
        raise UnsupportedError(
            f"input {category.name!r} is a {category.kind}",
            "networks take images and multi-arrays",
        )
    return program
