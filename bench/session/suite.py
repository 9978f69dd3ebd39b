"""`bench all`: the comparison the MobileNet papers and articles make, and what they left open."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from cyclopts import Parameter

from bench.session.run import PlanOptions, RuntimeOptions
from mobilenet.common.options import SEVERAL, Handed
from mobilenet.common.progress import SILENT, Progress, tracked
from mobilenet.networks.v1 import MobileNetConfig

ALPHAS = (1.0, 0.75, 0.5, 0.25)
RESOLUTIONS = (224, 192, 160, 128)
RUNTIMES = ("coreml", "portable", "torch", "torch-mps")
QUICK_RUNTIMES = ("coreml", "portable")
BASELINES = ("SqueezeNet11", "InceptionV3", "VGG16")
MARKS = {None: ("", "_untrained"), "untrained": ("_untrained",)}  # packages that will do


@Parameter(name="*")
@dataclass(frozen=True)
class GridOptions:
    """Which networks."""

    alpha: Annotated[tuple[float, ...], SEVERAL] = ALPHAS
    """Width multipliers; several are allowed."""
    resolution: Annotated[tuple[int, ...], SEVERAL] = RESOLUTIONS
    """Sides of the input in pixels; several are allowed."""
    depth: Literal["both", "deep", "shallow"] = "both"
    """Deep networks, shallow ones, or both."""
    baseline: Annotated[tuple[str, ...], SEVERAL] = BASELINES
    """Networks of others beside them; several are allowed."""

    def variants(self, *, quick: bool) -> Iterator[MobileNetConfig]:
        """Deep before shallow. `quick`: the first resolution and, of shallow, the first alpha."""
        depths = {"both": (False, True), "deep": (False,), "shallow": (True,)}[self.depth]
        for shallow, alpha, resolution in product(depths, self.alpha, self.resolution):
            first = resolution == self.resolution[0] and (alpha == self.alpha[0] or not shallow)
            if first or not quick:
                yield MobileNetConfig(alpha, resolution, shallow)


class Weights(NamedTuple):
    """Where exports take their weights from."""

    which: str | None
    offline: bool
    progress: Progress = SILENT


def compare(
    *,
    grid: GridOptions | None = None,
    runtimes: RuntimeOptions | None = None,
    options: PlanOptions | None = None,
    weights: str | None = None,
    offline: bool = False,
    models: Path = Path("models"),
    progress: Handed = SILENT,
) -> Path:
    """Measure every MobileNet of the papers, and VGG-16, Inception-v3 and SqueezeNet beside them.

    All alphas and resolutions, deep and shallow, on every runtime and compute unit there is;
    with --quick the four alphas at 224, the shallow network and the baselines, without PyTorch.
    Packages that are missing are exported first.

    Parameters
    ----------
    weights
        Weights of the exports, as for `python -m export`. Default: the best that can be had.
    offline
        Use what is in the cache; reach for nothing.
    models
        Folder of the packages.
    """
    from bench.session import runner
    from bench.session.cases import check_names

    grid, options = grid or GridOptions(), options or PlanOptions()
    runtimes = runtimes or RuntimeOptions()
    plan, path = options.plan(), options.path()
    if runtimes.runtime is None:
        chosen = QUICK_RUNTIMES if options.quick else RUNTIMES
        runtimes = replace(runtimes, runtime=chosen)
    check_names("baseline", grid.baseline, BASELINES)
    variants = grid.variants(quick=options.quick)
    networks: list[MobileNetConfig | str] = [*variants, *grid.baseline]
    packages = [
        package(network, models, Weights(weights, offline, progress))
        for network in tracked(networks, lambda _: 1.0, "Exporting", progress)
    ]
    runner.start(runtimes.candidates(packages), plan, path, progress)
    return path


def package(network: MobileNetConfig | str, folder: Path, weights: Weights) -> Path:
    """The package of a variant or baseline; exported unless it is there."""
    if isinstance(network, str):
        from bench.baselines.make import export, package_path

        path = package_path(network, folder)
        return path if path.exists() else export(network, folder)
    for mark in MARKS.get(weights.which, ()):
        path = folder / f"{network.slug}{mark}.mlpackage"
        if path.exists():
            return path
    return _export(network, folder, weights)


def _export(network: MobileNetConfig, folder: Path, weights: Weights) -> Path:
    from export.pipeline import export
    from export.source import Published
    from export.spec import Variant
    from mobilenet.common.files import Folder

    variant = Variant(
        alpha=network.alpha,
        resolution=network.resolution,
        shallow=network.shallow,
        weights=weights.which,
    )
    source = Published(variant, offline=weights.offline, progress=weights.progress)
    exported = export(source, Folder(folder))
    for note in exported.notes:
        weights.progress.warn(note)
    return exported.path
