"""What a session says besides its table, each in one line."""

from collections.abc import Iterator

from bench.results import format
from bench.results.compare import Comparison
from bench.results.layer_errors import LayerErrors
from bench.results.read import Results
from bench.results.records import Placement, Session, Soak


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
    windows = [window for window in one.windows if window.took_ns]
    if not windows:
        return f"soak of {one.case}: {one.status}: {one.reason or 'no window was completed'}"
    first, last = (windows[i].calls / windows[i].took_ns * 1e9 for i in (0, -1))
    seconds = (windows[-1].begin_ns + windows[-1].took_ns) / 1e9
    return (
        f"soak of {one.case}: {format.significant(first)} calls a second at first, "
        f"{format.significant(last)} after {format.duration(seconds)} "
        f"({format.percent(last / first)}); thermal state {one.thermal_after or 'unknown'}"
    )


def placement(one: Placement) -> str:
    """Where Core ML says it will run the operations."""
    counts: dict[str, int] = {}
    for op in one.ops:
        counts[op.preferred] = counts.get(op.preferred, 0) + 1
    shares = ", ".join(f"{count} on {device}" for device, count in sorted(counts.items()))
    off = next((op for op in one.ops if op.preferred != "ANE"), None)
    first = f"; first off the Neural Engine: {off.name} ({off.type})" if off else ""
    plan = f"of {format.plural(len(one.ops), 'operation')} {shares}{first}" if one.ops else "empty"
    return f"placement of {one.case}, as planned by Core ML: {plan}"


def layers(one: LayerErrors) -> str:
    known = [layer for layer in one.layers if layer.relative_l2 is not None]
    text = f"layers of {one.package} against {one.reference}"
    if not known:
        return f"{text}: none could be compared"
    worst = max(known, key=lambda layer: layer.relative_l2 or 0.0)
    return f"{text}: relative L2 at most {format.scientific(worst.relative_l2)}, in {worst.name}"
