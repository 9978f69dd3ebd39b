"""A file run on pictures, and how far its answers lie from others'."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from export.mil.program import Function, Op, Precision
from export.package.model_files import REMAKE
from export.runtimes.base import Feature, Runtime
from export.runtimes.coreai import CoreAIRuntime
from export.runtimes.portable import PortableRuntime
from mobilenet.common.errors import PackageError, VerificationError
from mobilenet.common.size import Sides, Size
from mobilenet.common.temporary import owned_folder
from mobilenet.networks.deeplab import SCORES
from mobilenet.networks.rows import COLORS

if TYPE_CHECKING:
    from PIL.Image import Image

Array = NDArray[np.floating]
PROBABILITIES = "probabilities"  # the array that a package of ours gives
ENLARGING = ("resize_bilinear", "reduce_argmax")
MOVES = ("cast", "identity", "reshape", "squeeze", "expand_dims")  # compute nothing
COPIES = (*MOVES, "linear_activation")  # as NeuralNetworks have of a cast


def probe_pictures(size: Sides) -> list["Image"]:
    """Two made pictures: smooth colour over the whole frame, and noise at every scale."""
    from PIL import Image

    height, width = size = Size.of(size)
    rng = np.random.default_rng(20170605)
    ramps = (np.linspace(0, 255, side) for side in size)
    rows, columns = np.meshgrid(*ramps, indexing="ij")
    smooth = np.stack([rows, columns, (rows * columns) % 256], axis=2)
    noise = np.zeros((*size, COLORS))
    for cells in (*map(Size.square, (3, 9, 27)), size):
        patches = Image.fromarray(rng.integers(0, 256, (*cells, COLORS), np.uint8))
        noise += np.asarray(patches.resize((width, height)), float) / 4
    return [Image.fromarray(p.astype(np.uint8)) for p in (smooth, noise)]


def digest(pictures: Iterable["Image"]) -> str:
    """SHA-256 of the pictures' pixels, in hex."""
    pixels = hashlib.sha256()
    for picture in pictures:
        pixels.update(np.asarray(picture).tobytes())
    return pixels.hexdigest()


def run(
    path: Path,
    inputs: Iterable[Mapping[str, Feature]],
    precision: Precision = "float32",
    extra_outputs: Sequence[str] = (),
    function: str | None = None,
    *,
    runtime: str = PortableRuntime.name,
) -> Iterator[dict[str, Feature]]:
    """Every output of a model for each set of inputs, by a runtime that is on every machine.

    `extra_outputs` are names of intermediate values to be given as well, `function` one of
    several. Raises `UserError` for a file that is damaged or cannot be run here.
    """
    machine: Runtime = PortableRuntime(1, precision, extra_outputs, function)
    if runtime == CoreAIRuntime.name:  # computes as declared
        machine = CoreAIRuntime(extra_outputs, function)
    with owned_folder() as folder:
        session = machine.load(machine.compile(path, folder), machine.units()[0])
        for feed in inputs:
            yield session.predict(feed)


def stacked(outputs: Iterable[Mapping[str, Feature]], *names: str) -> NDArray[np.float32]:
    """The arrays of these names of every picture, flat: (pictures, values), by `side_by_side`."""
    parts = zip(*([np.ravel(output[name]) for name in names] for output in outputs), strict=True)
    return side_by_side([np.stack(part) for part in parts])


def side_by_side(parts: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Of parts (pictures, values) of an answer, which have scales of their own, the rows.

    Picture by picture, part by part, with zeros behind shorter ones: each row has an error
    relative to itself.
    """
    most = max(part.shape[1] for part in parts)
    rows = [np.pad(part, ((0, 0), (0, most - part.shape[1]))) for part in parts]
    return np.stack(rows, 1).reshape(-1, most)


def relative_l2(got: Array, reference: Array, shortest: Array | float = 0.0) -> float:
    """The worst row's distance, relative to the reference's length (at least `shortest`).

    Infinite where a value is no number. Raises `VerificationError` for arrays of two shapes.
    """
    got, reference = (np.atleast_2d(array).astype(np.float64) for array in (got, reference))
    if got.shape != reference.shape:
        raise VerificationError(
            f"the package gives {got.shape[1]} values, the network {reference.shape[1]}",
            "were other weights exported?",
        )
    lengths = np.maximum(np.linalg.norm(reference, axis=1), shortest)
    errors = np.linalg.norm(got - reference, axis=1) / lengths
    return float(np.where(np.isfinite(errors), errors, np.inf).max())


def logits_name(function: Function) -> str:
    """Name of what a softmax at the end takes, else of the probabilities or of the output.

    Of a segmenter of ours, the scores of its small map, whatever is made of them.
    A sigmoid at the end is taken for one of probabilities where the output is called so.
    Raises `PackageError` for a program that gives nothing.
    """
    if not function.outputs:
        raise PackageError(f"function {function.name!r} gives nothing", REMAKE)
    makers = {output.name: op for op in function.ops for output in op.outputs}
    name = function.outputs[0]
    for output in function.outputs:
        if output in makers and makers[output].type == "classify":
            name = _argument(makers[output], "probabilities") or name
    last = name
    while last in makers and makers[last].type in MOVES:
        last = _argument(makers.pop(last), "x") or ""  # a damaged program may go in circles
    ends = ("softmax", "sigmoid") if name == PROBABILITIES else ("softmax",)
    if last in makers and makers[last].type in ends:
        return _argument(makers[last], "x") or name
    return SCORES if _source(function, name, (*COPIES, *ENLARGING)) == SCORES else name


def first_of(function: Function, name: str, kind: str) -> str | None:
    """What the operation of a kind takes from which, moved or copied alone, a value comes."""
    name = _source(function, name, COPIES)
    ops = [op for op in function.ops if op.type == kind and op.outputs[0].name == name]
    return _argument(ops[0], "x") if ops else None


def _source(function: Function, name: str, kinds: Sequence[str]) -> str:
    """What a value is made of by operations of these kinds alone."""
    makers = {output.name: op for op in function.ops for output in op.outputs}
    while name in makers and makers[name].type in kinds:
        name = _argument(makers.pop(name), "x") or ""  # popped: a damaged one may go in circles
    return name


def _argument(op: Op, name: str) -> str | None:
    """The computed value that `op` takes as `name`."""
    values = op.inputs.get(name, ())
    return values[0] if len(values) == 1 and isinstance(values[0], str) else None
