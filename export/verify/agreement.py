"""A package and the network it was made from, run on the same pictures."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from export.formats.coreml.build import CLASS_LABEL, Quantizer, names
from export.mil.program import Function
from export.runtimes.portable import PortableRuntime
from export.runtimes.portable import Precision as PortablePrecision
from export.spec import ExportSpec
from mobilenet.checkpoint import Checkpoint
from mobilenet.common.errors import VerificationError

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

Array = NDArray[np.float32]
TERMS_SHARE = 0.05


def probe_pictures(size: int) -> list["Image"]:
    """Two made pictures: smooth colour over the whole frame, and noise at every scale."""
    from PIL import Image

    rng = np.random.default_rng(20170605)
    ramp = np.linspace(0, 255, size)
    rows, columns = np.meshgrid(ramp, ramp, indexing="ij")
    smooth = np.stack([rows, columns, (rows * columns) % 256], axis=2)
    noise = np.zeros((size, size, 3))
    for cells in (3, 9, 27, size):
        patches = Image.fromarray(rng.integers(0, 256, (cells, cells, 3), np.uint8))
        noise += np.asarray(patches.resize((size, size)), float) / 4
    return [Image.fromarray(p.astype(np.uint8)) for p in (smooth, noise)]


def torch_logits(
    checkpoint: Checkpoint,
    pictures: Sequence["Image"],
    quantizers: Mapping[str, Quantizer] = MappingProxyType({}),
) -> Array:
    """What PyTorch says: (pictures, classes), or flat features where there is no classifier."""
    from export.compression import activations
    from mobilenet.torch_module import from_checkpoint

    module = from_checkpoint(checkpoint)
    activations.quantize_inputs(module, quantizers)
    result: Array = module(normalized(checkpoint, pictures)).flatten(1).numpy()
    return result


def normalized(checkpoint: Checkpoint, pictures: Sequence["Image"]) -> "Tensor":
    """What the PyTorch module takes: (pictures, 3, H, W)."""
    import torch

    x = np.concatenate([checkpoint.normalization.apply(picture) for picture in pictures])
    return torch.from_numpy(x)


def shortest_lengths(checkpoint: Checkpoint, pictures: Sequence["Image"]) -> Array:
    """Per picture, the length of logits under which errors are no longer relative to them.

    A head of a few classes may sum hundreds of terms to almost nothing. The error of a sum is
    bounded by the size of its terms, not of its result (Higham, "Accuracy and Stability of
    Numerical Algorithms", section 4.2), so a share of that size is the least to compare with. The
    1000 classes of a trained network are longer.
    """
    from mobilenet.torch_module import from_checkpoint

    module = from_checkpoint(checkpoint)
    head, module.logits = module.logits, None
    if head is None:
        return np.zeros(len(pictures), np.float32)
    features = module(normalized(checkpoint, pictures))
    terms = features.abs() @ head.weight.abs().T + head.bias.abs()
    lengths: Array = TERMS_SHARE * terms.norm(dim=1).numpy()
    return lengths


def relative_l2(got: Array, wanted: Array, shortest: Array | float = 0.0) -> float:
    """The worst row's distance, relative to the length of what is wanted (at least `shortest`)."""
    got, wanted = np.atleast_2d(got).astype(np.float64), np.atleast_2d(wanted).astype(np.float64)
    if got.shape != wanted.shape:
        raise VerificationError(
            f"the package gives {got.shape[1]} values, the network {wanted.shape[1]}",
            "were other weights exported?",
        )
    lengths = np.maximum(np.linalg.norm(wanted, axis=1), shortest)
    errors = np.linalg.norm(got - wanted, axis=1) / lengths
    return float(np.where(np.isfinite(errors), errors, np.inf).max())


@dataclass(frozen=True, eq=False)
class Results:
    """What a package answered to some pictures."""

    logits: Array  # (pictures, classes)
    outputs: list[dict[str, Any]]  # of each picture, by name

    def probabilities(self, picture: int) -> dict[str, float]:
        """Label to probability, of a classifier."""
        values: dict[str, float] = self.outputs[picture][CLASS_LABEL + "_probs"]
        return values


def run(
    path: Path,
    inputs: Sequence[dict[str, Any]],
    precision: PortablePrecision,
    tap: str,
    *,
    function: str | None = None,
    laid_open: Sequence[str] = (),
) -> Results:
    """Run the package on the portable runtime with the logits, called `tap`, laid open.

    `laid_open` are names of further values that are wanted among the outputs.
    """
    with tempfile.TemporaryDirectory() as folder:
        runtime = PortableRuntime(
            precision=precision, extra_outputs=(tap, *laid_open), function=function
        )
        session = runtime.load(runtime.compile(path, Path(folder)), runtime.units()[0])
        outputs = [session.predict(one) for one in inputs]
    return Results(np.stack([np.ravel(one[tap]) for one in outputs]), outputs)


def tap_of(function: Function) -> str:
    """Name of the logits: what the last softmax takes, or a classifier, else the first output."""
    for kind, argument in (("softmax", "x"), ("classify", "probabilities")):
        for op in (op for op in reversed(function.ops) if op.type == kind):
            tapped = op.inputs[argument][0]
            if isinstance(tapped, str):
                return tapped
    return function.outputs[0]


def inputs_for(
    checkpoint: Checkpoint, spec: ExportSpec, pictures: Sequence["Image"]
) -> list[dict[str, Any]]:
    """What the app would hand over: pictures, or arrays it has normalized itself."""
    name = names(spec).input
    if spec.input == "image":
        return [{name: picture} for picture in pictures]
    return [{name: checkpoint.normalization.apply(picture)} for picture in pictures]
