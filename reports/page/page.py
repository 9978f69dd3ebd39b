"""`reports page`: everything in one HTML file that needs no network."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from bench.results import camera_frames, tables, top1
from bench.results.read import SessionResults, read
from bench.results.session_report import Report, reports_of
from mobilenet import __version__
from mobilenet.common import files
from mobilenet.common.errors import UserError
from mobilenet.common.temporary import sweep
from mobilenet.common.text import one_line
from mobilenet.weights import published_latencies
from mobilenet.weights.cache import cache_folder
from reports import claims
from reports.doubts import SessionTrust
from reports.page import (
    accuracy_section,
    answer_section,
    cases_table,
    contents,
    metrics_section,
    model_cards,
    naming,
    soak_table,
)
from reports.page.cases_table import SkippedCases
from reports.page.html_table import Grid, HtmlCell, HtmlRow, cell, table, words
from reports.plots import catalog, plot_data, style
from reports.plots.style import Plot

TEMPLATES = Path(__file__).parent / "templates"

THEME = style.theme(
    "var(--ink)", "var(--line)", "transparent",
    [f"var(--series-{number})" for number, _ in enumerate(style.DARK_ON_LIGHT)],
)  # fmt: skip


def write(paths: Sequence[Path], output: Path) -> None:
    """Make the page of all sessions of `paths`. Raises `RecordError`, `ConfigError`."""
    files.check_file(output, paths)
    files.write_atomically(output, render(read(paths)).encode())


def render(sessions: Sequence[SessionResults]) -> str:
    """The page's HTML."""
    from jinja2 import Environment, FileSystemLoader, select_autoescape

    templates = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=select_autoescape(["html"]),
        trim_blocks=True, lstrip_blocks=True, finalize=_shown,
    )  # fmt: skip
    figures = _Figures()
    reports = reports_of(sessions)
    parts = [
        _session(number, report, results, figures)
        for number, (report, results) in enumerate(zip(reports, sessions, strict=True), start=1)
    ]
    shown = [
        part for part, report in zip(parts, reports, strict=True)
        if part.runtimes or part.warnings or not (report.accuracies or report.metrics)
    ]  # fmt: skip
    about = contents.contents(reports, sessions)
    layers = [*(catalog.operation_plots(sessions) if about.is_timed else ())]
    layers += catalog.error_plots(sessions)
    return templates.get_template("page.html").render(
        about=about, version=__version__, sessions=shown, largest_loss=top1.LARGEST_LOSS,
        answer=answer_section.section(reports) if about.is_timed else None,
        **accuracy_section.parts(reports), metrics=metrics_section.parts(reports),
        claims=_claims(sessions, reports), layers=figures.add(layers), published=_published(),
        frames_title=camera_frames.TITLE, frames_legend=camera_frames.LEGEND,
        provenance=_provenance(reports), cards=model_cards.cards(reports), specs=figures.specs,
        theme=THEME, series=(style.DARK_ON_LIGHT, style.LIGHT_ON_DARK), vega=_vega(),
    )  # fmt: skip


def _shown(value: object) -> object:
    """What a template prints: texts as lines, but for what is ready to stand in HTML."""
    return one_line(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


class RuntimePart(NamedTuple):
    """What was timed of one runtime, what was not and why, what was soaked, and the plots."""

    title: str
    table: Grid | None
    skipped: list[SkippedCases]
    soaks: Grid | None
    plots: list[dict[str, Any]]


class SessionPart(NamedTuple):
    """One session."""

    anchor: str
    machine: str
    source: str
    heading: str
    warnings: Sequence[str]
    facts: Sequence[str]
    runtimes: list[RuntimePart]
    camera_frames: Grid | None


class _Figures:
    """Collects the plots' specifications; a figure in the page knows its own by number."""

    def __init__(self) -> None:
        self.specs: list[dict[str, Any]] = []

    def add(self, plots: Iterable[Plot]) -> list[dict[str, Any]]:
        return [self._add(plot) for plot in plots]

    def _add(self, plot: Plot) -> dict[str, Any]:
        spec = style.specification(plot.chart.properties(width="container"))
        spec["autosize"] = {"type": "fit-x", "contains": "padding"}
        spec["padding"] = {"left": 5, "top": 5, "bottom": 5, "right": 14}  # of a last tick's label
        self.specs.append(spec)
        catalog.check_count(len(self.specs))
        return {"index": len(self.specs) - 1, "title": plot.title, "caption": plot.caption}


def _vega() -> str:
    """Vega, Vega-Lite and Vega-Embed, out of vl-convert: it takes two seconds, so it is kept."""
    import vl_convert

    path = cache_folder() / f"vega-{version('vl-convert-python')}.js"
    sweep(path.parent)
    if path.is_file():
        return path.read_text("utf-8")
    bundle = str(vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;"))
    bundle = bundle.replace("</script", "<\\/script")  # would end the element it stands in
    with suppress(OSError, UserError):  # without a cache it costs two seconds the next time
        files.write_atomically(path, bundle.encode())
    return bundle


def _session(
    number: int, report: Report, results: SessionResults, figures: _Figures
) -> SessionPart:
    groups = [
        RuntimePart(
            title, cases_table.table(rows, results, report.top1),
            list(cases_table.skipped(rows, results)), soak_table.table(rows, results),
            figures.add(catalog.plots_of(report, results, rows)),
        )
        for title, rows in report.tables().items()
    ]  # fmt: skip
    return SessionPart(
        naming.anchor(number), naming.machine(report), report.source, tables.heading(report),
        report.warnings, report.facts, groups, _camera_frames(report),
    )  # fmt: skip


def _camera_frames(report: Report) -> Grid | None:
    if not report.camera_frames:
        return None
    return table(
        camera_frames.COLUMNS, report.camera_frames, lambda _: "",
        lambda frames: plot_data.card(frames.model),
    )  # fmt: skip


def _claims(sessions: Sequence[SessionResults], reports: Sequence[Report]) -> Grid:
    trust = [
        SessionTrust(results, report.trust)
        for results, report in zip(sessions, reports, strict=True)
    ]
    rows = [
        (result.claim, result.words, result.measured, result.on, result.rule, result.source)
        for result in claims.check_by(trust).results
    ]
    return words(("Claim", "Verdict", "Measured", "On", "Rule", "Source"), rows)


def _published() -> Grid:
    headers = ("Model", "Device", "Engine", "ms", "Note", "Source")
    rows = [
        HtmlRow([
            HtmlCell(latency.model), HtmlCell(latency.device), HtmlCell(latency.engine),
            cell(f"{latency.milliseconds:g}"), HtmlCell(latency.note), HtmlCell(latency.source),
        ])
        for latency in published_latencies.LATENCIES
    ]  # fmt: skip
    return Grid(headers, rows)


def _provenance(reports: Sequence[Report]) -> Grid:
    trained = {True: "", False: "untrained", None: "unknown"}
    return Grid(
        ("Model", "Weights", "Format", "Precision", "Compression", "Target", "SHA-256"),
        [
            HtmlRow([
                HtmlCell(model.name, card=plot_data.card(model)),
                *(HtmlCell(text) for text in (
                    model.weights or trained[model.trained], model.format, model.precision,
                    model.compression or "none", model.target, model.identity[:12],
                )),
            ])
            for model in model_cards.models(reports).values()
        ],
    )  # fmt: skip
