"""What a finished export and a verification look like on the terminal."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from export.head_outputs import PADDED_TO
from export.package.metadata import PackageMetadata, Verified
from export.pipeline import Exported
from export.spec import ExportSpec
from export.views import answer_card
from export.views.learned_rows import BETTER, learned_rows
from mobilenet.common import terminal
from mobilenet.common.ci_report import CheckedCase
from mobilenet.common.size import Size
from mobilenet.networks import families
from mobilenet.weights.origin import published_weights

if TYPE_CHECKING:
    from export.verify.reverify import Reverification

AGAINST = {
    "weights": "the network it was made from, its weights found again",
    "answers": "what the traced module answered when it was exported; its weights are not known",
}

MOSTLY = 0.5  # of pixels or detections


def show(exported: Exported, *, json: bool) -> None:
    """A card of one package: what it is, whether it is right, and what to do next."""
    metadata = exported.metadata
    if json:
        record = msgspec.to_builtins(exported, enc_hook=str)
        if metadata.config is not None:
            record["metadata"]["config"] = families.described(metadata.config)
        terminal.print_json(record)
        return
    rows = {
        "package": f"{exported.path}  ({exported.size_bytes / 1e6:.2f} MB)",
        **({"swift class": exported.path.stem} if metadata.format != "coreai" else {}),
        **({"swift file": str(exported.swift)} if exported.swift else {}),
        "network": metadata.title,
        "weights": _weights(metadata),
        **({"read": exported.read} if exported.read else {}),
        **({"classes": _filled_up(exported)} if exported.unused_classes else {}),
        **({"labels": metadata.labels_from} if metadata.labels_from else {}),
        **({"assumed": "; ".join(exported.assumed)} if exported.assumed else {}),
        "parameters": f"{metadata.parameters:,}" + (" (folded)" if metadata.config else ""),
        "macs": f"{metadata.macs / 1e6:.1f} million",
        "preprocessing": _preprocessing(metadata),
        "target": f"{metadata.target}: {metadata.format}, {metadata.precision}, compute units "
        f".{metadata.compute_units}, iOS {metadata.min_ios} and later",
        **_optional(metadata),
        "agreement": _agreement(exported),
    }
    terminal.card(rows)
    terminal.line()
    terminal.line((f"next: python -m bench run {exported.path}", "dim"))
    if metadata.calibration:
        judged = f"python -m bench accuracy {exported.path} --data LABELLED"
        terminal.line((f"and with labels: {judged}", "dim"))


def remark_on(exported: Exported, spec: ExportSpec) -> None:
    """Say what was not asked for: of the weights, and what raises the deployment target."""
    for note in exported.notes:
        terminal.warn(note)
    newest = spec.resolved().min_ios
    learned_min_ios = exported.metadata.min_ios if exported.metadata.calibration else newest
    if learned_min_ios != newest:
        terminal.say(
            f"groups of channels need iOS {learned_min_ios}: older devices cannot load this "
            "package; --min-ios 16 does without groups, and loses more"
        )
        return
    for option, version in spec.needs.items():
        if spec.min_ios is None and version == newest:
            terminal.say(f"{option} needs iOS {version}: older devices cannot load this package")


def show_verification(result: "Reverification", *, json: bool) -> None:
    """The verdict on a package, and its answer to a photograph if one was given."""
    if json:
        terminal.print_json(result)
        return
    verified = result.verified
    terminal.card(
        {
            "package": result.package,
            "network": result.network,
            "structure": f"{verified.structure:.1e} (limit {verified.structure_limit:.2g})"
            + ("" if result.against == "weights" else ", when it was exported"),
            "precision": f"{verified.agreement:.1e} (limit {verified.agreement_limit:.2g})",
            **({} if verified.file is None else {"weight file": _file(verified)}),
            **({} if verified.loss is None else {"loss": _loss(verified)}),
            "method": f"relative L2 of logits against PyTorch, {verified.images} pictures, "
            f"{verified.runtime} runtime",
            **({} if verified.undecided is None else {"answers": _undecided(verified)}),
            **({"function": _stand_ins(verified)} if verified.stand_ins else {}),
            **_opinion(result),
            "compared with": AGAINST[result.against],
            "verdict": "the package computes what the network does",
        }
    )
    answer_card.show(result)


def checked(result: "Reverification") -> list[CheckedCase]:
    """A verification that passed: one that did not is an error, and has no result."""
    verified = result.verified
    return [
        CheckedCase(
            result.package, "passed",
            f"structure {verified.structure:.1e} (limit {verified.structure_limit:.2g}), "
            f"precision {verified.agreement:.1e} (limit {verified.agreement_limit:.2g})",
        )
    ]  # fmt: skip


def _opinion(result: "Reverification") -> dict[str, str]:
    if result.opinion is None:
        return {}
    portable, network, limit = result.opinion
    return {
        "second opinion": f"Apple's Core AI runtime: {portable:.1e} from the portable runtime "
        f"(limit {limit:.2g}), {network:.1e} from PyTorch's original network"
    }


def _weights(metadata: PackageMetadata) -> str:
    origin = metadata.provenance
    accuracy = (
        "" if origin.published_top1 is None else f", top-1 {origin.published_top1} % published"
    )
    release = published_weights(origin)
    used = release.used_at(metadata.resolutions or metadata.size[:1]) if release else ""
    return f"{origin.source} ({origin.licence}){accuracy}" + (f"; {used}" if used else "")


def _preprocessing(metadata: PackageMetadata) -> tuple[str, str]:
    norm = metadata.normalization
    same = len(set(norm.scale)) == 1 and len(set(norm.bias)) == 1
    scale = (
        f"{norm.scale[0]:.6g}" if same else "(" + ", ".join(f"{s:.6g}" for s in norm.scale) + ")"
    )
    bias = f"{norm.bias[0]:.6g}" if same else "(" + ", ".join(f"{b:.6g}" for b in norm.bias) + ")"
    return (
        f"in the package: {norm.order}, {scale} x pixel + {bias}",
        f"in the app: {metadata.geometry.describe(metadata.size)}",
    )


def _filled_up(exported: Exported) -> str:
    config, unused = exported.metadata.config, exported.unused_classes
    assert config is not None, "of a detector"
    return (
        f"{config.classes}, filled up to {config.classes + unused} with unused ones, which score "
        f"0: on devices, pipelines whose classes are no multiple of {PADDED_TO} were seen to give "
        "wrong boxes (coremltools#2445)"
    )


def _optional(metadata: PackageMetadata) -> dict[str, str | Sequence[str]]:
    rows: dict[str, str | Sequence[str]] = {}
    if metadata.resolutions:
        *smaller, largest = (
            f"r{size}: {Size.of(size)}, in the app {metadata.geometry.resizing(size)}"
            for size in metadata.resolutions
        )
        rows["functions"] = [*smaller, f"{largest}; the one that runs unless another is asked for"]
    if metadata.calibration:
        return rows | learned_rows(metadata.compression, metadata.calibration)
    if metadata.compression:
        without = ["without photographs", BETTER] if metadata.compression != "w8a8" else []
        rows["compression"] = [metadata.compression, *without]
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
    lines = [text]
    if verified.file is not None:
        lines.append(_file(verified))
    if verified.stand_ins:
        lines.append(_stand_ins(verified))
    lines += [_undecided(verified)] if verified.undecided is not None else []
    return lines if verified.loss is None else [*lines, _loss(verified)]


def _undecided(verified: Verified) -> str:
    share = verified.undecided or 0.0
    if share > MOSTLY:
        return (
            f"scores are too alike, as untrained ones are, to decide {share:.0%} of the answers "
            "in this precision: the gates of all scores, and boxes, decide"
        )
    return (
        f"every pixel's class, or box, as PyTorch has it, but for {share:.2%} that are decided by "
        "less than the error of a score"
    )


def _stand_ins(verified: Verified) -> str:
    names = ", ".join(verified.stand_ins)
    return (
        f"run in Apple's runtime: {names}, which takes the picture's bytes; the same graph behind "
        "an image cannot run on Linux"
    )


def _file(verified: Verified) -> str:
    return (
        f"{verified.file:.1e} from the file's own graph, in ONNX Runtime "
        f"(limit {verified.file_limit:.2g})"
    )


def _loss(verified: Verified) -> str:
    return f"{verified.loss:.1e} against the original network: the loss of this compression"
