"""The old format, NeuralNetwork: an .mlmodel file for iOS 13 and 14.

It has no types: weights are stored as float32 or as halves, and the device chooses what to
compute in. coremltools names the probabilities after the operation that makes them.
"""

from typing import Any

import numpy as np


def finished(ct: Any, model: Any, output: str, half: bool) -> Any:
    """The converted `MLModel` with its array of results called `output`; `half`: stored so."""
    message = model.get_spec()
    array = next(
        feature
        for feature in message.description.output
        if not feature.type.HasField("stringType")
    )
    if array.name != output:
        ct.utils.rename_feature(message, array.name, output)
    if half:
        _store_halves(message)
    return ct.models.MLModel(message, skip_model_load=True)


def _store_halves(message: Any) -> None:
    """Weights and biases as float16, in place."""
    for layer in getattr(message, message.WhichOneof("Type")).layers:
        kind = layer.WhichOneof("layer")
        if kind in ("convolution", "innerProduct"):
            parameters = getattr(layer, kind)
            for values in (parameters.weights, parameters.bias):
                values.float16Value = np.array(values.floatValue, np.float16).tobytes()
                values.ClearField("floatValue")
