"""The old format, NeuralNetwork: an .mlmodel file for iOS 13 and 14.

It has no types: weights are stored as float32 or as halves, and the device chooses what to
compute in. coremltools names the probabilities after the operation that makes them.
"""

from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from export.formats.coreml.ml_model import MLModel


class NeuralNetwork:
    """How it is written."""

    convert_to = "neuralnetwork"
    is_typed = False

    def relu6(self, mb: Any, x: Any, name: str) -> Any:
        """A clip: coremltools makes four layers of this format's relu6."""
        return mb.clip(x=x, alpha=0.0, beta=6.0, name=name)

    def finished(
        self, ct: ModuleType, model: MLModel, outputs: Sequence[str], half: bool
    ) -> MLModel:
        """With the arrays of results called `outputs`, in order; `half`: weights stored so."""
        message = model.get_spec()
        arrays = [
            feature.name
            for feature in message.description.output
            if not feature.type.HasField("stringType")
        ]
        for name, output in zip(arrays, outputs, strict=True):
            if name != output:
                ct.utils.rename_feature(message, name, output)
        if half:
            _store_halves(message)
        renamed: MLModel = ct.models.MLModel(message, skip_model_load=True)
        return renamed

    def save(self, model: MLModel, message: bytes, path: Path) -> None:  # noqa: ARG002  # a `Kind`
        """The message is the file."""
        path.write_bytes(message)


def _store_halves(message: Any) -> None:
    """Weights and biases as float16, in place."""
    for layer in getattr(message, message.WhichOneof("Type")).layers:
        kind = layer.WhichOneof("layer")
        if kind in ("convolution", "innerProduct"):
            parameters = getattr(layer, kind)
            for values in (parameters.weights, parameters.bias):
                values.float16Value = np.array(values.floatValue, np.float16).tobytes()
                values.ClearField("floatValue")
