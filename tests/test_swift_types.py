"""Swift files of Core ML, type-checked against stand-ins that are as Apple documents it.

Each beside a class as Xcode generates it; in the language of Swift 5 and of Swift 6. What
stand-ins cannot see is which system has what.
"""

import re
from pathlib import Path

import pytest

from export.app import swift
from export.app.swift_detector import detector_source
from export.app.swift_segmenter import segmenter_source
from export.prepared import prepare_checkpoint
from export.spec import ExportSpec
from fine_tuned import fine_tuned
from made_detector import detector
from made_segmenter import segmenter
from mobilenet.checkpoint import Checkpoint
from swift_compiler import compile_swift, complaints, needs_swiftc

pytestmark = needs_swiftc

GENERATED = """
import CoreML

final class {model} {{
    var model: MLModel {{ fatalError() }}
    init(configuration: MLModelConfiguration) throws {{}}
}}
"""
FAULTS = [  # file, what stands there, what it becomes, what the compiler says
    ("Boxes", "object.boundingBox", "object.bounds", "has no member 'bounds'"),
    ("Boxes", "imageCropAndScaleOption = .scaleFill", "imageCropAndScaleOption = .fill", "'fill'"),
    ("Boxes", "MLFeatureValue(double: iou)", "MLFeatureValue(iou)", "missing argument label"),
    ("Boxes", "object.confidence", "best", "cannot convert value of type"),
    ("Boxes", "guard let bitmap = image.cgImage else { throw Failure.imageHasNoCGImage }",
     "let bitmap = image.cgImage", "must be unwrapped"),
    ("Boxes", "case .up: return .up\n", "", "must be exhaustive"),
    ("Maps", "var contextOptions: [CIContextOption: Any] { [.workingColorSpace: NSNull()] }",
     "let contextOptions: [CIContextOption: Any] = [.workingColorSpace: NSNull()]",
     "not concurrency-safe"),
    ("Maps", "colors.gradientImage", "colors.gradient", "has no member 'gradient'"),
]  # fmt: skip


@pytest.fixture(scope="module")
def sources(hot: Checkpoint) -> dict[str, str]:
    """By the model's name."""
    boxes = prepare_checkpoint(detector(), ExportSpec())
    about = prepare_checkpoint(segmenter(), ExportSpec()).metadata
    classes = prepare_checkpoint(hot, ExportSpec()).metadata
    several = prepare_checkpoint(fine_tuned("several"), ExportSpec()).metadata
    return {
        "Boxes": detector_source("Boxes", boxes.metadata, boxes.spec, swift.MACOS),
        "Maps": segmenter_source("Maps", about, "labels", swift.MACOS),
        "Masks": segmenter_source("Masks", about, "mask", swift.MACOS),
        "Classes": swift.source("Classes", classes),
        "Several": swift.source("Several", several),
    }


@pytest.fixture(scope="module")
def generated(frameworks: Path, sources: dict[str, str]) -> Path:
    """Beside the frameworks the classes of the models."""
    for model in sources:
        (frameworks / f"{model}.swift").write_text(GENERATED.format(model=model))
    return frameworks


def put(folder: Path, name: str, text: str) -> str:
    """Its stand-in has no parts."""
    (folder / f"{name}.swift").write_text(text.replace("import CoreImage.CIFilterBuiltins\n", ""))
    return f"{name}.swift"


@pytest.mark.parametrize("language", ["5", "6"])
def test_they_are_correct_against_what_apple_documents(
    generated: Path, sources: dict[str, str], language: str
) -> None:
    files = [put(generated, f"{model}File", text) for model, text in sources.items()]
    classes = [f"{model}.swift" for model in sources]
    compile_swift(generated, "-typecheck", "-swift-version", language, "-I.", *files, *classes)


def test_faults_are_refused(generated: Path, sources: dict[str, str]) -> None:
    """Each in a file and a class of its own; as one whole, all of them are gone through."""
    files = []
    for number, (model, right, wrong, _) in enumerate(FAULTS):
        assert right in sources[model], right
        text = re.sub(rf"\b{model}(Detector|Segmenter)\b", rf"Fault{number}\1", sources[model])
        files.append(put(generated, f"Fault{number}", text.replace(right, wrong)))
    code, said = complaints(
        generated,
        "-typecheck",
        "-wmo",
        "-swift-version",
        "6",
        "-I.",
        *files,
        "Boxes.swift",
        "Maps.swift",
    )
    assert code != 0
    errors = [line for line in said.splitlines() if "error:" in line]
    for number, (_, _, wrong, words) in enumerate(FAULTS):
        mine = [line for line in errors if f"Fault{number}.swift" in line]
        assert any(words in line for line in mine), (wrong, mine)
