"""`reports page`: everything in one HTML file that needs no network."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench.results import format, tables
from bench.results.read import SessionResults, read
from bench.results.session_report import Report, reports_of
from bench.results.summary import CaseSummary
from mobilenet import __version__
from mobilenet.common import files
from mobilenet.common.errors import UserError
from mobilenet.common.temporary import sweep
from mobilenet.common.text import one_line
from mobilenet.weights import published_latencies
from mobilenet.weights.cache import cache_folder
from reports import claims
from reports.choose import Choice, Requirements, choose
from reports.page import accuracy_section, metrics_section
from reports.page.html_table import Grid, HtmlCell, HtmlRow, cell, table, words
from reports.plots import catalog, plot_data, style
from reports.plots.style import Plot

TITLE = "MobileNet v1 on Core ML: what was measured"
FRAME_RATES = (15, 30, 60, 120, 240)
TEMPLATES = Path(__file__).parent / "templates"

METHOD = (
    "A launch is one fresh process that loads one package for one compute unit, calls it once "
    "(the first call, told apart), warms up for a fixed time, and then takes a fixed number of "
    "samples. A round launches every case once, in shuffled order, so that what drifts from "
    "minute to minute hits all cases alike.",
    "The p50 of a case is the median over launches of each launch's median; its interval is the "
    "order-statistic interval of that median, which holds at least 95 % of the time whatever the "
    "distribution. Calls within a process share its luck, so launches are counted, never calls. "
    "The p90 is the median over launches of each launch's 90th percentile.",
    "Nothing is removed. Samples far from their launch's median (14.826 times the median absolute "
    "deviation) and launches that drift are counted and reported.",
    "The A/A control is one package measured under two names. Where its interval excludes no "
    "difference, the whole session is marked unreliable.",
    "The portable runtime computes the same package with ONNX Runtime on any machine. Its times "
    "say how variants relate on that machine; they are no times of an Apple device, and are never "
    "ranked with Core ML's.",
    "Agreement (rel. L2) is how far the logits of the package are from those of the PyTorch "
    "network it was made from, as found when the package was verified.",
)


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
    return templates.get_template("page.html").render(
        title=TITLE, version=__version__, lead=_lead(reports), method=METHOD,
        frame_rates=FRAME_RATES, answers=_answers(reports), sessions=parts,
        **accuracy_section.parts(reports), metrics=metrics_section.parts(reports),
        claims=_claims(sessions), layers=figures.add(catalog.general_plots(sessions)),
        published=_published(), provenance=_provenance(reports), specs=figures.specs,
        themes={"light": {**style.LIGHT, "background": "transparent"}, "dark": style.DARK},
        vega=_vega(),
    )  # fmt: skip


def _shown(value: object) -> object:
    """What a template prints: texts as lines, but for what is ready to stand in HTML."""
    return one_line(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


class _Figures:
    """Collects the plots' specifications; a figure in the page knows its own by number."""

    def __init__(self) -> None:
        self.specs: list[dict[str, Any]] = []

    def add(self, plots: Iterable[Plot]) -> list[dict[str, Any]]:
        return [self._add(plot) for plot in plots]

    def _add(self, plot: Plot) -> dict[str, Any]:
        spec = style.specification(plot.chart.properties(width="container"))
        spec["autosize"] = {"type": "fit-x", "contains": "padding"}
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


def _lead(reports: Sequence[Report]) -> str:
    measured = sum(row.p50 is not None for report in reports for row in report.cases)
    launches = sum(row.launches for report in reports for row in report.cases)
    accuracies = sum(len(report.accuracies) for report in reports)
    metrics = sum(len(report.metrics) for report in reports)
    sentences = []
    if measured or not (accuracies or metrics):
        sentences.append(
            f"{format.plural(measured, 'case')} in {format.plural(len(reports), 'session')}, "
            f"{launches:,} launches, each in a fresh process."
        )
    if accuracies:
        sentences.append(f"{format.plural(accuracies, 'measurement')} of accuracy.")
    if metrics:
        sentences.append(f"{format.plural(metrics, 'measurement')} of boxes or maps.")
    return " ".join(sentences)


def _session(
    number: int, report: Report, results: SessionResults, figures: _Figures
) -> dict[str, Any]:
    return {
        "anchor": f"session-{number}", "machine": _machine(report), "source": report.source,
        "heading": tables.heading(report),
        "warnings": report.warnings, "facts": report.facts,
        "runtimes": [
            {"runtime": title, "table": _cases(rows),
             "plots": figures.add(catalog.plots_of(report, results, rows))}
            for title, rows in report.tables().items()
        ],
    }  # fmt: skip


def _machine(report: Report) -> str:
    if report.session is None:
        return report.source
    environment = report.session.environment
    return environment.model or environment.processor


def _answers(reports: Sequence[Report]) -> Iterator[dict[str, Any]]:
    for report in reports:
        by_rate = [choose([report], Requirements(fps)) for fps in FRAME_RATES]
        short = {row.case: plot_data.label(row.model) for row in report.cases}
        for choices in zip(*by_rate, strict=True):
            yield {
                "machine": _machine(report), "source": report.source,
                "runtime": choices[0].runtime,
                "choices": [_answer(choice, short) for choice in choices],
            }  # fmt: skip


def _answer(choice: Choice, short: dict[str, str]) -> dict[str, Any]:
    return {
        "case": choice.case, "short": short.get(choice.case, ""), "unit": choice.unit,
        "top1": f"{choice.top1:g}" if choice.top1 else "",
        "time": format.milliseconds(choice.frame_ns),
    }  # fmt: skip


def _cases(rows: Sequence[CaseSummary]) -> Grid:
    return table(tables.COLUMNS, rows, tables.note, lambda row: row.p50 is None)


def _claims(sessions: Sequence[SessionResults]) -> Grid:
    rows = [
        (result.claim, result.verdict, result.measured, result.on, result.source)
        for result in claims.claim_results(sessions)
    ]
    return words(("Claim", "Verdict", "Measured", "On", "Source"), rows)


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
    models = {
        model.identity: model
        for report in reports
        for model in (
            *(accuracy.model for accuracy in report.accuracies),
            *(metrics.model for metrics in report.metrics),
            *(case.model for case in report.cases),
        )
    }
    trained = {True: "", False: "untrained", None: "unknown"}
    rows = [
        (model.name, model.weights or trained[model.trained], model.format, model.precision,
         model.compression or "none", model.target, model.identity[:12])
        for model in models.values()
    ]  # fmt: skip
    headers = ("Model", "Weights", "Format", "Precision", "Compression", "Target", "SHA-256")
    return words(headers, rows)
