"""What is put to the test: a loaded package, or the PyTorch network it was made from.

All of them give log-probabilities. A package that ends in softmax gives them only as far as its
probabilities can be told from 0, so differences are looked at above `FLOOR` there.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bench.accuracy.class_mapping import imagenet_offset, plain
from bench.accuracy.subjects import CompiledPackage, Subject, color_size, timed_on_grey
from bench.results.records import Model
from bench.session.model_facts import with_network
from export.package.metadata import metadata_of
from export.runtimes.base import Feature, LoadedModel
from export.runtimes.inputs import from_picture
from mobilenet.common.errors import UnsupportedError
from mobilenet.labels import labels_for
from mobilenet.networks.config import NetworkConfig

if TYPE_CHECKING:
    from PIL.Image import Image

    from mobilenet.checkpoint import Checkpoint

Array = NDArray[np.float32]
FLOOR = 2.0**-14  # the smallest float16 with all its digits
SUM_TOLERANCE = 0.02  # of probabilities in float16


@dataclass(frozen=True)
class Classifier(Subject):
    """A network that answers pictures with a probability for each class."""

    outputs: int
    labels: tuple[str, ...]
    logits: bool  # whether its log-probabilities are whole: made from logits
    answer: Callable[[Sequence["Image"]], Array]  # log-probabilities (pictures, outputs)

    def label(self, output: int) -> str:
        """What the network calls an output."""
        return self.labels[output] if output < len(self.labels) else f"output {output}"

    @cached_property
    def offset(self) -> int | None:
        """How many outputs precede ImageNet's 1000; None when they are not ImageNet's."""
        return imagenet_offset(self.labels, self.outputs)

    def class_of(self, output: int) -> int | str:
        """The class behind an output, equal between networks that word it differently."""
        return plain(self.label(output)) if self.offset is None else output - self.offset


def of_package(package: CompiledPackage) -> Classifier:
    """A package, loaded, and tried on a grey picture: what it gives is known before the run.

    Raises `UnsupportedError` for a package that does not classify one colour picture.
    """
    model, logits_name, session = package.model, package.logits_name, package.load()
    description = session.description
    metadata = metadata_of(description.metadata)
    if metadata and metadata.config:
        _check_scores(model.name, metadata.config)
    size = color_size(model.name, description)

    def scores(outputs: Mapping[str, Feature]) -> Array:
        return (
            np.ravel(outputs[logits_name])
            if logits_name
            else _scores(model.name, outputs, description.labels)
        )

    tried, took_s = timed_on_grey(
        lambda picture: session.predict(from_picture(description, picture)), size
    )
    first = scores(tried)
    count, logits = first.size, not _are_probabilities(first)

    def answer(pictures: Sequence["Image"]) -> Array:
        outputs = _predict(session, [from_picture(description, picture) for picture in pictures])
        return log_probabilities(np.stack([scores(each) for each in outputs]), logits)

    return Classifier(
        model, package.runtime.name, package.unit, size, count,
        description.labels or labels_for(count), logits, answer,
        geometry=metadata.geometry if metadata else None, precision=package.precision,
        threads_at_once=package.threads_at_once, interpreted_s=package.interpreted_s(took_s),
    )  # fmt: skip


def of_checkpoint(checkpoint: "Checkpoint") -> Classifier:
    """The unfolded float32 network in PyTorch."""
    import torch

    from mobilenet.torch_module import from_checkpoint

    config, provenance = checkpoint.config, checkpoint.provenance
    _check_scores(config.slug, config)
    module, normalization = from_checkpoint(checkpoint), checkpoint.normalization

    @torch.inference_mode()
    def answer(pictures: Sequence["Image"]) -> Array:
        x = np.concatenate([normalization.apply(picture) for picture in pictures])
        return log_probabilities(module(torch.from_numpy(x)).numpy(), True)

    torch.set_num_threads(1)  # several threads ask at once; more would contend for the cores
    unnamed = Model(
        name=f"{config.slug} (checkpoint)",
        identity=provenance.sha256,
        size_bytes=0,
        format="torch",
        precision="fp32",
    )
    model = with_network(unnamed, config.size, config, provenance, checkpoint.geometry)
    labels = checkpoint.labels or labels_for(config.classes)
    return Classifier(
        model, "torch", "CPU", config.size, config.classes, labels, True, answer,
        geometry=checkpoint.geometry,
    )  # fmt: skip


def log_probabilities(scores: NDArray[Any], logits: bool) -> Array:
    """(pictures, outputs) of logits or probabilities, in natural logarithms."""
    values = scores.astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if logits:
            values -= values.max(axis=1, keepdims=True)
            values -= np.log(np.exp(values).sum(axis=1, keepdims=True))
        else:
            values = np.log(values)  # of 0, minus infinity
    return values.astype(np.float32)


def largest_difference(first: Array, second: Array, whole: bool) -> float | None:
    """Of two vectors of log-probabilities; where they are not whole, of what is above `FLOOR`.

    None where there is no such number: other outputs, or NaN.
    """
    if first.shape != second.shape:
        return None
    if not whole:
        floor = np.float32(np.log(FLOOR))
        first, second = np.maximum(first, floor), np.maximum(second, floor)
    difference = float(np.abs(first - second).max())
    return difference if np.isfinite(difference) else None


def _check_scores(name: str, config: NetworkConfig) -> None:
    """Raise `UnsupportedError` where no class is the answer."""
    if config.readout.picture is not None:
        raise UnsupportedError(
            f"{name} is a segmenter: it has no top-1",
            "--data takes a folder with images/ and masks/ for its mIOU",
        )
    if config.readout.detection is not None:
        raise UnsupportedError(
            f"{name} is a detector: it has no top-1", "--data takes COCO's JSON for its mAP"
        )
    if config.readout.scores == "sigmoid":
        raise UnsupportedError(
            f"{name} has independent classes (sigmoid): several may hold at once, or none, and "
            "there is no top-1",
            "export verify proves it, and bench run measures its time",
        )


def _predict(session: LoadedModel, inputs: list[dict[str, Feature]]) -> list[dict[str, Feature]]:
    """One call for all where the runtime has batches."""
    together = getattr(session, "predict_batch", None)
    if together is not None:
        return list(together(inputs))
    return [session.predict(features) for features in inputs]


def _scores(name: str, outputs: Mapping[str, Feature], labels: tuple[str, ...]) -> Array:
    """The vector a model answers with: its dictionary in the order of the labels, or its array."""
    for value in outputs.values():
        if isinstance(value, dict):
            named = {str(label): probability for label, probability in value.items()}
            return np.array([named[label] for label in labels], np.float32)
    arrays = [np.asarray(value) for value in outputs.values() if not isinstance(value, str)]
    if len(arrays) != 1:
        raise UnsupportedError(f"{name} gives {len(arrays)} arrays", "it must be a classifier")
    return np.ravel(arrays[0]).astype(np.float32)


def _are_probabilities(scores: Array) -> bool:
    return bool((scores >= 0).all() and abs(float(scores.sum()) - 1) < SUM_TOLERANCE)
