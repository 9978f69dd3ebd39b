"""The specification version: known, and new enough for what the model holds."""

from collections.abc import Iterator

from export.inspect.declared import OLDEST
from export.inspect.rules.finding import RuleFinding
from export.mil.read.needed_version import NEWEST, VersionNeed


def version_findings(version: int, need: VersionNeed) -> Iterator[RuleFinding]:
    """About a model that says `version`, in which `need` is the newest."""
    if version not in OLDEST:
        yield RuleFinding(
            "specification-version", "error",
            f"the specification version is {version}, 1 to {NEWEST} are known: "
            + ("what it means may be new" if version > NEWEST else "Core ML has none below 1"),
            "update this program; Core ML itself refuses versions that its system does not know"
            if version > NEWEST
            else f"set specificationVersion to {need.version}",
        )  # fmt: skip
    elif need.version > version:
        yield RuleFinding(
            "specification-version", "warning",
            f"it says version {version} ({OLDEST[version]}), but holds {need.what}, which came "
            f"with version {need.version} ({OLDEST[need.version]}): Core ML may refuse it",
            f"set specificationVersion to {need.version}, or make the model for "
            f"{OLDEST[version]}",
        )  # fmt: skip
