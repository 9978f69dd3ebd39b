"""`bench all`: the comparison the MobileNet papers and articles make, and what they left open."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, NamedTuple

from cyclopts import Parameter

from bench.machine.quiet import longest_s
from bench.session.run_options import PlanOptions, RuntimeOptions
from mobilenet.common.options import SEVERAL, Handed
from mobilenet.common.progress import SILENT, Progress, tracked
from mobilenet.networks.base_config import BaseConfig
from mobilenet.networks.families import config_type, name_of
from mobilenet.networks.grid import SizeGrid

RUNTIMES = ("coreml", "portable", "torch", "torch-mps")
QUICK_RUNTIMES = ("coreml", "portable")
BASELINES = ("SqueezeNet11", "InceptionV3", "VGG16")
MARKS = {None: ("", "_untrained"), "untrained": ("_untrained",)}  # packages that will do


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class GridOptions(SizeGrid):
    """Which networks."""

    baseline: Annotated[tuple[str, ...], SEVERAL] = BASELINES
    """Networks of others beside them; several are allowed."""

    def variants(self, *, quick: bool) -> Iterator[BaseConfig]:
        """Deep before shallow. `quick`: the first resolution and, of shallow, the first alpha."""
        sizes = list(self.sizes())
        firsts = {size.network: size for size in reversed(sizes)}
        for network, shallow, alpha, resolution in sizes:
            first = firsts[network]
            is_first = resolution == first.resolution and (alpha == first.alpha or not shallow)
            if is_first or not quick:
                yield config_type(network)(alpha, resolution, shallow)


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

    All alphas and resolutions, deep and shallow, on every runtime and compute unit
    there is; with --quick the alphas at 224, the shallow network and the baselines,
    without PyTorch. `--network v1 v2` sets both MobileNets side by side. Packages
    that are missing are exported first.

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
    to_find = options.to_find()
    plan, path, wait_s = options.plan(), options.path(), longest_s(options.wait)
    if runtimes.runtime is None:
        chosen = QUICK_RUNTIMES if options.quick else RUNTIMES
        runtimes = replace(runtimes, runtime=chosen)
    check_names("baseline", grid.baseline, BASELINES)
    variants = grid.variants(quick=options.quick)
    networks: list[BaseConfig | str] = [*variants, *grid.baseline]
    packages = [
        package(network, models, Weights(weights, offline, progress))
        for network in tracked(networks, lambda _: 1.0, "Exporting", progress)
    ]
    runner.start(
        runtimes.candidates(packages), plan, path, progress, wait_s=wait_s, to_find=to_find
    )
    return path


def package(network: BaseConfig | str, folder: Path, weights: Weights) -> Path:
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


def _export(network: BaseConfig, folder: Path, weights: Weights) -> Path:
    from export.pipeline import export
    from export.source import Published
    from export.spec import Variant
    from mobilenet.common.files import Folder

    variant = Variant(
        network=name_of(network),
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
