"""Does the package on disk compute what the network does? Answered by running the package.

On logits, since top-1 and cosine hide errors that logits show:

weights     the package holds the folded weights, rounded to its precision, bit for bit;
            compressed ones lie within half a step of them.
structure   in float32 arithmetic, a float32 twin agrees with the unfolded PyTorch module, and
            the package itself with PyTorch holding the package's own weights: padding, clipping,
            order, preprocessing and folding are right.
precision   the package as declared, float16 rounded after every op, against the unfolded module.
            Compressed: against PyTorch holding the package's own weights, and rounding where it
            rounds activations; the loss against the original is reported apart, and no gate.
            (The structure of w8a8 is proved from one rounding to the next.)
labels      every label stands where training put it, and the probabilities are the logits'.

How the Neural Engine accumulates is not modelled: see README, "What has never run".
"""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from export.compression import tolerance, weights
from export.compression.stored_weights import Rounding, layers_of, roundings_of
from export.formats.coreml import multifunction
from export.formats.coreml.build import CLASS_LABEL, build
from export.mil.program import Function
from export.mil.read.model import read
from export.package.metadata import Verified
from export.package.model_files import find
from export.spec import SUFFIXES, ExportSpec
from export.verify.agreement import (
    Results,
    inputs_for,
    normalized,
    probe_pictures,
    relative_l2,
    run,
    shortest_lengths,
    tap_of,
    torch_logits,
)
from mobilenet import fold
from mobilenet.checkpoint import Checkpoint, Layer
from mobilenet.common.errors import VerificationError
from mobilenet.networks.classifier import LOGITS
from mobilenet.networks.v1 import MIN_RESOLUTION

if TYPE_CHECKING:
    from PIL.Image import Image

Array = NDArray[np.float32]

# Relative L2 of logits, the worst picture. Measured by tests/test_verify.py: right packages lie
# under 3e-6 (structure), 1.2e-2 (fp16; highest is the authors' alpha 1.0, whose folded weights
# reach 48). The least deliberate fault, clip at 6.001 for 6, is 5e-4 in structure.
STRUCTURE_LIMIT = 1e-5
PRECISION_LIMITS = {"fp32": 1e-5, "fp16": 3e-2}
ROUNDED_LIMIT = 2.5e-1  # w8a8, where one float16 rounding can move an activation by a step
PROBABILITY_LIMIT = 5e-3  # absolute; float16 softmax


def verify_package(
    path: Path, checkpoint: Checkpoint, spec: ExportSpec, photographs: Sequence["Image"] = ()
) -> Verified:
    """Check the package at `path` against `checkpoint`, which must be the original, unfolded one.

    Runs on two made pictures and on `photographs` (any size; cropped as the checkpoint says).
    Raises `VerificationError` naming the first gate that fails, with its value and limit.
    """
    spec = spec.resolved()
    program = read(path)
    results = [
        _verify_function(
            path,
            program.function(name),
            checkpoint.at(size),
            spec,
            photographs,
        )
        for name, size in multifunction.functions(spec, checkpoint.config.resolution).items()
    ]
    worst = [max(values) for values in zip(*results, strict=True)]
    return Verified(
        identity=find(path).identity(),
        structure=worst[0],
        agreement=worst[1],
        images=len(photographs) + len(probe_pictures(MIN_RESOLUTION)),
        runtime="portable",
        loss=None if spec.compress is None else worst[2],
    )


class Distances(NamedTuple):
    """Relative L2 of logits, as in `Verified`."""

    structure: float
    agreement: float
    loss: float


def _verify_function(
    path: Path, function: Function, checkpoint: Checkpoint, spec: ExportSpec,
    photographs: Sequence["Image"],
) -> Distances:  # fmt: skip
    size = checkpoint.config.resolution
    pictures = [*probe_pictures(size), *(checkpoint.geometry.apply(p, size) for p in photographs)]
    inputs = inputs_for(checkpoint, spec, pictures)
    wanted = torch_logits(checkpoint, pictures)
    shortest = shortest_lengths(checkpoint, pictures)
    stored = layers_of(function, checkpoint.config)
    expected = _folded(checkpoint, stored, spec)
    if spec.input == "image":
        expected = fold.fold_input_scaling(expected)
    _check_weights(stored, expected, spec)
    own = replace(expected, layers=stored)
    roundings = roundings_of(function, checkpoint.config)
    tap = tap_of(function)
    with tempfile.TemporaryDirectory() as folder:
        twin = Path(folder) / f"twin{SUFFIXES[spec.format or 'mlprogram']}"
        build(checkpoint, spec, precision="fp32").save(str(twin))
        structure = relative_l2(run(twin, inputs, "float32", tap).logits, wanted, shortest)
    gate("structure", structure, STRUCTURE_LIMIT)
    laid_open = [value for r in roundings.values() for value in (r.before, r.after)]
    results = run(path, inputs, "float32", tap, function=function.name, laid_open=laid_open)
    if roundings:
        in_float32 = _between_roundings(results, own, pictures, roundings)
    else:
        in_float32 = relative_l2(results.logits, torch_logits(own, pictures), shortest)
    gate("structure", in_float32, STRUCTURE_LIMIT)
    results = run(path, inputs, "declared", tap, function=function.name)
    reference = wanted
    if spec.compress:
        reference = torch_logits(own, pictures, {n: r.quantizer for n, r in roundings.items()})
    agreement = relative_l2(results.logits, reference, shortest)
    gate("precision", agreement, precision_limit(spec))
    if spec.outputs == "classifier":
        _check_labels(function.description.labels, results, checkpoint)
    loss = relative_l2(results.logits, wanted, shortest)
    return Distances(max(structure, in_float32), agreement, loss)


def _between_roundings(
    results: Results,
    own: Checkpoint,
    pictures: Sequence["Image"],
    roundings: Mapping[str, Rounding],
) -> float:
    """Distance from PyTorch of each stretch between two roundings, the worst."""
    import torch

    from export.compression import activations
    from mobilenet.torch_module import from_checkpoint

    laid_open = {name for r in roundings.values() for name in (r.before, r.after)}
    values = {
        name: torch.from_numpy(np.concatenate([one[name] for one in results.outputs]))
        for name in laid_open
    }
    values[LOGITS] = torch.from_numpy(results.logits)
    steps = activations.step_by_step(
        from_checkpoint(own), normalized(own, pictures), roundings, values
    )
    return max(relative_l2(a.flatten(1).numpy(), b.flatten(1).numpy()) for a, b in steps)


def precision_limit(spec: ExportSpec) -> float:
    """The largest `agreement` that passes."""
    if spec.compress == "w8a8":
        return ROUNDED_LIMIT
    return PRECISION_LIMITS[spec.resolved().precision or "fp16"]


def _folded(checkpoint: Checkpoint, stored: Mapping[str, Layer], spec: ExportSpec) -> Checkpoint:
    """The folded network, with the biases that belong to the package's compressed kernels."""
    if spec.compress is None:
        return fold.fold(checkpoint)
    return weights.pruned(weights.with_corrected_biases(checkpoint, stored), spec)


def _check_weights(stored: Mapping[str, Layer], expected: Checkpoint, spec: ExportSpec) -> None:
    dtype = np.float16 if spec.precision == "fp16" else np.float32
    block = weights.block_size(expected, spec)
    compressed = weights.compressed_layers(expected, spec)
    for name, layer in expected.layers.items():
        for part in ("kernel", "bias"):
            got, wanted = getattr(stored[name], part), getattr(layer, part)
            if part == "kernel" and name in compressed:
                right = tolerance.within_half_a_step(got, wanted, str(spec.compress), block)
            else:
                right = np.array_equal(got, wanted.astype(dtype).astype(np.float32))
            if not right:
                error = float(np.abs(got - wanted).max())
                raise VerificationError(
                    f"{name}.{part} of the package is off by {error:.1e} from the folded weights",
                    "the package is damaged, or was made from other weights",
                )


def _check_labels(labels: tuple[str, ...], results: Results, expected: Checkpoint) -> None:
    if labels != expected.labels:
        pairs = enumerate(zip(labels, expected.labels, strict=True))
        wrong = next(i for i, (ours, theirs) in pairs if ours != theirs)
        raise VerificationError(
            f"label {wrong} of the package is {labels[wrong]!r}, "
            f"training's is {expected.labels[wrong]!r}",
            "were other labels exported?",
        )
    for number, logits in enumerate(results.logits.astype(np.float64)):
        softmax = np.exp(logits - logits.max())
        softmax /= softmax.sum()
        answered = results.probabilities(number)
        got = np.array([answered[label] for label in labels])
        if not np.abs(got - softmax).max() <= PROBABILITY_LIMIT:
            raise VerificationError(
                f"probabilities are off by {np.abs(got - softmax).max():.1e} from softmax of "
                f"the logits (limit {PROBABILITY_LIMIT:.0e})",
                "the classifier's head is wrong",
            )
        named = results.outputs[number][CLASS_LABEL]
        if named != labels[int(got.argmax())]:
            raise VerificationError(
                f"the package names {named!r}, its highest probability is "
                f"{labels[int(got.argmax())]!r}",
                "the classifier's labels are out of order",
            )


def gate(name: str, value: float, limit: float) -> None:
    """Raise `VerificationError` unless `value` is a number within `limit`."""
    if not value <= limit:
        raise VerificationError(
            f"{name}: relative L2 of logits against PyTorch is {value:.1e}, the limit {limit:.0e}",
            "the package is not left behind; please report this with the command you ran",
        )
