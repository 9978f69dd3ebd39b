"""What of the worker in Swift only Apple's systems compile, against stand-ins of frameworks.

In the language of Swift 5 and of Swift 6, without a warning.
"""

import re
from pathlib import Path

import pytest

from bench.runtimes.swift_runner import SOURCE
from swift_availability import Systems, unguarded
from swift_compiler import compile_swift, complaints, needs_swiftc

SOURCES = SOURCE / "Sources"
FILES = sorted(SOURCES.glob("*/*.swift"))
FAULTS = [  # file, what stands there, what it becomes, what the compiler says
    ("CoreMLEngine", "configuration.computeUnits =", "configuration.computeUnit =",
     "has no member 'computeUnit'"),
    ("CoreMLEngine", "prediction(from: features)", "prediction(with: features)",
     "incorrect argument label"),
    ("CoreMLEngine", "        case .all: return .all\n", "", "must be exhaustive"),
    ("CoreMLEngine", "guard let buffer = made else { throw WorkerError(\"no pixel buffer: "
     "CVReturn \\(status)\") }", "let buffer = made", "must be unwrapped"),
    ("CoreMLEngine", "if case .neuralEngine = $0", "if case .engine = $0", "no member 'engine'"),
    ("CoreMLEngine", "Float(value.int64Value)", "value.int64Value", "cannot convert"),
    ("CoreMLPlan", "plan.deviceUsage(for: operation)", "plan.deviceUsage(of: operation)",
     "incorrect argument label"),
    ("Device", "onMain {\n            let device = UIDevice.current",
     "({ $0() }) {\n            let device = UIDevice.current", "main actor-isolated"),
    ("Device", "sysctlbyname(name, nil, &size, nil, 0)", "sysctlbyname(name, nil, &size)",
     "missing argument"),
    ("Device", "chip(ofGPU: gpu.name)", "chip(ofGPU: gpu)", "cannot convert"),
    ("System", "clock_gettime_nsec_np(CLOCK_UPTIME_RAW)", "clock_gettime_nsec_np()",
     "missing argument"),
    ("System", "processInfo.thermalState.", "processInfo.thermal.", "has no member 'thermal'"),
    ("Timing", "static let groupNs", "static var groupNs", "not concurrency-safe"),
]  # fmt: skip


def sources(folder: Path) -> list[str]:
    return [str(path) for path in FILES if path.parent.name == folder.name]


@needs_swiftc
@pytest.mark.parametrize("language", ["5", "6"])
def test_it_is_correct_against_what_apple_documents(frameworks: Path, language: str) -> None:
    options = ["-parse-as-library", "-swift-version", language, "-I."]
    measure, runner = (sources(SOURCES / name) for name in ("Measure", "runner"))
    compile_swift(frameworks, "-emit-module", "-module-name", "Measure", *options, *measure)
    compile_swift(frameworks, "-typecheck", "-module-name", "runner", *options, *runner)


@needs_swiftc
def test_faults_are_refused(frameworks: Path, tmp_path: Path) -> None:
    """All of them in one copy of the module, each in a place of its own."""
    texts = {path.stem: path.read_text() for path in FILES if path.parent.name == "Measure"}
    for file, right, wrong, _ in FAULTS:
        assert texts[file].count(right) == 1, right
        texts[file] = texts[file].replace(right, wrong)
    for name, text in texts.items():
        (tmp_path / f"{name}.swift").write_text(text)
    code, said = complaints(
        tmp_path, "-typecheck", "-wmo", "-parse-as-library", "-swift-version", "6",
        f"-I{frameworks}", *(f"{name}.swift" for name in texts),
    )  # fmt: skip
    assert code != 0
    errors = [line for line in said.splitlines() if "error:" in line]
    for file, _, wrong, words in FAULTS:
        mine = [line for line in errors if f"{file}.swift" in line]
        assert any(words in line for line in mine), (wrong, mine)


@pytest.fixture
def oldest() -> Systems:
    """What the package says that it is built for."""
    platforms = re.search(
        r"macOS\(\.v(\d+)\), \.iOS\(\.v(\d+)\)", (SOURCE / "Package.swift").read_text()
    )
    assert platforms
    return Systems(float(platforms[1]), float(platforms[2]))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_nothing_is_newer_than_what_it_is_built_for(path: Path, oldest: Systems) -> None:
    assert not unguarded(path.read_text(), oldest)


def test_what_is_newer_is_found(oldest: Systems) -> None:
    text, plan = (
        (SOURCES / f"Measure/{name}.swift").read_text() for name in ("CoreMLEngine", "CoreMLPlan")
    )
    asking = re.compile(r"guard #available.*?\{.*?\}\n|@available\(.*?\)\n", re.DOTALL)
    without = [asking.sub("", part) for part in (text, plan)]
    assert [line.split()[2] for part in without for line in unguarded(part, oldest)] == [
        "MLComputeDevice", "allComputeDevices", "cpuAndNeuralEngine", "MLComputePlan",
        "MLComputeDevice",
    ]  # fmt: skip
    older = text.replace("macOS 14, iOS 17", "macOS 13, iOS 16")
    assert len(unguarded(older, oldest)) == 2
    assert unguarded("let type = MLMultiArrayDataType.float16", oldest)
