"""A package on any machine: read, lowered to ONNX once, run by ONNX Runtime on the CPU.

An implementation of its own, for correctness; its speed says nothing about an Apple device.
Compiling needs the reader and `onnx`; a launch imports ONNX Runtime and numpy.
"""

import functools
import importlib.util
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from export.mil.description import ModelDescription
from export.mil.model_pipeline import Model, ModelPipeline
from export.mil.program import Precision, Program
from export.package.model_files import find
from export.runtimes import compiled_parts
from export.runtimes.base import LoadedModel
from export.runtimes.flexible_session import CompiledFlexible, FlexibleSession
from export.runtimes.onnx_session import open_session, weights_path
from export.runtimes.pipeline_session import CompiledPipeline, PipelineSession
from export.runtimes.portable_session import PortableSession
from export.runtimes.refusals import refusing
from mobilenet.common.errors import OwnFaultError, UnsupportedError

UNIT = "CPU"
PIPELINE, FLEXIBLE = ".pipeline", ".flexible"  # how compiled forms end
DESCRIPTION = ".json"


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

        model, target = read_any(package), folder / package.stem
        asked = self.extra_outputs or self.function
        if asked and len([*model.programs()]) != 1:
            raise UnsupportedError(
                f"{package} has not one network", "nothing but its outputs can be had"
            )
        with refusing(package.stem):
            copied = ""
            if any(program.is_flexible for program in model.programs()):
                copied = find(package).copy(target.with_name(f"{target.name}.source")).name
            return self._compile(model, target, copied)

    def _compile(
        self, model: Model, target: Path, copied: str, stages: tuple[int, ...] = ()
    ) -> Path:
        """Write the compiled form of any model, at `target` with a suffix; what `load` takes.

        `copied` is what it stands in, where it is flexible, `stages` its place in pipelines there.
        """
        if isinstance(model, Program):
            if not model.function(self.function).description.is_flexible:
                return self._compile_program(model, target)
            return self._compile_flexible(model, target, copied, stages)
        if not isinstance(model, ModelPipeline):
            return compiled_parts.write(model, target)
        from export.mil import footprint

        footprint.check_together([program.function() for program in model.programs()])
        compiled = [
            self._compile(
                stage, target.with_name(f"{target.name}.{number}"), copied, (*stages, number)
            ).name
            for number, stage in enumerate(model.models)
        ]
        listed = CompiledPipeline(model.description, compiled, self.extra_outputs)
        return _write(target, PIPELINE, listed)

    def _compile_flexible(
        self, program: Program, target: Path, copied: str, stages: tuple[int, ...]
    ) -> Path:
        default: str | None = None  # at 1 pixel, say, no kernel fits in
        with suppress(OwnFaultError):
            default = self._compile_program(program, target).name
        description = program.function(self.function).description
        flexible = CompiledFlexible(
            description, default, copied, stages, self.function, self.precision, self.extra_outputs
        )
        return _write(target, FLEXIBLE, flexible)

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
            opened = functools.partial(self._open, name=compiled.stem)
            default = (
                None
                if flexible.default is None
                else self._default(compiled.with_name(flexible.default))
            )
            return FlexibleSession(flexible, default, compiled.parent, opened)
        return self._load_graph(compiled)

    def _load_graph(self, compiled: Path) -> PortableSession:
        description = compiled_parts.decoded(compiled.with_suffix(DESCRIPTION), ModelDescription)
        return self._open(str(compiled), description, compiled.stem)

    def _default(self, compiled: Path) -> PortableSession | None:
        try:
            return self._load_graph(compiled)
        except OwnFaultError:
            return None

    def _open(
        self, graph: str | bytes, description: ModelDescription, name: str
    ) -> PortableSession:
        with refusing(name):
            return PortableSession(open_session(graph, self.threads), description, name)


def _write(target: Path, suffix: str, value: object) -> Path:
    written = target.with_name(f"{target.name}{suffix}")
    written.write_bytes(msgspec.json.encode(value))
    return written
