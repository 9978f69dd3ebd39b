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
file        of weights that were read off a file's own graph: the graph itself, run by ONNX Runtime
            on the same pictures, gives what the float32 twin gives; where the package has another
            size than the file, what PyTorch gives at the file's. What was misread is found here.
pixels      of a segmenter, the enlarged scores and the class of each pixel (`pixel_classes`).
boxes       of a detector, every box and score, and of a pipeline which stay (`detected_boxes`).
labels      every label stands where training put it, and the probabilities are the logits',
            by softmax or, of independent classes, by sigmoid.

Of a traced module, whose weights cannot be told from its program, the twin, precision and labels;
compressed, its precision against the package itself in float32, and the loss.
How the Neural Engine accumulates is not modelled: see README, "What has never run".
"""

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from export.formats.registry import format_of
from export.head_outputs import named_columns
from export.mil.read.model import network
from export.package.metadata import Verified, listed_labels
from export.package.model_files import find
from export.prepared import Prepared
from export.runtimes.portable import PortableRuntime
from export.verify import file_answers, package_weights, reference
from export.verify.background import Background
from export.verify.class_answers import check_answer, check_labels
from export.verify.detected_boxes import EXACT, ROUNDED, BoxReading
from export.verify.limits import STRUCTURE, Judgement, judged, passed, precision_limit
from export.verify.package_weights import StoredNetwork
from export.verify.trial import Outputs, Trial
from mobilenet.checkpoint import Checkpoint
from mobilenet.common.temporary import owned_folder
from mobilenet.networks.classifier import Scores

if TYPE_CHECKING:
    from PIL.Image import Image


def verify_package(
    path: Path, prepared: Prepared, photographs: Sequence["Image"] = ()
) -> Verified:
    """Check the package at `path` against the network it was made from.

    Runs on two made pictures and on `photographs` (any size; cropped as the network's were).
    Raises `VerificationError` naming the first gate that fails, with its value and limit.
    """
    own = format_of(prepared.spec)
    with (
        owned_folder() as folder,
        Background(elsewhere=own.runtime != PortableRuntime.name) as background,
    ):
        program = background.begin(lambda: network(path))
        trials = [
            Trial.of(path, name, program, part, photographs)
            for name, part in prepared.functions.items()
        ]
        outcomes = [verify_function(trial, background, folder) for trial in trials]
    structure = max(outcome.structure for outcome in outcomes)
    precision = max(outcome.precision for outcome in outcomes)
    file = max((outcome.file for outcome in outcomes if outcome.file), default=None)
    if file is None and file_answers.has_graph(prepared.network):
        file = file_answers.compared_at_own_size(prepared.network)
    trial = trials[-1]  # the default function's
    run_instead = {name: own.stand_in(name, prepared.spec) for name in prepared.functions}
    return Verified(
        identity=find(path).identity(),
        structure=structure.distance,
        agreement=precision.distance,
        images=len(trial.pictures),
        runtime=own.runtime,
        loss=max(outcome.loss for outcome in outcomes) if prepared.compress else None,
        structure_limit=structure.limit,
        agreement_limit=precision.limit,
        reference=None
        if isinstance(prepared.network, Checkpoint)
        else reference.stored(
            trial.reference, trial.pictures[: len(trial.pictures) - len(photographs)]
        ),
        **({} if file is None else {"file": file.distance, "file_limit": file.limit}),
        undecided=max((o.undecided for o in outcomes if o.undecided is not None), default=None),
        stand_ins=tuple(other for name, other in run_instead.items() if other != name),
    )


class Judgements(NamedTuple):
    """How far one function is from PyTorch."""

    structure: Judgement
    precision: Judgement
    loss: float  # compressed, as declared, against the original network
    file: Judgement | None
    """Against the weight file's own graph, where there is one of this size."""
    undecided: float | None = None  # the share of pixels, or detections, too close to call


def verify_function(trial: Trial, background: Background, folder: Path) -> Judgements:
    """Every gate in turn. Raises `VerificationError` at the first that fails.

    What runs elsewhere is begun first; twins are written to `folder`.
    """
    prepared, stored = trial.prepared, None
    declared = background.begin(lambda: trial.run("declared"))
    twin = cache(lambda: _begun_twin(trial, background, folder))
    if not prepared.is_exact:  # else it is its own twin, and computes as it declares
        background.meanwhile(twin)
    file = file_answers.begun(trial, background)
    background.meanwhile(lambda: trial.reference)
    if isinstance(prepared.network, Checkpoint):
        stored = package_weights.stored_network(trial.function, prepared)
    exact_logits = trial.logits(declared()) if prepared.is_exact else twin()()
    structure = precision = judged("structure", exact_logits, trial.reference, STRUCTURE)
    answers = trial.reference
    if not prepared.is_exact:
        if stored is not None:
            own = reference.of_checkpoint(stored.network, trial.pictures)
            structure = max(structure, _own_weights(trial, stored, own, structure.limit))
            if prepared.compress:
                answers = _rounded(trial, stored, own)
        elif prepared.compress:
            answers = _in_float32(trial)
        limit = precision_limit(prepared.precision, prepared.compress)
        precision = judged("precision", trial.logits(declared()), answers, limit)
    outputs = declared()
    logits = trial.logits(outputs)
    if prepared.spec.outputs in ("classifier", "probabilities"):
        description = trial.function.description
        labels = description.labels or listed_labels(description.metadata)
        check_labels(labels, prepared.labels)
        scores: Scores = "sigmoid" if prepared.has_independent_classes else "softmax"
        for output, row in zip(outputs, logits, strict=True):
            check_answer(description, output, row, scores)
    undecided = _check_pixels(trial, outputs, answers)
    if trial.boxes is not None:
        undecided = _check_boxes(trial, trial.boxes, outputs, answers)
    loss = trial.reference.distance_of(logits, exactly=False)
    return Judgements(structure, precision, loss, file(exact_logits), undecided)


def _check_pixels(trial: Trial, outputs: Outputs, answers: reference.Reference) -> float | None:
    """Of a segmenter, the share of pixels that are too close to call."""
    if trial.pixels is None:
        return None
    check_labels(listed_labels(trial.function.description.metadata), trial.prepared.labels)
    if trial.prepared.is_exact:  # else the package in float32 was asked
        trial.pixels.check_enlarged(outputs)
    return trial.pixels.check_labels(outputs, answers)


def _check_boxes(
    trial: Trial, boxes: BoxReading, outputs: Outputs, answers: reference.Reference
) -> float:
    """The share of detections that are too close to call."""
    prepared, description = trial.prepared, trial.function.description
    check_labels(listed_labels(description.metadata), prepared.labels)
    if prepared.spec.outputs == "detections":
        check_labels(description.labels, named_columns(prepared.spec, prepared.labels))
    limits = ROUNDED if prepared.precision == "fp16" or prepared.compress else EXACT
    limits = boxes.check(outputs, answers, limits)
    return boxes.check_detections(outputs, answers, limits)


def _begun_twin(
    trial: Trial, background: Background, folder: Path
) -> Callable[[], NDArray[np.float32]]:
    """Write the float32 twin; what gives its logits."""
    twin = trial.twin(folder)
    return background.begin(lambda: twin.logits(twin.run("float32")))


def _own_weights(
    trial: Trial, stored: StoredNetwork, own: reference.Reference, usual: float
) -> Judgement:
    """The package in float32 against PyTorch holding the package's own weights.

    `usual` is the limit of its twin: float32 loses of nearly the same weights about as much.
    """
    roundings = stored.roundings.values()
    outputs = trial.run("float32", [name for r in roundings for name in (r.before, r.after)])
    if trial.pixels is not None:
        trial.pixels.check_enlarged(outputs)
    if trial.boxes is not None:
        trial.boxes.check(outputs, own, EXACT)
    if not stored.roundings:
        return judged("structure", trial.logits(outputs), own, STRUCTURE._replace(usual=usual))
    distance = package_weights.between_roundings(
        outputs,
        trial.logits(outputs),
        stored,
        reference.normalized(stored.network, trial.pictures),
    )
    return passed("structure", distance, STRUCTURE.usual)


def _in_float32(trial: Trial) -> reference.Reference:
    """What the package itself says in float32: all that is known of a traced module's weights."""
    logits = trial.logits(trial.run("float32"))
    return reference.Reference(logits, compute_loss=lambda: trial.reference.float32_loss)


def _rounded(trial: Trial, stored: StoredNetwork, own: reference.Reference) -> reference.Reference:
    """`own`, rounding the inputs of layers where the package does."""
    if not stored.roundings:
        return own
    quantizers = {name: rounding.quantizer for name, rounding in stored.roundings.items()}
    return reference.of_checkpoint(stored.network, trial.pictures, quantizers)
