"""Reports as text: for the terminal and as Markdown."""

from collections import Counter
from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.text import Text

from bench.results import accuracy_table, camera_frames, columns, format, metrics_table
from bench.results.columns import Column, FittedTable
from bench.results.contention import distinct_cpu_ns, is_spoilt
from bench.results.records import Model
from bench.results.session_report import Report
from bench.results.stats import Estimate
from bench.results.summary import CaseSummary
from mobilenet.common import text
from mobilenet.common.text import one_line

SKIPPED_ROWS = 3  # with one reason; more become one line

COLUMNS: tuple[Column[CaseSummary], ...] = (
    Column("Model", lambda row: one_line(row.model.name), numeric=False),
    Column("Format", lambda row: one_line(row.model.format), numeric=False, sets_apart=True),
    Column("Unit", lambda row: one_line(row.unit_label), numeric=False),
    Column("p50 ms", lambda row: format.latency(row.p50)[0]),
    Column(">= 95 % interval", lambda row: format.latency(row.p50)[1]),
    Column("p90 ms", lambda row: format.latency(row.p90)[0], dispensable=1),
    Column("CPU ms", lambda row: format.milliseconds(distinct_cpu_ns(row)), dispensable=5),
    Column("first ms", lambda row: format.milliseconds(_value(row.first_call)), dispensable=4),
    Column("native ms", lambda row: format.milliseconds(_value(row.native)), dispensable=4),
    Column("cold load ms", lambda row: format.milliseconds(row.first_load_ns), dispensable=7),
    Column("load ms", lambda row: format.milliseconds(_value(row.load)), dispensable=6),
    Column("MB", lambda row: format.megabytes(row.model.size_bytes), dispensable=2),
    Column("M MACs", lambda row: format.millions(row.model.macs), dispensable=3),
    Column("rel. L2", lambda row: format.scientific(distance(row.model)), dispensable=5),
    Column("gate", lambda row: format.scientific(gate(row.model)), dispensable=5),
    Column("Note", lambda row: one_line(note(row)), numeric=False, folds=True),
)
LEGEND = (
    "p50: median over launches of each launch's median; p90: likewise of its 90th percentile; "
    "CPU: time of all threads on the processor, where it differs by over 10 %, never ranked; "
    "first: first call; native: of it, inside Core ML; cold load: straight after compiling; "
    "rel. L2: distance of the logits from the original network's in PyTorch, as verified at "
    "export; gate: of compressed weights, from PyTorch with the same ones"
)


def contents(reports: Sequence[Report]) -> Iterator[RenderableType]:
    """Reports, one after the other: what to know first, then a table per runtime."""
    for report in reports:
        yield Text(heading(report), "bold")
        yield from map(Text, report.facts)
        for warning in report.warnings:
            yield Text.assemble(("warning: ", "yellow"), one_line(warning))
        for title, rows in report.tables().items():
            shown, collapsed = collapse(rows)
            yield Text()
            yield Text(one_line(f"{title}, fastest first"), "bold")
            if shown:
                yield FittedTable(COLUMNS, shown, lambda row: row.p50 is None)
            yield from (Text(line, "dim") for line in collapsed)
        yield from _camera_frames(report)
        yield from _accuracy(report)
        yield from _metrics(report)
    if any(report.cases for report in reports):
        yield Text(LEGEND, "dim")


def _camera_frames(report: Report) -> Iterator[RenderableType]:
    if report.camera_frames:
        yield Text()
        yield Text(camera_frames.TITLE, "bold")
        yield FittedTable(camera_frames.COLUMNS, report.camera_frames)
        yield Text(camera_frames.LEGEND, "dim")


def _accuracy(report: Report) -> Iterator[RenderableType]:
    if report.accuracies:
        yield Text()
        yield Text("accuracy", "bold")
        yield FittedTable(accuracy_table.COLUMNS, report.accuracies)
        yield from (Text(line, "dim") for line in accuracy_table.remarks(report.accuracies))
    if report.agreements:
        yield Text()
        yield Text("agreement", "bold")
        yield from map(Text, accuracy_table.lines(report.agreements, report.accuracies))


def _metrics(report: Report) -> Iterator[RenderableType]:
    for table in metrics_table.tables(report.metrics, report.metric_comparisons):
        yield Text()
        yield Text(table.title, "bold")
        yield FittedTable(table.columns(), table.records)
        yield from (Text(line, "dim") for line in table.remarks())
        yield from map(Text, table.lines())


def markdown(reports: Sequence[Report]) -> str:
    """The same as Markdown."""
    lines: list[str] = []
    for report in reports:
        lines += [f"## {text.markdown(heading(report))}", ""]
        lines += [f"- {text.markdown(fact)}" for fact in report.facts]
        lines += [f"- **warning:** {text.markdown(warning)}" for warning in report.warnings]
        for title, rows in report.tables().items():
            shown, collapsed = collapse(rows)
            lines += ["", f"### {text.markdown(title)}"]
            lines += ["", *columns.markdown(COLUMNS, shown)] if shown else []
            lines += ["", *(f"- {text.markdown(line)}" for line in collapsed)] if collapsed else []
        if report.camera_frames:
            lines += ["", f"### {camera_frames.TITLE}", ""]
            lines += [*columns.markdown(camera_frames.COLUMNS, report.camera_frames), ""]
            lines += [f"- {camera_frames.LEGEND}"]
        lines += [*_accuracy_markdown(report), *_metrics_markdown(report), ""]
    if any(report.cases for report in reports):
        lines += [LEGEND, ""]
    return "\n".join(lines)


def _accuracy_markdown(report: Report) -> Iterator[str]:
    if report.accuracies:
        yield from ("", "### accuracy", "")
        yield from columns.markdown(accuracy_table.COLUMNS, report.accuracies)
        yield ""
        yield from (
            f"- {text.markdown(line)}" for line in accuracy_table.remarks(report.accuracies)
        )
    if report.agreements:
        yield from ("", "### agreement", "")
        for line in accuracy_table.lines(report.agreements, report.accuracies):
            yield f"- {text.markdown(line)}"


def _metrics_markdown(report: Report) -> Iterator[str]:
    for table in metrics_table.tables(report.metrics, report.metric_comparisons):
        yield from ("", f"### {table.title}", "")
        yield from columns.markdown(table.columns(), table.records)
        yield ""
        yield from (f"- {text.markdown(line)}" for line in (*table.remarks(), *table.lines()))


def collapse(rows: Sequence[CaseSummary]) -> tuple[list[CaseSummary], list[str]]:
    """The rows to show, and a line for those of one runtime skipped for one common reason."""
    counts = Counter((row.runtime, row.reason) for row in rows if row.status == "skipped")
    common = {key: count for key, count in counts.items() if count > SKIPPED_ROWS}
    shown = [
        row for row in rows if row.status != "skipped" or (row.runtime, row.reason) not in common
    ]
    lines = [
        one_line(f"{count} cases on {runtime} skipped: {reason}")
        for (runtime, reason), count in common.items()
    ]
    return shown, lines


def heading(report: Report) -> str:
    """The file, and when its session began."""
    if report.session is None:
        return one_line(report.source)
    return one_line(f"{report.source}, {report.session.started[:16].replace('T', ' ')} UTC")


def note(row: CaseSummary) -> str:
    """What must be known to read the row."""
    parts = []
    if row.status != "ok":
        parts.append(f"{row.status}: {row.reason}" if row.reason else row.status)
    elif row.reason:
        parts.append(row.reason)
    if row.model.trained is False:
        parts.append("untrained")
    if row.drifting > 1:
        parts.append(f"{row.drifting} launches drift")
    if is_spoilt(row):
        parts.append(f"{row.contended} launches waited for the CPU")
    return "; ".join(parts)


def distance(model: Model) -> float | None:
    """From the original network: of compressed weights, the loss."""
    return model.loss if model.compression else model.agreement


def gate(model: Model) -> float | None:
    """Of compressed weights, what their package was let pass by: from their own network."""
    return model.agreement if model.compression else None


def _value(estimate: Estimate | None) -> float | None:
    return None if estimate is None else estimate.value
