"""What every layer gives for a picture: of a package, or of weights, in PyTorch."""

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from export.coreai.pictures import twin_name
from export.mil.cost import learned
from export.mil.description import ImageInput
from export.mil.program import Constant, Function, Op, Precision
from export.mil.read.model import network
from export.runtimes.coreai import CoreAIRuntime
from export.runtimes.inputs import from_picture, normalization_of
from export.runtimes.portable import PortableRuntime
from export.verify.agreement import run
from mobilenet.networks.classifier import POOL
from mobilenet.networks.deeplab import LARGE
from mobilenet.networks.ssdlite import CLASS_SCORES, ENCODINGS
from mobilenet.preprocess import INCEPTION

if TYPE_CHECKING:
    from PIL.Image import Image

    from mobilenet.checkpoint import Checkpoint

Array = NDArray[Any]
FLOATS = ("float16", "float32")


@dataclass(frozen=True, eq=False)
class LayerOutput:
    """One layer and what it gave."""

    name: str
    type: str  # of the MIL operation, or what it would be
    value: Array
    kernel: Array | None = None  # of a convolution or matrix


def of_package(
    path: Path, function: Function, pictures: Sequence["Image"], precision: Precision
) -> Iterator[list[LayerOutput]]:
    """The layers of the model at `path` for each picture, in order; `function` is what runs.

    As declared, an asset of Core AI runs in Apple's own runtime: without what its graph does in
    another order. An array input of a package that says nothing of it takes pixels as -1 to 1.
    """
    ops = [op for op in function.ops if op.outputs and op.outputs[0].dtype in FLOATS]
    available = _given_by_apple(path, function) if precision == "declared" else None
    runtime = PortableRuntime.name if available is None else CoreAIRuntime.name
    if available is not None:
        ops = [op for op in ops if op.outputs[0].name in available]
    names = tuple(op.outputs[0].name for op in ops)
    kernels = list(_kernels(function, ops))
    normalization = normalization_of(function.description) or INCEPTION
    inputs = (from_picture(function.description, each, normalization) for each in pictures)
    for outputs in run(path, inputs, precision, names, function.name, runtime=runtime):
        yield [
            LayerOutput(op.name, op.type, outputs[name], kernel)
            for op, name, kernel in zip(ops, names, kernels, strict=True)
        ]


def of_checkpoint(
    checkpoint: "Checkpoint", picture: "Image", *, image_input: bool = False
) -> list[LayerOutput]:
    """The layers of the unfolded module in float32, called as `build` calls them.

    Kernels are folded ones; `image_input` has them as a package with an image input has them.
    """
    import torch

    from mobilenet import fold
    from mobilenet.torch_module import enlarged, from_checkpoint

    module = from_checkpoint(checkpoint)
    readout = checkpoint.config.readout
    values: dict[str, Array] = {}

    def keep(name: str) -> Any:
        return lambda _module, _inputs, output: values.__setitem__(name, output.numpy())

    def keep_input(name: str) -> Any:
        return lambda _module, inputs: values.__setitem__(name, inputs[0].numpy())

    for name, unit in module.units():
        if (first := next(iter(unit.row.operations))) != name:  # a mean, or maps joined
            unit.register_forward_pre_hook(keep_input(first))
        (unit.conv if unit.norm is None else unit.norm).register_forward_hook(keep(name))
        unit.register_forward_hook(keep([*unit.row.operations][-1]))
    read_by_next = POOL if readout.pool == "mean" else ""  # a flattened map is the row's own value
    for layer in readout.dense:
        dense = module.dense(layer.name)
        if read_by_next:
            dense.register_forward_pre_hook(keep_input(read_by_next))
        dense.register_forward_hook(keep(layer.name))
        *_, read_by_next = layer.operations
    result = module(torch.from_numpy(checkpoint.normalization.apply(picture)))
    if readout.classes is None and readout.detection is None:
        values["features"] = result.numpy()
    if readout.picture is not None:
        values[LARGE] = enlarged(result, readout.picture).numpy()
    if readout.detection is not None:  # (1, boxes, 4 + columns): as the program has them
        by_value = result.numpy().transpose(0, 2, 1)
        values |= {ENCODINGS: by_value[:, :4], CLASS_SCORES: by_value[:, 4:]}
    folded = fold.fold(checkpoint)
    if image_input:
        folded = fold.fold_input_scaling(folded)
    types = {POOL: "reduce_mean", "features": "reduce_mean", LARGE: "resize_bilinear"}
    types |= dict.fromkeys((ENCODINGS, CLASS_SCORES), "concat")
    for row in checkpoint.config.rows():
        types |= row.operations
    for layer in readout.dense:
        types |= layer.operations
    return [
        LayerOutput(
            name, types[name], value, folded.layers[name].kernel if name in folded.layers else None
        )
        for name, value in values.items()
    ]


def _given_by_apple(path: Path, function: Function) -> Set[str] | None:
    """The values of an asset that Apple's runtime gives here; None where it does not run it.

    For an image, its twin runs, which an asset of ours has.
    """
    takes_images = any(isinstance(item, ImageInput) for item in function.description.inputs)
    name = twin_name(function.name) if takes_images else function.name
    twin = network(path).functions.get(name)
    return None if twin is None else (function.numbers.keys() & twin.numbers.keys()) or None


def _kernels(function: Function, ops: Sequence[Op]) -> Iterator[Array | None]:
    """That of each operation; one that several share is read once."""
    values: dict[int, Array | None] = {}
    for op in ops:
        kernel = _kernel(function, op)
        if kernel is None:
            yield None
            continue
        if id(kernel) not in values:
            value = kernel.load()
            is_array = isinstance(value, np.ndarray)
            values[id(kernel)] = np.asarray(value, np.float32) if is_array else None
        yield values[id(kernel)]


def _kernel(function: Function, op: Op) -> Constant | None:
    if op.type not in ("conv", "conv_transpose", "linear"):
        return None
    return next((weight for weight in learned(function, op) if len(weight.type.shape) > 1), None)
