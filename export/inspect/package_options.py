"""The options of `python -m export` that made a package of ours, read off the package."""

from collections.abc import Iterator
from dataclasses import fields, replace

import msgspec

from export.head_outputs import detector_options, for_head
from export.mil.description import ImageInput, ModelDescription
from export.package.metadata import PackageMetadata
from export.spec import ExportSpec
from mobilenet.common.decoding import decoding
from mobilenet.common.errors import ConfigError, PackageError
from mobilenet.networks.classifier import Readout

# Oldest system first: it decides the format, too. Features are asked for of a whole classifier.
FIRST = ("min_ios", "format", "precision")


def spec_of(about: PackageMetadata, description: ModelDescription) -> ExportSpec:
    """All options, of a network of ours. Raises `PackageError` for what no options make."""
    assert about.config is not None, "of a network of ours"
    readout = about.config.readout
    names = [output.name for output in description.outputs]
    # Core AI's lists the labels of an array, as that of independent classes does
    is_classifier = bool(description.labels) and readout.scores == "softmax"
    options = {
        "target": about.target,
        "precision": about.precision,
        "min_ios": about.min_ios,
        "format": about.format,
        "layer": readout.until or None,
        "compress": about.compression or None,
        "resolutions": ",".join(map(str, about.resolutions)) or None,
        "input": "image" if isinstance(description.inputs[0], ImageInput) else "tensor",
        "outputs": "classifier" if is_classifier else names[0],
    }
    if readout.detection is not None:
        options |= detector_options(names, description.metadata)
    with decoding("what the package was made with", "export it again", PackageError):
        return msgspec.convert(options, ExportSpec)


def needed_options(spec: ExportSpec, readout: Readout) -> Iterator[tuple[str, object]]:
    """Names and values of those that must be given: without them, `spec` is another."""
    whole, plain = _filled_in(spec, readout), ExportSpec()
    names = [field.name for field in fields(ExportSpec)]
    for name in (*FIRST, *names):
        if name == "outputs" and spec.outputs == "features":
            continue
        try:
            less = replace(spec, **{name: getattr(plain, name)})
            if _filled_in(less, readout) == whole:
                spec = less
        except ConfigError:  # it does not go without
            continue
    for name in names:
        if (value := getattr(spec, name)) != getattr(plain, name):
            yield name, value


def _filled_in(spec: ExportSpec, readout: Readout) -> ExportSpec:
    return for_head(spec.resolved(), readout)
