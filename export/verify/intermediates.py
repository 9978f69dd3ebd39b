"""What every layer gives for a picture: of a package, run laid open, or of weights, in PyTorch."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from export.mil.cost import learned
from export.mil.description import ImageInput, ModelDescription
from export.mil.program import Function, Op
from export.package.metadata import facts_of
from export.runtimes.portable import PortableRuntime, Precision
from mobilenet.common.errors import UnsupportedError
from mobilenet.networks.classifier import LOGITS
from mobilenet.preprocess import INCEPTION, Geometry

if TYPE_CHECKING:
    from PIL.Image import Image

    from mobilenet.checkpoint import Checkpoint

Array = NDArray[Any]
FLOATS = ("float16", "float32")


@dataclass(frozen=True, eq=False)
class Layer:
    """One layer and what it gave."""

    name: str
    type: str  # of the MIL operation, or what it would be
    value: Array
    kernel: Array | None = None  # of a convolution or matrix


def picture_size(description: ModelDescription) -> tuple[int, int]:
    """Width and height of the one picture that a model takes.

    Raises `UnsupportedError` for a model that takes something else.
    """
    face = description.inputs[0] if len(description.inputs) == 1 else None
    if isinstance(face, ImageInput):
        return face.width, face.height
    if face is not None and len(face.shape) == 4 and face.shape[1] == 3 and min(face.shape) > 0:
        return face.shape[3], face.shape[2]
    names = ", ".join(repr(one.name) for one in description.inputs)
    raise UnsupportedError(
        f"the model takes {names}, not one picture", "only models of one picture can be run here"
    )


def crop(photograph: "Image", size: tuple[int, int], geometry: Geometry | None = None) -> "Image":
    """A photograph of any size as RGB of exactly `size`; the middle where nothing else is said."""
    from PIL import ImageOps

    from mobilenet.preprocess import upright_rgb

    if geometry is not None and size[0] == size[1]:
        return geometry.apply(photograph, size[0])
    return ImageOps.fit(upright_rgb(photograph), size)


def geometry_of(description: ModelDescription) -> Geometry | None:
    """How a package of ours wants photographs cropped; None for others."""
    facts = facts_of(description.metadata)
    return None if facts is None else facts.geometry


def feed(description: ModelDescription, picture: "Image") -> dict[str, Any]:
    """The model's input for a picture of the right size.

    An array input takes it as its metadata say, without them as -1 to 1.
    """
    face = description.inputs[0]
    if isinstance(face, ImageInput):
        return {face.name: picture.convert("L") if face.color == "GRAYSCALE" else picture}
    facts = facts_of(description.metadata)
    normalization = INCEPTION if facts is None else facts.normalization
    return {face.name: normalization.apply(picture)}


def of_package(
    path: Path, function: Function, pictures: Sequence["Image"], precision: Precision
) -> Iterator[list[Layer]]:
    """The layers of the model at `path` for each picture, in order; `function` is what runs."""
    ops = [op for op in function.ops if op.outputs and op.outputs[0].dtype in FLOATS]
    names = tuple(op.outputs[0].name for op in ops)
    kernels = [_kernel(function, op) for op in ops]
    with TemporaryDirectory() as folder:
        runtime = PortableRuntime(precision=precision, extra_outputs=names, function=function.name)
        session = runtime.load(runtime.compile(path, Path(folder)), runtime.units()[0])
        for picture in pictures:
            given = session.predict(feed(function.description, picture))
            yield [
                Layer(op.name, op.type, given[name], kernel)
                for op, name, kernel in zip(ops, names, kernels, strict=True)
            ]


def of_checkpoint(
    checkpoint: "Checkpoint", picture: "Image", *, image_input: bool = False
) -> list[Layer]:
    """The layers of the unfolded module in float32, called as `build` calls them.

    Kernels are folded ones; `image_input` has them as a package with an image input has them.
    """
    import torch

    from mobilenet import fold
    from mobilenet.torch_module import from_checkpoint

    module = from_checkpoint(checkpoint)
    readout = checkpoint.config.readout
    values: dict[str, Array] = {}

    def keep(name: str) -> Any:
        return lambda _module, _inputs, output: values.__setitem__(name, output.numpy())

    for name, unit in module.units():
        (unit.conv if unit.norm is None else unit.norm).register_forward_hook(keep(name))
        unit.register_forward_hook(keep([*unit.row.operations][-1]))
    if module.logits is not None:
        module.logits.register_forward_pre_hook(
            lambda _module, inputs: values.__setitem__("pool", inputs[0].numpy())
        )
    result = module(torch.from_numpy(checkpoint.normalization.apply(picture))).numpy()
    values["features" if readout.classes is None else LOGITS] = result
    folded = fold.fold(checkpoint)
    if image_input:
        folded = fold.fold_input_scaling(folded)
    types = {"pool": "reduce_mean", "features": "reduce_mean", LOGITS: "linear"}
    for row in checkpoint.config.rows():
        types |= row.operations
    return [
        Layer(
            name, types[name], value, folded.layers[name].kernel if name in folded.layers else None
        )
        for name, value in values.items()
    ]


def _kernel(function: Function, op: Op) -> Array | None:
    if op.type not in ("conv", "conv_transpose", "linear"):
        return None
    kernel = next((one for one in learned(function, op) if len(one.type.shape) > 1), None)
    value = None if kernel is None else kernel.load()
    return np.asarray(value, np.float32) if isinstance(value, np.ndarray) else None
