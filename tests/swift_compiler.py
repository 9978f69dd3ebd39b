"""A Swift compiler, where there is one, and Apple's frameworks as stand-ins to compile against."""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

STAND_INS = Path(__file__).parent / "stand_ins"
FRAMEWORKS = (
    "Darwin", "CoreVideo", "CoreGraphics", "ImageIO", "QuartzCore", "UIKit", "CoreImage", "CoreAI",
    "CoreML", "Metal", "Vision",
)  # fmt: skip
"""In an order in which each finds what it imports."""
OF_SCREENS = ("CoreMedia", "AVFoundation", "Combine", "SwiftUI")
"""These after those."""
SWIFTC = shutil.which("swiftc")
TIMEOUT_S = 240
needs_swiftc = pytest.mark.skipif(
    SWIFTC is None or sys.platform != "linux",  # a Mac has the frameworks themselves
    reason="no Swift compiler, or a Mac's",
)


def complaints(folder: Path, *arguments: str) -> tuple[int, str]:
    """The compiler's exit code, and all that it says."""
    assert SWIFTC is not None
    done = subprocess.run(
        [SWIFTC, *arguments],
        check=False, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT_S,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def compile_swift(folder: Path, *arguments: str) -> None:
    """Without an error, and without a warning."""
    code, said = complaints(folder, *arguments)
    assert code == 0, said
    assert "warning:" not in said, said


def make_frameworks(folder: Path, names: Sequence[str] = FRAMEWORKS) -> Path:
    """`folder` with the stand-ins as modules."""
    for name in names:
        source = shutil.copy(STAND_INS / f"{name}.swift", folder)
        compile_swift(folder, "-emit-module", "-parse-as-library", "-module-name", name,
                      "-I.", Path(source).name)  # fmt: skip
    return folder
