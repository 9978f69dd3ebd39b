"""The Swift file of a detector: objects in a photograph, and their boxes over a view of it."""

from string import Template

from export.app.swift_answers import listed_labels, template
from export.package.metadata import PackageMetadata
from export.spec import ExportSpec
from mobilenet.common.text import one_line


def detector_template() -> str:
    """With slots."""
    text = Template(template("detector"))
    return text.safe_substitute(listed=listed_labels(), exif=template("exif").rstrip())


def detector_source(
    model: str, metadata: PackageMetadata, spec: ExportSpec, macos: dict[int, str]
) -> str:
    """The Swift file for the class `model` that Xcode generates from the package."""
    return Template(detector_template()).substitute(
        model=model,
        tool=one_line(metadata.tool),
        summary=one_line(metadata.summary),
        ios=metadata.min_ios,
        macos=macos[metadata.min_ios],
        units=metadata.compute_units,
        iou=spec.iou,
        confidence=spec.confidence,
    )
