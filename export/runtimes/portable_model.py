"""A model from Python on any machine, called as `coremltools.models.MLModel` is on a Mac."""

import weakref
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from export.mil.description import ImageInput, ModelDescription, ModelOutput, TensorInput
from export.mil.program import Precision
from export.mil.read import specification
from export.mil.read.specification import Message
from export.package import model_files
from export.runtimes.base import Feature
from export.runtimes.model_state import ModelState, StatefulModel
from export.runtimes.portable import UNIT, PortableRuntime
from mobilenet.common.decoding import decoding
from mobilenet.common.errors import UnsupportedError
from mobilenet.common.temporary import owned_folder

Features = dict[str, Feature]
Data = TypeVar("Data", Features, list[Features])


def load(
    path: str | Path, function: str | None = None, *, precision: Precision = "declared"
) -> "PortableModel":
    """The model at `path`, an .mlpackage, .mlmodel or .aimodel of any maker, ready to predict.

    `function` is one of several in it. `precision` "declared" rounds what is declared float16, as
    Core ML's CPU does; "float32" computes without rounding.

    Raises `PackageError` for a damaged file, `UnsupportedError` for what cannot be run here.
    """
    return PortableModel(Path(path), function, precision)


class PortableModel:
    """What `load` gives: stands in for `coremltools.models.MLModel` in tests off a Mac.

    `predict` takes and gives the same names and types. A pytest fixture that puts it under
    coremltools' own objects, wherever they are from:

        @pytest.fixture
        def core_ml(monkeypatch, tmp_path):
            import coremltools
            import export

            def opened(model):
                path = tmp_path / ("m.mlpackage" if model.is_package else "m.mlmodel")
                model.save(str(path))
                return export.load(path, model.function_name)

            def predict(model, data, state=None):
                return opened(model).predict(data, state)

            monkeypatch.setattr(coremltools.models.MLModel, "predict", predict)
            monkeypatch.setattr(
                coremltools.models.MLModel, "make_state", lambda model: opened(model).make_state()
            )

    The numbers are those of an implementation of its own: to some digits Core ML's, not bit for
    bit, and its speed says nothing about a device.
    """

    def __init__(self, path: Path, function: str | None, precision: Precision) -> None:
        self.path, self.function_name = path, function
        runtime = PortableRuntime(precision=precision, function=function)
        with ExitStack() as stack:
            folder = stack.enter_context(owned_folder())
            self._session = runtime.load(runtime.compile(path, folder), UNIT)
            self._files = model_files.find(path)
            weakref.finalize(self, stack.pop_all().close)

    @property
    def description(self) -> ModelDescription:
        """What it takes and gives."""
        return self._session.description

    @property
    def input_description(self) -> dict[str, str]:
        """What is said of each input, by its name."""
        return {item.name: item.description for item in self.description.all_inputs}

    @property
    def output_description(self) -> dict[str, str]:
        """What is said of each output, by its name."""
        return {item.name: item.description for item in self.description.outputs}

    @property
    def user_defined_metadata(self) -> dict[str, str]:
        """As stored in the model."""
        return dict(self.description.metadata)

    def get_spec(self) -> Message:
        """The model's protobuf message, as coremltools has it.

        Raises `UnsupportedError` for an asset of Core AI, which has none.
        """
        if self._files.kind == "aimodel":
            raise UnsupportedError(
                f"{self.path} is an asset of Core AI", "only Core ML's models have such a message"
            )
        return specification.load(self._files.specification)

    def make_state(self) -> ModelState:
        """A new state, zeros, to be given to each prediction of a sequence.

        Raises `UnsupportedError` for a model that keeps none.
        """
        if not isinstance(self._session, StatefulModel) or not self.description.states:
            raise UnsupportedError(f"{self.path} keeps no state", "predict without one")
        return self._session.make_state()

    def predict(self, data: Data, state: ModelState | None = None) -> Data:
        """All outputs by name; for a list of inputs, a list of them.

        A picture is a PIL image: RGB, L where the model declares GRAYSCALE, F where that is of
        float16. An array is one of numpy or PyTorch, or a list of numbers. Out come arrays of the
        declared type (float32 where that is float16), strings, numbers, dictionaries from labels
        to floats, and images (RGBA, L or F). `data` is left as it is.

        `state` of `make_state` is read and changed by a model that keeps one; without it such a
        model begins with zeros. A list of inputs goes without.

        Raises as `MLModel.predict`: `TypeError` for data and images of another kind or mode,
        `KeyError` for an input that the model does not have. What Core ML itself would refuse, a
        missing input or one of another shape, raises `UserError`.
        """
        if type(data) is dict:
            return self._predicted(data, state)
        if type(data) is not list or not all(type(each) is dict for each in data):
            raise TypeError(f"data is a {type(data).__name__}: give a dict, or a list of dicts")
        if state is not None:
            raise UnsupportedError("a state is given with a list", "predict one after the other")
        return [self._predicted(each) for each in data]

    def _predicted(self, data: Features, state: ModelState | None = None) -> Features:
        inputs = fed(self.description, data)
        if state is not None:
            self._check_state(state)
        if isinstance(self._session, StatefulModel):
            outputs = self._session.predict(inputs, state)
        else:
            outputs = self._session.predict(inputs)
        return {item.name: _given(outputs[item.name], item) for item in self.description.outputs}

    def _check_state(self, state: ModelState) -> None:
        if not isinstance(state, ModelState):
            raise TypeError(f"state is a {type(state).__name__}: give one of make_state()")
        if not self.description.states:
            raise UnsupportedError(f"{self.path} keeps no state", "predict without one")


def fed(description: ModelDescription, data: Mapping[str, Feature]) -> Features:
    """The inputs as a runtime takes them. Raises `TypeError` and `KeyError` as `MLModel` does."""
    names = [item.name for item in description.all_inputs]
    if unknown := [name for name in data if name not in names]:
        raise KeyError(f"input {unknown[0]!r} is unknown: the model takes {', '.join(names)}")
    arrays = {item.name for item in description.inputs if isinstance(item, TensorInput)}
    for item in description.inputs:
        if isinstance(item, ImageInput):
            _check_mode(item, data.get(item.name))
    return {
        name: _array(name, value) if name in arrays else value for name, value in data.items()
    }  # fmt: skip


def _check_mode(item: ImageInput, value: Feature) -> None:
    from PIL.Image import Image

    if not isinstance(value, Image) or value.mode != item.mode:
        given = (
            f"of mode {value.mode}" if isinstance(value, Image) else f"a {type(value).__name__}"
        )
        raise TypeError(f"input {item.name!r} is {given}: give a PIL image of mode {item.mode}")


def _array(name: str, value: Feature) -> Any:
    hint = "give an array of numpy or PyTorch, or a list of numbers"
    with decoding(f"input {name!r}", hint, UnsupportedError):
        return np.asarray(value.detach() if hasattr(value, "detach") else value)


def _given(value: Feature, declared: ModelOutput) -> Feature:
    """A value as coremltools gives it: it has no halves, and pictures of colours have alpha."""
    if getattr(value, "mode", "") == "RGB":
        return value.convert("RGBA")
    if not declared.dtype or not isinstance(value, np.ndarray):
        return value
    return value.astype("float32" if declared.dtype == "float16" else declared.dtype, copy=False)
