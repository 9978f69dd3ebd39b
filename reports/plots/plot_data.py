"""Summaries and records into the rows that plots are drawn from: units in their names."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import linear_regression
from typing import Any

from bench.results import format, stats
from bench.results.launch import median_ns
from bench.results.layer_errors import LayerErrors
from bench.results.placed_ops import Placement
from bench.results.read import SessionResults
from bench.results.records import Case, Model, Soak
from bench.results.summary import CaseSummary
from bench.results.top1 import backbone_of, config_of
from mobilenet.common.errors import RecordError
from mobilenet.networks.base_config import HEADS, BaseConfig
from mobilenet.networks.families import DEFAULT_NETWORK, name_of

Datum = dict[str, Any]  # of JSON's kinds, for Vega; a field has one kind in all data of a plot
# network ("v2 ", nothing for the default) and unit, to knob, to its case
Units = dict[tuple[str, str], dict[float, tuple[CaseSummary, BaseConfig]]]

LEAST_OF_SWEEP = 3  # two points make a line of anything
HALF = ("", "fp16", "float16")  # what is not worth a word: the default


def label(model: Model) -> str:
    """A short name, for where there is little room: "1.0-224", "DeepLab v2 1.0-513 fp32"."""
    config = backbone_of(model)
    if config is None:
        return model.name
    parts = [
        HEADS.get(model.head, ""),
        f"{_network(config)}{round(config.alpha, 4)}-{config.size.slug}",
        "shallow" if config.shallow else "",
        "" if model.precision in HALF else model.precision,
        model.compression,
        "" if model.format == "mlprogram" else model.format,
        "(untrained)" if model.trained is False else "",
    ]
    return " ".join(filter(None, parts))


def _network(config: BaseConfig) -> str:
    name = name_of(config)
    return "" if name in (None, DEFAULT_NETWORK) else f"{name} "


def labels(models: Iterable[Model]) -> dict[str, str]:
    """By identity the label of each, but the name of those that would have one label."""
    by_identity = {model.identity: model for model in models}
    short = {identity: label(model) for identity, model in by_identity.items()}
    shared = {text for text, count in Counter(short.values()).items() if count > 1}
    return {
        identity: by_identity[identity].name if text in shared else text
        for identity, text in short.items()
    }


def _names(rows: Sequence[CaseSummary]) -> dict[str, str]:
    """By case the model's label, with the unit where `rows` have several."""
    several = len({row.unit_label for row in rows}) > 1
    known_as = labels(row.model for row in rows)
    return {
        row.case: known_as[row.model.identity] + f", {row.unit_label}" * several for row in rows
    }


def card(model: Model) -> str:
    """What the page's card of a model is called; a point that has it opens the card."""
    return f"model-{hashlib.sha256(model.identity.encode()).hexdigest()[:16]}"


def cases(rows: Sequence[CaseSummary]) -> list[Datum]:
    """A row per case with figures; its series is its unit."""
    timed = [row for row in rows if row.p50]
    known_as = labels(row.model for row in timed)
    return [case(row, known_as[row.model.identity]) for row in timed]


def case(row: CaseSummary, known_as: str) -> Datum:
    """One case, of which there are figures, and what its model is called."""
    value_ns = row.p50.value if row.p50 else 0.0
    interval = row.p50.interval if row.p50 else None
    low_ns, high_ns = interval or (value_ns, value_ns)
    macs = row.model.macs
    return {
        "case": row.case, "card": card(row.model), "label": known_as,
        "series": row.unit_label,
        "p50_ms": value_ns / 1e6, "low_ms": low_ns / 1e6, "high_ms": high_ns / 1e6,
        "size_mb": row.model.size_bytes / 1e6, "macs_m": None if macs is None else macs / 1e6,
    }  # fmt: skip


def fits(values: Sequence[Datum]) -> list[Datum]:
    """Time by operations as a straight line for each unit, from zero operations on: two ends."""
    lines: list[Datum] = []
    counted = [value for value in values if value["macs_m"] is not None]
    for unit in dict.fromkeys(value["series"] for value in counted):
        macs = [value["macs_m"] for value in counted if value["series"] == unit]
        times = [value["p50_ms"] for value in counted if value["series"] == unit]
        if len(set(macs)) > 2:
            slope, intercept = linear_regression(macs, times)
            lines += [
                {"series": unit, "macs_m": m, "p50_ms": intercept + slope * m}
                for m in (0, max(macs))
            ]
    return lines


def launches(rows: Sequence[CaseSummary], results: SessionResults, limit: int) -> list[Datum]:
    """A row per launch, of as many whole cases as `limit` launches allow.

    `position` counts launches of a case, so that rounds it missed leave no gap.
    """
    data: list[Datum] = []
    names = _names(rows)
    for row in rows:
        measured = results.measured(row.case)
        if data and len(data) + len(measured) > limit:
            break
        for position, launch in enumerate(measured[:limit]):
            middle_ns, calls = median_ns(launch), launch.calls_per_sample
            interval = stats.median_interval(launch.samples_ns)
            low_ns, high_ns = interval or (middle_ns * calls, middle_ns * calls)
            data.append({
                "case": row.case, "card": card(row.model), "name": names[row.case],
                "round": launch.round, "position": position,
                "p50_ms": middle_ns / 1e6,
                "low_ms": low_ns / calls / 1e6, "high_ms": high_ns / calls / 1e6,
                "first_ms": launch.first_call_ns / 1e6 if launch.first_call_ns else None,
            })  # fmt: skip
    return data


def samples(results: SessionResults, case: str) -> list[Datum]:
    """Every sample of one case, per call. Raises `RecordError` for a case without any."""
    measured = results.measured(case)
    if not measured:
        names = ", ".join(repr(name) for name in results.cases if results.measured(name))
        raise RecordError(f"{results.source} has no samples of {case!r}", f"it has {names}")
    return [
        {"round": launch.round, "sample": index, "time_ms": ns / launch.calls_per_sample / 1e6}
        for launch in measured
        for index, ns in enumerate(launch.samples_ns)
    ]


def alpha_sweep(rows: Sequence[CaseSummary]) -> list[Datum]:
    """Time and operations of the deep networks at 224 pixels, relative to the largest alpha."""
    return _sweep(rows, lambda c: c.alpha if not c.shallow and c.resolution == 224 else None)


def resolution_sweep(rows: Sequence[CaseSummary]) -> list[Datum]:
    """The same at alpha 1, relative to the largest resolution."""
    return _sweep(rows, lambda c: c.resolution if not c.shallow and c.alpha == 1 else None)


def _sweep(
    rows: Sequence[CaseSummary], knob_of: Callable[[BaseConfig], float | None]
) -> list[Datum]:
    units: Units = {}
    for row in rows:
        config = config_of(row.model)
        knob = knob_of(config) if config and config.size.is_square else None
        if row.p50 and config and knob is not None:
            fastest = units.setdefault((_network(config), row.unit_label), {})
            fastest.setdefault(knob, (row, config))
    units = {unit: members for unit, members in units.items() if len(members) >= LEAST_OF_SWEEP}
    return _operations_of(units) + _times_of(units)


def _operations_of(units: Units) -> list[Datum]:
    counts: dict[str, dict[float, int]] = {}
    for (network, _), members in units.items():
        for knob, (_, config) in members.items():
            counts.setdefault(network, {})[knob] = config.cost().macs
    return [
        {"series": f"{network}operations", "knob": knob, "percent": 100 * count / of[max(of)],
         "amount": f"{format.millions(count)} M multiply-adds"}
        for network, of in counts.items()
        for knob, count in sorted(of.items())
    ]  # fmt: skip


def _times_of(units: Units) -> list[Datum]:
    data: list[Datum] = []
    for (network, unit), members in units.items():
        times = {knob: row.p50.value for knob, (row, _) in members.items() if row.p50}
        data += [
            {"series": f"{network}time, {unit}", "knob": knob,
             "percent": 100 * ns / times[max(times)], "amount": f"{format.milliseconds(ns)} ms"}
            for knob, ns in sorted(times.items())
        ]  # fmt: skip
    return data


def soak_windows(soaks: Sequence[Soak], cases: Mapping[str, Case]) -> list[Datum]:
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


def layer_operations(config: BaseConfig) -> list[Datum]:
    """Multiply-adds of each layer, in millions and in percent of all."""
    total = config.cost().macs
    layers = [(row.name, row.kind, row.macs) for row in config.rows()]
    rest = total - sum(macs for *_, macs in layers)
    return [
        {"layer": name, "kind": kind, "macs_m": macs / 1e6, "percent": 100 * macs / total}
        for name, kind, macs in [*layers, ("logits", "classifier", rest)]
    ]


def placed_costs(placement: Placement) -> list[Datum]:
    """Operations that have an estimated cost, in percent of the whole."""
    return [
        {"layer": op.name, "device": op.preferred, "percent": 100 * op.cost}
        for op in placement.ops
        if op.cost is not None
    ]


def layer_errors(errors: LayerErrors) -> list[Datum]:
    """Layers that are exact have no place on a log scale."""
    return [
        {"index": index, "layer": layer.name, "relative_l2": layer.relative_l2 or None,
         "max_absolute": layer.max_absolute}
        for index, layer in enumerate(errors.layers)
    ]  # fmt: skip
