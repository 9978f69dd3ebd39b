"""An ONNX Runtime session with Core ML's manners of input and output."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from export.mil.description import ImageInput, ModelDescription, TensorInput
from export.mil.program import KEPT, RETURNED
from export.runtimes.base import Feature
from export.runtimes.inputs import check, complete
from export.runtimes.model_state import ModelState
from export.runtimes.named_outputs import NamedOutputs
from export.runtimes.refusals import refusing

if TYPE_CHECKING:
    import onnxruntime

DTYPES = {
    "tensor(float)": np.float32, "tensor(int32)": np.int32, "tensor(bool)": np.bool_,
    "tensor(int8)": np.int8, "tensor(uint8)": np.uint8, "tensor(int16)": np.int16,
    "tensor(uint16)": np.uint16, "tensor(uint32)": np.uint32,
}  # fmt: skip


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
