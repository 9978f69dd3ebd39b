"""What the papers and the article claim, what was measured here, on what, and whether it holds.

The article is M. Hollemans, "Google's MobileNets on the iPhone" (machinethink.net, 2017).
Arithmetic claims follow from `mobilenet.networks`. Claims about time are decided by records, one
finding for each session, runtime and unit; without a record they are "not measured". A claim
about an iPhone is decided by records of that iPhone alone.
"""

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal, NamedTuple

import msgspec

from bench.results import format, stats
from bench.results.launch import median_ns
from bench.results.read import SessionResults
from bench.results.records import Accuracy
from bench.results.top1 import RECIPE, config_of
from mobilenet.networks.rows import Row, cost
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.networks.v2 import MobileNetV2Config
from mobilenet.weights import published
from reports.ratios import is_network, place, ratios

ARTICLE = "Hollemans 2017, machinethink.net"
PAPER, V2_PAPER = published.PAPER, published.V2_PAPER
ROUNDING = 0.95  # "10 times" is kept by 9.5
OF_OPERATIONS = 300 / 575
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
        for ratio in ratios(
            sessions, is_network(FULL), lambda case: name in _plain(case.model.name)
        ):
            low = ratio.interval.low / ROUNDING if ratio.interval else math.nan
            high = ratio.interval.high / ROUNDING if ratio.interval else math.nan
            yield f"{ratio.text} times", ratio.on, _decide(low >= times, high < times)

    return find


def _left_open(name: str) -> Callable[..., Iterator[tuple[str, str, Verdict]]]:
    def find(sessions: Sequence[SessionResults]) -> Iterator[tuple[str, str, Verdict]]:
        for ratio in ratios(
            sessions, is_network(FULL), lambda case: name in _plain(case.model.name)
        ):
            yield f"its time is {ratio.text} of MobileNet's", ratio.on, "left open"

    return find


def _time_like_operations(
    small: MobileNetConfig, large: MobileNetConfig
) -> Callable[..., Iterator[tuple[str, str, Verdict]]]:
    """Does the time fall as the operations do?"""
    share = small.cost().macs / large.cost().macs

    def find(sessions: Sequence[SessionResults]) -> Iterator[tuple[str, str, Verdict]]:
        for ratio in ratios(sessions, is_network(large), is_network(small)):
            low, high = ratio.interval or (math.nan, math.nan)
            measured = f"{share:.2f} of the operations, {ratio.text} of the time"
            yield measured, ratio.on, _decide(high <= share * LIKE, low > share * LIKE)

    return find


def _fewer_operations(_: Sequence[SessionResults]) -> Iterator[tuple[str, str, Verdict]]:
    ours, theirs = FULL_V2.cost().macs, FULL.cost().macs
    measured = (
        f"{format.millions(ours)} M against {format.millions(theirs)} M multiply-adds: "
        f"{ours / theirs:.2f} of them"
    )
    yield measured, ARITHMETIC, _decide(ours <= theirs * OF_OPERATIONS * LIKE, ours > theirs)


def _more_accurate(sessions: Sequence[SessionResults]) -> Iterator[tuple[str, str, Verdict]]:
    """Of trained weights alone, on the same photographs, fed alike."""
    for results in sessions:
        trained = [each for each in results.accuracies if each.model.trained and each.images]
        for v1, v2 in itertools.product(trained, trained):
            networks = (config_of(v1.model), config_of(v2.model))
            if networks != (FULL, FULL_V2) or not _is_fed_alike(v1, v2):
                continue
            (low, high), (low_v2, high_v2) = v1.top1_interval, v2.top1_interval
            on = f"{v1.images:,} photographs ({v1.photographs.name}), {v2.runtime} {v2.unit}"
            measured = f"top-1 {_percent(v2)} against {_percent(v1)}"
            yield measured, on, _decide(low_v2 > high, high_v2 < low)


def _is_fed_alike(a: Accuracy, b: Accuracy) -> bool:
    return (
        all(
            getattr(a, name) == getattr(b, name)
            for name in ("photographs", "images", "runtime", "unit", "precision")
        )
        and a.recipe == b.recipe == RECIPE
        and a.model.compression == b.model.compression
    )


def _percent(accuracy: Accuracy) -> str:
    low, high = accuracy.top1_interval
    share = format.share(accuracy.top1, accuracy.images)
    return f"{share} % [{100 * low:.1f}, {100 * high:.1f}]"


def _faster(sessions: Sequence[SessionResults]) -> Iterator[tuple[str, str, Verdict]]:
    share = FULL_V2.cost().macs / FULL.cost().macs
    for ratio in ratios(sessions, is_network(FULL), is_network(FULL_V2)):
        low, high = ratio.interval or (math.nan, math.nan)
        measured = f"{share:.2f} of the operations, {ratio.text} of the time"
        yield measured, ratio.on, _decide(high < 1, low >= 1)


def _iphone_6s(sessions: Sequence[SessionResults]) -> Iterator[tuple[str, str, Verdict]]:
    for results in sessions:
        if results.session is None or results.session.environment.model not in IPHONE_6S:
            continue
        for name, case in results.cases.items():
            estimate = stats.estimate([median_ns(launch) for launch in results.measured(name)])
            if estimate and estimate.interval and is_network(FULL)(case):
                low, high = (1e9 / bound for bound in reversed(estimate.interval))
                measured = f"{1e9 / estimate.value:.0f} frames a second"
                yield measured, place(results, case), _decide(low >= 19, high < 19)


def _decide(holds: bool, fails: bool) -> Verdict:
    return "holds" if holds else "does not hold" if fails else "undecided"


def _plain(name: str) -> str:
    return "".join(c for c in name.lower() if c.isalnum())


ARITHMETIC = "arithmetic"
FULL = MobileNetConfig()
FULL_V2 = MobileNetV2Config()

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
    Claim(
        "v2 has about half of v1's operations (300 to 575 million)",
        f"{V2_PAPER}, Table 4", _fewer_operations,
    ),
    Claim(
        "v2 is more accurate than v1 (72.0 % to 70.6 % top-1)",
        f"{V2_PAPER}, Table 4", _more_accurate,
    ),
    Claim(
        "v2 is faster than v1 (75 ms to 113 ms on a Pixel 1: 0.66 of the time)",
        f"{V2_PAPER}, Table 4", _faster,
    ),
)  # fmt: skip
