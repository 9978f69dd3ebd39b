"""Summaries and records into the rows that plots are drawn from: units in their names."""

from collections.abc import Mapping, Sequence
from statistics import linear_regression
from typing import Any

from bench.results import format, stats
from bench.results.launch import median_ns
from bench.results.layer_errors import LayerErrors
from bench.results.read import Results
from bench.results.records import Case, Model, Placement, Soak
from bench.results.summary import Summary
from bench.results.top1 import Top1, config_of
from mobilenet.common.errors import RecordError
from mobilenet.networks.v1 import MobileNetConfig

Row = dict[str, Any]

HALF = ("", "fp16", "float16")  # what is not worth a word: the default


def label(model: Model) -> str:
    """A short name, for where there is little room: "1.0-224", "0.5-160 fp32"."""
    config = config_of(model)
    if config is None:
        return model.name
    parts = [
        f"{round(config.alpha, 4)}-{config.resolution}",
        "shallow" if config.shallow else "",
        "" if model.precision in HALF else model.precision,
        model.compression,
        "" if model.format == "mlprogram" else model.format,
        "(untrained)" if model.trained is False else "",
    ]
    return " ".join(filter(None, parts))


def name(row: Summary, rows: Sequence[Summary]) -> str:
    """The label, with the unit where `rows` have several."""
    several = len({other.place for other in rows}) > 1
    return f"{label(row.model)}, {row.place}" if several else label(row.model)


def cases(rows: Sequence[Summary]) -> list[Row]:
    """A row per case with figures."""
    return [_case(row) for row in rows if row.p50]


def _case(row: Summary) -> Row:
    value_ns = row.p50.value if row.p50 else 0.0
    interval = row.p50.interval if row.p50 else None
    low_ns, high_ns = interval or (value_ns, value_ns)
    macs = row.model.macs
    return {
        "case": row.case, "label": label(row.model), "unit": row.place,
        "p50_ms": value_ns / 1e6, "low_ms": low_ns / 1e6, "high_ms": high_ns / 1e6,
        "size_mb": row.model.size_bytes / 1e6, "macs_m": None if macs is None else macs / 1e6,
    }  # fmt: skip


def accuracies(rows: Sequence[Summary], top1: Mapping[str, Top1]) -> list[Row]:
    """Cases of known accuracy, the Pareto front marked: of two as fast, the more accurate."""
    found: list[Row] = []
    labelled: set[str] = set()
    best = float("-inf")
    plotted = [
        (row, row.p50, top1[row.model.identity])
        for row in rows
        if row.p50 and row.model.identity in top1 and "batch" not in row.options
    ]
    for row, _, known in sorted(plotted, key=lambda each: (each[1].value, -each[2].percent)):
        front = known.percent > best
        best = max(best, known.percent)
        found.append({**_case(row), "top1": known.percent, "source": known.source, "front": front})
        if label(row.model) in labelled:  # the same network on a slower unit
            found[-1]["label"] = ""
        labelled.add(label(row.model))
    return found


def fits(values: Sequence[Row]) -> list[Row]:
    """Time by operations as a straight line for each unit, from zero operations on: two ends."""
    found: list[Row] = []
    counted = [value for value in values if value["macs_m"] is not None]
    for unit in dict.fromkeys(value["unit"] for value in counted):
        macs = [value["macs_m"] for value in counted if value["unit"] == unit]
        times = [value["p50_ms"] for value in counted if value["unit"] == unit]
        if len(set(macs)) > 2:
            slope, intercept = linear_regression(macs, times)
            found += [
                {"unit": unit, "macs_m": m, "p50_ms": intercept + slope * m}
                for m in (0, max(macs))
            ]
    return found


def launches(rows: Sequence[Summary], results: Results, limit: int) -> list[Row]:
    """A row per launch, of as many whole cases as `limit` launches allow."""
    found: list[Row] = []
    for row in rows:
        measured, known_as = results.measured(row.case), name(row, rows)
        if found and len(found) + len(measured) > limit:
            break
        for launch in measured[:limit]:
            middle_ns, calls = median_ns(launch), launch.calls_per_sample
            interval = stats.median_interval(launch.samples_ns)
            low_ns, high_ns = interval or (middle_ns * calls, middle_ns * calls)
            found.append({
                "case": row.case, "name": known_as, "round": launch.round,
                "p50_ms": middle_ns / 1e6,
                "low_ms": low_ns / calls / 1e6, "high_ms": high_ns / calls / 1e6,
                "first_ms": launch.first_call_ns / 1e6 if launch.first_call_ns else None,
            })  # fmt: skip
    return found


def samples(results: Results, case: str) -> list[Row]:
    """Every sample of one case, per call. Raises `RecordError` for a case without any."""
    measured = results.measured(case)
    if not measured:
        known = ", ".join(repr(name) for name in results.cases if results.measured(name))
        raise RecordError(f"{results.source} has no samples of {case!r}", f"it has {known}")
    return [
        {"round": launch.round, "sample": index, "time_ms": ns / launch.calls_per_sample / 1e6}
        for launch in measured
        for index, ns in enumerate(launch.samples_ns)
    ]


def alpha_sweep(rows: Sequence[Summary]) -> list[Row]:
    """Time and operations of the deep networks at 224 pixels, relative to the largest alpha."""
    return _sweep(rows, lambda c: c.alpha if not c.shallow and c.resolution == 224 else None)


def resolution_sweep(rows: Sequence[Summary]) -> list[Row]:
    """The same at alpha 1, relative to the largest resolution."""
    return _sweep(rows, lambda c: c.resolution if not c.shallow and c.alpha == 1 else None)


def _sweep(rows: Sequence[Summary], knob_of: Any) -> list[Row]:
    units: dict[str, dict[float, tuple[Summary, MobileNetConfig]]] = {}
    for row in rows:
        config = config_of(row.model)
        knob = knob_of(config) if config else None
        if row.p50 and config and knob is not None:
            units.setdefault(row.place, {}).setdefault(knob, (row, config))  # the fastest of it
    units = {unit: found for unit, found in units.items() if len(found) > 1}
    return _operations_of(units) + _times_of(units)


def _operations_of(units: dict[str, dict[float, tuple[Summary, MobileNetConfig]]]) -> list[Row]:
    configs = {knob: config for found in units.values() for knob, (_, config) in found.items()}
    counts = {knob: configs[knob].cost().macs for knob in sorted(configs)}
    return [
        {"series": "operations", "knob": knob, "percent": 100 * count / counts[max(counts)],
         "amount": f"{format.millions(count)} M multiply-adds"}
        for knob, count in counts.items()
    ]  # fmt: skip


def _times_of(units: dict[str, dict[float, tuple[Summary, MobileNetConfig]]]) -> list[Row]:
    found: list[Row] = []
    for unit, members in units.items():
        times = {knob: row.p50.value for knob, (row, _) in members.items() if row.p50}
        found += [
            {"series": f"time, {unit}", "knob": knob, "percent": 100 * ns / times[max(times)],
             "amount": f"{format.milliseconds(ns)} ms"}
            for knob, ns in sorted(times.items())
        ]  # fmt: skip
    return found


def soak_windows(soaks: Sequence[Soak], cases: Mapping[str, Case]) -> list[Row]:
    """A row per window, of cases that `cases` describes."""
    return [
        {"case": soak.case, "series": _series(cases[soak.case]),
         "seconds": (window.begin_ns + window.took_ns / 2) / 1e9,
         "per_second": window.calls_per_second, "thermal": str(window.thermal or "unknown")}
        for soak in soaks
        for window in soak.windows
        if window.took_ns > 0
    ]  # fmt: skip


def _series(case: Case) -> str:
    return f"{label(case.model)}, {case.unit}"


def layer_operations(config: MobileNetConfig) -> list[Row]:
    total = config.cost().macs
    layers = [(row.name, row.kind, row.macs) for row in config.rows()]
    rest = total - sum(macs for *_, macs in layers)
    return [
        {"layer": name, "kind": kind, "macs_m": macs / 1e6, "percent": 100 * macs / total}
        for name, kind, macs in [*layers, ("logits", "classifier", rest)]
    ]


def placed_costs(placement: Placement) -> list[Row]:
    return [
        {"layer": op.name, "device": op.preferred, "percent": 100 * op.cost}
        for op in placement.ops
        if op.cost is not None
    ]


def layer_errors(errors: LayerErrors) -> list[Row]:
    """Layers that are exact have no place on a log scale."""
    return [
        {"index": index, "layer": layer.name, "relative_l2": layer.relative_l2 or None,
         "max_absolute": layer.max_absolute}
        for index, layer in enumerate(errors.layers)
    ]  # fmt: skip
