"""The app, with all that it measures with as one module, against stand-ins of Apple's frameworks.

In the language of Swift 5 and of Swift 6, without a warning.
"""

from pathlib import Path

import pytest

from bench.app.app_folder import INFO_VALUES, swift_sources
from bench.app.xcode_project import TARGET_SETTINGS
from bench.runtimes.swift_runner import SOURCE
from swift_availability import Systems, unguarded
from swift_compiler import (
    OF_SCREENS,
    compile_swift,
    complaints,
    make_frameworks,
    needs_swiftc,
)

APP = sorted((SOURCE / "App").glob("*.swift"))
OLDEST = Systems(float("inf"), float(TARGET_SETTINGS["IPHONEOS_DEPLOYMENT_TARGET"]))
FAULTS = [  # file, what stands there, what it becomes, what the compiler says
    ("Camera", "session.startRunning()", "session.start()", "has no member 'start'"),
    ("Camera", ", @unchecked Sendable {", " {", "non-sendable type 'Camera'"),
    ("Camera", "guard\n            let device =", "let device =", "must be unwrapped"),
    ("CameraModel", "Task { @MainActor in self?.show(report) }", "self?.show(report)",
     "main actor-isolated"),
    ("CameraScreen", "case .objects, nil: EmptyView()",
     "case .objects: EmptyView()", "must be exhaustive"),
    ("CameraScreen", "layer.videoGravity = .resizeAspectFill", "layer.videoGravity = .fill",
     "has no member 'fill'"),
    ("AnswerOverlay", ".overlay(alignment: .topLeading)", ".overlay(at: .topLeading)",
     "cannot infer contextual base"),
    ("AnswerOverlay", "Data(map.colored(alpha: 150))", "map.colored(alpha: 150)",
     "cannot convert"),
    ("Recognizer", "label: $0.identifier, confidence: object.confidence",
     "label: $0.name, confidence: object.confidence", "has no member 'name'"),
    ("MeasureModel", "self.tell { $0.file = file }", "self.file = file", "main actor-isolated"),
    ("MeasureScreen", "phase == .background", "phase == .hidden", "has no member 'hidden'"),
    ("MeasureScreen", "UIActivityViewController(activityItems: [file], ",
     "UIActivityViewController(items: [file], ", "incorrect argument label"),
    ("FrameWorker", "let end = System.now()", "let end = Date()", "cannot convert"),
]  # fmt: skip


def options(language: str) -> list[str]:
    """As the project has it: one module."""
    return ["-typecheck", "-wmo", "-parse-as-library", "-module-name", "MobileNet",
            "-swift-version", language]  # fmt: skip


@pytest.fixture(scope="module")
def screens(frameworks: Path) -> Path:
    """The frameworks with those that only the app uses."""
    return make_frameworks(frameworks, OF_SCREENS)


@needs_swiftc
@pytest.mark.parametrize("language", ["5", "6"])
def test_it_is_correct_against_what_apple_documents(screens: Path, language: str) -> None:
    compile_swift(screens, *options(language), "-I.", *map(str, swift_sources()))


@needs_swiftc
def test_faults_are_refused(screens: Path, tmp_path: Path) -> None:
    """All of them in one copy of the module, each in a place of its own."""
    texts = {path.stem: path.read_text() for path in swift_sources()}
    for file, right, wrong, _ in FAULTS:
        assert texts[file].count(right) == 1, right
        texts[file] = texts[file].replace(right, wrong)
    for name, text in texts.items():
        (tmp_path / f"{name}.swift").write_text(text)
    files = [f"{name}.swift" for name in texts]
    code, said = complaints(tmp_path, *options("6"), f"-I{screens}", *files)
    assert code != 0
    errors = [line for line in said.splitlines() if "error:" in line]
    for file, _, wrong, words in FAULTS:
        mine = [line for line in errors if f"{file}.swift" in line]
        assert any(words in line for line in mine), (wrong, mine)


@pytest.mark.parametrize("path", APP, ids=lambda path: path.name)
def test_nothing_is_newer_than_what_it_is_built_for(path: Path) -> None:
    assert not unguarded(path.read_text(), OLDEST)
    assert len(path.read_text().splitlines()) <= 250


def test_what_is_newer_is_found() -> None:
    text = (SOURCE / "App/CameraModel.swift").read_text()
    newer = text.replace("ObservableObject {", "ObservableObject {\n    let link: ShareLink?", 1)
    assert [line.split()[2] for line in unguarded(newer, OLDEST)] == ["ShareLink"]


def test_what_the_app_asks_for_is_what_it_uses() -> None:
    """Without the text the system ends an app that asks for the camera."""
    asks = any("AVCaptureDevice.requestAccess" in path.read_text() for path in APP)
    assert asks == ("NSCameraUsageDescription" in INFO_VALUES)
