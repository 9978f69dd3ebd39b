"""What can be exported, and how each becomes a `Prepared`: one protocol, three kinds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from export.head_outputs import check_layer, for_head
from export.prepared import (
    Prepared,
    TracedModule,
    check_sizes,
    prepare_checkpoint,
    prepare_module,
)
from export.spec import ExportSpec, Variant
from mobilenet.checkpoint import Checkpoint, Provenance
from mobilenet.common.errors import ConfigError
from mobilenet.common.progress import SILENT, Progress
from mobilenet.common.size import Sides, Size
from mobilenet.common.text import one_line
from mobilenet.labels import unique
from mobilenet.preprocess import INCEPTION, STANDARD_CROP, Geometry, Normalization

if TYPE_CHECKING:
    from torch import nn

DEFAULT_RESOLUTION = 224
MAX_LABEL = 40  # characters of a label in a message
TRAINED_BY_USER, UNKNOWN = "trained by the user, exported from Python", "unknown"


@runtime_checkable
class Source(Protocol):
    """Something that a package can be made of."""

    @property
    def reads(self) -> Sequence[Path]:
        """The user's files that are read, and so must not be replaced."""

    def prepare(self, spec: ExportSpec) -> Prepared:
        """Find the weights and make them ready.

        `spec` is resolved. Raises `UserError` for weights that cannot be had, and for options
        that do not fit them.
        """


@dataclass(frozen=True)
class Published:
    """A variant by its knobs, whose weights are found: published, a file, or untrained.

    Of several resolutions, the weights are those published for the largest.
    """

    variant: Variant
    offline: bool = False
    classes: Path | None = None  # a file of labels
    keep_background: bool = False
    progress: Progress = SILENT  # is told of downloads

    @property
    def reads(self) -> Sequence[Path]:
        """The files of weights and labels."""
        from mobilenet.weights.resolve import inputs

        return inputs(self.variant.weights, self.classes)

    def prepare(self, spec: ExportSpec) -> Prepared:
        """As `Source` says."""
        from mobilenet.weights.resolve import at_resolution, inputs, load_weights

        variant, pixels = self.variant, self.variant.pixels
        if spec.sizes and pixels is not None:
            raise ConfigError(
                f"resolution {pixels} and resolutions {spec.resolutions}", "give one of the two"
            )
        largest = spec.sizes[-1] if spec.sizes else pixels
        is_file = bool(inputs(variant.weights))
        loaded = load_weights(
            variant.weights,
            network=variant.network, alpha=variant.alpha, shallow=variant.shallow,
            resolution=None if is_file else largest, usual_resolution=largest,
            head=variant.head, output_stride=variant.output_stride,
            classes=self.classes, keep_background=self.keep_background,
            overrides=variant.overrides, offline=self.offline, progress=self.progress,
        )  # fmt: skip
        check_sizes(loaded.checkpoint.config, spec)
        sized = [at_resolution(loaded.checkpoint, size) for size in (largest, *spec.sizes[:-1])]
        notes = chain(loaded.notes, *(each.notes for each in sized))
        return Loaded(sized[0].checkpoint, tuple(notes)).prepare(spec)


@dataclass(frozen=True)
class Loaded:
    """A checkpoint at hand."""

    checkpoint: Checkpoint
    notes: tuple[str, ...] = ()
    reads: Sequence[Path] = ()

    def prepare(self, spec: ExportSpec) -> Prepared:
        """As `Source` says."""
        checkpoint, notes = self.checkpoint, self.notes
        if spec.outputs == "features":
            check_layer(spec, checkpoint.config)
            checkpoint = checkpoint.as_features(spec.layer or "")
        elif checkpoint.config.readout.is_binary and len(checkpoint.labels) == 2:
            checkpoint, notes = checkpoint.as_two_classes(), (*notes, _two_classes(checkpoint))
        spec = for_head(spec, checkpoint.config.readout)
        if spec.outputs in ("classifier", "detections") and not checkpoint.labels:
            raise ConfigError(
                f"the {checkpoint.config.classes} classes of these weights have no labels",
                "give them with --classes labels.txt (from Python: labels=[...]), or choose "
                f"--outputs {'probabilities' if spec.outputs == 'classifier' else 'boxes'}",
            )
        return prepare_checkpoint(checkpoint, spec, notes)


def _two_classes(checkpoint: Checkpoint) -> str:
    first, second = (one_line(label, MAX_LABEL) for label in checkpoint.labels)
    return (
        f"the network ends in one sigmoid, the probability of {second!r}: exported as a "
        f"classifier of two classes, whose logits are 0 for {first!r} and its own for {second!r}"
    )


@dataclass(frozen=True, eq=False)
class TrainedModule:
    """A user's own PyTorch module, and what its training fixed.

    It maps normalized pictures (1, 3, H, W) to logits (1, classes). A `MobileNet` of ours is
    written directly, any other is traced. `labels` are in the order of the outputs and made
    unique; `resolution` is the side of a square input in pixels, or (height, width) (of a
    `MobileNet`, its config's unless given; else 224). The module is not changed.
    """

    module: "nn.Module"
    labels: Sequence[str] = ()
    resolution: Sides | None = None
    normalization: Normalization = INCEPTION
    geometry: Geometry = STANDARD_CROP
    source: str = TRAINED_BY_USER
    licence: str = UNKNOWN
    trained: bool = True
    name: str = ""  # of a traced module, instead of its class
    user_defined: Mapping[str, str] = field(default_factory=dict)  # further metadata
    reads: Sequence[Path] = ()

    def prepare(self, spec: ExportSpec) -> Prepared:
        """As `Source` says."""
        from mobilenet.torch_module import MobileNet, to_layers

        provenance = Provenance(self.source, trained=self.trained, licence=self.licence)
        if not isinstance(self.module, MobileNet):
            return self._traced(spec, provenance)
        config = self.module.config
        checkpoint = Checkpoint(
            config, to_layers(self.module), provenance, self.normalization, self.geometry,
            unique(self.labels),
        ).at(self.resolution or config.size)  # fmt: skip
        prepared = Loaded(checkpoint).prepare(spec)
        return replace(prepared, user_defined=self.user_defined)

    def _traced(self, spec: ExportSpec, provenance: Provenance) -> Prepared:
        from export.module_cost import measured

        check_traced(spec, self.resolution)
        is_classifier = spec.outputs in (None, "classifier")
        if is_classifier and not self.labels:
            raise ConfigError(
                "a classifier without labels",
                'give labels=[...], or spec=ExportSpec(outputs="probabilities")',
            )
        labels = unique(self.labels) if is_classifier else ()
        traced = []
        for sides in spec.sizes or (self.resolution or DEFAULT_RESOLUTION,):
            size = Size.of(sides)
            cost = measured(self.module, size)
            if labels and len(labels) != cost.outputs:
                raise ConfigError(
                    f"{len(labels)} labels for a module of {cost.outputs} outputs",
                    "give one label per output, in the order of training",
                )
            name = self.name or type(self.module).__name__
            traced.append(
                TracedModule(
                    self.module, name, size, *cost,
                    provenance, self.normalization, self.geometry, labels,
                )
            )  # fmt: skip
        return prepare_module(traced, spec, self.user_defined)


def check_traced(spec: ExportSpec, resolution: Sides | None) -> None:
    """Raise `ConfigError` for what can be done with a MobileNet of ours alone."""
    if spec.layer is not None:
        raise ConfigError(
            f"layer {spec.layer} of a traced module, whose layers have no names of ours",
            "export a module that returns this layer's map, with outputs features",
        )
    if spec.compress == "w8a8":
        raise ConfigError(
            "compress w8a8 for a traced module: coremltools measures the ranges of activations by "
            "running the package in Core ML, which is on a Mac alone",
            "choose int8, or call linear_quantize_activations on the package there",
        )
    if spec.format == "coreai" and (spec.compress or spec.sizes):
        raise ConfigError(
            f"{'compress' if spec.compress else 'resolutions'} with format coreai for a traced "
            "module, which Core AI's converter writes as it is",
            "leave format out: an .mlpackage has both",
        )
    if spec.sizes and resolution is not None:
        raise ConfigError(
            f"resolution {resolution} and resolutions {spec.resolutions}", "give one of the two"
        )


def source_of(
    model: "Source | Variant | Checkpoint | nn.Module",
    *,
    labels: Sequence[str],
    resolution: Sides | None,
    normalization: Normalization,
    geometry: Geometry,
    source: str,
    licence: str,
) -> Source:
    """What `model` is exported as; the rest describes a module.

    Raises `ConfigError` when it is given for something else, which knows its own.
    """
    description = (tuple(labels), resolution, normalization, geometry, source, licence)
    if not isinstance(model, Variant | Checkpoint | Source):
        return TrainedModule(model, *description)
    if description != ((), None, INCEPTION, STANDARD_CROP, TRAINED_BY_USER, UNKNOWN):
        raise ConfigError(
            "labels, resolution, normalization, geometry, source and licence describe a module",
            f"a {type(model).__name__} knows its own: change it instead",
        )
    if isinstance(model, Variant):
        return Published(model)
    return Loaded(model) if isinstance(model, Checkpoint) else model
