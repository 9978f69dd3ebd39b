"""One of the two models that are compared: a package or an `.mlmodel`, or a file of weights."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from export.mil.chosen_sizes import chosen_sizes
from export.mil.description import ImageInput, ModelDescription
from export.mil.program import Function, Precision
from export.mil.read.model import network
from export.mil.shapes import at
from export.package.metadata import PackageMetadata, metadata_of
from export.package.model_files import find
from export.runtimes.inputs import crop, picture_size
from export.verify.intermediates import LayerOutput, of_checkpoint, of_package
from export.verify.output_labels import output_labels
from mobilenet.common.errors import ConfigError, UnsupportedError
from mobilenet.common.size import Size
from mobilenet.overrides import Overrides

if TYPE_CHECKING:
    from PIL.Image import Image

    from mobilenet.checkpoint import Checkpoint

MAX_PROBE = 1024  # pixels of a side; larger pictures are made by resizing
PACKAGES = (".mlpackage", ".mlmodel", ".aimodel")
# Data is moved, not computed, by these: one side may well do without them.
MOVES = ("cast", "identity", "reshape", "squeeze", "expand_dims", "flatten2d", "transpose")


@dataclass(frozen=True, eq=False)
class ComparedModel:
    """A package (its function) or weights."""

    path: Path
    function: Function | None = None
    checkpoint: "Checkpoint | None" = None
    image_input: bool = False  # of the package that weights are compared with

    @property
    def metadata(self) -> PackageMetadata | None:
        """What a package of ours says of itself; None of any other, and of weights."""
        return None if self.function is None else metadata_of(self.function.description.metadata)

    @property
    def size_bytes(self) -> int | None:
        """Of all files of a package; None of weights, which are no model yet."""
        return None if self.function is None else find(self.path).size_bytes

    @property
    def about(self) -> "PackageMetadata | Checkpoint | None":
        """Who says how photographs become input; None where nobody does."""
        return self.checkpoint or self.metadata

    @property
    def labels(self) -> tuple[str, ...]:
        """In the order of the outputs; empty where the model has none."""
        if self.function is None:
            return () if self.checkpoint is None else tuple(self.checkpoint.labels)
        return output_labels(self.function.description)

    def layers(self, picture: "Image", precision: Precision) -> list[LayerOutput]:
        """What each layer gives, without those that only move data."""
        if self.function is not None:
            (found,) = of_package(self.path, self.function, [picture], precision)
        else:
            assert self.checkpoint is not None, "one of the two is given"
            found = of_checkpoint(self.checkpoint, picture, image_input=self.image_input)
        return [layer for layer in found if layer.type not in MOVES]


def open_models(paths: Sequence[Path], overrides: Overrides | None) -> list[ComparedModel]:
    """Each read, files of weights with `overrides`. Raises `UserError` for what cannot be read."""
    if overrides is not None and all(path.suffix in PACKAGES for path in paths):
        raise ConfigError(
            "options of how weights were trained, and no file of weights to read with them",
            "leave them out: a package holds its own preprocessing",
        )
    return [_open(path, overrides) for path in paths]


def _open(path: Path, overrides: Overrides | None) -> ComparedModel:
    if path.suffix in PACKAGES:
        return ComparedModel(path, function=network(path).function())
    from mobilenet.sources import recognise

    return ComparedModel(path, checkpoint=recognise.read(path, overrides=overrides))


def common_size(models: Sequence[ComparedModel]) -> Size:
    """Of the picture both take: that of the first, of several sizes its default, if it can be.

    Weights take any. Raises `UnsupportedError` where no default is allowed by the other.
    """
    descriptions = [model.function.description for model in models if model.function]
    sizes = [picture_size(description) for description in descriptions]
    for size in sizes:
        if all(_takes(description, size) for description in descriptions):
            return size
    if sizes:
        raise UnsupportedError(
            f"{models[0].path} takes {sizes[0]} pixels, {models[1].path} {sizes[1]}",
            "export both at one resolution",
        )
    checkpoints = (model.checkpoint for model in models if model.checkpoint is not None)
    return next(checkpoints).config.size


def _takes(description: ModelDescription, size: Size) -> bool:
    try:
        sizes = chosen_sizes(description, size) if description.is_flexible else {}
        return picture_size(description.at(sizes)) == size
    except UnsupportedError:
        return False


def picture_for(image: Path | None, size: Size, models: Sequence[ComparedModel]) -> "Image":
    """The photograph as the first that says how wants it cropped; a made one without `image`."""
    if image is None:
        from export.verify.agreement import probe_pictures

        small = Size(*(min(side, MAX_PROBE) for side in size))
        return probe_pictures(small)[1].resize((size.width, size.height))
    from mobilenet.common.images import open_picture

    by_weights_first = sorted(models, key=lambda model: model.checkpoint is None)
    geometries = [model.about.geometry for model in by_weights_first if model.about is not None]
    return crop(open_picture(image), size, geometries[0] if geometries else None)


def _fixed(model: ComparedModel, size: Size) -> ComparedModel:
    function = model.function
    if function is None or not function.description.is_flexible:
        return model
    return replace(model, function=at(function, chosen_sizes(function.description, size)))


def made_alike(models: Sequence[ComparedModel], size: Size) -> Iterator[ComparedModel]:
    """Packages of several sizes at this one; weights at it, with the package's classes.

    Without the background that it leaves out, and two of one sigmoid.
    """
    descriptions = [model.function.description for model in models if model.function is not None]
    labels = {len(description.labels) for description in descriptions if description.labels}
    image_input = any(isinstance(each.inputs[0], ImageInput) for each in descriptions)
    for model in models:
        checkpoint = model.checkpoint
        if checkpoint is None:
            yield _fixed(model, size)
            continue
        checkpoint = checkpoint.at(size)
        if checkpoint.config.classes - 1 in labels and checkpoint.config.readout.classes:
            checkpoint = checkpoint.without_background()
        elif checkpoint.config.readout.is_binary and 2 in labels:
            checkpoint = checkpoint.as_two_classes()
        yield replace(model, checkpoint=checkpoint, image_input=image_input)
