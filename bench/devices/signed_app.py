"""The app on a phone: its project written, built by Xcode with a team's signature, installed.

It is built once for its sources, a team and a phone, which the profile names that it is signed
with, and kept in the user's cache until that profile ends: a team without a paid membership has
seven days.
"""

import datetime
import hashlib
import re
import shutil
from pathlib import Path

from bench.app import app_folder
from bench.app.xcode_project import NAME
from bench.devices import devicectl, xcode
from bench.devices.device_list import Device
from bench.runtimes.swift_runner import first_error
from mobilenet.common.errors import ConfigError, UnsupportedError
from mobilenet.common.progress import Progress
from mobilenet.common.temporary import owned_folder
from mobilenet.weights import cache

# With the team's identifier. Not that of the app with a person's packages, which it would replace.
BUNDLE = "org.mobilenet-coreml.worker"
BUILD_LIMIT_S = 1800
PRODUCTS = "Build/Products/Release-iphoneos"  # in Xcode's folder of derived data


def bundle_identifier(team: str) -> str:
    """What the system calls the app that `team` has signed."""
    return f"{BUNDLE}{team}"


def install(device: Device, team: str, progress: Progress) -> None:
    """Bring the app onto the phone.

    Raises `UnsupportedError` where Xcode does not build it, and as `devicectl.ask`.
    """
    app = _built(device, team, progress)
    progress.say(f"Installing the app on {device.name}.")
    devicectl.ask(
        devicectl.Done, "device", "install", "app", "--device", device.identifier, str(app),
        name=device.name, limit_s=devicectl.INSTALL_S,
    )  # fmt: skip


def last_team() -> str:
    """Who signed last. Raises `ConfigError` where nobody has."""
    kept = [path for path in cache.cache_folder().glob("app-*") if path.is_dir()]
    if not kept:
        raise ConfigError(
            "which team signs the app is not known",
            "--team ABCDE12345: developer.apple.com/account, Membership details",
        )
    return max(kept, key=lambda path: path.stat().st_mtime).name.split("-")[1]


def _built(device: Device, team: str, progress: Progress) -> Path:
    with owned_folder() as folder:
        project = folder / "project"
        project.mkdir()
        app_folder.fill(project, [], team)
        name = f"app-{team}-{_digest(project, device)}"
        if _has_ended(kept := cache.cache_folder() / name):
            shutil.rmtree(kept)

        def build(target: Path) -> None:
            progress.say("Building the app with Xcode, once.")
            _build(project, folder / "derived", device, team)
            target.mkdir()
            shutil.copytree(
                folder / "derived" / PRODUCTS / f"{NAME}.app",
                target / f"{NAME}.app",
                symlinks=True,
            )

        return cache.keep(name, build, _check, progress=progress) / f"{NAME}.app"


def _build(project: Path, derived: Path, device: Device, team: str) -> None:
    udid = device.hardware_properties.udid or device.identifier
    code, said = xcode.xcrun(
        "xcodebuild", "-project", str(project / app_folder.PROJECT), "-scheme", NAME,
        "-configuration", "Release", "-destination", f"platform=iOS,id={udid}",
        "-derivedDataPath", str(derived), "-allowProvisioningUpdates",
        "-allowProvisioningDeviceRegistration", f"DEVELOPMENT_TEAM={team}",
        f"PRODUCT_BUNDLE_IDENTIFIER={bundle_identifier(team)}", "build",
        limit_s=BUILD_LIMIT_S,
    )  # fmt: skip
    if code:
        raise UnsupportedError(
            f"Xcode did not build the app: {first_error(said)}",
            "is the team's account in Xcode's settings, and the phone connected and unlocked?",
        )


def _has_ended(built: Path) -> bool:
    """Whether the profile has, a property list in a signed message."""
    profile = built / f"{NAME}.app" / "embedded.mobileprovision"
    text = profile.read_bytes() if profile.is_file() else b""
    end = re.search(rb"<key>ExpirationDate</key>\s*<date>([\d:TZ-]{20})</date>", text)
    now = datetime.datetime.now(tz=datetime.UTC)
    return end is not None and end[1].decode() <= f"{now:%Y-%m-%dT%H:%M:%SZ}"


def _check(built: Path) -> None:
    if not (built / f"{NAME}.app" / "Info.plist").is_file():
        raise UnsupportedError("what Xcode built is no app", "try again")


def _digest(folder: Path, device: Device) -> str:
    digest = hashlib.sha256(device.identifier.encode())
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            digest.update(f"{path.relative_to(folder)}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]
