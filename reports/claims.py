"""What the paper and the article claim, what was measured here, on what, and whether it holds.

The article is M. Hollemans, "Google's MobileNets on the iPhone" (machinethink.net, 2017).
Arithmetic claims follow from `mobilenet.networks`. Claims about time are decided by records, one
finding for each session, runtime and unit; without a record they are "not measured". A claim
about an iPhone is decided by records of that iPhone alone.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal, NamedTuple

import msgspec

from bench.results import format, stats
from bench.results.compare import compare_launches
from bench.results.launch import median_ns
from bench.results.read import SessionResults
from bench.results.records import Case
from bench.results.stats import Interval
from bench.results.top1 import config_of
from mobilenet.networks.rows import Row, cost
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.weights import published

ARTICLE = "Hollemans 2017, machinethink.net"
PAPER = published.PAPER
ROUNDING = 0.95  # "10 times" is kept by 9.5
LIKE = 1.1  # "as much as" allows a tenth more
IPHONE_6S = ("iPhone8,1", "iPhone8,2")  # 6s and 6s Plus

Verdict = Literal["holds", "does not hold", "undecided", "not measured", "left open"]


class ClaimResult(msgspec.Struct, frozen=True, kw_only=True):
    """One claim and what one session says of it."""

    claim: str
    source: str
    measured: str = ""
    on: str = ""
    verdict: Verdict = "not measured"


class Claim(NamedTuple):
    """`find` yields what is known, nothing when nothing was measured."""

    text: str
    source: str
    find: Callable[[Sequence[SessionResults]], Iterable[tuple[str, str, Verdict]]]


def claim_results(sessions: Sequence[SessionResults]) -> list[ClaimResult]:
    """Every claim, at least once."""
    results: list[ClaimResult] = []
    for claim in CLAIMS:
        rows = [
            ClaimResult(
                claim=claim.text, source=claim.source, measured=measured, on=on, verdict=says
            )
            for measured, on, says in claim.find(sessions)
        ]
        results += rows or [ClaimResult(claim=claim.text, source=claim.source)]
    return results


def _operations(_: Sequence[SessionResults]) -> Iterator[tuple[str, str, Verdict]]:
    full = cost(full_convolutions(FULL.rows())) + FULL.readout.cost
    separable = FULL.cost()
    measured = (
        f"{format.millions(full.macs)} M against {format.millions(separable.macs)} M "
        f"multiply-adds: {full.macs / separable.macs:.2f} times"
    )
    holds = round(full.macs / separable.macs) == 9
    yield measured, ARITHMETIC, "holds" if holds else "does not hold"


def full_convolutions(rows: Sequence[Row]) -> list[Row]:
    """The twin with one full convolution for each depthwise one and the row that reads it."""
    depthwise = {row.name: row for row in rows if row.kind == "depthwise"}
    twin = []
    for row in rows:
        if (first := depthwise.get(row.reads)) is not None:
            twin.append(first._replace(name=row.name, out_channels=row.out_channels, groups=1))
        elif row.name not in depthwise:
            twin.append(row)
    return twin


def _parameters(_: Sequence[SessionResults]) -> Iterator[tuple[str, str, Verdict]]:
    count = FULL.cost().parameters
    holds: Verdict = "holds" if count == 4_221_032 else "does not hold"
    yield f"{count:,}, batch norm folded", ARITHMETIC, holds


def _times_faster(name: str, times: float) -> Callable[..., Iterator[tuple[str, str, Verdict]]]:
    def find(sessions: Sequence[SessionResults]) -> Iterator[tuple[str, str, Verdict]]:
        for ratio in _ratios(sessions, _is(FULL), lambda case: name in _plain(case.model.name)):
            low = ratio.interval.low / ROUNDING if ratio.interval else math.nan
            high = ratio.interval.high / ROUNDING if ratio.interval else math.nan
            yield f"{ratio.text} times", ratio.on, _decide(low >= times, high < times)

    return find


def _left_open(name: str) -> Callable[..., Iterator[tuple[str, str, Verdict]]]:
    def find(sessions: Sequence[SessionResults]) -> Iterator[tuple[str, str, Verdict]]:
        for ratio in _ratios(sessions, _is(FULL), lambda case: name in _plain(case.model.name)):
            yield f"its time is {ratio.text} of MobileNet's", ratio.on, "left open"

    return find


def _time_like_operations(
    small: MobileNetConfig, large: MobileNetConfig
) -> Callable[..., Iterator[tuple[str, str, Verdict]]]:
    """Does the time fall as the operations do?"""
    share = small.cost().macs / large.cost().macs

    def find(sessions: Sequence[SessionResults]) -> Iterator[tuple[str, str, Verdict]]:
        for ratio in _ratios(sessions, _is(large), _is(small)):
            low, high = ratio.interval or (math.nan, math.nan)
            measured = f"{share:.2f} of the operations, {ratio.text} of the time"
            yield measured, ratio.on, _decide(high <= share * LIKE, low > share * LIKE)

    return find


def _iphone_6s(sessions: Sequence[SessionResults]) -> Iterator[tuple[str, str, Verdict]]:
    for results in sessions:
        if results.session is None or results.session.environment.model not in IPHONE_6S:
            continue
        for name, case in results.cases.items():
            estimate = stats.estimate([median_ns(launch) for launch in results.measured(name)])
            if estimate and estimate.interval and _is(FULL)(case):
                low, high = (1e9 / bound for bound in reversed(estimate.interval))
                measured = f"{1e9 / estimate.value:.0f} frames a second"
                yield measured, _place(results, case), _decide(low >= 19, high < 19)


def _decide(holds: bool, fails: bool) -> Verdict:
    return "holds" if holds else "does not hold" if fails else "undecided"


class _Ratio(NamedTuple):
    interval: Interval | None
    text: str
    on: str


def _ratios(
    sessions: Iterable[SessionResults],
    is_base: Callable[[Case], bool],
    is_other: Callable[[Case], bool],
) -> Iterator[_Ratio]:
    """Time of the other over that of the base, wherever one session ran both alike."""
    for results in sessions:
        plain = [case for case in results.cases.values() if not case.control_of]
        bases = list(filter(is_base, plain))
        for other in filter(is_other, plain):
            base = next((case for case in bases if _alike(case, other)), None)
            if base is None:
                continue
            comparison = compare_launches(
                results.measured(base.case), results.measured(other.case), (base.case, other.case)
            )
            if comparison.ratio is not None:
                text = _ratio_text(comparison.ratio, comparison.interval)
                yield _Ratio(comparison.interval, text, _place(results, other))


def _alike(a: Case, b: Case) -> bool:
    """Whether only the network differs; a foreign package does not tell its precision."""
    same_precision = a.model.precision == b.model.precision or "" in (
        a.model.precision, b.model.precision,
    )  # fmt: skip
    same_place = (a.runtime, a.unit, a.options) == (b.runtime, b.unit, b.options)
    return same_place and same_precision and a.model.compression == b.model.compression


def _ratio_text(ratio: float, interval: Interval | None) -> str:
    if interval is None:
        return f"{format.significant(ratio)} (too few rounds)"
    low, high = map(format.significant, interval)
    return f"{format.significant(ratio)} [{low}, {high}]"


def _place(results: SessionResults, case: Case) -> str:
    machine = "unknown machine"
    if results.session:
        environment = results.session.environment
        machine = environment.model or environment.processor
    return f"{machine}, {case.runtime} {case.unit}"


def _is(config: MobileNetConfig) -> Callable[[Case], bool]:
    def matches(case: Case) -> bool:
        return not case.control_of and config_of(case.model) == config

    return matches


def _plain(name: str) -> str:
    return "".join(c for c in name.lower() if c.isalnum())


ARITHMETIC = "arithmetic"
FULL = MobileNetConfig()

CLAIMS = (
    Claim("9 times fewer operations than full convolutions", ARTICLE, _operations),
    Claim("4,221,032 parameters", ARTICLE, _parameters),
    Claim("10 times faster than VGG-16", ARTICLE, _times_faster("vgg16", 10)),
    Claim("3 times faster than Inception-v3", ARTICLE, _times_faster("inceptionv3", 3)),
    Claim("SqueezeNet is left to be compared", ARTICLE, _left_open("squeezenet")),
    Claim("20 frames a second on an iPhone 6s", ARTICLE, _iphone_6s),
    Claim(
        "alpha 0.5 cuts the cost by about alpha squared, and the time with it",
        f"{PAPER}, section 3.3",
        _time_like_operations(MobileNetConfig(alpha=0.5), FULL),
    ),
    Claim(
        "160 pixels cut the cost by rho squared, and the time with it",
        f"{PAPER}, section 3.4",
        _time_like_operations(MobileNetConfig(resolution=160), FULL),
    ),
    Claim(
        "the shallow network costs what alpha 0.75 does (and is 3 points less accurate)",
        f"{PAPER}, Table 5",
        _time_like_operations(MobileNetConfig(shallow=True), MobileNetConfig(alpha=0.75)),
    ),
)
