"""What a Core ML program takes and gives, as coremltools describes it, and for which iOS."""

from collections.abc import Sequence
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from export.head_outputs import DETECTOR_OUTPUTS
from export.spec import ExportSpec
from mobilenet.common.size import Size
from mobilenet.networks.rows import COLORS
from mobilenet.preprocess import Normalization

CLASS_LABEL = "classLabel"


class Names(NamedTuple):
    """Names of the program's input and of its arrays of results."""

    input: str
    outputs: tuple[str, ...]


def names(spec: ExportSpec) -> Names:
    """What the parts of a program built for `spec` are called."""
    outputs = DETECTOR_OUTPUTS.get(str(spec.outputs), (str(spec.outputs),))
    if spec.outputs == "classifier":
        outputs = (CLASS_LABEL + "_probs",)
    return Names("image" if spec.input == "image" else "input", outputs)


def input_type(ct: ModuleType, spec: ExportSpec, size: Size, normalization: Normalization) -> Any:
    """coremltools' description of the input: a picture with scale and bias, or an array."""
    name, shape = names(spec).input, (1, COLORS, *size)
    if spec.input == "tensor":
        return ct.TensorType(name=name, shape=shape, dtype=np.float32)
    scaling, _ = normalization.split()
    return ct.ImageType(
        name=name, shape=shape, scale=scaling.scale, bias=list(scaling.bias),
        color_layout=getattr(ct.colorlayout, normalization.order),
    )  # fmt: skip


def classifier_config(ct: ModuleType, spec: ExportSpec, labels: Sequence[str]) -> Any:
    """coremltools' description of the classes; None where the output is an array."""
    if spec.outputs != "classifier":
        return None
    return ct.ClassifierConfig(list(labels), CLASS_LABEL)


def opset(ct: ModuleType, spec: ExportSpec) -> Any:
    """coremltools' target for the oldest iOS of `spec`."""
    return getattr(ct.target, f"iOS{spec.resolved().min_ios}")
