"""What the papers and the article claim, what was measured here, on what, and whether it holds.

The article is M. Hollemans, "Google's MobileNets on the iPhone" (machinethink.net, 2017).
Arithmetic claims follow from `mobilenet.networks`. Claims about time are decided by records, one
finding for each session, runtime and unit; without a record they are "not measured". A claim
about an iPhone is decided by records of that iPhone alone. The more findings rest on intervals,
the surer each interval must be: twenty on a boundary, each at 95 %, make 30 % wrong ones.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from bench.results import stats
from bench.results.read import SessionResults
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.networks.v2 import MobileNetV2Config
from mobilenet.weights import published
from reports.claimed_arithmetic import parameters, share_of_operations, times_fewer
from reports.claimed_measurements import (
    Find,
    frames_a_second,
    more_accurate,
    share_of_time,
    time_of,
    times_faster,
)
from reports.doubts import Doubts, SessionTrust, qualified, trust_of
from reports.findings import ARITHMETIC, Finding, Verdict

ARTICLE = "Hollemans 2017, machinethink.net"
PAPER, V2_PAPER = published.PAPER, published.V2_PAPER
IPHONE_6S = ("iPhone8,1", "iPhone8,2")  # 6s and 6s Plus
LIKE = 1.1  # "as much as" allows a tenth more

FULL, FULL_V2 = MobileNetConfig(), MobileNetV2Config()
HALF, SMALL = MobileNetConfig(alpha=0.5), MobileNetConfig(resolution=160)
SHALLOW, NARROW = MobileNetConfig(shallow=True), MobileNetConfig(alpha=0.75)
NOTHING = Finding("", "", "not measured")


class ClaimResult(msgspec.Struct, frozen=True, kw_only=True):
    """One claim and what one session says of it."""

    claim: str
    source: str
    rule: str  # when it holds
    measured: str
    on: str
    verdict: Verdict
    unreliable: str  # why the session that says so is; else empty

    @property
    def words(self) -> str:
        """The verdict, qualified where the session is unreliable."""
        return qualified(self.verdict, bool(self.unreliable))


class CheckedClaims(msgspec.Struct, frozen=True, kw_only=True):
    """Every claim, at least once, with the doubts of the sessions."""

    level: float  # of each interval; all hold together at 95 %
    intervals: int  # how many findings rest on one
    doubts: Doubts
    results: tuple[ClaimResult, ...]


class Claim(NamedTuple):
    """`find` yields what is known, nothing when nothing was measured."""

    text: str
    source: str
    rule: str
    find: Find


def check(sessions: Sequence[SessionResults]) -> CheckedClaims:
    """What sessions say of every claim, and how far they can be trusted."""
    return check_by(trust_of(*sessions))


def check_by(trust: Sequence[SessionTrust]) -> CheckedClaims:
    """As `check`, of sessions whose trust is known."""
    sessions = [each.results for each in trust]
    found = [finding.on for _, finding in _findings(sessions, stats.LEVEL)]
    intervals = sum(on not in ("", ARITHMETIC) for on in found)
    level = stats.adjusted_level(intervals)
    reasons = {id(results): each.unreliable for results, each in trust}
    results: dict[Claim, list[ClaimResult]] = {claim: [] for claim in CLAIMS}
    for claim, finding in _findings(sessions, level):
        results[claim].append(_result(claim, finding, reasons.get(id(finding.results), "")))
    return CheckedClaims(
        level=level,
        intervals=intervals,
        doubts=Doubts.of(trust),
        results=tuple(
            result for claim, several in results.items() for result in several or [_result(claim)]
        ),
    )


def claim_results(sessions: Sequence[SessionResults]) -> list[ClaimResult]:
    """Every claim, at least once."""
    return list(check(sessions).results)


def _findings(sessions: Sequence[SessionResults], level: float) -> Iterable[tuple[Claim, Finding]]:
    return ((claim, finding) for claim in CLAIMS for finding in claim.find(sessions, level))


def _result(claim: Claim, finding: Finding = NOTHING, unreliable: str = "") -> ClaimResult:
    return ClaimResult(
        claim=claim.text, source=claim.source, rule=claim.rule, measured=finding.measured,
        on=finding.on, verdict=finding.verdict, unreliable=unreliable,
    )  # fmt: skip


def _like_operations(small: MobileNetConfig, large: MobileNetConfig) -> Find:
    return share_of_time(small, large, LIKE * small.cost().macs / large.cost().macs)


A_TENTH = "a tenth more time than operations is allowed"
CLAIMS = (
    Claim(
        "about 9 times fewer operations than full convolutions", ARTICLE,
        "rounded to a whole number", times_fewer(9, FULL),
    ),
    Claim("4,221,032 parameters", ARTICLE, "exactly", parameters(4_221_032, FULL)),
    Claim(
        "10 times faster than VGG-16", ARTICLE, "from 9.5 times on",
        times_faster("vgg16", 9.5, FULL),
    ),
    Claim(
        "3 times faster than Inception-v3", ARTICLE, "from 2.85 times on",
        times_faster("inceptionv3", 2.85, FULL),
    ),
    Claim(
        "how fast SqueezeNet is, the article leaves open", ARTICLE, "a question",
        time_of("squeezenet", FULL),
    ),
    Claim(
        "20 frames a second (50 ms each) on an iPhone 6s", ARTICLE,
        "from 19 on, on an iPhone 6s or 6s Plus", frames_a_second(19, FULL, IPHONE_6S),
    ),
    Claim(
        "alpha 0.5 cuts the cost by about alpha squared, and the time with it",
        f"{PAPER}, section 3.3", A_TENTH, _like_operations(HALF, FULL),
    ),
    Claim(
        "160 pixels cut the cost by rho squared, and the time with it",
        f"{PAPER}, section 3.4", A_TENTH, _like_operations(SMALL, FULL),
    ),
    Claim(
        "the shallow network costs what alpha 0.75 does (and is 3 points less accurate)",
        f"{PAPER}, Table 5", A_TENTH, _like_operations(SHALLOW, NARROW),
    ),
    Claim(
        "v2 has about half of v1's operations (300 to 575 million)", f"{V2_PAPER}, Table 4",
        "a tenth more is allowed", share_of_operations(LIKE * 300 / 575, FULL_V2, FULL),
    ),
    Claim(
        "v2 is more accurate than v1 (72.0 % to 70.6 % top-1)", f"{V2_PAPER}, Table 4",
        "the intervals do not overlap", more_accurate(FULL_V2, FULL),
    ),
    Claim(
        "v2 is faster than v1 (75 ms to 113 ms on a Pixel 1: 0.66 of the time)",
        f"{V2_PAPER}, Table 4", "less time", share_of_time(FULL_V2, FULL, 1.0),
    ),
)  # fmt: skip
