"""The old format's protobuf as a `Program`: neural networks, classifiers and regressors.

The file has no types: shapes are inferred from the input on, layer by layer, and are unknown
behind a layer that is. Names stay those of the file; a name that is written twice, as the
preprocessing does with the input's, gets a suffix.
"""

from dataclasses import replace

from export.mil.description import ModelDescription
from export.mil.program import Function, Program
from export.mil.read import specification
from export.mil.read.neuralnetwork import (
    arithmetic,
    choices,
    control_layers,
    layer_parts,
    layer_shapes,
    made_values,
    norms_and_sums,
    product_layers,
    recurrent_layers,
    resampling_layers,
    sequences,
    windows,
)  # fmt: skip
from export.mil.read.neuralnetwork.translation import NetworkTranslation
from export.mil.read.specification import Message

MODULES = (
    arithmetic, choices, control_layers, layer_parts, layer_shapes, made_values, norms_and_sums,
    product_layers, recurrent_layers, resampling_layers, sequences, windows,
)  # fmt: skip
RULES = {kind: rule for rules in MODULES for kind, rule in rules.RULES.items()}
ELEMENTWISE = arithmetic.ELEMENTWISE_KINDS
KINDS = ("neuralNetwork", "neuralNetworkClassifier", "neuralNetworkRegressor")


def read(model: Message) -> Program:
    """The `Program` of `model`, a `Model` message whose type is one of `KINDS`.

    Raises `PackageError` for a damaged file, `UnsupportedError` for what is not known here.
    """
    declared, about = model.description, model.description.metadata
    message = getattr(model, model.WhichOneof("Type"))
    specification.check_count(message.layers)
    description = specification.describe(declared, _labels(message), dict(about.userDefined))
    integers = [each.name for each in declared.output if _counts(each)]

    def translated(sizes: ModelDescription) -> Function:
        translation = NetworkTranslation(message, sizes, RULES, ELEMENTWISE, integers)
        return translation.translate(declared.predictedFeatureName)

    function = translated(description.at({}))
    if description.is_flexible:
        function = replace(function, description=description, remake=translated)
    return Program(
        "neuralnetwork", model.specificationVersion, {"main": function}, "main",
        about.shortDescription, about.author, about.license, about.versionString,
    )  # fmt: skip


def _counts(output: Message) -> bool:
    """Whether an output is an array of int32."""
    return specification.ARRAY_TYPES.get(output.type.multiArrayType.dataType) == "int32"


def _labels(message: Message) -> tuple[str, ...]:
    if "stringClassLabels" not in message.DESCRIPTOR.fields_by_name:
        return ()
    return tuple(map(str, specification.class_labels(message)))
