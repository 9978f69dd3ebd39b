"""The facts that results carry about a package, read off it and what lies beside it."""

from pathlib import Path

import msgspec

from bench import baselines
from bench.results.bounds import MAX_LABELS, MAX_SENTENCE
from bench.results.model_card import Head
from bench.results.records import Model
from bench.results.top1 import is_imagenet
from export.inspect.export_command import command_of
from export.mil.description import ImageInput, ModelDescription
from export.package import metadata, model_files
from export.package.metadata import PackageMetadata, listed_labels
from mobilenet.checkpoint import Provenance
from mobilenet.common.size import Size
from mobilenet.common.text import one_line
from mobilenet.networks import families
from mobilenet.networks.config import NetworkConfig
from mobilenet.preprocess import STANDARD_CROP, Geometry
from mobilenet.weights import heads
from mobilenet.weights.origin import published_weights
from mobilenet.weights.releases import Family, Release

MAX_LABEL = 100  # characters
TELL_GEOMETRY: tuple[Family, ...] = ("timm", "transformers")  # each of their files, its own


def model_of(path: Path) -> Model:
    """The facts about a package, ours or foreign. Raises `PackageError`."""
    from export.mil.read.model import read_any

    files = model_files.find(path)
    contents, identity = read_any(path), files.identity()
    description = contents.description
    about, verified = metadata.metadata_of(description.metadata), metadata.verified(path, identity)
    labels = description.labels or listed_labels(description.metadata)
    model = Model(
        name=path.stem,
        identity=identity,
        size_bytes=files.size_bytes,
        format=contents.kind,
        labels=tuple(one_line(label, MAX_LABEL) for label in labels[:MAX_LABELS]),
        structure=verified.structure if verified else None,
        agreement=verified.agreement if verified else None,
        loss=verified.loss if verified else None,
    )
    if about is not None:
        return _with_metadata(model, about, description)
    if baseline := baselines.metadata_of(description.metadata):
        return msgspec.structs.replace(
            model,
            precision=baseline.precision,
            resolution=baseline.baseline.size,
            trained=False,
            weights=f"untrained, seed {baseline.seed}",
            macs=baseline.baseline.macs,
            parameters=baseline.baseline.parameters,
        )
    return model


def with_network(
    model: Model,
    size: Size,
    config: NetworkConfig | None,
    origin: Provenance,
    geometry: Geometry,
) -> Model:
    """With what the network says, and what was published for its weights."""
    if config is not None:
        model = msgspec.structs.replace(
            model,
            network=families.name_of(config) or "",
            alpha=config.alpha,
            shallow=config.shallow,
            head=_head(config),
            classes=config.readout.classes,
        )
    release = published_weights(origin)
    has_figure = release is not None and _is_as_published(release, model, config, geometry)
    return msgspec.structs.replace(
        model,
        resolution=size.height,
        input_width=msgspec.UNSET if size.is_square else size.width,
        trained=origin.trained,
        weights=origin.source,
        licence=_short(origin.licence),
        release="" if release is None else release.name,
        published_top1=release.top1 if release and has_figure else None,
        published_top5=release.top5 if release and has_figure else None,
    )


def _with_metadata(model: Model, about: PackageMetadata, description: ModelDescription) -> Model:
    command = command_of(about, description)
    model = msgspec.structs.replace(
        model,
        precision=about.precision,
        compression=about.compression,
        target=about.target,
        min_ios=about.min_ios,
        resolutions=about.resolutions,
        labels_from=_short(about.labels_from or ""),
        macs=about.macs,
        parameters=about.parameters,
        preprocessing=_preprocessing(about, description),
        compute_units=_short(about.compute_units),
        command=command.text if len(command.text) <= MAX_SENTENCE else "",
        command_note=_short(command.note),
    )
    return with_network(model, about.size, about.config, about.provenance, about.geometry)


def _is_as_published(
    release: Release, model: Model, config: NetworkConfig | None, geometry: Geometry
) -> bool:
    """Whether it is what the figures of `release` were measured on, but for float16."""
    return (
        config is not None
        and (model.network, model.alpha) == (release.network, release.alpha)
        and not (model.shallow or model.compression)
        and is_imagenet(model)
        and config.readout.is_plain
        and config.size == Size.square(release.resolution)
        and (release.family in TELL_GEOMETRY or geometry == _geometry(release))
    )


def _geometry(release: Release) -> Geometry:
    return Geometry(release.crop or STANDARD_CROP.crop, STANDARD_CROP.interpolation)


def _head(config: NetworkConfig) -> Head:
    head = heads.head_of(config)
    return "features" if config.readout.classes is None and head == heads.CLASSIFIER else head


def _preprocessing(about: PackageMetadata, description: ModelDescription) -> str:
    inside = isinstance(description.inputs[0], ImageInput)
    where = "then, in the model" if inside else "then, in the app"
    return _short(f"{about.geometry.describe(about.size)}; {where}: {about.normalization.title}")


def _short(text: str) -> str:
    return one_line(text, MAX_LABEL * 4)
