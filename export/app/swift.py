"""The Swift file of `--swift`: this package in an iOS app, which sees what the metadata say.

A classifier of Core ML goes through Vision, whose `.centerCrop` alone takes the whole shorter
side, where checkpoints were evaluated on the middle 0.875 of it. Core AI has no such help: its
file also makes the picture, and finds the labels. Segmenters and detectors have files of their
own. The rest of the preprocessing is in the package. Kept as templates of Swift; the tests
evaluate their arithmetic.
"""

import re
from pathlib import Path
from string import Template
from typing import Literal, NamedTuple

from export.app.swift_answers import of_coreai, of_coreml, template
from export.app.swift_detector import detector_source, detector_template
from export.app.swift_segmenter import segmenter_source, segmenter_template
from export.package.metadata import LABELS_KEY, PackageMetadata
from export.prepared import MAIN, Prepared, function_name
from export.spec import ExportSpec
from mobilenet.common import files
from mobilenet.common.errors import ConfigError, PackageError
from mobilenet.common.size import Size
from mobilenet.common.text import one_line
from mobilenet.networks.classifier import Scores
from mobilenet.preprocess import Whole

Kind = Literal["Classifier", "Segmenter", "Detector"]
WHOLE: dict[Kind, Whole] = {"Segmenter": "corner", "Detector": "squash"}
"""What their files do with a photograph; a classifier's crops it."""

# The Swift Programming Language, Lexical Structure: what is reserved anywhere.
KEYWORDS = re.compile(
    "_|Any|Self|Type|Protocol|as|associatedtype|break|case|catch|class|continue|default|defer|"
    "deinit|do|else|enum|extension|fallthrough|false|fileprivate|for|func|guard|if|import|in|init|"
    "inout|internal|is|let|nil|open|operator|precedencegroup|private|protocol|public|repeat|"
    "rethrows|return|self|static|struct|subscript|super|switch|throw|throws|true|try|typealias|"
    "var|where|while"
)
MARK = "// Written by mobilenet-coreml"
MACOS = {
    13: "10.15", 14: "11.0", 15: "12.0", 16: "13.0", 17: "14.0", 18: "15.0", 26: "26.0",
    27: "27.0",
}  # fmt: skip
"""The macOS that came with an iOS."""
EXAMPLE = (4032, 3024)  # pixels: an iPhone's photograph, 4:3


class Region(NamedTuple):
    """A rectangle in Vision's coordinates: both sides are 1, the origin is at the lower left."""

    x: float
    y: float
    width: float
    height: float


def region_of_interest(crop: float, aspect: float, width: float, height: float) -> Region:
    """`crop` of the largest centred region of `aspect` in an upright picture of these pixels.

    The template's `regionOfInterest` in Python. Vision fails for a rectangle that leaves the unit
    square; this one cannot while 0 < crop <= 1.
    """
    across, down = crop * min(width, height * aspect), crop * min(height, width / aspect)
    return Region(
        (width - across) / 2 / width, (height - down) / 2 / height, across / width, down / height
    )


def kind_of(prepared: Prepared) -> Kind:
    """What the file's class is for."""
    config = prepared.metadata.config
    if config is not None and config.readout.detection is not None:
        return "Detector"
    return "Classifier" if prepared.picture is None else "Segmenter"


def swift_path(package: Path, kind: Kind = "Classifier") -> Path:
    """Where the file for `package` lies: beside it, called as its class."""
    return package.with_name(f"{package.stem}{kind}.swift")


def check_spec(spec: ExportSpec) -> None:
    """Raise `ConfigError` for what is no classifier of pictures, whatever the network."""
    if spec.input != "image" or spec.outputs in ("logits", "features"):
        raise ConfigError(
            f"--swift with input {spec.input} and outputs {spec.outputs or 'classifier'}: it is "
            "for a classifier of pictures",
            "leave --input and --outputs out, or leave --swift out and call the model yourself",
        )


def check_network(prepared: Prepared) -> None:
    """Raise `ConfigError` for a network whose file would name nothing, or is not written."""
    kind, about = kind_of(prepared), prepared.metadata
    if kind == "Detector" and prepared.spec.outputs != "detections":
        raise ConfigError(
            f"--swift for a detector with outputs {prepared.spec.outputs}: Vision makes objects "
            "of detections alone",
            "leave --outputs out, or leave --swift out and call the model yourself",
        )
    if (about.geometry.whole or None) != WHOLE.get(kind):
        raise ConfigError(
            f"--swift for a {kind.lower()} whose photographs are "
            f"{about.geometry.describe(about.size)}: its file would do something else",
            "leave --swift out and call the model yourself",
        )
    if kind == "Segmenter" and about.format == "coreai":
        raise ConfigError(
            "--swift for a segmenter in the coreai format: its file is written for Core ML alone",
            "leave --format out, or leave --swift out and call the model yourself",
        )
    if prepared.labels:
        return
    if prepared.has_independent_classes or kind == "Segmenter":
        what = "a segmenter" if kind == "Segmenter" else "independent classes"
        raise ConfigError(
            f"--swift for {what} without labels", "give them with --classes labels.txt"
        )
    raise ConfigError(
        f"--swift with outputs {prepared.spec.outputs}: it is for a classifier of pictures",
        "leave --outputs out, or leave --swift out and call the model yourself",
    )


def check_destination(package: Path, kind: Kind = "Classifier") -> None:
    """Raise before anything is written if the Swift file cannot or must not be."""
    if not (package.stem.isascii() and package.stem.isidentifier()):
        raise ConfigError(
            f"--swift with package name {package.stem!r}: the Swift class is named after it",
            "choose an --output of letters, digits and underscores, not starting with a digit",
        )
    if KEYWORDS.fullmatch(package.stem) or package.stem in _names(
        of_coreml("softmax")
        + of_coreml("sigmoid")
        + template("exif")
        + segmenter_template("labels")
        + segmenter_template("mask")
        + detector_template()
    ):
        raise ConfigError(
            f"--swift with package name {package.stem!r}: in Swift that means something else",
            "choose another --output, such as MobileNet.mlpackage",
        )
    path = swift_path(package, kind)
    files.check_regular_file(path)
    if path.exists() and not _is_ours(path):
        raise PackageError(
            f"{path} exists and was not written by this tool: it is not replaced",
            "move it away, or choose another --output",
        )


def write(package: Path, prepared: Prepared) -> Path:
    """Write the Swift file for a package beside it; returns its path."""
    kind, model, about = kind_of(prepared), package.stem, prepared.metadata
    path = swift_path(package, kind)
    if kind == "Segmenter":
        text = segmenter_source(model, about, prepared.spec.outputs, MACOS)
    elif kind == "Detector":
        text = detector_source(model, about, prepared.spec, MACOS)
    else:
        text = source(model, about)
    files.write_atomically(path, text.encode())
    return path


def source(model: str, metadata: PackageMetadata) -> str:
    """The Swift file for `model`: of Core ML, the class that Xcode generates from the package."""
    is_coreai = metadata.format == "coreai"
    scores: Scores = "softmax" if metadata.config is None else metadata.config.readout.scores
    text = of_coreai(scores) if is_coreai else of_coreml(scores)
    return Template(text).substitute(
        _of_coreai(metadata) if is_coreai else _of_coreml(metadata),
        model=model,
        tool=one_line(metadata.tool),
        summary=one_line(metadata.summary),
        interpolation=metadata.geometry.interpolation,
        ios=metadata.min_ios,
        macos=MACOS[metadata.min_ios],
        exif=template("exif").rstrip(),
    )


def _of_coreml(metadata: PackageMetadata) -> dict[str, object]:
    size, shorter = metadata.size, _shorter(metadata, metadata.size)
    return {
        "size": min(size),
        "shorter": shorter,
        "width": size.width,
        "height": size.height,
        "units": metadata.compute_units,
        "example": _example(min(size) / shorter, size.width / size.height),
    }


def _shorter(metadata: PackageMetadata, size: Size) -> int:
    """What the shorter side of the input was before the crop, in pixels."""
    return min(metadata.geometry.covered(size))


def _of_coreai(metadata: PackageMetadata) -> dict[str, object]:
    sizes = {function_name(side): Size.square(side) for side in metadata.resolutions}
    sizes = sizes or {MAIN: metadata.size}
    inputs = (
        f'        static let {name} = Input(function: "{name}", width: {size.width}, '
        f"height: {size.height}, shorter: {_shorter(metadata, size)})"
        for name, size in sizes.items()
    )
    return {"inputs": "\n".join(inputs), "default": [*sizes][-1], "labels": LABELS_KEY}


def _names(source: str) -> set[str]:
    """The identifiers of a Swift file: a class of such a name would take their place."""
    return set(re.findall(r"(?<![$\w{])[A-Za-z_]\w*", re.sub("//.*", "", source)))


def _example(crop: float, aspect: float) -> str:
    region = region_of_interest(crop, aspect, *EXAMPLE)
    values = ", ".join(f"{value:.4g}" for value in region)
    return f"{EXAMPLE[0]} x {EXAMPLE[1]}: ({values})"


def _is_ours(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(MARK)) == MARK.encode()
