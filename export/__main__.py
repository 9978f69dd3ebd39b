"""`python -m export`: one variant by default; sub-commands for everything else."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from export.spec import ExportSpec, Variant
from mobilenet import cli

app = cli.command(
    "python -m export",
    "Export a MobileNet v1 to Core ML and prove that the package is right.",
)


@app.default
def export(
    variant: Annotated[Variant, Parameter(name="*")] = Variant(),  # noqa: B008  # frozen
    spec: Annotated[ExportSpec, Parameter(name="*")] = ExportSpec(),  # noqa: B008  # frozen
    *,
    output: Annotated[Path | None, Parameter(alias="-o")] = None,
    verify: bool = True,
    offline: bool = False,
    classes: Path | None = None,
    keep_background: bool = False,
    swift: bool = False,
    json: bool = False,
) -> None:
    """Export one MobileNet v1 as an .mlpackage and verify it against PyTorch.

    Parameters
    ----------
    output
        The package, or a folder for it. Default: models/, under a name made from the options.
    verify
        Run the finished package and compare its logits with PyTorch's.
    offline
        Use what is in the cache; reach for nothing.
    classes
        Text file with a label per line, for weights of other classes.
    keep_background
        Keep class 0 of the 1001-class checkpoints.
    swift
        Write a Swift file beside the package that classifies photographs with it in an app.
    json
        Print the result as JSON.
    """
    from export import api, card
    from export import swift as swift_file

    api.destination(output, "any" + api.SUFFIX)  # what cannot be written is said before the work
    if swift:
        swift_file.check_spec(spec)
    with cli.status("exporting"):
        exported = api.export_variant(
            variant, spec, output,
            verify=verify, offline=offline, classes=classes, keep_background=keep_background,
            swift=swift,
        )  # fmt: skip
    card.show(exported, json=json)


@app.command(name="verify")
def verify_package(
    package: Path,
    *,
    image: Path | None = None,
    weights: str | None = None,
    offline: bool = False,
    json: bool = False,
) -> None:
    """Prove again that a package computes what PyTorch does, and classify a photograph with it.

    Parameters
    ----------
    package
        An .mlpackage that this tool exported.
    image
        A photograph to compare on as well, and whose five most likely classes are shown.
    weights
        What it was exported from, if that was a file. Default: what the package names.
    offline
        Use what is in the cache; reach for nothing.
    json
        Print the result as JSON.
    """
    from export import card, recheck

    with cli.status("verifying"):
        result = recheck.verify_again(package, image, weights=weights, offline=offline)
    card.show_verification(result, json=json)


if __name__ == "__main__":
    sys.exit(cli.run(app))
