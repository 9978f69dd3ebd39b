"""Files of the old format, written layer by layer with coremltools' builder, and their answers."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.coremltools_import import coremltools
from programs import run_package

Arrays = Mapping[str, NDArray[Any]]


def save_layers(
    path: Path,
    inputs: Arrays,
    add: Callable[[Any], object],
    outputs: Mapping[str, tuple[int, ...] | None] | None = None,
    rank5: bool = False,
    integers: bool = False,
) -> Path:
    """An .mlmodel whose layers `add` adds to the builder; one output "y" unless `outputs` differ.

    With `rank5` its arrays are those of iOS 12 and before; with `integers` its outputs are int32.
    """
    ct = coremltools()
    from coremltools.models.neural_network import NeuralNetworkBuilder

    array = ct.models.datatypes.Array
    declared = {
        name: array(*shape) if shape else None
        for name, shape in (outputs or {"y": None}).items()
    }  # fmt: skip
    builder = NeuralNetworkBuilder(
        [(name, array(*value.shape)) for name, value in inputs.items()], list(declared.items()),
        disable_rank5_shape_mapping=not rank5,
    )  # fmt: skip
    add(builder)
    if integers:
        for output in builder.spec.description.output:
            output.type.multiArrayType.dataType = ct.proto.FeatureTypes_pb2.ArrayFeatureType.INT32
    ct.utils.save_spec(builder.spec, str(path))
    return path


def answer(
    folder: Path, inputs: Arrays, add: Callable[[Any], object], **options: Any
) -> NDArray[Any]:
    """What the only output of such a file is, run here."""
    path = save_layers(folder / "layers.mlmodel", inputs, add, **options)
    (value,) = run_package(path, dict(inputs)).values()
    assert isinstance(value, np.ndarray)
    return value
