"""The Swift file of a segmenter: the class of each pixel over a photograph, drawn on the GPU."""

from string import Template

from export.app.swift_answers import listed_labels, template
from export.package.metadata import PackageMetadata
from export.spec import Outputs
from mobilenet.common.text import one_line

LEAST_IOS = 15  # MLShapedArray


def segmenter_template(outputs: Outputs | None) -> str:
    """With slots; `outputs` are "labels", an array, or "mask", a picture."""
    text = Template(template("segmenter"))
    reading = template(f"segmenter_{outputs}").rstrip()
    return text.safe_substitute(reading=reading, listed=listed_labels())


def segmenter_source(
    model: str, metadata: PackageMetadata, outputs: Outputs | None, macos: dict[int, str]
) -> str:
    """The Swift file for the class `model` that Xcode generates from the package."""
    ios = max(metadata.min_ios, LEAST_IOS)
    return Template(segmenter_template(outputs)).substitute(
        model=model,
        tool=one_line(metadata.tool),
        summary=one_line(metadata.summary),
        ios=ios,
        macos=macos[ios],
        units=metadata.compute_units,
        width=metadata.size.width,
        height=metadata.size.height,
        interpolation=metadata.geometry.interpolation,
    )
