"""The old format's protobuf as a `Program`: neural networks, classifiers and regressors.

The file has no types: shapes are inferred from the input on, layer by layer, and are unknown
behind a layer that is. Names stay those of the file; a name that is written twice, as the
preprocessing does with the input's, gets a suffix.
"""

from typing import Any

from export.mil.program import Program
from export.mil.read import specification
from export.mil.read.neuralnetwork.network import Network

KINDS = ("neuralNetwork", "neuralNetworkClassifier", "neuralNetworkRegressor")


def read(model: Any) -> Program:
    """The `Program` of `model`, a `Model` message whose type is one of `KINDS`."""
    about = model.description.metadata
    message = getattr(model, model.WhichOneof("Type"))
    labels = _labels(message)
    face = specification.describe(model.description, labels, dict(about.userDefined))
    function = Network(message, face).translate(model.description, labels)
    return Program(
        "neuralnetwork", model.specificationVersion, {"main": function}, "main",
        about.shortDescription, about.author, about.license, about.versionString,
    )  # fmt: skip


def _labels(message: Any) -> tuple[str, ...]:
    if "stringClassLabels" not in message.DESCRIPTOR.fields_by_name:
        return ()
    which = message.WhichOneof("ClassLabels")
    return () if which is None else tuple(str(one) for one in getattr(message, which).vector)
