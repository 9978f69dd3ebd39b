"""`reports compare`: two sessions on one machine, or two cases of one session, case by case."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import msgspec

from bench.results import stats
from bench.results.compare import Comparison, compare_launches
from bench.results.read import SessionResults
from bench.results.records import Case, Environment
from mobilenet.common.errors import RecordError

# What makes two sessions incomparable: the hardware. Software may differ; it is what one compares.
MACHINE_FIELDS = (
    "machine", "model", "processor", "physical_cores", "logical_cores", "memory_bytes", "virtual",
)  # fmt: skip
CONDITION_FIELDS = ("system", "python", "power_source", "low_power_mode", "governor", "turbo")


@dataclass
class Verdicts:
    """All comparisons of one call; `level` is 1 - 0.05/k for k of them (Bonferroni)."""

    level: float
    comparisons: list[Comparison] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @property
    def regressed(self) -> bool:
        """Whether anything became slower."""
        return any(comparison.verdict == "slower" for comparison in self.comparisons)


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
    remarks += [*_condition_differences(a, b), *_unmatched(a, b)]
    remarks.append(
        "two sessions were run one after the other: whatever changed on the machine between them "
        "counts as a difference; two packages compare best within one session (--cases)"
    )
    measured = [name for name in names if a.measured(name) and b.measured(name)]
    level = stats.adjusted_level(len(measured))
    comparisons = [
        compare_launches(a.measured(name), b.measured(name), (name, name), level, margin)
        for name in measured
    ]
    return Verdicts(level, comparisons, remarks)


def compare_cases(results: SessionResults, a: str, b: str, margin: float) -> Verdicts:
    """Case `b` against case `a` of one session, whose rounds they share."""
    for name in (a, b):
        if name not in results.cases:
            names = ", ".join(repr(case) for case in results.cases)
            raise RecordError(f"{results.source} has no case {name!r}", f"it has {names}")
    comparison = compare_launches(results.measured(a), results.measured(b), (a, b), margin=margin)
    return Verdicts(stats.LEVEL, [comparison])


def _machine_differences(a: SessionResults, b: SessionResults) -> Iterator[str]:
    if a.session is None or b.session is None:
        yield "the machine of one is unknown"
        return
    yield from _differences(a.session.environment, b.session.environment, MACHINE_FIELDS)


def _option_differences(
    a: SessionResults, b: SessionResults, names: Sequence[str]
) -> Iterator[str]:
    for name in names:
        first, second = a.cases[name].options, b.cases[name].options
        if first != second:
            yield f"{name} ran with {_options(first)} and {_options(second)}"


def _condition_differences(a: SessionResults, b: SessionResults) -> Iterator[str]:
    if a.session and b.session:
        first, second = a.session.environment, b.session.environment
        yield from _differences(first, second, CONDITION_FIELDS)
        for name in sorted(first.packages.keys() | second.packages.keys()):
            versions = first.packages.get(name, "none"), second.packages.get(name, "none")
            if versions[0] != versions[1]:
                yield f"{name} is {versions[0]} and {versions[1]}"


def _differences(a: Environment, b: Environment, names: Sequence[str]) -> Iterator[str]:
    first, second = msgspec.structs.asdict(a), msgspec.structs.asdict(b)
    for name in names:
        if first[name] != second[name]:
            yield f"{name.replace('_', ' ')} is {first[name]!r} and {second[name]!r}"


def _unmatched(a: SessionResults, b: SessionResults) -> Iterator[str]:
    for results, other in ((a, b), (b, a)):
        for name, case in results.cases.items():
            if not case.control_of and results.measured(name) and not other.measured(name):
                reason = _why(other.cases.get(name))
                yield f"{name} has figures in {results.source.name} alone{reason}"


def _why(case: Case | None) -> str:
    return f": {case.skipped}" if case and case.skipped else ""


def _options(options: dict[str, str]) -> str:
    return ", ".join(f"{key} {value}" for key, value in options.items()) or "no options"
