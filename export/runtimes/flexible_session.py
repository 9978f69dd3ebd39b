"""A model whose inputs may have several sizes: each has its own graph, compiled when it comes.

A graph of one size knows every shape ahead, which is what the lowerings rely on; the size that a
model has by default is compiled with it, so that a launch costs what that of any other does.
"""

import functools
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from export.mil.description import ImageInput, ModelDescription
from export.mil.model_pipeline import Model, ModelPipeline
from export.mil.program import Precision, Program
from export.runtimes.base import Feature
from export.runtimes.inputs import check
from export.runtimes.model_state import ModelState, StatefulModel
from export.runtimes.refusals import refusing

MAX_SIZES = 4  # kept beside the default: each holds the weights anew

Sizes = tuple[tuple[str, tuple[int, ...]], ...]  # of each flexible input, by its name
Open = Callable[[bytes, ModelDescription], StatefulModel]  # of an ONNX model


class CompiledFlexible(msgspec.Struct, frozen=True):
    """What a flexible model is compiled from again, and its graph at the default size."""

    description: ModelDescription
    default: str | None  # a file beside it; None where that size cannot be run
    package: str  # a copy of the model beside it: the model itself may go
    stages: tuple[int, ...]  # its place in the pipelines of the package
    function: str | None
    precision: Precision
    extra_outputs: tuple[str, ...]


class FlexibleSession:
    """`LoadedModel` that takes every size its description allows.

    There may be no `default`: a range that begins at 1 pixel has one that no kernel fits into.
    """

    def __init__(
        self,
        compiled: CompiledFlexible,
        default: StatefulModel | None,
        folder: Path,
        open_graph: Open,
    ) -> None:
        self.description = compiled.description
        self._compiled, self._folder, self._open_graph = compiled, folder, open_graph
        self._default, self._default_sizes = default, _sizes(compiled.description, {})
        self._at = functools.lru_cache(MAX_SIZES)(self._loaded_at)

    def make_state(self) -> ModelState:
        """A new state, to be given to each prediction of a sequence."""
        return ModelState(self.description.states)

    def predict(
        self, inputs: Mapping[str, Feature], state: ModelState | None = None
    ) -> dict[str, Feature]:
        """All outputs by name. Raises as `PortableRuntime` where a size comes first."""
        check(self.description, inputs)
        sizes = _sizes(self.description, inputs)
        if sizes == self._default_sizes and self._default is not None:
            return self._default.predict(inputs, state)
        return self._at(sizes).predict(inputs, state)

    @functools.cached_property
    def _program(self) -> Program:
        from export.mil.read.model import read_any

        model: Model = read_any(self._folder / self._compiled.package)
        for stage in self._compiled.stages:
            assert isinstance(model, ModelPipeline), "it was compiled from such a place"
            model = model.models[stage]
        assert isinstance(model, Program), "nothing else is flexible"
        return model

    def _loaded_at(self, sizes: Sizes) -> StatefulModel:
        from export.mil.onnx import to_onnx
        from export.mil.shapes import at

        compiled = self._compiled
        with refusing(Path(compiled.package).stem):
            function = at(self._program.function(compiled.function), dict(sizes))
            graph = to_onnx(function, compiled.precision, compiled.extra_outputs)
        return self._open_graph(graph.SerializeToString(), function.description)


def _sizes(description: ModelDescription, inputs: Mapping[str, Feature]) -> Sizes:
    """Of what is given to flexible inputs; the default of those that are not given."""
    sizes = []
    for item in description.inputs:
        if item.allowed is None:
            continue
        value = inputs.get(item.name)
        if value is None:
            sizes.append((item.name, item.sizes))
        elif isinstance(item, ImageInput):
            sizes.append((item.name, (value.height, value.width)))
        else:
            sizes.append((item.name, tuple(value.shape)))
    return tuple(sizes)
