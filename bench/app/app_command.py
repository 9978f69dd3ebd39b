"""`bench app`: the app's folder, with a plan that it can measure by without a Mac."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from bench.app import app_folder
from bench.session.schedule import PLANS
from mobilenet.common.options import SEVERAL
from mobilenet.common.progress import SILENT, Progress


@Parameter(name="*")
@dataclass(frozen=True)
class AppOptions:
    """Whose it is, and what it measures by itself."""

    team: str = ""
    """Your team's identifier, ABCDE12345, which signs it; without it Xcode asks."""
    unit: Annotated[tuple[str, ...] | None, SEVERAL] = None
    """Compute units, such as CPU_AND_NE. Default: all that Core ML has."""
    pace: Annotated[tuple[int, ...] | None, SEVERAL] = None
    """Calls a second, as a camera gives frames: 30; with 0 30 calls in a row beside them.
    Default: 0, one call after the other."""
    quick: bool = False
    """Six rounds instead of fifteen, with shorter warm-up and fewer samples."""


def write_app(
    packages: Sequence[Path], output: Path, options: AppOptions, progress: Progress = SILENT
) -> Path:
    """Write the folder; the path of the Xcode project in it.

    Raises `UserError` for what cannot be in an app, or not be measured.
    """
    from bench.app import session_plan

    units, paces = options.unit or (), options.pace or (0,)
    plan = PLANS["quick" if options.quick else "default"]

    def add_plan(folder: Path) -> None:
        session_plan.write(folder, packages, plan, units=units, paces_hz=paces, progress=progress)

    return app_folder.write(output, packages, options.team, add_plan)
