"""The page's cards: all that is known of each model, opened from a table's row or a point."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from bench.results import accuracy_table, format, session_lines
from bench.results.records import Accuracy, Model
from bench.results.session_report import Report
from bench.results.summary import CaseSummary
from reports.page import naming
from reports.page.html_table import Grid, words
from reports.plots import plot_data

TIMES = ("On", "p50 ms", "p90 ms", "CPU ms", "first ms", "cold load ms", "load ms", "peak MB")
TRAINED = {True: "trained", False: "untrained", None: "not known"}


class CardPart(NamedTuple):
    """One model: facts by what they are called, its times, and the command that makes it."""

    anchor: str
    name: str
    facts: list[tuple[str, str]]
    times: Grid
    command: str
    command_note: str


def cards(reports: Sequence[Report]) -> list[CardPart]:
    """A card for each model of all sessions."""
    return [_card(model, reports) for model in models(reports).values()]


def models(reports: Sequence[Report]) -> dict[str, Model]:
    """Every model that was measured in any way, by its identity."""
    return {
        model.identity: model
        for report in reports
        for model in (
            *(accuracy.model for accuracy in report.accuracies),
            *(metrics.model for metrics in report.metrics),
            *(case.model for case in report.cases),
        )
    }


def _card(model: Model, reports: Sequence[Report]) -> CardPart:
    rows = [
        (report, row)
        for report in reports
        for row in report.cases
        if row.model.identity == model.identity and row.p50
    ]
    facts = [*_accuracies(model, reports), *_facts(model)]
    times = words(TIMES, (_times(report, row) for report, row in rows))
    return CardPart(
        plot_data.card(model), model.name, facts, times, model.command, model.command_note
    )


def _accuracies(model: Model, reports: Sequence[Report]) -> Iterator[tuple[str, str]]:
    """Measured ones with their intervals, and the one that `choose` goes by."""
    known = {
        f"{figure.percent:.1f} %, {figure.source}"
        for report in reports
        if (figure := report.top1.get(model.identity))
    }
    others = {
        words for report in reports if (words := report.unranked.get(model.identity))
    }  # fmt: skip
    yield "Top-1", "; ".join(sorted(known or others)) or "not known"
    for report in reports:
        for accuracy in report.accuracies:
            if accuracy.model.identity == model.identity:
                yield "Measured", _measured(accuracy)


def _measured(accuracy: Accuracy) -> str:
    low, high = accuracy.top1_interval
    return (
        f"{format.share(accuracy.top1, accuracy.images)} % (95 %: {100 * low:.1f} to "
        f"{100 * high:.1f}) of {accuracy.images:,} photographs ({accuracy.photographs.name}), "
        f"{accuracy_table.runs_on(accuracy)}, recipe {accuracy.recipe}"
    )


def _facts(model: Model) -> Iterator[tuple[str, str]]:
    yield "Input", _input(model)
    yield "Preprocessing", model.preprocessing
    yield "Classes", _classes(model)
    yield "Size", f"{format.megabytes(model.size_bytes)} MB"
    yield "Multiply-adds", f"{format.millions(model.macs)} million" if model.macs else ""
    yield "Parameters", f"{model.parameters:,}" if model.parameters else ""
    yield "Weights", f"{model.weights} ({TRAINED[model.trained]})".strip()
    yield "Licence", model.licence
    yield "Form", " ".join(filter(None, (model.format, model.precision, model.compression)))
    yield "Target", model.target
    yield "Compute units", model.compute_units
    yield "Oldest iOS", str(model.min_ios or "")
    yield "Verified", "; ".join(_verified(model)) or "not known"
    yield "Loss", _loss(model)
    yield "SHA-256", model.identity


def _input(model: Model) -> str:
    if model.resolutions:
        return ", ".join(f"{side} px" for side in model.resolutions)
    if model.input_width:
        return f"{model.input_width} x {model.resolution} px"
    return f"{model.resolution} px" if model.resolution else ""


def _classes(model: Model) -> str:
    """How many, and the first labels."""
    labels = ", ".join(model.labels) + (", ..." if model.labels else model.labels_from)
    return f"{model.classes:,}: {labels}".rstrip(": ") if model.classes else labels


def _verified(model: Model) -> Iterator[str]:
    for what, error in (("in float32", model.structure), ("as declared", model.agreement)):
        if error is not None:
            yield f"{what} {format.scientific(error)} from PyTorch's logits (relative L2)"


def _loss(model: Model) -> str:
    """What compression cost."""
    if model.loss is None:
        return ""
    return f"{format.scientific(model.loss)} from the original network's logits (relative L2)"


def _times(report: Report, row: CaseSummary) -> tuple[str, ...]:
    p50, interval = format.latency(row.p50)
    place = f"{naming.machine(report)}, {row.runtime} {row.unit_label}"
    first_call, load = (each.value if each else None for each in (row.first_call, row.load))
    return (
        session_lines.launched(place, row.pace_hz, report.session), f"{p50} ({interval})",
        format.latency(row.p90)[0], format.latency(row.cpu_p50)[0],
        format.milliseconds(first_call),
        format.milliseconds(row.first_load_ns), format.milliseconds(load),
        format.megabytes(row.peak_memory_bytes),
    )  # fmt: skip
