"""`python -m export`: one variant by default; sub-commands for everything else."""

import runpy
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

if runpy.run_path(str(Path(__file__).parents[1] / "mobilenet/common/own_packages.py"))["shadowed"](
    "mobilenet"
):
    sys.exit(2)

from cyclopts import Parameter

from export.commands import checks, running
from export.spec import ExportSpec, Variant
from export.sweep.export_options import CellOptions, MakingOptions, SweepOptions
from mobilenet.common import files, terminal
from mobilenet.common.options import AsJson, OutputPackage
from mobilenet.networks.grid import SizeGrid

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
            spec=spec, verify=making.verify, swift=making.swift,
            calibration=replace(making.calibration, progress=progress),
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


app.command(running.run_model, name="run")
app.command(checks.verify_package, name="verify")
app.command(checks.inspect_model, name="inspect")
app.command(checks.diff_models, name="diff")
terminal.add_examples(
    app,
    {
        "": ("--alpha 0.75 --target ane --swift", "--weights my.keras --classes labels.txt"),
        "all": ("--alpha 0.5 1 --resolution 224 160", "--network v2 --compress int8 -o v2/"),
        "run": ("Any.mlpackage --image photo.jpg", "Any.mlmodel --input x=array.npy -o out.npz"),
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
