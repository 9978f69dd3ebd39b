"""A package exported earlier, verified again.

Of our networks, the weights are found again and everything is proved anew. Of a traced module,
the package is held against what the module answered when it was exported, which lies beside it
in `NAME.verified.json`: that its graph is right was proved then.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from export.inspect.package_options import spec_of
from export.mil.cost import cost
from export.mil.program import Function
from export.mil.read.model import network as network_of
from export.package import metadata, model_files
from export.package.metadata import PackageMetadata, Verified
from export.prepared import Prepared, TracedModule
from export.runtimes.inputs import from_picture, picture_size
from export.source import Loaded
from export.verify import reference
from export.verify.agreement import logits_name, probe_pictures, run, stacked
from export.verify.class_answers import check_answer
from export.verify.gates import verify_package
from export.verify.learned_numbers import with_numbers_of
from export.verify.limits import passed
from export.verify.output_labels import output_labels
from export.verify.picture_answer import (
    DetectedObject,
    PictureAnswer,
    answer_of,
    check_drawing,
)
from export.verify.second_opinion import SecondOpinion, second_opinion
from mobilenet.checkpoint import Checkpoint
from mobilenet.common.errors import ConfigError, PackageError
from mobilenet.common.images import open_picture
from mobilenet.overrides import Overrides

MAX_RATIO = 2  # of a network's parameters, batch norm among them, to the weights of its package
Against = Literal["weights", "answers"]
Oracle = Literal["coreai"]


@dataclass(frozen=True)
class Reverification:
    """A later verification of a package, and its answer to a photograph."""

    package: str
    network: str
    """In one line, and whether it was trained."""
    verified: Verified
    against: Against
    """The network's weights, found again, or the stored answers of a traced module."""
    top5: tuple[tuple[str, float], ...] = ()
    objects: tuple[DetectedObject, ...] | None = None
    """Of a detector, those in the photograph."""
    shares: tuple[tuple[str, float], ...] = ()
    """Of a segmenter: of each class, of the photograph's pixels."""
    opinion: SecondOpinion | None = None
    """Of Apple's own runtime, where it was asked for."""


def reverify(
    path: Path,
    photograph: Path | None = None,
    weights: str | None = None,
    overrides: Overrides | None = None,
    *,
    offline: bool = False,
    oracle: Oracle | None = None,
    drawing: Path | None = None,
) -> Reverification:
    """Verify a package exported earlier, from what its metadata says it was made of.

    `weights` and `overrides` are those it was exported with; `oracle` names a further runtime to
    hold against the portable one; `drawing` is a file for the photograph with its answer drawn.

    Raises `PackageError` for a package of another tool, or whose weights are not those it was
    made of; `VerificationError` when it does not compute what it should.
    """
    program = network_of(path)
    function = program.function()
    about = metadata.metadata_of(function.description.metadata)
    if about is None:
        raise PackageError(
            f"{path} was not exported by this tool: what it should compute is not known",
            f"python -m export inspect {path} tells what it is",
        )
    _check_size(path, function, about)
    if oracle is not None and program.kind == "coreai":
        raise ConfigError(
            f"oracle {oracle} for {path}", "leave it out: its own verification runs there already"
        )
    if drawing is not None:
        check_drawing(drawing, path, about, photograph)
    photographs = [] if photograph is None else [open_picture(photograph)]
    if about.config is None:
        if weights is not None:
            raise ConfigError(
                f"weights {weights} for a traced module", "leave --weights out: there is no file"
            )
        verified, network = _verify_module(path, function, about), None
        against: Against = "answers"
    else:
        prepared = _prepared_again(about, function, weights, overrides, offline)
        verified = verify_package(path, prepared, photographs)
        if about.calibration and not photographs:
            _check_loss(path, verified)
        against = "weights"
        network = prepared.network
    answer = PictureAnswer()
    for picture in photographs:
        answer = answer_of(path, function, about, picture, verified.runtime)
        if drawing is not None:
            answer.draw(picture, drawing, about.provenance.mark)
    opinion = None if oracle is None else _opinion(path, function, about, verified, network)
    return Reverification(
        str(path), about.summary, verified, against, answer.top5, answer.objects, answer.shares,
        opinion,
    )  # fmt: skip


def _opinion(
    path: Path,
    function: Function,
    about: PackageMetadata,
    verified: Verified,
    network: Checkpoint | TracedModule | None,
) -> SecondOpinion:
    """Apple's answer to the probe pictures; without the `network`, beside what is stored of it."""
    pictures = probe_pictures(about.size)
    if network is not None:
        answers = reference.of_network(network, pictures)
    else:
        assert verified.reference is not None, "what it was verified against"
        answers = reference.of_stored(verified.reference, pictures)
    return second_opinion(
        path, function, pictures, about.normalization,
        network=answers.logits, limit=verified.agreement_limit,
    )  # fmt: skip


def _check_loss(path: Path, verified: Verified) -> None:
    """Of learned weights no larger than at their export, where its result lies beside them."""
    before = metadata.verified(path, verified.identity)
    if before is not None and before.loss is not None and verified.loss is not None:
        passed("loss", verified.loss, before.loss + before.agreement_limit)


def _check_size(path: Path, function: Function, about: PackageMetadata) -> None:
    """Raise `PackageError` where metadata and program are not of one network.

    Before a network is made that is as large as the metadata say.
    """
    size = picture_size(function.description)
    if size != about.size or not function.outputs:
        raise PackageError(
            f"{path} takes {size} pixels and has {len(function.outputs)} outputs, by "
            f"its metadata it is {about.title}",
            "export it again",
        )
    stored = cost(function).parameters
    if about.config is not None and about.config.cost().parameters > MAX_RATIO * stored:
        raise PackageError(
            f"{path} holds {stored:,} weights, by its metadata it is {about.title}",
            "export it again",
        )


def _verify_module(path: Path, function: Function, about: PackageMetadata) -> Verified:
    """The package as declared, against the logits beside it."""
    before = metadata.verified(path, model_files.find(path).identity())
    if before is None or before.reference is None:
        raise PackageError(
            f"what the module of {path} computes is not known: "
            f"{metadata.verified_path(path).name} is not beside it, or not of this package",
            "copy it from where the package was exported, or export again without --no-verify",
        )
    pictures = probe_pictures(about.size)
    inputs = [
        from_picture(function.description, picture, about.normalization) for picture in pictures
    ]
    name = logits_name(function)
    outputs = list(run(path, inputs, "declared", [name], function.name, runtime=before.runtime))
    logits = stacked(outputs, name)
    answers = stored = reference.of_stored(before.reference, pictures)
    loss = None
    if before.loss is not None:  # compressed: no nearer to the module than when it was exported
        loss = passed("loss", stored.distance_of(logits), before.loss + before.agreement_limit)
        exact = run(path, inputs, "float32", [name], function.name)
        answers = reference.Reference(stacked(list(exact), name))
    precision = passed("precision", answers.distance_of(logits), before.agreement_limit)
    if function.description.labels:
        for output, scores in zip(outputs, logits, strict=True):
            check_answer(function.description, output, scores)
    return replace(
        before,
        agreement=precision.distance,
        loss=None if loss is None else loss.distance,
        images=len(pictures),
    )


def _prepared_again(
    about: PackageMetadata,
    function: Function,
    weights: str | None,
    overrides: Overrides | None,
    offline: bool,
) -> Prepared:
    """The network a package was made of, its weights found again, with the package's options."""
    from export.verify.original_weights import original_weights

    spec = spec_of(about, function.description)
    checkpoint = original_weights(about, weights, overrides, offline)
    if about.labels_from or (not checkpoint.labels and checkpoint.config.readout.classes):
        checkpoint = replace(checkpoint, labels=output_labels(function.description))
    prepared = Loaded(checkpoint).prepare(spec.resolved())
    return with_numbers_of(function, prepared, about.calibration)
