"""The folder of the app: a project that independent readers read, packages as they were, no harm.

What Xcode itself makes of it the macOS workflow tells.
"""

import json
import plistlib
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import msgspec
import pytest
from openstep_parser import OpenStepDecoder

import bench.__main__
from bench.app import app_folder, write, xcode_project
from bench.app.app_command import AppOptions, write_app
from bench.app.session_plan import PlanFile
from export.package import model_files
from export.pipeline import export
from mobilenet import __version__
from mobilenet.checkpoint import Checkpoint
from mobilenet.common import terminal
from mobilenet.common.errors import ConfigError, PackageError, UnsupportedError, UserError

TEAM = "ABCDE12345"
IDENTIFIER = re.compile("[0-9A-F]{24}")
Objects = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def package(hot: Checkpoint, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(hot, tmp_path_factory.mktemp("made") / "Net.mlpackage", verify=False).path


@pytest.fixture(scope="module")
def folder(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As the command writes it."""
    folder = tmp_path_factory.mktemp("app")
    options = AppOptions(TEAM, unit=("CPU_ONLY", "ALL"), pace=(0, 30), quick=True)
    assert write_app([package], folder, options) == folder / "MobileNet.xcodeproj"
    return folder


@pytest.fixture(scope="module")
def tree(folder: Path) -> dict[str, Any]:
    """The project, as another reader has it."""
    with (folder / "MobileNet.xcodeproj/project.pbxproj").open(encoding="utf-8") as file:
        return OpenStepDecoder.ParseFromFile(file)


def references(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for item in value.values():
            yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)
    elif isinstance(value, str) and IDENTIFIER.fullmatch(value):
        yield value


def reached(objects: Objects, root: str) -> set[str]:
    """All that `root` leads to, there or not."""
    seen, left = set(), [root]
    while left:
        identifier = left.pop()
        if identifier not in seen:
            seen.add(identifier)
            left += references(objects.get(identifier, {}))
    return seen


def of_kind(objects: Objects, isa: str) -> list[dict[str, Any]]:
    return [item for item in objects.values() if item["isa"] == isa]


def test_no_reference_leads_nowhere_and_none_is_missing(tree: dict[str, Any]) -> None:
    assert reached(tree["objects"], tree["rootObject"]) == set(tree["objects"])
    lost = dict(tree["objects"])
    lost.pop(next(iter(references(lost[tree["rootObject"]]))))
    assert reached(lost, tree["rootObject"]) != set(lost)


def test_the_project_names_what_is_in_the_folder(tree: dict[str, Any], folder: Path) -> None:
    objects = tree["objects"]
    files = {
        item["path"]: item["lastKnownFileType"]
        for item in of_kind(objects, "PBXFileReference") if "explicitFileType" not in item
    }  # fmt: skip
    sources = {path.name for path in (folder / "Sources").iterdir()}
    beside = {path.name for path in folder.iterdir()} - {"Sources", "MobileNet.xcodeproj"}
    assert set(files) == sources | beside
    assert {files[name] for name in sources} == {"sourcecode.swift"}
    assert files["Models"] == "folder"
    (resources,) = of_kind(objects, "PBXResourcesBuildPhase")
    copied = [objects[objects[entry]["fileRef"]]["path"] for entry in resources["files"]]
    assert copied == ["Models", "Inputs", "References", "plan.json"]
    (compiled,) = of_kind(objects, "PBXSourcesBuildPhase")
    assert len(compiled["files"]) == len(sources) == len(app_folder.swift_sources())


def test_it_is_built_for_old_systems_in_the_language_of_all(tree: dict[str, Any]) -> None:
    objects = tree["objects"]
    assert (tree["objectVersion"], objects[tree["rootObject"]]["isa"]) == ("56", "PBXProject")
    (target,) = of_kind(objects, "PBXNativeTarget")
    configurations = objects[target["buildConfigurationList"]]["buildConfigurations"]
    for settings in (objects[each]["buildSettings"] for each in configurations):
        assert settings["IPHONEOS_DEPLOYMENT_TARGET"] == "15.0"
        assert settings["SWIFT_VERSION"] == "5.0"
        assert settings["DEVELOPMENT_TEAM"] == TEAM
        named = settings["PRODUCT_BUNDLE_IDENTIFIER"].replace("$(DEVELOPMENT_TEAM)", TEAM)
        assert named == "org.mobilenet-coreml.appABCDE12345"


def test_the_scheme_runs_what_ships_without_a_debugger(tree: dict[str, Any], folder: Path) -> None:
    scheme = ElementTree.parse(
        folder / "MobileNet.xcodeproj/xcshareddata/xcschemes/MobileNet.xcscheme"
    )
    (launch,) = scheme.iter("LaunchAction")
    assert launch.attrib["buildConfiguration"] == "Release"
    assert launch.attrib["selectedDebuggerIdentifier"] == ""
    targets = {item.attrib["BlueprintIdentifier"] for item in scheme.iter("BuildableReference")}
    assert [tree["objects"][target]["isa"] for target in targets] == ["PBXNativeTarget"]


def test_the_property_list_asks_for_the_camera_and_shares_files(folder: Path) -> None:
    values = plistlib.loads((folder / "Info.plist").read_bytes())
    assert values["NSCameraUsageDescription"]
    assert values["UIFileSharingEnabled"] is values["LSSupportsOpeningDocumentsInPlace"] is True
    assert values["CFBundleIdentifier"] == "$(PRODUCT_BUNDLE_IDENTIFIER)"
    assert values[app_folder.MARK] == __version__


def test_packages_and_sources_are_as_they_were(folder: Path, package: Path) -> None:
    copied = model_files.find(folder / "Models/Net.mlpackage")
    assert copied.identity() == model_files.find(package).identity()
    for source in app_folder.swift_sources():
        assert (folder / "Sources" / source.name).read_bytes() == source.read_bytes()


def test_it_carries_a_plan_and_all_that_the_plan_names(folder: Path) -> None:
    plan = msgspec.json.decode((folder / "plan.json").read_bytes(), type=PlanFile)
    assert [case.record.case for case in plan.cases] == [
        f"Net | coreml-native | {unit}{pace}"
        for unit in ("CPU_ONLY", "ALL") for pace in ("", " | pace 30")
    ]  # fmt: skip
    assert len(plan.rounds) == 6
    for case in plan.cases:
        assert model_files.find(folder / case.job.package).path.name == "Net.mlpackage"
        assert (folder / case.reference).stat().st_size == 4 * 1000
        (picture,) = case.job.inputs
        assert (folder / picture.path).stat().st_size == 96 * 96 * 3


def test_a_unit_or_a_pace_that_there_is_not_is_refused(package: Path, tmp_path: Path) -> None:
    for options in (AppOptions(unit=("TPU",)), AppOptions(pace=(-1,))):
        with pytest.raises(ConfigError, match=r"TPU|pace is -1"):
            write_app([package], tmp_path / "App", options)
    assert not list(tmp_path.iterdir())


def test_it_is_the_same_every_time_but_for_what_changed(package: Path, tmp_path: Path) -> None:
    for _ in range(2):
        write(tmp_path / "a", [package])
    other = tmp_path / "Other"  # a folder without the suffix
    model_files.find(package).copy(tmp_path / "copy").rename(other)
    write(tmp_path / "a", [other])
    write(tmp_path / "b", [package])
    assert [path.name for path in (tmp_path / "a/Models").iterdir()] == ["Other.mlpackage"]
    project = "MobileNet.xcodeproj/project.pbxproj"
    assert (tmp_path / "a" / project).read_text() == (tmp_path / "b" / project).read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["Other", "a", "b"]


@pytest.mark.parametrize(
    "team", ["abcde12345", "ABCDE1234", 'A";}//1234', "ABCDE12345\n", "É" * 10]
)
def test_what_is_no_team_is_refused(package: Path, tmp_path: Path, team: str) -> None:
    with pytest.raises(ConfigError, match="is no identifier of a team"):
        write(tmp_path / "App", [package], team)
    assert not list(tmp_path.iterdir())


def test_what_no_app_can_hold_is_refused(package: Path, tmp_path: Path) -> None:
    (tmp_path / "upper").mkdir()
    twin = model_files.find(package).copy(tmp_path / "upper/NET")
    before = sorted(tmp_path.rglob("*"))
    cases: list[tuple[list[Path], type[UserError], str]] = [
        ([], ConfigError, "no package"),
        ([package, twin], PackageError, "have one name"),
        ([package, package], PackageError, "have one name"),
        ([tmp_path / "nowhere.mlpackage"], PackageError, "does not exist"),
    ]
    for packages, error, said in cases:
        with pytest.raises(error, match=said):
            write(tmp_path / "App", packages)
    assert sorted(tmp_path.rglob("*")) == before


def test_an_asset_of_core_ai_is_refused(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asset = model_files.ModelFiles(tmp_path / "Net.aimodel", "aimodel", package)
    monkeypatch.setattr(model_files, "find", lambda _path: asset)
    with pytest.raises(UnsupportedError, match="Core AI"):
        write(tmp_path / "App", [asset.path])


def test_no_two_objects_have_one_identifier() -> None:
    names = [path.name for path in app_folder.swift_sources()]
    assert len(set(names)) == len(names)
    objects = OpenStepDecoder.ParseFromString(xcode_project.project(names, ["Models"], ""))
    assert len(of_kind(objects["objects"], "PBXBuildFile")) == len(names) + 1


@pytest.mark.macos
@pytest.mark.skipif(sys.platform != "darwin", reason="Xcode runs on macOS")
def test_xcode_reads_it(folder: Path) -> None:
    done = subprocess.run(
        ["xcodebuild", "-list", "-json", "-project", str(folder / "MobileNet.xcodeproj")],
        capture_output=True, check=True, timeout=300,
    )  # fmt: skip
    listed = json.loads(done.stdout)["project"]
    assert (listed["targets"], listed["schemes"]) == (["MobileNet"], ["MobileNet"])


@pytest.mark.skipif(not shutil.which("plutil"), reason="plutil comes with macOS and Swift")
def test_apples_reader_of_property_lists_reads_it(folder: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.plist"
    broken.write_text("{ a = ; }")
    for file in (folder / "Info.plist", folder / "MobileNet.xcodeproj/project.pbxproj", broken):
        line = ["plutil", "-lint", "--", str(file)]
        said = subprocess.run(line, capture_output=True, check=False, timeout=60).stdout
        assert said.endswith(b": OK\n") == (file != broken)


def test_the_command_says_where_the_project_is(
    package: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = f"{tmp_path}/App/"
    assert terminal.run(bench.__main__.app, ["app", str(package), "-o", output]) == 0
    assert capsys.readouterr().out == f"{tmp_path}/App/MobileNet.xcodeproj\n"
    assert terminal.run(bench.__main__.app, ["app", "-o", output]) == 2
