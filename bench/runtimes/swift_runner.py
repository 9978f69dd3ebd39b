"""The worker in Swift: built once on a machine, and kept in the user's cache by its source's hash.

Needs what comes with `xcode-select --install`; no Xcode.
"""

import functools
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from mobilenet.common.errors import UnsupportedError
from mobilenet.common.temporary import owned_folder
from mobilenet.weights import cache

SOURCE = Path(__file__).parents[1] / "workers" / "swift"
NAME = "runner"
BUILD_TIMEOUT_S = 600
APPLES = sys.platform == "darwin"
# By way of xcrun the compiler and the SDK are of one version. Linux has no Swift of its own that
# programs could share.
SWIFT = ("xcrun", "swift") if APPLES else ("swift",)
OPTIONS = () if APPLES else ("--static-swift-stdlib",)
HINT = "xcode-select --install" if APPLES else "see swift.org/install"


@functools.cache
def command() -> tuple[str, ...]:
    """The worker of `coreml-native`. Raises `UnsupportedError` where there cannot be one."""
    if not APPLES:
        raise UnsupportedError(
            f"Core ML runs on macOS, this is {sys.platform}", "choose another --runtime"
        )
    return (str(built()),)


def built() -> Path:
    """The executable, whoever built it. Raises `UnsupportedError` where none can be built."""
    return cache.keep(f"{NAME}-{source_digest()}", _build, _check)


def source_digest() -> str:
    """Of what it is built from, and for which processor."""
    digest = hashlib.sha256(os.uname().machine.encode())
    for path in [SOURCE / "Package.swift", *sorted(SOURCE.glob("Sources/*/*.swift"))]:
        digest.update(f"{path.relative_to(SOURCE)}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def _build(target: Path) -> None:
    with owned_folder() as scratch:
        places = ["--package-path", str(SOURCE), "--scratch-path", str(scratch)]
        line = [*SWIFT, "build", "--configuration", "release", "--product", NAME, *OPTIONS]
        try:
            done = subprocess.run(
                [*line, *places],
                check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, text=True, errors="replace", timeout=BUILD_TIMEOUT_S,
            )  # fmt: skip
        except FileNotFoundError:
            raise UnsupportedError(
                "there is no Swift compiler to build the worker", HINT
            ) from None
        except subprocess.TimeoutExpired:
            raise UnsupportedError(
                f"building the worker in Swift took over {BUILD_TIMEOUT_S} s", "try again"
            ) from None
        if done.returncode:
            raise UnsupportedError(
                f"the worker in Swift was not built: {first_error(done.stdout)}", HINT
            )
        shutil.copy(scratch / "release" / NAME, target)


def first_error(said: str) -> str:
    """The first error that a compiler reported, or its last word."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [line.partition("error: ")[2] for line in lines if "error: " in line]
    return (errors or lines[-1:] or ["it gave no reason"])[0]


def _check(built: Path) -> None:
    if not os.access(built, os.X_OK):
        raise UnsupportedError("what Swift built is no program", HINT)
