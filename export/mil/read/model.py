"""Any model on disk as a `Program`, whatever its format; a pipeline as several."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from export.mil.program import Program
from export.mil.read import aimodel_file, mlprogram, neuralnetwork_file, specification
from export.mil.read.specification import Message
from export.package import model_files
from export.package.model_files import ModelFiles
from mobilenet.common.decoding import decoding
from mobilenet.common.errors import PackageError, UnsupportedError

PIPELINES = ("pipeline", "pipelineClassifier", "pipelineRegressor")
MAX_DEPTH = 8  # pipelines in pipelines


@dataclass(frozen=True)
class Part:
    """One model of a pipeline, or the only one."""

    name: str  # "" when it is the only one
    kind: str  # as Core ML calls it: "mlProgram", "nonMaximumSuppression", ...
    program: Program | None
    reason: str = ""  # why there is no program


def read(path: Path) -> Program:
    """The program of the package, .mlmodel or Core AI asset at `path`.

    Raises `PackageError` for a damaged or unsafe model, `UnsupportedError` for a kind of model
    that is not a program, such as a tree ensemble or a pipeline.
    """
    files = model_files.find(path)
    if files.kind == "aimodel":
        return aimodel_file.read(files)
    model = specification.load(files.specification)
    kind = model.WhichOneof("Type")
    if kind in PIPELINES:
        raise UnsupportedError(
            f"{path} is a pipeline of several models", "only its models can be run, one by one"
        )
    with decoding(str(path), model_files.AGAIN, PackageError):
        return _program(files, model)


def parts(files: ModelFiles, model: Message) -> tuple[Part, ...]:
    """The models in `model`, the `Model` message of `files`; those not known have a reason."""
    with decoding(str(files.path), model_files.AGAIN, PackageError):
        return tuple(_parts(files, model, "", 0))


def _parts(files: ModelFiles, model: Message, name: str, depth: int) -> Iterator[Part]:
    kind = str(model.WhichOneof("Type"))
    if kind in PIPELINES:
        if depth == MAX_DEPTH:
            raise PackageError(f"{files.path} nests pipelines {depth} deep", "do not trust it")
        pipeline = getattr(model, kind)
        pipeline = pipeline if kind == "pipeline" else pipeline.pipeline
        for number, inner in enumerate(pipeline.models):
            own = pipeline.names[number] if number < len(pipeline.names) else f"model {number}"
            yield from _parts(files, inner, f"{name}/{own}" if name else own, depth + 1)
        return
    try:
        yield Part(name, kind, _program(files, model))
    except UnsupportedError as error:
        yield Part(name, kind, None, error.message)


def _program(files: ModelFiles, model: Message) -> Program:
    kind = model.WhichOneof("Type")
    if kind == "mlProgram":
        return mlprogram.read(files, model)
    if kind in neuralnetwork_file.KINDS:
        return neuralnetwork_file.read(model)
    raise UnsupportedError(
        f"{files.path} is a {kind}", "ML Programs and neural networks can be read"
    )
