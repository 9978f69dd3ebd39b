"""The folder of the app: its project, its sources in Swift, the packages."""

import os
import plistlib
import re
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.app.xcode_project import INFO, NAME, SCHEME, SOURCES, project
from bench.runtimes.swift_runner import SOURCE
from export.package import model_files
from export.package.model_files import ModelFiles
from mobilenet import __version__
from mobilenet.common import files
from mobilenet.common.errors import ConfigError, PackageError, UnsupportedError

PROJECT = f"{NAME}.xcodeproj"
MODELS, INPUTS, REFERENCES, PLAN = "Models", "Inputs", "References", "plan.json"
RESOURCES = (MODELS, INPUTS, REFERENCES, PLAN)
TEAM = re.compile("[A-Z0-9]{10}")
MARK = "MobilenetCoremlVersion"  # of the Info.plist, which Xcode leaves alone
OURS = {PROJECT, SOURCES, INFO, *RESOURCES, model_files.FOREIGN}
PORTRAIT = ["UIInterfaceOrientationPortrait"]
INFO_VALUES = {
    "CFBundleDevelopmentRegion": "en",
    "CFBundleDisplayName": NAME,
    "CFBundleExecutable": "$(EXECUTABLE_NAME)",
    "CFBundleIdentifier": "$(PRODUCT_BUNDLE_IDENTIFIER)",
    "CFBundleInfoDictionaryVersion": "6.0",
    "CFBundleName": "$(PRODUCT_NAME)",
    "CFBundlePackageType": "$(PRODUCT_BUNDLE_PACKAGE_TYPE)",
    "CFBundleShortVersionString": "$(MARKETING_VERSION)",
    "CFBundleVersion": "$(CURRENT_PROJECT_VERSION)",
    "LSRequiresIPhoneOS": True,
    "LSSupportsOpeningDocumentsInPlace": True,  # with the next: its folder is there in Files
    "UIFileSharingEnabled": True,
    "NSCameraUsageDescription": "The network looks at what the camera sees. Nothing is kept.",
    "UIApplicationSceneManifest": {"UIApplicationSupportsMultipleScenes": False},
    "UILaunchScreen": {},
    "UIRequiresFullScreen": True,  # or an iPad asks for all orientations
    "UISupportedInterfaceOrientations": PORTRAIT,
    MARK: __version__,
}


def _nothing(_folder: Path) -> None:
    """More is not put into it."""


def write(
    folder: Path,
    packages: Sequence[Path],
    team: str = "",
    add: Callable[[Path], None] = _nothing,
) -> Path:
    """Write the app's folder, whole or not at all; the path of the Xcode project in it.

    `add` puts more of what is the app's into the folder, such as a plan. A folder that an earlier
    call wrote is replaced. Raises `ConfigError` and `PackageError` for
    what cannot be one, before anything is written.
    """
    check_team(team)
    models = [model_files.find(path.resolve()) for path in packages]
    _check_models(models)
    place = Path(os.path.realpath(folder))
    _check_place(place, packages)
    with files.replacing(place, any_folder=True) as temporary:
        fill(temporary, models, team, add)
        _check_place(place, packages)
    return folder / PROJECT


def check_team(team: str) -> None:
    """Raise `ConfigError` for what is neither a team's identifier nor empty."""
    if team and not TEAM.fullmatch(team):
        raise ConfigError(
            f"team {team!r} is no identifier of a team",
            "ten capital letters and digits: developer.apple.com/account, Membership details",
        )


def name_in_app(model: ModelFiles) -> str:
    """Of its file or folder, with the suffix by which the app knows it."""
    return f"{model.path.name.removesuffix(f'.{model.kind}')}.{model.kind}"


def swift_sources() -> list[Path]:
    """Of the app, and of all that it measures with; together one module."""
    return sorted((*SOURCE.glob("App/*.swift"), *SOURCE.glob("Sources/Measure/*.swift")))


def fill(
    folder: Path, models: Sequence[ModelFiles], team: str, add: Callable[[Path], None] = _nothing
) -> None:
    """The files of the app in an empty folder, or a new one; also without any model."""
    (folder / SOURCES).mkdir(parents=True)
    sources = swift_sources()
    for source in sources:
        (folder / SOURCES / source.name).write_bytes(source.read_bytes())
    (folder / MODELS).mkdir()
    for model in models:
        model.copy(folder / MODELS / "copied").rename(folder / MODELS / name_in_app(model))
    add(folder)
    (folder / INFO).write_bytes(plistlib.dumps(INFO_VALUES))
    schemes = folder / PROJECT / "xcshareddata" / "xcschemes"
    schemes.mkdir(parents=True)
    (schemes / f"{NAME}.xcscheme").write_text(SCHEME, "utf-8")
    resources = [name for name in RESOURCES if (folder / name).exists()]
    text = project([source.name for source in sources], resources, team)
    (folder / PROJECT / "project.pbxproj").write_text(text, "utf-8")


def _check_models(models: Sequence[ModelFiles]) -> None:
    if not models:
        raise ConfigError("there is no package for the app", "name one or more")
    by_name: dict[str, Path] = {}
    for model in models:
        if model.kind == "aimodel":
            raise UnsupportedError(
                f"{model.path} is an asset of Core AI: the app runs Core ML",
                "export it as .mlpackage",
            )
        # As an iPhone's disk tells names apart.
        name = unicodedata.normalize("NFC", name_in_app(model)).casefold()
        if name in by_name:
            raise PackageError(
                f"{by_name[name]} and {model.path} have one name", "give one of them another"
            )
        by_name[name] = model.path


def _check_place(place: Path, packages: Sequence[Path]) -> None:
    """Raise `ConfigError` unless `place` is free, or an app's folder with nothing else in it."""
    if not os.path.lexists(place):
        return
    if not place.is_dir():
        raise ConfigError(f"output {place} is a file: it is not replaced", "name a folder")
    names = {entry.name for entry in place.iterdir()}
    if names and not _is_ours(place):
        raise ConfigError(
            f"{place} exists and is not the folder of an app: it is not replaced",
            "choose another --output, or move it away",
        )
    if others := sorted(names - OURS):
        raise ConfigError(
            f"{place} also holds {others[0]!r}, which this command did not write",
            "move that away, or choose another --output",
        )
    for package in packages:
        if package.resolve().is_relative_to(place):
            raise ConfigError(
                f"output {place} would replace what is read, {package}", "name another output"
            )


def _is_ours(place: Path) -> bool:
    try:
        with files.open_regular(place / INFO, files.MAX_MANIFEST_BYTES) as file:
            return f"<key>{MARK}</key>".encode() in file.read()
    except (OSError, ConfigError):
        return False
