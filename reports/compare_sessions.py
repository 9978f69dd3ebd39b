"""`reports compare`: two sessions on one machine, or two cases of one session, case by case."""

from collections.abc import Iterator, Sequence

import msgspec

from bench.results import format, stats
from bench.results.compare import Comparison, compare_launches
from bench.results.launch import pace_hz
from bench.results.read import SessionResults
from mobilenet.common.errors import RecordError
from reports.doubts import Doubts, trust_of
from reports.model_changes import model_changes
from reports.shared_control import MACHINE, SharedCase, SharedCases
from reports.verdicts import Verdicts

# What makes two sessions incomparable: the hardware. Software may differ; it is what one compares.
MACHINE_FIELDS = (
    "machine", "model", "processor", "physical_cores", "logical_cores", "memory_bytes", "virtual",
)  # fmt: skip
PLAN_FIELDS = ("samples", "warmup_s", "warmup_calls")  # the rounds may differ
CONDITION_FIELDS = ("system", "python", "power_source", "low_power_mode", "governor", "turbo")


NO_CONTROL = (
    "without an unchanged case beside it on the same unit, a model's shift cannot be told from "
    "the machine's: measure both packages in one session (--cases), or a baseline package in both"
)


def compare_sessions(
    a: SessionResults, b: SessionResults, margin: float, force: bool = False
) -> Verdicts:
    """Every case that both sessions measured. Raises `RecordError` where they do not compare."""
    names = [name for name, case in a.cases.items() if name in b.cases and not case.control_of]
    if not names:
        raise RecordError(
            f"{a.source} and {b.source} have no case in common",
            "compare two cases of one session with --cases",
        )
    differences = [*_machine_differences(a, b), *_option_differences(a, b, names)]
    if differences and not force:
        raise RecordError(
            f"the sessions cannot be compared: {differences[0]}",
            "--force compares them all the same",
        )
    remarks = [f"compared by force: {difference}" for difference in differences]
    remarks += [*_condition_differences(a, b), *_unmatched(a, b), *_changes(a, b, names)]
    shared = SharedCases(a, b)
    compared = shared.compared
    level = stats.adjusted_level(len(compared))
    comparisons = [shared.comparison(case, level, margin) for case in compared]
    undecided = [*_nothing_to_compare(a, b, comparisons), *_lost(a, b)]
    for difference in _isolation(a, b):
        comparisons = [_left_open(comparison, difference) for comparison in comparisons]
    for place, cases in shared.by_place().items():
        sentence, is_told = _machine(place, cases, level, margin)
        (remarks if is_told else undecided).append(sentence)
    if any(comparison.unchanged == 0 for comparison in comparisons):
        remarks.append(NO_CONTROL)
    return Verdicts.of(level, comparisons, Doubts.of(trust_of(a, b)), undecided, remarks)


def compare_cases(
    results: SessionResults, a: str, b: str, margin: float, force: bool = False
) -> Verdicts:
    """Case `b` against case `a` of one session, whose rounds they share.

    Raises `RecordError` for names that it has not, and for calls in a row against a camera's.
    """
    for name in (a, b):
        if name not in results.cases:
            names = ", ".join(repr(case) for case in results.cases)
            raise RecordError(f"{results.source} has no case {name!r}", f"it has {names}")
    if a == b:
        raise RecordError(f"{a!r} is compared with itself", "name two cases")
    first, second = (pace_hz(results.cases[name], results.measured(name)) for name in (a, b))
    remarks = []
    if first != second:
        remarks.append(f"compared by force: {_called(first)} against {_called(second)}")
        if not force:
            raise RecordError(
                f"the cases cannot be compared: {_called(first)} and {_called(second)}",
                "a processor clocks down between frames; --force compares them all the same",
            )
    comparison = compare_launches(results.measured(a), results.measured(b), (a, b), margin=margin)
    return Verdicts.of(stats.LEVEL, [comparison], Doubts.of(trust_of(results)), remarks=remarks)


def _called(hertz: float) -> str:
    return f"{hertz:g} frames a second" if hertz else "calls in a row"


def _nothing_to_compare(
    a: SessionResults, b: SessionResults, comparisons: Sequence[Comparison]
) -> Iterator[str]:
    if not comparisons:
        yield "no case has figures in both"
    same_name = a.session and b.session and a.session.session == b.session.session
    if same_name or a.source.resolve() == b.source.resolve():
        yield f"{a.source} and {b.source} hold the same session"


def _machine(
    place: str, cases: Sequence[SharedCase], level: float, margin: float
) -> tuple[str, bool]:
    """How the cases of one unit moved between the sessions, and whether that leaves no doubt."""
    unchanged = [case for case in cases if case.is_unchanged]
    shifts = [case.shift(level, margin) for case in unchanged or cases]
    moved = "moved by " + " to ".join(_range(shifts))
    if len(unchanged) < len(cases) and unchanged:
        count = format.plural(len(unchanged), "unchanged case")
        return f"{place}: times are relative to {count}, which {moved}", True
    if len({shift.verdict for shift in shifts}) == 1 and shifts[0].differs:
        count = f"all {len(cases)} cases" if len(cases) > 1 else "the only case"
        return f"{count} on {place} {moved}: {MACHINE}", False
    if len(unchanged) > 1:
        return f"{place}: no model changed, times are relative to each other; they {moved}", True
    return f"{place}: {format.plural(len(cases), 'case')} {moved}", True


def _range(shifts: Sequence[Comparison]) -> list[str]:
    ratios = [shift.ratio for shift in shifts if shift.ratio is not None]
    return list(dict.fromkeys(format.percent(ratio) for ratio in (min(ratios), max(ratios))))


def _changes(a: SessionResults, b: SessionResults, names: Sequence[str]) -> Iterator[str]:
    """One sentence a model, though it runs on several units."""
    sentences: dict[str, None] = {}
    for name in names:
        first, second = a.cases[name].model, b.cases[name].model
        if changes := model_changes(first, second):
            sentences[f"{second.name} is {changes}"] = None
    yield from sentences


def _machine_differences(a: SessionResults, b: SessionResults) -> Iterator[str]:
    if a.session is None or b.session is None:
        yield "the machine of one is unknown"
        return
    yield from _differences(a.session.environment, b.session.environment, MACHINE_FIELDS)
    yield from _isolation(a, b)


def _left_open(comparison: Comparison, reason: str) -> Comparison:
    return msgspec.structs.replace(comparison, verdict="undecided", bound=None, reason=reason)


def _isolation(a: SessionResults, b: SessionResults) -> Iterator[str]:
    if a.session and b.session:
        yield from _differences(a.session, b.session, ("isolation",))


def _option_differences(
    a: SessionResults, b: SessionResults, names: Sequence[str]
) -> Iterator[str]:
    for name in names:
        first, second = (_options(results, name) for results in (a, b))
        if first != second:
            yield f"{name} ran with {first} and {second}"


def _condition_differences(a: SessionResults, b: SessionResults) -> Iterator[str]:
    if a.session and b.session:
        first, second = a.session.environment, b.session.environment
        yield from _differences(first, second, CONDITION_FIELDS)
        yield from _differences(a.session.plan, b.session.plan, PLAN_FIELDS)
        for name in sorted(first.packages.keys() | second.packages.keys()):
            versions = first.packages.get(name, "none"), second.packages.get(name, "none")
            if versions[0] != versions[1]:
                yield f"{name} is {versions[0]} and {versions[1]}"


def _differences(a: msgspec.Struct, b: msgspec.Struct, names: Sequence[str]) -> Iterator[str]:
    first, second = msgspec.structs.asdict(a), msgspec.structs.asdict(b)
    for name in names:
        if first[name] != second[name]:
            yield f"{name.replace('_', ' ')} is {first[name]!r} and {second[name]!r}"


def _unmatched(a: SessionResults, b: SessionResults) -> Iterator[str]:
    """Cases that the other session does not have."""
    for results, other in ((a, b), (b, a)):
        for name, case in results.cases.items():
            if not case.control_of and results.measured(name) and name not in other.cases:
                yield f"{name} is in {results.source.name} alone"


def _lost(a: SessionResults, b: SessionResults) -> Iterator[str]:
    """Cases that ran in the first session and not in the second: what crashes is not as fast."""
    for name, case in a.cases.items():
        after = b.cases.get(name)
        if after and not case.control_of and a.measured(name) and not b.measured(name):
            failed = [launch.reason or launch.status for launch in b.launches.get(name, [])]
            reason = after.skipped or (failed[-1] if failed else "not run")
            yield f"{name} has figures in {a.source.name} alone: {reason}"


def _options(results: SessionResults, name: str) -> str:
    case = results.cases[name]
    options = {**case.options, "pace": f"{pace_hz(case, results.measured(name)):g}"}
    told = sorted(f"{key} {value}" for key, value in options.items() if value != "0")
    return ", ".join(told) or "no options"
