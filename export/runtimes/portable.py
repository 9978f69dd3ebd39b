"""A package on any machine: read, lowered to ONNX once, run by ONNX Runtime on the CPU.

An implementation of its own, for correctness; its speed says nothing about an Apple device.
Compiling needs the reader and `onnx`; a launch imports ONNX Runtime and numpy.
"""

import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import numpy as np

from export.mil.description import ImageInput, ModelDescription
from export.mil.model_pipeline import Model, ModelPipeline
from export.mil.program import RETURNED, Program
from export.runtimes import compiled_parts, picture_outputs
from export.runtimes.base import Feature, LoadedModel
from export.runtimes.inputs import check
from export.runtimes.pipeline_session import PipelineSession
from export.runtimes.refusals import refusing
from mobilenet.common.errors import PackageError, UnsupportedError

if TYPE_CHECKING:
    import onnxruntime

Precision = Literal["float32", "declared"]

UNIT = "CPU"
PIPELINE = ".pipeline"  # how its compiled form ends
DTYPES = {
    "tensor(float)": np.float32, "tensor(int32)": np.int32, "tensor(bool)": np.bool_,
    "tensor(int8)": np.int8, "tensor(uint8)": np.uint8, "tensor(int16)": np.int16,
    "tensor(uint16)": np.uint16,
}  # fmt: skip


class PortableRuntime:
    """`Runtime` on ONNX Runtime.

    `precision` "float32" computes in float32 with the stored weights; "declared" also rounds
    every result that is declared float16. `extra_outputs` are intermediate values to be given
    beside the model's outputs, `function` one of several in the package. `threads` of one
    operation; None means one for each core.
    """

    name = "portable"

    def __init__(
        self,
        threads: int | None = None,
        precision: Precision = "float32",
        extra_outputs: Sequence[str] = (),
        function: str | None = None,
    ) -> None:
        self.threads = threads
        self.precision = precision
        self.extra_outputs = tuple(extra_outputs)
        self.function = function

    def unavailable(self) -> str | None:
        """Why it cannot be used here, or None when it can."""
        if importlib.util.find_spec("onnxruntime") is None:
            return "onnxruntime is not installed"
        return None

    def units(self) -> tuple[str, ...]:
        """The one unit there is."""
        return (UNIT,)

    def compile(self, package: Path, folder: Path) -> Path:
        """Write `NAME.onnx` and, beside it, the description; returns the former.

        Of a pipeline, all its models and a list of them, which is returned. Raises `PackageError`
        for a damaged package, `UnsupportedError` for operations that have no lowering.
        """
        from export.mil.read.model import read_any

        model = read_any(package)
        asked = self.extra_outputs or self.function
        if asked and len([*model.programs()]) != 1:
            raise UnsupportedError(
                f"{package} has not one network", "nothing but its outputs can be had"
            )
        with refusing(package.stem):
            return self._compile(model, folder, package.stem)

    def _compile(self, model: Model, folder: Path, name: str) -> Path:
        """Write the compiled form of any model; returns what `load` takes."""
        if isinstance(model, Program):
            return self._compile_program(model, folder, name)
        if not isinstance(model, ModelPipeline):
            return compiled_parts.write(model, folder / name)
        from export.mil import footprint

        footprint.check_together([program.function() for program in model.programs()])
        stages = [
            self._compile(stage, folder, f"{name}.{number}").name
            for number, stage in enumerate(model.models)
        ]
        listed = CompiledPipeline(model.description, stages, self.extra_outputs)
        compiled = folder / f"{name}{PIPELINE}"
        compiled.write_bytes(msgspec.json.encode(listed))
        return compiled

    def _compile_program(self, program: Program, folder: Path, name: str) -> Path:
        from export.mil.onnx import to_onnx

        function, compiled = program.function(self.function), folder / f"{name}.onnx"
        content = to_onnx(function, self.precision, self.extra_outputs).SerializeToString()
        _description_path(compiled).write_bytes(msgspec.json.encode(function.description))
        compiled.write_bytes(content)
        return compiled

    def load(self, compiled: Path, unit: str) -> LoadedModel:
        """Load what `compile` made. The only unit is "CPU"."""
        if unit != UNIT:
            raise UnsupportedError(f"the portable runtime has no unit {unit!r}", f"it has {UNIT}")
        if compiled.suffix in compiled_parts.SUFFIXES:
            return compiled_parts.load(compiled)
        if compiled.suffix == PIPELINE:
            listed = compiled_parts.decoded(compiled, CompiledPipeline)
            stages = [self.load(compiled.with_name(stage), unit) for stage in listed.stages]
            return PipelineSession(listed.description, stages, listed.extra_outputs)
        description = compiled_parts.decoded(_description_path(compiled), ModelDescription)
        return self._load_program(compiled, description)

    def _load_program(self, compiled: Path, description: ModelDescription) -> "PortableSession":
        with refusing(compiled.stem):
            session = open_session(str(compiled), self.threads)
            return PortableSession(session, description, compiled.stem)


class CompiledPipeline(msgspec.Struct, frozen=True):
    """The list of a pipeline's compiled models, files beside it, in the order they run."""

    description: ModelDescription
    stages: list[str]
    extra_outputs: tuple[str, ...] = ()


def open_session(model: str | bytes, threads: int | None = None) -> "onnxruntime.InferenceSession":
    """ONNX Runtime on the CPU, for a path or the bytes of a model; raises as it likes."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or 0
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # fatal: errors are raised, and told once
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


class PortableSession:
    """`LoadedModel` on an ONNX Runtime session, with Core ML's inputs and outputs."""

    def __init__(
        self,
        session: "onnxruntime.InferenceSession",
        description: ModelDescription,
        name: str,
    ) -> None:
        self._session, self.description, self._name = session, description, name
        self._dtypes = {item.name: DTYPES[item.type] for item in session.get_inputs()}
        self._results = [item.name for item in session.get_outputs()]
        self._names = [name.removesuffix(RETURNED) for name in self._results]
        kinds = {output.name: output.kind for output in description.outputs}
        self._pictures = {item.name: item.picture for item in description.outputs if item.picture}
        self._probabilities = {name for name in self._names if kinds.get(name) == "dictionary"}
        # a label comes from `classify` as well, but strings are no tensors: made here
        self._label = next((name for name in kinds if name not in self._names), None)
        is_text = self._label is None or kinds[self._label] == "string"
        self._labels = description.labels if is_text else _integers(description.labels)

    def predict(self, inputs: Mapping[str, Feature]) -> dict[str, Feature]:
        """All outputs by name, extra ones included."""
        check(self.description, inputs)
        with refusing(self._name):
            feeds = {
                item.name: self._feed(item.name, inputs[item.name], isinstance(item, ImageInput))
                for item in self.description.inputs
            }
            values = self._session.run(self._results, feeds)
            return self._named(dict(zip(self._names, values, strict=True)))

    def _named(self, outputs: dict[str, Feature]) -> dict[str, Feature]:
        """With the class, a probability for each label, and pictures. A scalar has one axis."""
        outputs = {name: np.atleast_1d(values) for name, values in outputs.items()}
        for name, picture in self._pictures.items():
            outputs[name] = picture_outputs.picture(name, outputs[name], picture)
        for name in self._probabilities:
            values = outputs[name]
            if self._label is not None:
                outputs[self._label] = self._labels[int(values.argmax())]
            outputs[name] = dict(zip(self._labels, values.tolist(), strict=True))
        return outputs

    def _feed(self, name: str, value: Feature, is_image: bool) -> Any:
        if not is_image:
            return np.ascontiguousarray(value, self._dtypes[name])
        pixels = np.asarray(value)
        return pixels.reshape(1, *pixels.shape[:2], -1)  # (1, H, W, C): a view


def _integers(labels: Sequence[str]) -> tuple[int, ...]:
    try:
        return tuple(int(label) for label in labels)
    except ValueError as error:
        raise PackageError(
            f"classes are declared as integers, and are not: {error}", "make the package again"
        ) from error


def _description_path(compiled: Path) -> Path:
    return compiled.with_suffix(".json")
