"""What a finished export and a verification look like on the terminal."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from export.package.metadata import Facts, Verified
from export.pipeline import Exported
from export.spec import ExportSpec
from mobilenet.common import terminal

if TYPE_CHECKING:
    from export.verify.reverify import Recheck


def show(exported: Exported, *, json: bool) -> None:
    """A card of one package: what it is, whether it is right, and what to do next."""
    if json:
        terminal.print_json(exported)
        return
    facts = exported.facts
    rows = {
        "package": f"{exported.path}  ({exported.size_bytes / 1e6:.2f} MB)",
        "swift class": exported.path.stem,
        **({"swift file": str(exported.swift)} if exported.swift else {}),
        "network": facts.config.title,
        "weights": _weights(facts),
        "parameters": f"{facts.parameters:,} (folded)",
        "macs": f"{facts.macs / 1e6:.1f} million",
        "preprocessing": _preprocessing(facts),
        "target": f"{facts.target}: {facts.format}, {facts.precision}, compute units "
        f".{facts.compute_units}, iOS {facts.min_ios} and later",
        **_optional(facts),
        "agreement": _agreement(exported),
    }
    terminal.card(rows)
    terminal.line()
    terminal.line((f"next: python -m bench run {exported.path}", "dim"))


def remark_on(exported: Exported, spec: ExportSpec) -> None:
    """Say what was not asked for: of the weights, and what raises the deployment target."""
    for note in exported.notes:
        terminal.warn(note)
    newest = spec.resolved().min_ios
    for option, version in spec.needs.items():
        if spec.min_ios is None and version == newest:
            terminal.say(f"{option} needs iOS {version}: older devices cannot load this package")


def show_verification(result: "Recheck", *, json: bool) -> None:
    """The verdict on a package, and its answer to a photograph if one was given."""
    if json:
        terminal.print_json(result)
        return
    verified = result.verified
    terminal.card(
        {
            "package": result.package,
            "structure": f"{verified.structure:.1e} (limit {result.structure_limit:.0e})",
            "precision": f"{verified.agreement:.1e} (limit {result.precision_limit:.0e})",
            **({} if verified.loss is None else {"loss": _loss(verified)}),
            "method": f"relative L2 of logits against PyTorch, {verified.images} pictures, "
            f"{verified.runtime} runtime",
            "verdict": "the package computes what the network does",
        }
    )
    if result.top5:
        terminal.line()
    for label, probability in result.top5:
        terminal.line(f"{probability:.3f}  {label}")


def _weights(facts: Facts) -> str:
    origin = facts.provenance
    accuracy = (
        "" if origin.published_top1 is None else f", top-1 {origin.published_top1} % published"
    )
    return f"{origin.source} ({origin.licence}){accuracy}"


def _preprocessing(facts: Facts) -> tuple[str, str]:
    norm, geometry, size = facts.normalization, facts.geometry, facts.config.resolution
    same = len(set(norm.scale)) == 1 and len(set(norm.bias)) == 1
    scale = (
        f"{norm.scale[0]:.6g}" if same else "(" + ", ".join(f"{s:.6g}" for s in norm.scale) + ")"
    )
    bias = f"{norm.bias[0]:.6g}" if same else "(" + ", ".join(f"{b:.6g}" for b in norm.bias) + ")"
    return (
        f"in the package: {norm.order}, {scale} x pixel + {bias}",
        f"in the app: shorter side to {geometry.shorter_side(size)}, {geometry.interpolation}, "
        f"centre {size} x {size}",
    )


def _optional(facts: Facts) -> dict[str, str]:
    rows = {}
    if facts.resolutions:
        rows["functions"] = ", ".join(f"r{size}" for size in facts.resolutions)
    if facts.compression:
        rows["compression"] = facts.compression
    return rows


def _agreement(exported: Exported) -> Sequence[str]:
    if exported.verified is None:
        return ["not verified (--no-verify)"]
    verified = exported.verified
    against = "PyTorch" if verified.loss is None else "PyTorch with the same compressed weights"
    text = (
        f"{verified.agreement:.1e} relative L2 of logits against {against}; "
        f"structure {verified.structure:.1e} in float32"
    )
    return [text] if verified.loss is None else [text, _loss(verified)]


def _loss(verified: Verified) -> str:
    return f"{verified.loss:.1e} against the original network: the loss of this compression"
