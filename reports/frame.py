"""Results as a pandas DataFrame, to go on with in a notebook or a spreadsheet."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from bench.results.top1 import config_of
from mobilenet.common.text import spreadsheet_cell
from mobilenet.networks.families import name_of

if TYPE_CHECKING:
    import pandas as pd

    from bench.results.session_report import Report
    from bench.results.stats import Estimate
    from bench.results.summary import CaseSummary

ESTIMATES = ("p50", "p90", "cpu_p50", "first_call", "load", "start", "native")
COLUMNS = {  # and their types in pandas, all of which know missing values
    **dict.fromkeys(("source", "session", "started", "system", "machine", "processor"), "string"),
    "isolation": "string",
    **dict.fromkeys(("unreliable", "warnings"), "string"),
    **dict.fromkeys(("case", "runtime", "unit"), "string"),
    **dict.fromkeys(("threads", "batch"), "Int64"),
    "pace_hz": "Float64",
    **dict.fromkeys(("status", "reason"), "string"),
    **dict.fromkeys(("launches", "launches_failed", "samples", "outliers", "drifting"), "Int64"),
    **dict.fromkeys(("contended", "involuntary_switches"), "Int64"),
    **{f"{name}{bound}_ns": "Float64" for name in ESTIMATES for bound in ("", "_low", "_high")},
    **dict.fromkeys(("first_load_ns", "compile_ns", "peak_memory_bytes"), "Int64"),
    **dict.fromkeys(("top1_percent", "top1_low_percent", "top1_high_percent"), "Float64"),
    **dict.fromkeys(("mAP_percent", "mIOU_percent"), "Float64"),
    **dict.fromkeys(("top1_source", "model", "identity"), "string"),
    "size_bytes": "Int64",
    **dict.fromkeys(("format", "precision", "compression", "target"), "string"),
    "min_ios": "Int64",
    "network": "string",
    "alpha": "Float64",
    "resolution": "Int64",
    "input_width": "Int64",
    "shallow": "boolean",
    "trained": "boolean",
    "weights": "string",
    "macs": "Int64",
    "parameters": "Int64",
    **dict.fromkeys(("structure", "agreement", "loss"), "Float64"),
    **dict.fromkeys(("head", "preprocessing", "labels", "labels_from", "resolutions"), "string"),
    "classes": "Int64",
    **dict.fromkeys(("release", "licence", "compute_units"), "string"),
    **dict.fromkeys(("published_top1", "published_top5"), "Float64"),
    **dict.fromkeys(("command", "command_note"), "string"),
}


def read(paths: str | PathLike[str] | Iterable[str | PathLike[str]]) -> "pd.DataFrame":
    """All cases in the results files at `paths`: a row for each case of each session.

    Units end the names of columns, missing values are NA. Columns, in order:

    - `source`, `session`, `started` (UTC), `system`, `machine`, `processor`: which session, where
    - `isolation`: "process" where each launch had one of its own, "shared" where all had one
    - `unreliable`: why nothing can be concluded from the session, NA where something can;
      `warnings` about it
    - `case`, `runtime`, `unit`, `threads`, `batch`: what was measured, and how
    - `pace_hz`: calls a second, as a camera gives frames; 0 is one call after the other
    - `status`, `reason`: "ok", or why there are no figures
    - `launches`, `launches_failed`, `samples`, `outliers`, `drifting`: how many there were
    - `contended`: launches that waited for the CPU; `involuntary_switches` of context in all
    - `p50_ns`, `p90_ns`, `cpu_p50_ns` (CPU time, all threads together), `first_call_ns`,
      `load_ns`, `start_ns`, `native_ns`: medians over launches, each with its interval of at
      least 95 %, such as `p50_low_ns` to `p50_high_ns`
    - `first_load_ns`, `compile_ns`, `peak_memory_bytes`
    - `top1_percent`, `top1_source`: accuracy of the model, measured or published; its interval of
      95 % is `top1_low_percent` to `top1_high_percent`
    - `mAP_percent`, `mIOU_percent`: of a detector or a segmenter, where it was measured
    - `model` and what is known of it: the fields of `bench.results.records.Model`, such as
      `network`, `alpha`, `precision`, `size_bytes`, `macs` and `trained`; `input_width` only of
      inputs that are not square, whose height is `resolution`

    The A/A control is no row. Raises `RecordError` for what is no results file, `OSError` for a
    file that cannot be read.
    """
    from bench.results.session_report import read_reports

    several = [paths] if isinstance(paths, str | PathLike) else paths
    return frame_of(read_reports(map(Path, several)))


def frame_of(reports: "Iterable[Report]") -> "pd.DataFrame":
    """The same, of sessions that have been read."""
    import pandas as pd

    reports = list(reports)
    metrics = _metrics(reports)
    rows = [_row(report, case, metrics) for report in reports for case in report.cases]
    frame = pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)
    return frame.assign(started=pd.to_datetime(frame["started"], utc=True, format="ISO8601"))


def as_csv(reports: "Iterable[Report]") -> str:
    """The same as text: a line of headers, then one for each case; no cell is a formula."""
    frame = frame_of(reports)
    words = frame.select_dtypes("string").columns
    frame[words] = frame[words].map(spreadsheet_cell, na_action="ignore")
    return str(frame.to_csv(index=False, lineterminator="\n"))


def _metrics(reports: "Iterable[Report]") -> dict[tuple[str, str], float]:
    """Percent by the model's identity and the metric's name; the first that was measured."""
    measured: dict[tuple[str, str], float] = {}
    for record in (record for report in reports for record in report.metrics):
        for metric in record.metrics:
            if metric.value is not None:
                measured.setdefault((record.model.identity, metric.name), 100 * metric.value)
    return measured


def _row(
    report: "Report", case: "CaseSummary", metrics: Mapping[tuple[str, str], float]
) -> dict[str, object]:
    """The cells of a case by column: fields of it and its model, and what is put together."""
    session, top1 = report.session, report.top1.get(case.model.identity)
    environment = session.environment if session else None
    config = config_of(case.model)
    estimates = (_estimate(name, getattr(case, name)) for name in ESTIMATES)
    return {
        **{name: getattr(case, name, getattr(case.model, name, None)) for name in COLUMNS},
        **dict(chain.from_iterable(estimates)),
        "source": report.source,
        "session": session.session if session else None,
        "started": session.started if session else None,
        "system": environment.system if environment else None,
        "machine": (
            (environment.name or environment.model or environment.machine) if environment else None
        ),
        "processor": environment.processor if environment else None,
        "isolation": session.isolation if session else None,
        "unreliable": report.trust.unreliable or None,
        "warnings": "; ".join(report.trust.warnings) or None,
        "threads": int(case.options["threads"]) if "threads" in case.options else None,
        "batch": int(case.options.get("batch", 1)),
        "top1_percent": top1.percent if top1 else None,
        "top1_low_percent": top1.interval.low if top1 and top1.interval else None,
        "top1_high_percent": top1.interval.high if top1 and top1.interval else None,
        "top1_source": top1.source if top1 else None,
        "mAP_percent": metrics.get((case.model.identity, "mAP")),
        "mIOU_percent": metrics.get((case.model.identity, "mIOU")),
        "model": case.model.name,
        "input_width": case.model.input_width or None,
        "labels": ", ".join(case.model.labels),
        "resolutions": ", ".join(map(str, case.model.resolutions)),
        "network": name_of(config) if config else None,
    }


def _estimate(name: str, estimate: "Estimate | None") -> "Iterator[tuple[str, float | None]]":
    """A median and the bounds of its interval."""
    low, high = estimate.interval if estimate and estimate.interval else (None, None)
    yield f"{name}_ns", estimate.value if estimate else None
    yield from ((f"{name}_low_ns", low), (f"{name}_high_ns", high))
