"""`bench run` and `bench resume`: measure packages, or go on measuring, here or on a phone."""

from pathlib import Path

from bench.devices.device_options import DeviceOptions
from bench.machine.quiet import longest_s
from bench.session.run_options import PlanOptions, RuntimeOptions
from mobilenet.common.options import Handed
from mobilenet.common.progress import SILENT


def run(
    packages: list[Path],
    /,
    *,
    runtimes: RuntimeOptions | None = None,
    device: DeviceOptions | None = None,
    options: PlanOptions | None = None,
    progress: Handed = SILENT,
) -> Path:
    """Measure packages (also foreign ones) and assets, each launch in a fresh process.

    Parameters
    ----------
    packages
        .mlpackage, .mlmodel or .aimodel (on macOS 27). Inputs are made from their descriptions.
    """
    from bench.session import runner

    options = options or PlanOptions()
    plan, path, wait_s = options.plan(), options.path(), longest_s(options.wait)
    to_find = options.to_find()
    place = (device or DeviceOptions()).place(progress, wait_s)
    candidates = (runtimes or RuntimeOptions()).candidates(packages, progress, place)
    runner.start(candidates, plan, path, progress, wait_s=wait_s, to_find=to_find, place=place)
    return path


def resume(
    file: Path, /, *, device: DeviceOptions | None = None, progress: Handed = SILENT
) -> Path:
    """Go on with an interrupted session: same plan, same order, nothing twice.

    Parameters
    ----------
    file
        The results file.
    """
    from bench.session import runner

    chosen = device or DeviceOptions()
    runner.resume(file, progress, lambda began_at: chosen.place_of(began_at, progress))
    return file
