"""Checks of models that exist: proved again, looked into, compared."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter, validators

from mobilenet.common import terminal
from mobilenet.common.errors import PackageError, UnsupportedError, UserError
from mobilenet.common.options import (
    NO_REPORT,
    ON,
    OWN_SIZE,
    CheckOptions,
    FurtherFile,
    SizeOptions,
)
from mobilenet.overrides import Overrides

VERIFY, INSPECT, DIFF = "export verify", "export inspect", "export diff"  # suites of checks

Share = Annotated[float, Parameter(validator=validators.Number(gte=0))]


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


def inspect_model(
    model: Path,
    /,
    *,
    image: tuple[Path, ...] = (),
    layers: Annotated[bool, ON] = True,
    sizes: SizeOptions = OWN_SIZE,
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
    largest: dict[str, float] = {}
    unrun: UserError | None = None
    with report.watching(INSPECT, str(model)):
        try:
            largest = largest_values(model, image, sizes) if image else {}
        except (PackageError, UnsupportedError) as error:
            unrun = error
        inspection = inspect.inspect(model, largest, unrun, sizes)
    report.save(inspection)
    cases = inspect_card.checked(inspection)
    report.publish(INSPECT, cases)
    inspect_card.show(inspection, layers=layers, json=report.json)
    return int(strict and any(case.outcome == "failed" for case in cases))


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
