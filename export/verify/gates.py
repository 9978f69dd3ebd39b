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

Of a traced module, whose weights cannot be told from its program, the twin, precision and labels.
How the Neural Engine accumulates is not modelled: see README, "What has never run".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from export.formats.registry import format_of
from export.mil.program import Function
from export.mil.read.model import read
from export.package.metadata import Verified
from export.package.model_files import find
from export.prepared import Prepared
from export.runtimes.base import Feature
from export.runtimes.inputs import from_picture
from export.runtimes.portable import PortableRuntime, Precision
from export.verify import package_weights, reference
from export.verify.agreement import logits_name, probe_pictures, run, stacked
from export.verify.background import Background
from export.verify.class_answers import check_answer, check_labels
from export.verify.limits import STRUCTURE, Judgement, judged, passed, precision_limit
from export.verify.package_weights import StoredNetwork
from mobilenet.checkpoint import Checkpoint
from mobilenet.common.temporary import owned_folder

if TYPE_CHECKING:
    from PIL.Image import Image

Outputs = Sequence[Mapping[str, Feature]]


def verify_package(
    path: Path, prepared: Prepared, photographs: Sequence["Image"] = ()
) -> Verified:
    """Check the package at `path` against the network it was made from.

    Runs on two made pictures and on `photographs` (any size; cropped as the network's were).
    Raises `VerificationError` naming the first gate that fails, with its value and limit.
    """
    program = read(path)
    trials = [
        Trial.of(path, program.function(name), part, photographs)
        for name, part in prepared.functions.items()
    ]
    outcomes = [verify_function(trial) for trial in trials]
    structure = max(outcome.structure for outcome in outcomes)
    precision = max(outcome.precision for outcome in outcomes)
    trial, own = trials[0], format_of(prepared.spec)
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
        stand_ins=tuple(other for name, other in run_instead.items() if other != name),
    )


@dataclass(frozen=True, eq=False)
class Trial:
    """One function of a file, and what it is run on."""

    path: Path
    function: Function
    prepared: Prepared
    pictures: Sequence["Image"]
    inputs: Outputs

    @classmethod
    def of(
        cls, path: Path, function: Function, prepared: Prepared, photographs: Sequence["Image"]
    ) -> "Trial":
        """On two made pictures and the photographs."""
        metadata = prepared.metadata
        size, geometry = metadata.resolution, metadata.geometry
        pictures = [*probe_pictures(size), *(geometry.apply(each, size) for each in photographs)]
        inputs = [
            from_picture(function.description, picture, metadata.normalization)
            for picture in pictures
        ]
        return cls(path, function, prepared, pictures, inputs)

    @cached_property
    def reference(self) -> reference.Reference:
        """What PyTorch says to the pictures."""
        return reference.of_network(self.prepared.network, self.pictures)

    @property
    def runs_elsewhere(self) -> bool:
        """Whether the format's own runtime has a process of its own."""
        return format_of(self.prepared.spec).runtime != PortableRuntime.name

    def run(self, precision: Precision, extra_outputs: Sequence[str] = ()) -> Outputs:
        """All outputs of every picture, the logits among them.

        As declared by the format's own runtime; what declares float16 is computed in float32 by
        the portable one.
        """
        names = (logits_name(self.function), *extra_outputs)
        as_declared = precision == "declared" or self.prepared.is_exact
        runtime = format_of(self.prepared.spec).runtime if as_declared else PortableRuntime.name
        outputs = run(
            self.path, self.inputs, precision, names, self.function.name, runtime=runtime
        )
        return list(outputs)

    def logits(self, outputs: Outputs) -> NDArray[np.float32]:
        """(pictures, classes) of what `run` gave."""
        return stacked(outputs, logits_name(self.function))


class Judgements(NamedTuple):
    """How far one function is from PyTorch."""

    structure: Judgement
    precision: Judgement
    loss: float  # compressed, as declared, against the original network


def verify_function(trial: Trial) -> Judgements:
    """Every gate in turn. Raises `VerificationError` at the first that fails."""
    prepared, stored = trial.prepared, None
    if isinstance(prepared.network, Checkpoint):
        stored = package_weights.stored_network(trial.function, prepared)
    with (
        owned_folder() as folder,
        Background(trial.runs_elsewhere) as background,
    ):
        declared = background.begin(lambda: trial.run("declared"))
        if prepared.is_exact:  # it is its own twin, and computes as it declares
            structure = precision = judged(
                "structure", trial.logits(declared()), trial.reference, STRUCTURE
            )
        else:
            twin = _written_twin(trial, folder)
            twin_outputs = background.begin(lambda: twin.run("float32"))
            answers = trial.reference
            structure = judged("structure", twin.logits(twin_outputs()), answers, STRUCTURE)
            if stored is not None:
                own = reference.of_checkpoint(stored.network, trial.pictures)
                structure = max(structure, _own_weights(trial, stored, own))
                if prepared.compress:
                    answers = _rounded(trial, stored, own)
            limit = precision_limit(prepared.precision, prepared.compress)
            precision = judged("precision", trial.logits(declared()), answers, limit)
        outputs = declared()
    logits = trial.logits(outputs)
    if prepared.spec.outputs == "classifier":
        description = trial.function.description
        check_labels(description.labels, prepared.network.labels)
        for output, scores in zip(outputs, logits, strict=True):
            check_answer(description, output, scores)
    return Judgements(structure, precision, trial.reference.distance_of(logits, exactly=False))


def _written_twin(trial: Trial, folder: Path) -> Trial:
    """A float32 twin, which is held against the unfolded module."""
    twin = trial.prepared.twin()
    path = folder / f"twin{trial.path.suffix}"
    format_of(twin.spec).write(twin, path)
    return replace(trial, path=path, function=read(path).function(), prepared=twin)


def _own_weights(trial: Trial, stored: StoredNetwork, own: reference.Reference) -> Judgement:
    """The package in float32 against PyTorch holding the package's own weights."""
    roundings = stored.roundings.values()
    outputs = trial.run("float32", [name for r in roundings for name in (r.before, r.after)])
    if not stored.roundings:
        return judged("structure", trial.logits(outputs), own, STRUCTURE)
    distance = package_weights.between_roundings(
        outputs,
        trial.logits(outputs),
        stored,
        reference.normalized(stored.network, trial.pictures),
    )
    return passed("structure", distance, STRUCTURE.usual)


def _rounded(trial: Trial, stored: StoredNetwork, own: reference.Reference) -> reference.Reference:
    """`own`, rounding the inputs of layers where the package does."""
    if not stored.roundings:
        return own
    quantizers = {name: rounding.quantizer for name, rounding in stored.roundings.items()}
    return reference.of_checkpoint(stored.network, trial.pictures, quantizers)
