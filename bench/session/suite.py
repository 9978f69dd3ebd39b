"""`bench all`: the comparison the MobileNet papers and articles make, and what they left open."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from bench.session.options import PlanOptions, RuntimeOptions
from mobilenet.networks.v1 import MobileNetConfig

ALPHAS = (1.0, 0.75, 0.5, 0.25)
RESOLUTIONS = (224, 192, 160, 128)
RUNTIMES = ("coreml", "portable", "torch", "torch-mps")
QUICK_RUNTIMES = ("coreml", "portable")
BASELINES = ("SqueezeNet11", "InceptionV3", "VGG16")
MARKS = {None: ("", "_untrained"), "untrained": ("_untrained",)}  # packages that will do


class Weights(NamedTuple):
    """Where exports take their weights from."""

    which: str | None
    offline: bool


def compare(
    *,
    runtimes: RuntimeOptions | None = None,
    options: PlanOptions | None = None,
    weights: str | None = None,
    offline: bool = False,
    models: Path = Path("models"),
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
    from dataclasses import replace

    from bench.session import runner
    from mobilenet.common.progress import tracked

    runtimes, options = runtimes or RuntimeOptions(), options or PlanOptions()
    plan, path = options.plan(), options.path()
    if runtimes.runtime is None:
        chosen = QUICK_RUNTIMES if options.quick else RUNTIMES
        runtimes = replace(runtimes, runtime=chosen)
    wanted: list[MobileNetConfig | str] = [*variants(quick=options.quick), *BASELINES]
    packages = [
        package(one, models, Weights(weights, offline))
        for one in tracked(wanted, lambda _: 1.0, "Exporting")
    ]
    runner.start(runtimes.candidates(packages), plan, path)
    return path


def variants(*, quick: bool) -> Iterator[MobileNetConfig]:
    """The grid, the largest first: deep, then shallow."""
    for shallow in (False, True):
        for alpha in ALPHAS:
            for resolution in RESOLUTIONS:
                if not quick or (resolution == RESOLUTIONS[0] and (alpha == 1.0 or not shallow)):
                    yield MobileNetConfig(alpha, resolution, shallow)


def package(wanted: MobileNetConfig | str, folder: Path, weights: Weights) -> Path:
    """The package of a variant or baseline; exported unless it is there."""
    if isinstance(wanted, str):
        from bench.baselines.make import export, package_path

        path = package_path(wanted, folder)
        return path if path.exists() else export(wanted, folder)
    for mark in MARKS.get(weights.which, ()):
        path = folder / f"{wanted.slug}{mark}.mlpackage"
        if path.exists():
            return path
    return _export(wanted, folder, weights)


def _export(wanted: MobileNetConfig, folder: Path, weights: Weights) -> Path:
    from export.pipeline import export_variant
    from export.spec import Variant
    from mobilenet.common.files import Folder

    variant = Variant(
        alpha=wanted.alpha,
        resolution=wanted.resolution,
        shallow=wanted.shallow,
        weights=weights.which,
    )
    return export_variant(variant, output=Folder(folder), offline=weights.offline).path
