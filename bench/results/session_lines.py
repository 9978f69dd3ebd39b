"""What a session says besides its table, each in one line."""

from collections.abc import Iterator

from bench.results import format
from bench.results.compare import Comparison
from bench.results.device_shares import device_shares, first_off, has_costs
from bench.results.layer_errors import LayerErrors
from bench.results.read import Results
from bench.results.records import Placement, Session, Soak
from mobilenet.common.text import duration

STEADY = 0.05  # loss of throughput that is no loss


def machine(session: Session) -> str:
    env = session.environment
    packages = ", ".join(f"{name} {version}" for name, version in env.packages.items())
    model = f"{env.model}, " if env.model else ""
    return (
        f"machine: {model}{env.processor} ({env.physical_cores} cores, "
        f"{format.gibibytes(env.memory_bytes)}), {env.system} {env.machine}; "
        f"Python {env.python}" + (f", {packages}" if packages else "")
    )


def plan(session: Session) -> str:
    fixed = session.plan
    return (
        f"plan: {fixed.rounds} rounds of one launch per case in shuffled order (seed "
        f"{fixed.seed}), {fixed.samples} samples each after {fixed.warmup_s:g} s of warm-up"
    )


def control(one: Comparison) -> str:
    """The A/A control: the same package measured under two names."""
    if one.ratio is None or one.interval is None:
        return f"A/A control: too few rounds ({one.rounds}) to tell"
    low, high = map(format.percent, one.interval)
    interval = f"{format.percent(one.ratio)} [{low}, {high}]"
    verdict = "a difference where there is none" if one.excludes_one else "no difference shown"
    return f"A/A control: {interval} in {one.rounds} rounds: {verdict}"


def others(results: Results) -> Iterator[str]:
    """Soaks, placements and layers, where there are any."""
    yield from map(soak, results.soaks)
    yield from map(placement, results.placements)
    yield from map(layers, results.layer_errors)


def soak(one: Soak) -> str:
    """How the throughput of the last window compares with that of the first."""
    windows = [window for window in one.windows if window.took_ns > 0 and window.calls > 0]
    if len(windows) < 2:
        reason = one.reason or "fewer than two windows were completed"
        return f"soak of {one.case}: {one.status}: {reason}"
    first, last = windows[0], windows[-1]
    ratio = last.calls_per_second / first.calls_per_second
    seconds = (last.begin_ns + last.took_ns) / 1e9
    heat = f"; thermal state {one.thermal_before or 'unknown'}, then {one.thermal_after}"
    return (
        f"soak of {one.case}: {format.significant(first.calls_per_second)} calls/s in the first "
        f"{duration(first.took_ns / 1e9)}, {format.significant(last.calls_per_second)} "
        f"calls/s after {duration(seconds)} ({format.percent(ratio)}): "
        f"{'steady' if ratio >= 1 - STEADY else 'slower'}{heat if one.thermal_after else ''}"
    )


def placement(one: Placement) -> str:
    """Where Core ML says it will run the operations."""
    title = f"placement of {one.case}, as planned by Core ML"
    shares = device_shares(one.ops)
    if not shares:
        return f"{title}: empty"
    parts = ", ".join(f"{device} {100 * share:.1f} %" for device, share in shares.items() if share)
    whole = "estimated cost" if has_costs(one.ops) else "operations"
    left = ""
    if op := first_off(one.ops):
        left = f"; first to leave the Neural Engine: {op.name} ({op.type}), on {op.preferred}"
    return f"{title}: {parts} of the {whole}{left}"


def layers(one: LayerErrors) -> str:
    known = [layer for layer in one.layers if layer.relative_l2 is not None]
    text = f"layers of {one.package} against {one.reference}"
    if not known:
        return f"{text}: none could be compared"
    worst = max(known, key=lambda layer: layer.relative_l2 or 0.0)
    return f"{text}: relative L2 at most {format.scientific(worst.relative_l2)}, in {worst.name}"
