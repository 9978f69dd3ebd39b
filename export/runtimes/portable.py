"""A package on any machine: read, lowered to ONNX once, run by ONNX Runtime on the CPU.

An implementation of its own, for correctness; its speed says nothing about an Apple device.
Compiling needs the reader and `onnx`; a launch imports ONNX Runtime and numpy.
"""

import functools
import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import numpy as np

from export.mil.description import ImageInput, ModelDescription, TensorInput
from export.mil.model_pipeline import Model, ModelPipeline
from export.mil.program import KEPT, RETURNED, Program
from export.runtimes import compiled_parts
from export.runtimes.base import Feature, LoadedModel
from export.runtimes.flexible_session import CompiledFlexible, FlexibleSession
from export.runtimes.inputs import check, complete
from export.runtimes.model_state import ModelState
from export.runtimes.named_outputs import NamedOutputs
from export.runtimes.onnx_session import open_session, weights_path
from export.runtimes.pipeline_session import CompiledPipeline, PipelineSession
from export.runtimes.refusals import refusing
from mobilenet.common.errors import UnsupportedError

if TYPE_CHECKING:
    import onnxruntime

Precision = Literal["float32", "declared"]

UNIT = "CPU"
# how compiled forms end that are not ONNX
PIPELINE, FLEXIBLE = ".pipeline", ".flexible"
DESCRIPTION = ".json"
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
        """Write `NAME.onnx` and, beside it, weights and description; returns the former.

        Of a pipeline, all its models and a list of them, which is returned; of a flexible model
        the graph of its default size, and what other sizes are compiled from. Raises
        `PackageError` for a damaged package, `UnsupportedError` for operations that have no
        lowering.
        """
        from export.mil.read.model import read_any

        model = read_any(package)
        asked = self.extra_outputs or self.function
        if asked and len([*model.programs()]) != 1:
            raise UnsupportedError(
                f"{package} has not one network", "nothing but its outputs can be had"
            )
        with refusing(package.stem):
            return self._compile(model, folder / package.stem, package)

    def _compile(
        self, model: Model, target: Path, package: Path, stages: tuple[int, ...] = ()
    ) -> Path:
        """Write the compiled form of any model, at `target` with a suffix; what `load` takes.

        `stages` is its place in the pipelines of `package`.
        """
        if isinstance(model, Program):
            graph = self._compile_program(model, target)
            description = model.function(self.function).description
            if not description.is_flexible:
                return graph
            flexible = CompiledFlexible(
                description, graph.name, str(package.resolve()), stages, self.function,
                self.precision, self.extra_outputs,
            )  # fmt: skip
            return _write(target, FLEXIBLE, flexible)
        if not isinstance(model, ModelPipeline):
            return compiled_parts.write(model, target)
        from export.mil import footprint

        footprint.check_together([program.function() for program in model.programs()])
        compiled = [
            self._compile(
                stage, target.with_name(f"{target.name}.{number}"), package, (*stages, number)
            ).name
            for number, stage in enumerate(model.models)
        ]
        listed = CompiledPipeline(model.description, compiled, self.extra_outputs)
        return _write(target, PIPELINE, listed)

    def _compile_program(self, program: Program, target: Path) -> Path:
        from export.mil.onnx import to_onnx
        from export.mil.onnx_weights import WeightFile
        from export.mil.shapes import at

        function = at(program.function(self.function))
        graph = target.with_name(f"{target.name}.onnx")
        with WeightFile(weights_path(graph)) as weights:
            model = to_onnx(function, self.precision, self.extra_outputs, weights)
        _write(target, DESCRIPTION, function.description)
        graph.write_bytes(model.SerializeToString())
        return graph

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
        if compiled.suffix == FLEXIBLE:
            flexible = compiled_parts.decoded(compiled, CompiledFlexible)
            default = self._load_graph(compiled.with_name(flexible.default))
            opened = functools.partial(self._open, name=compiled.stem)
            return FlexibleSession(flexible, default, opened)
        return self._load_graph(compiled)

    def _load_graph(self, compiled: Path) -> "PortableSession":
        description = compiled_parts.decoded(compiled.with_suffix(DESCRIPTION), ModelDescription)
        return self._open(str(compiled), description, compiled.stem)

    def _open(
        self, graph: str | bytes, description: ModelDescription, name: str
    ) -> "PortableSession":
        with refusing(name):
            return PortableSession(open_session(graph, self.threads), description, name)


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
        kept = [f"{state.name}{KEPT}" for state in description.states]
        self._names = [name.removesuffix(RETURNED) for name in self._results if name not in kept]
        self._outputs = NamedOutputs(description, self._names)

    def make_state(self) -> ModelState:
        """A new state, to be given to each prediction of a sequence."""
        return ModelState(self.description.states)

    def predict(
        self, inputs: Mapping[str, Feature], state: ModelState | None = None
    ) -> dict[str, Feature]:
        """All outputs by name, extra ones included."""
        check(self.description, inputs)
        with refusing(self._name):
            values = complete(self.description, inputs)
            state = self.make_state() if state is None else state
            feeds = {
                item.name: self._feed(values[item.name], item) for item in self.description.inputs
            }
            names = [item.name for item in self.description.states]
            feeds |= {name: state.read_state(name) for name in names}
            results = dict(
                zip(self._results, self._session.run(self._results, feeds), strict=True)
            )
            for name in names:
                state.write_state(name, results.pop(f"{name}{KEPT}"))
            return self._outputs.of(dict(zip(self._names, results.values(), strict=True)))

    def _feed(self, value: Feature, item: ImageInput | TensorInput) -> Any:
        if isinstance(item, TensorInput):
            return np.ascontiguousarray(value, self._dtypes[item.name])
        pixels = np.asarray(value)
        if item.mode == "F":
            pixels = pixels.astype(np.float16).astype(np.float32)
        return pixels.reshape(1, *pixels.shape[:2], -1)  # (1, H, W, C): a view


def _write(target: Path, suffix: str, value: object) -> Path:
    written = target.with_name(f"{target.name}{suffix}")
    written.write_bytes(msgspec.json.encode(value))
    return written
