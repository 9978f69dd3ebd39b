"""`python -m export`: one variant by default; sub-commands for everything else."""

import runpy
import sys
from pathlib import Path
from typing import Annotated, Literal

if runpy.run_path(str(Path(__file__).parents[1] / "mobilenet/common/own_packages.py"))["shadowed"](
    "mobilenet"
):
    sys.exit(2)

from cyclopts import Parameter, validators

from export.spec import ExportSpec, Variant
from export.sweep.export_options import CellOptions, MakingOptions, SweepOptions
from mobilenet.common import files, terminal
from mobilenet.common.options import (
    NO_REPORT,
    ON,
    AsJson,
    CheckOptions,
    FurtherFile,
    OutputPackage,
)
from mobilenet.networks.grid import SizeGrid
from mobilenet.overrides import Overrides

VERIFY, INSPECT, DIFF = "export verify", "export inspect", "export diff"  # suites of checks

Share = Annotated[float, Parameter(validator=validators.Number(gte=0))]

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
    making: MakingOptions = MakingOptions(),  # noqa: B008  # frozen
    output: OutputPackage | None = None,
    json: AsJson = False,
) -> None:
    """Export one MobileNet as an .mlpackage, .mlmodel or .aimodel and verify it against PyTorch.

    Parameters
    ----------
    output
        The package, or a folder/ for it. Default: models/, under a name made from the options.
    """
    from export import pipeline
    from export.source import Published
    from export.views import export_card

    with terminal.working("exporting") as progress:
        labels = making.classes, making.keep_background
        source = Published(variant, making.offline, *labels, progress)
        exported = pipeline.export(
            source, output,
            spec=spec, verify=making.verify, calibrate=making.calibrate, swift=making.swift,
        )  # fmt: skip
    export_card.remark_on(exported, spec)
    export_card.show(exported, json=json)


@app.command(name="all")
def export_all(
    *,
    sizes: SizeGrid = SizeGrid(),  # noqa: B008  # frozen
    cells: CellOptions = CellOptions(),  # noqa: B008  # frozen
    options: SweepOptions = SweepOptions(),  # noqa: B008  # frozen
    output: Annotated[Path, Parameter(alias="-o")] = Path("models"),
    json: AsJson = False,
) -> int:
    """Export a whole grid in worker processes; what is there and unchanged is left alone.

    Parameters
    ----------
    output
        Folder of the packages and of manifest.json.
    """
    from export.sweep import sweep
    from export.views import sweep_card

    files.check_file(output / sweep.MANIFEST)
    items = sweep.grid(sizes, cells)
    running = sweep.export_all(items, output, options)
    rows, interruption = sweep_card.followed(running, len(items))
    manifest = sweep.write_manifest(items, rows, output / sweep.MANIFEST)
    sweep_card.show(manifest, output, json=json)
    if interruption:
        raise interruption
    return manifest.exit_code


@app.command(name="verify")
def verify_package(
    package: Path,
    /,
    *,
    image: Path | None = None,
    weights: str | None = None,
    overrides: Overrides | None = None,
    oracle: Literal["coreai"] | None = None,
    drawing: FurtherFile | None = None,
    offline: bool = False,
    report: CheckOptions = NO_REPORT,
) -> None:
    """Prove again that a package computes what PyTorch does, and put a photograph to it.

    Parameters
    ----------
    package
        An .mlpackage, .mlmodel or .aimodel that this tool exported.
    image
        A photograph to compare on as well. Its five most likely classes are shown; of a detector
        the objects in it, of a segmenter the share of each class.
    weights
        What it was exported from, if that was a file. Default: what the package names.
    oracle
        coreai: hold Apple's own runtime against the portable one as well.
    drawing
        A .png or .jpg for the photograph with the objects, or the classes of pixels, drawn over.
    offline
        Use what is in the cache; reach for nothing.
    """
    from export.verify.reverify import reverify
    from export.views import export_card

    report.check(package, *([image] if image else []))
    with report.watching(VERIFY, str(package)), terminal.working("verifying"):
        result = reverify(
            package, image, weights, overrides, offline=offline, oracle=oracle, drawing=drawing
        )
    report.save(result)
    report.publish(VERIFY, export_card.checked(result))
    export_card.show_verification(result, json=report.json)


@app.command(name="inspect")
def inspect_model(
    model: Path,
    /,
    *,
    image: tuple[Path, ...] = (),
    layers: Annotated[bool, ON] = True,
    strict: bool = False,
    report: CheckOptions = NO_REPORT,
) -> int:
    """Look at any Core ML or Core AI model: layers, costs, preprocessing, what is odd about it.

    Parameters
    ----------
    model
        A .mlpackage, .mlmodel or .aimodel, made by any tool.
    image
        A photograph to run it on, to find layers that leave float16's range. Repeatable.
    layers
        List every layer.
    strict
        Exit code 1 when there is a warning or an error among the findings.
    """
    from export.inspect import inspect
    from export.verify.largest_values import largest_values
    from export.views import inspect_card

    report.check(model, *image)
    with report.watching(INSPECT, str(model)):
        inspection = inspect.inspect(model, largest_values(model, image) if image else {})
    report.save(inspection)
    cases = inspect_card.checked(inspection)
    report.publish(INSPECT, cases)
    inspect_card.show(inspection, layers=layers, json=report.json)
    return int(strict and any(case.outcome == "failed" for case in cases))


@app.command(name="diff")
def diff_models(
    model: Path,
    reference: Path,
    /,
    *,
    image: Path | None = None,
    overrides: Overrides | None = None,
    precision: Literal["declared", "float32"] = "declared",
    tolerance: Share = 5e-2,
    fail_over: Share | None = None,
    fail_larger: Share | None = None,
    report: CheckOptions = NO_REPORT,
) -> int:
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
    fail_over
        Exit code 1 when answers (logits and what follows) are off by more, or have other labels.
    fail_larger
        Exit code 1 when the package is larger than the reference by more: 0.02 is 2 %.
    """
    from export.verify import diff
    from export.views import diff_card

    report.check(model, reference, *([image] if image else []))
    with report.watching(DIFF, f"{model} against {reference}"), terminal.working("comparing"):
        difference = diff.diff(
            model, reference, image,
            tolerance=tolerance, precision=precision, overrides=overrides,
        )  # fmt: skip
    if report.output:
        diff_card.write(difference, report.output)
    cases = diff_card.checked(difference, fail_over, fail_larger)
    report.publish(DIFF, cases)
    diff_card.show(difference, json=report.json)
    return int(any(case.outcome == "failed" for case in cases))


terminal.add_examples(
    app,
    {
        "": ("--alpha 0.75 --target ane --swift", "--weights my.keras --classes labels.txt"),
        "all": ("--alpha 0.5 1 --resolution 224 160", "--network v2 --compress int8 -o v2/"),
        "verify": ("Net.mlpackage --image photo.jpg", "Net.mlpackage --weights flowers.keras"),
        "inspect": ("Any.mlpackage --no-layers", "Any.mlmodel --image photo.jpg --strict"),
        "diff": ("New.mlpackage Old.mlpackage --fail-over 0.05", "A.mlpackage a.keras -o d.jsonl"),
    },
)


def main() -> int:
    """Run the command line; its exit code."""
    return terminal.run(app)


if __name__ == "__main__":
    sys.exit(main())
