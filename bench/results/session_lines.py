"""What a session says besides its table, each in one line."""

from collections.abc import Iterator

from bench.results import format
from bench.results.compare import Comparison
from bench.results.device_shares import device_shares, first_off, has_costs
from bench.results.layer_errors import LayerErrors
from bench.results.placed_ops import Placement
from bench.results.read import SessionResults
from bench.results.records import Plan, SessionHead, Soak
from mobilenet.common.text import duration

STEADY = 0.05  # loss of throughput that is no loss


def machine(session: SessionHead) -> str:
    """The hardware, and the software that computes."""
    env = session.environment
    named = f"{env.name} ({env.model})" if env.name not in ("", env.model) else env.model
    parts = (
        *filter(None, [named]),
        f"{env.processor} ({env.physical_cores} cores, {format.gibibytes(env.memory_bytes)})",
        f"{env.system} {env.machine}",
    )
    return "; ".join(filter(None, [f"machine: {', '.join(parts)}", env.software]))


def plan(session: SessionHead) -> str:
    """How much was to be measured, in what order."""
    fixed = session.plan
    text = (
        f"plan: {fixed.rounds} rounds of one launch per case in shuffled order (seed "
        f"{fixed.seed}), {fixed.samples} samples each after {fixed.warmup_s:g} s of warm-up"
    )
    return text if fixed.to_find is None else f"{text}, {rounds(fixed)}"


def launched(what: str, pace_hz: float, session: SessionHead | None) -> str:
    """A runtime or a case, and what sets its launches apart from others: pace and isolation."""
    pace = [f"{pace_hz:g} frames a second"] if pace_hz else []
    shared = ["one process for all launches"] if session and session.isolation == "shared" else []
    return ", ".join([what, *pace, *shared])


def rounds(plan: Plan) -> str:
    """What the rounds are to find, of a plan that a pilot made."""
    spread = format.significant(plan.pilot_spread or 0.0, 2)
    return (
        f"to find {format.difference(plan.to_find)} between two cases in 95 of 100 sessions: a "
        f"round's log ratio spread by {spread} in a pilot, which is no part of the results"
    )


def control(comparison: Comparison) -> str:
    """The A/A control: the same package measured under two names."""
    if comparison.ratio is None or comparison.interval is None:
        return f"A/A control: too few rounds ({comparison.rounds}) to tell"
    low, high = map(format.percent, comparison.interval)
    interval = f"{format.percent(comparison.ratio)} [{low}, {high}]"
    verdict = "a difference where there is none" if comparison.differs else comparison.verdict
    return f"A/A control: {interval} in {comparison.rounds} rounds: {verdict}"


def others(results: SessionResults) -> Iterator[str]:
    """Soaks, placements and layers, where there are any."""
    yield from map(soak, results.soaks)
    yield from map(placement, results.placements)
    yield from map(layers, results.layer_errors)


def soak(record: Soak) -> str:
    """How the throughput of the last window compares with that of the first."""
    windows = [window for window in record.windows if window.took_ns > 0 and window.calls > 0]
    if len(windows) < 2:
        reason = record.reason or "fewer than two windows were completed"
        return f"soak of {record.case}: {record.status}: {reason}"
    first, last = windows[0], windows[-1]
    ratio = last.calls_per_second / first.calls_per_second
    seconds = (last.begin_ns + last.took_ns) / 1e9
    heat = f"; thermal state {record.thermal_before or 'unknown'}, then {record.thermal_after}"
    return (
        f"soak of {record.case}: {format.significant(first.calls_per_second)} calls/s in the "
        f"first {first.took_ns / 1e9:.3g} s, {format.significant(last.calls_per_second)} "
        f"calls/s after {duration(seconds)} ({format.percent(ratio)}): "
        f"{'steady' if ratio >= 1 - STEADY else 'slower'}{heat if record.thermal_after else ''}"
    )


def placement(record: Placement) -> str:
    """Where Core ML says it will run the operations."""
    title = f"placement of {record.case}, as planned by Core ML"
    shares = device_shares(record.ops)
    if not shares:
        return f"{title}: empty"
    parts = ", ".join(f"{device} {100 * share:.1f} %" for device, share in shares.items() if share)
    whole = "estimated cost" if has_costs(record.ops) else "operations"
    left = ""
    if op := first_off(record.ops):
        left = f"; first to leave the Neural Engine: {op.name} ({op.type}), on {op.preferred}"
    return f"{title}: {parts} of the {whole}{left}"


def layers(errors: LayerErrors) -> str:
    """The largest error of a layer, relative L2."""
    compared = [layer for layer in errors.layers if layer.relative_l2 is not None]
    text = f"layers of {errors.package} against {errors.reference}"
    if not compared:
        return f"{text}: none could be compared"
    worst = max(compared, key=lambda layer: layer.relative_l2 or 0.0)
    return f"{text}: relative L2 at most {format.scientific(worst.relative_l2)}, in {worst.name}"
