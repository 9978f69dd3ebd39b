"""One call of one layer: its settings, what goes in, its weights, and where its nodes are written.

A layer's settings are read into a record that lists every word Keras may write there. A word that
is not listed, or has another value than the record allows, is refused: it might change what the
layer computes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

import msgspec
import numpy as np
from msgspec import Raw
from numpy.typing import NDArray

from mobilenet.common.decoding import decoding
from mobilenet.common.errors import CheckpointError
from mobilenet.graph import Attribute
from mobilenet.sources.keras.graph_draft import GraphDraft, KerasValue
from mobilenet.sources.keras.layer_calls import KerasCall
from mobilenet.sources.keras.layer_variables import LayerWeights
from mobilenet.sources.keras.model_tree import NOTHING, Entry

ANOTHER = "export() takes networks with other layers from Python"
Shape = tuple[int | None, ...]
# mixed: computed in 16 bits, while the weights, and what is exported, have 32
Precision = Literal["float32", "mixed_float16", "mixed_bfloat16"]


class PolicyName(msgspec.Struct, forbid_unknown_fields=True):
    """The settings of a `DTypePolicy`."""

    name: Precision


class Policy(msgspec.Struct, forbid_unknown_fields=True):
    """The type a layer computes in, as Keras 3 writes it."""

    class_name: Literal["DTypePolicy", "Policy"]
    config: PolicyName
    module: Raw = NOTHING
    registered_name: None = None
    shared_object_id: Raw = NOTHING


class CommonSettings(msgspec.Struct, forbid_unknown_fields=True):
    """What any layer's `config` may say."""

    name: str = ""
    trainable: bool = True
    dtype: Precision | Policy | None = None
    batch_input_shape: Raw = NOTHING  # of the first layer, see model_input
    activity_regularizer: Raw = NOTHING


Settings = TypeVar("Settings", bound=msgspec.Struct)
FREE = "fix the input's size and save the model again"


@dataclass(frozen=True)
class LayerCall:
    """What a translator of a layer is given."""

    entry: Entry
    call: KerasCall  # with values and numbers
    weights: LayerWeights
    draft: GraphDraft

    @property
    def title(self) -> str:
        """For messages."""
        return self.entry.title

    @property
    def inputs(self) -> tuple[KerasValue, ...]:
        """All values that go in."""
        return tuple(item for item in self.call.items() if isinstance(item, KerasValue))

    @property
    def input(self) -> KerasValue:
        """The only one. Raises `CheckpointError` where there are more."""
        if len(self.inputs) != 1 or len(self.call.arguments) > 1:
            raise self.refusal(f"is called with {len(self.inputs)} values, one is needed")
        return self.inputs[0]

    @property
    def map_input(self) -> tuple[KerasValue, int, int | None, int | None]:
        """The only one, with channels, height and width. Raises for one that is no map."""
        value = self.input
        if not value.is_map or value.channels is None:
            raise self.refusal(f"is called with shape {shown(value.shape)}, no map of channels")
        return value, value.channels, value.shape[0], value.shape[1]

    def refusal(self, reason: str, hint: str = ANOTHER) -> CheckpointError:
        """The error that says so of this layer."""
        return CheckpointError(f"{self.title} {reason}", hint)

    def settings(self, kind: type[Settings]) -> Settings:
        """The layer's config. Raises `CheckpointError` for what `kind` does not list."""
        with decoding(f"what {self.title} is set to", ANOTHER):
            return msgspec.json.decode(self.entry.description.config, type=kind)

    def add(
        self, op: str, inputs: Sequence[str], shape: Shape, **attributes: Attribute
    ) -> KerasValue:
        """A node of this layer. Raises `CheckpointError` for a result without a number in it."""
        if any(size is not None and size < 1 for size in shape):
            raise self.refusal(f"would have a result of shape {shown(shape)}", "is it complete?")
        words = (self.entry.name, self.entry.kind)
        name = self.draft.add(op, inputs, "/".join(self.entry.path), words, attributes)
        return KerasValue(name, shape)

    def weight(
        self,
        variable: str,
        shape: tuple[int, ...],
        change: Callable[[NDArray[np.float32]], NDArray[np.float32]] | None = None,
    ) -> str:
        """A weight as a constant, changed as it is loaded.

        Raises `CheckpointError` for another shape than the layer's settings make it.
        """
        constant = self.weights.get(variable)
        if constant is None or constant.shape != shape:
            there = "missing" if constant is None else f"of shape {shown(constant.shape)}"
            raise self.refusal(
                f"needs a {variable} of shape {shown(shape)}, it is {there}", "is it complete?"
            )
        stored = constant.load

        def load() -> NDArray[np.float32]:
            array = stored().astype(np.float32, copy=False)
            return array if change is None else np.ascontiguousarray(change(array))

        changed = shape if change is None else change(np.broadcast_to(np.float32(0), shape)).shape
        return self.draft.constant(f"{'/'.join(self.entry.path)}/{variable}", changed, load)

    def numbers(self, word: str, array: NDArray[np.float32] | NDArray[np.int64]) -> str:
        """A constant that the layer's settings say."""
        return self.draft.numbers(f"{'/'.join(self.entry.path)}/{word}", array)


def shown(shape: Shape) -> str:
    """A shape in messages: "(None, 7)"."""
    return "(" + ", ".join(map(str, shape)) + ")"


def broadcast(array: NDArray[np.float32], rank: int) -> NDArray[np.float32]:
    """Numbers that are combined with a value of `rank`, as they lie in the Graph.

    Those of a map are turned to NCHW.
    """
    if array.ndim == 0 or rank != 3:
        return array
    return array.reshape((1,) * (4 - array.ndim) + array.shape).transpose(0, 3, 1, 2)
