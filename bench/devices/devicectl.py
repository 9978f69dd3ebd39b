"""`xcrun devicectl`: one question, one answer, in its JSON alone, each within a time limit.

What it prints may change at any time and is not read. It comes with Xcode 15, for iOS 17 and
later. Keys and errors are those of published logs: nothing of this has been run against a phone.
"""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec

from bench.devices import xcode
from mobilenet.common.errors import PlaceLostError
from mobilenet.common.temporary import owned_folder
from mobilenet.common.text import one_line

T = TypeVar("T")

SHORT_S, INSTALL_S = 60, 600
COPY_S = 300  # of a package, over a slow cable
GRACE_S = 10  # devicectl has the limit, too, and says more about what it waited for
ATTEMPTS = 2  # a tunnel that has just been opened may break once (CoreDeviceError 4000)
PAUSE_S = 1.0
REASON = 300  # characters


class Trouble(NamedTuple):
    """Why a phone does not do what it is asked."""

    pattern: str  # what devicectl says then, in any case of letters
    state: str  # after the phone's name
    remedy: str
    passes: bool = False  # it may be over at once


LOCKED = Trouble(
    r"unlocked|\blocked\b|passcode",
    "is locked",
    "unlock it, and leave it so: Settings > Display & Brightness > Auto-Lock > Never",
)
TROUBLES = (
    LOCKED,
    Trouble(
        "explicitly trusted|invalid code signature", "does not trust the app's developer",
        "on it: Settings > General > VPN & Device Management, or build again with --team "
        "if a week is over",
    ),
    Trouble(
        "developer mode", "is not in developer mode",
        "on it: Settings > Privacy & Security > Developer Mode",
    ),
    Trouble(
        "disk image", "is not prepared for development",
        "leave it connected until Xcode's Devices window says that it is ready",
    ),
    Trouble(
        r"\b(un)?pair(ed|ing)?\b", "is not paired with this Mac",
        "connect it by cable and tap Trust on it",
    ),
    Trouble(
        r"(no|enough)( free| storage)? space|(no|enough) storage", "has no space left",
        "make room on it: Settings > General > iPhone Storage",
    ),
    Trouble(
        "not connected|disconnected|device was not found|unable to locate a device|unavailable"
        "|tunnel|usage assertion|not be established|reset by peer|no longer reachable"
        "|was invalidated|closed unexpectedly",
        "cannot be reached", "connect it by cable, unlock it, and tap Trust if it asks",
        passes=True,
    ),
    Trouble(
        "not installed|unknown to frontboard", "does not have the app",
        "--team builds and installs it",
    ),
)  # fmt: skip


class Done(msgspec.Struct, frozen=True):
    """A result of which nothing is read."""


class DeviceError(PlaceLostError):
    """What devicectl says of a phone, as far as it is known what it means."""

    def __init__(self, message: str, hint: str, trouble: Trouble | None = None) -> None:
        super().__init__(message, hint)
        self.trouble = trouble


def ask(
    expected: type[T], *arguments: str, name: str = "devicectl", limit_s: float = SHORT_S
) -> T:
    """The `result` of one command. What may pass is tried twice.

    Raises `DeviceError` about the device of this `name`, and another `PlaceLostError` where
    nothing that is understood comes back in time.
    """
    for attempt in range(ATTEMPTS):
        try:
            return _ask(expected, arguments, name, limit_s)
        except DeviceError as error:
            if attempt + 1 == ATTEMPTS or not (error.trouble and error.trouble.passes):
                raise
            time.sleep(PAUSE_S)
    raise AssertionError("the last attempt returns or raises")


def _ask(expected: type[T], arguments: tuple[str, ...], name: str, limit_s: float) -> T:
    with owned_folder() as folder:
        answer = folder / "answer.json"
        # First: after an app's identifier options may be the app's (appium-xcuitest-driver#2366).
        options = ["--json-output", str(answer), "--timeout", f"{limit_s:.0f}", "--quiet"]
        code, _ = xcode.xcrun("devicectl", *options, *arguments, limit_s=limit_s + GRACE_S)
        return _result(expected, _decoded(answer), code, name)


def _decoded(file: Path) -> object:
    try:
        return msgspec.json.decode(file.read_bytes())
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _result(expected: type[T], answer: object, code: int, name: str) -> T:
    match answer:
        case {"result": result} if code == 0:
            try:
                return msgspec.convert(result, expected)
            except msgspec.ValidationError as error:
                raise PlaceLostError(
                    f"devicectl's answer is not of the form that is known: {error}",
                    "this program was written for Xcode 15.3 to 27: please report it",
                ) from None
        case {"error": error}:
            raise _trouble(" ".join(dict.fromkeys(_sentences(error))), name)
    raise PlaceLostError(
        f"devicectl left no answer and ended with code {code}",
        "is this Xcode 15.3 or later? `xcode-select -p` names the one that is used",
    )


def _sentences(error: object) -> Iterator[str]:
    """What an NSError says, and what the errors say that are beneath it."""
    while isinstance(error, dict):
        about = error.get("userInfo")
        if not isinstance(about, dict):
            return
        for key in ("NSLocalizedDescription", "NSLocalizedFailureReason"):
            match about.get(key):
                case {"string": str(text)} | str(text):
                    yield text
        beneath = about.get("NSUnderlyingError")
        error = beneath.get("error") if isinstance(beneath, dict) else None


def trouble_of(trouble: Trouble, name: str) -> DeviceError:
    """The error about a device of this name."""
    return DeviceError(f"{name} {trouble.state}", trouble.remedy, trouble)


def _trouble(said: str, name: str) -> DeviceError:
    for trouble in TROUBLES:
        if re.search(trouble.pattern, said, re.IGNORECASE):
            return trouble_of(trouble, name)
    reason = one_line(" ".join(said.split()), REASON) or "devicectl gave no reason"
    return DeviceError(f"{name}: {reason}", "see what Xcode's Devices window says of it")
