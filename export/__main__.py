"""`python -m export`: one variant by default; sub-commands for everything else."""

import runpy
import sys
from pathlib import Path
from typing import Annotated, Literal

if runpy.run_path(str(Path(__file__).parents[1] / "mobilenet/common/own_packages.py"))["shadowed"](
    "mobilenet"
):
    sys.exit(2)

from cyclopts import Parameter

from export.spec import ExportSpec, Variant
from export.targets import Target
from mobilenet.common import files, terminal
from mobilenet.common.options import SEVERAL, OutputFile, OutputPackage
from mobilenet.networks.grid import SizeGrid
from mobilenet.overrides import Overrides

app = terminal.command(
    "python -m export",
    "Export a MobileNet to Core ML and prove that the package is right.",
    script="mobilenet-export",
)


@app.default
def export(
    variant: Annotated[Variant, Parameter(name="*")] = Variant(),  # noqa: B008  # frozen
    spec: Annotated[ExportSpec, Parameter(name="*")] = ExportSpec(),  # noqa: B008  # frozen
    *,
    output: OutputPackage | None = None,
    verify: bool = True,
    offline: bool = False,
    classes: Path | None = None,
    keep_background: bool = False,
    calibrate: Path | None = None,
    swift: bool = False,
    json: bool = False,
) -> None:
    """Export one MobileNet as an .mlpackage or .mlmodel and verify it against PyTorch.

    Parameters
    ----------
    output
        The package, or a folder/ for it. Default: models/, under a name made from the options.
    verify
        Run the finished package and compare its logits with PyTorch's.
    offline
        Use what is in the cache; reach for nothing.
    classes
        Labels, one per line or as JSON. Default: the weights' own, or a file's beside them.
    keep_background
        Keep class 0 of the 1001-class checkpoints.
    calibrate
        A folder of photographs, which show w8a8 the ranges of activations.
    swift
        Write a Swift file beside the package that classifies photographs with it in an app.
    json
        Print the result as JSON.
    """
    from export import pipeline
    from export.source import Published
    from export.views import export_card

    with terminal.working("exporting") as progress:
        exported = pipeline.export(
            Published(variant, offline, classes, keep_background, progress), output,
            spec=spec, verify=verify, calibrate=calibrate, swift=swift,
        )  # fmt: skip
    export_card.remark_on(exported, spec)
    export_card.show(exported, json=json)


@app.command(name="all")
def export_all(
    *,
    sizes: SizeGrid = SizeGrid(),  # noqa: B008  # frozen
    target: Annotated[tuple[Target, ...], SEVERAL] = ("all",),
    format: Annotated[tuple[Literal["coreml", "coreai"], ...], SEVERAL] = ("coreml",),
    compress: str | None = None,
    weights: str | None = None,
    output: Annotated[Path, Parameter(alias="-o")] = Path("models"),
    workers: int | None = None,
    verify: bool = True,
    offline: bool = False,
    json: bool = False,
) -> int:
    """Export a whole grid in worker processes; what is there and unchanged is left alone.

    Parameters
    ----------
    target
        Where they will run: all, ane, gpu, cpu; several are allowed.
    format
        coreml (.mlpackage), coreai (.aimodel, iOS 27), or both.
    compress
        A compression for all of them, as for a single export.
    weights
        As for a single export. Default: the best that can be had of each.
    output
        Folder of the packages and of manifest.json.
    workers
        Processes at once, with half an hour for each package. Default: one for each core.
    verify
        Compare every package with PyTorch.
    offline
        Use what is in the cache; reach for nothing.
    json
        Print the manifest as JSON.
    """
    from export import sweep
    from export.views import sweep_card

    files.check_file(output / sweep.MANIFEST)
    items = sweep.grid(sizes, target, format, compress=compress, weights=weights)
    running = sweep.export_all(items, output, workers=workers, verify=verify, offline=offline)
    rows, interruption = sweep_card.followed(running, len(items))
    manifest = sweep.write_manifest(items, rows, output / sweep.MANIFEST)
    sweep_card.show(manifest, output, json=json)
    if interruption:
        raise interruption
    return manifest.exit_code


@app.command(name="verify")
def verify_package(
    package: Path,
    *,
    image: Path | None = None,
    weights: str | None = None,
    overrides: Overrides | None = None,
    oracle: Literal["coreai"] | None = None,
    offline: bool = False,
    json: bool = False,
) -> None:
    """Prove again that a package computes what PyTorch does, and classify a photograph with it.

    Parameters
    ----------
    package
        An .mlpackage or .mlmodel that this tool exported.
    image
        A photograph to compare on as well, and whose five most likely classes are shown.
    weights
        What it was exported from, if that was a file. Default: what the package names.
    oracle
        coreai: hold Apple's own runtime against the portable one as well.
    offline
        Use what is in the cache; reach for nothing.
    json
        Print the result as JSON.
    """
    from export.verify.reverify import reverify
    from export.views import export_card

    with terminal.working("verifying"):
        result = reverify(package, image, weights, overrides, offline=offline, oracle=oracle)
    export_card.show_verification(result, json=json)


@app.command(name="inspect")
def inspect_model(
    model: Path,
    *,
    image: tuple[Path, ...] = (),
    layers: bool = True,
    json: bool = False,
) -> None:
    """Look at any Core ML or Core AI model: layers, costs, preprocessing, what is odd about it.

    Parameters
    ----------
    model
        A .mlpackage, .mlmodel or .aimodel, made by any tool.
    image
        A photograph to run it on, to find layers that leave float16's range. Repeatable.
    layers
        List every layer.
    json
        Print everything as JSON.
    """
    from export.inspect import inspect
    from export.verify.largest_values import largest_values
    from export.views import inspect_card

    largest = largest_values(model, image) if image else {}
    inspect_card.show(inspect.inspect(model, largest), layers=layers, json=json)


@app.command(name="diff")
def diff_models(
    model: Path,
    reference: Path,
    *,
    image: Path | None = None,
    precision: Literal["declared", "float32"] = "declared",
    tolerance: float = 5e-2,
    output: OutputFile | None = None,
    json: bool = False,
) -> None:
    """Compare two models layer by layer, and find the first layer that differs.

    Parameters
    ----------
    model
        A .mlpackage, .mlmodel, .aimodel or file of weights.
    reference
        What it is compared with, of the same kinds; weights run in PyTorch.
    image
        A photograph to run both on. Default: a made picture.
    precision
        declared rounds to float16, and has Apple's runtime for .aimodel; float32 does not round.
    tolerance
        Relative L2 from which on a layer counts as off.
    output
        Write the record as JSON; `python -m reports plots FILE` draws the error of each layer.
    json
        Print it as JSON.
    """
    from export.verify import diff
    from export.views import diff_card

    if output:
        files.check_file(output, [model, reference, *([image] if image else [])])
    with terminal.working("comparing"):
        difference = diff.diff(model, reference, image, tolerance=tolerance, precision=precision)
    if output:
        diff_card.write(difference, output)
    diff_card.show(difference, json=json)


def main() -> int:
    """Run the command line; its exit code."""
    return terminal.run(app)


if __name__ == "__main__":
    sys.exit(main())
