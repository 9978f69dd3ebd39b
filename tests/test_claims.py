"""The claims: arithmetic from the configuration, times from records, and from nothing else."""

import re
from pathlib import Path

import msgspec
import pytest

import made_results as made
from bench.results.read import SessionResults
from bench.results.records import Record
from mobilenet.networks.rows import cost
from mobilenet.networks.v1 import MobileNetConfig
from reports.__main__ import main
from reports.claimed_arithmetic import full_convolutions
from reports.claims import CheckedClaims, ClaimResult, check, claim_results
from reports.page import page

FULL = made.model(MobileNetConfig())
BASELINES = {"VGG16": 105.0, "Inception_v3": 28.0, "SqueezeNet1_1": 7.0}


def test_the_twin_with_full_convolutions_costs_what_table_4_says() -> None:
    config = MobileNetConfig()
    full = cost(full_convolutions(config.rows())) + config.readout.cost
    assert (round(full.macs / 1e6), round(full.parameters_unfolded / 1e6, 1)) == (4867, 29.3)


def session_of(times_ms: dict[str, float], **machine: str) -> list[Record]:
    models = {
        name: made.model(MobileNetConfig(), name=name, alpha=None, resolution=None, shallow=None,
                         precision="")
        for name in BASELINES
    }  # fmt: skip
    models |= {
        "full": FULL,
        "half": made.model(MobileNetConfig(alpha=0.5)),
        "small": made.model(MobileNetConfig(resolution=160)),
        "shallow": made.model(MobileNetConfig(shallow=True)),
        "0.75": made.model(MobileNetConfig(alpha=0.75)),
    }
    cases = [made.case(models[name]) for name in times_ms]
    latency_ms = dict(zip((case.case for case in cases), times_ms.values(), strict=True))
    head = made.session(15, environment=made.environment(**machine))
    return [head, *cases, *made.launches(cases, latency_ms, 15, 9, seed=3)]


def found(records: list[Record]) -> dict[str, ClaimResult]:
    results = SessionResults(Path("made.jsonl"))
    for record in records:
        results.add(record)
    return {one.claim: one for one in claim_results([results])}


def verdict(records: list[Record], words: str) -> str:
    (one,) = (finding for claim, finding in found(records).items() if words in claim)
    return one.verdict


ALL = {"full": 10.0, **BASELINES, "half": 2.5, "small": 5.0, "shallow": 5.5, "0.75": 5.7}


def test_arithmetic_needs_no_record() -> None:
    claims = found([])
    assert claims["4,221,032 parameters"].verdict == "holds"
    assert "8.56 times" in claims["about 9 times fewer operations than full convolutions"].measured
    assert sum(one.verdict == "not measured" for one in claims.values()) == len(claims) - 4


@pytest.mark.parametrize(
    ("words", "name", "other_ms", "expected"),
    [
        ("VGG-16", "VGG16", 105, "holds"),
        ("VGG-16", "VGG16", 60, "does not hold"),
        ("VGG-16", "VGG16", 95, "undecided"),
        ("Inception", "Inception_v3", 35, "holds"),
        ("Inception", "Inception_v3", 15, "does not hold"),
        ("SqueezeNet", "SqueezeNet1_1", 7, "answered"),
        ("alpha 0.5", "half", 2.5, "holds"),
        ("alpha 0.5", "half", 5, "does not hold"),
        ("160 pixels", "small", 5, "holds"),
    ],
)
def test_times_decide(words: str, name: str, other_ms: float, expected: str) -> None:
    assert verdict(session_of({"full": 10.0, name: other_ms}), words) == expected


@pytest.mark.parametrize(
    ("words", "name"),
    [("VGG-16", "VGG16"), ("Inception", "Inception_v3"), ("SqueezeNet", "SqueezeNet1_1"),
     ("alpha 0.5", "half"), ("160 pixels", "small"), ("shallow", "shallow"), ("shallow", "0.75")],
)  # fmt: skip
def test_without_its_record_a_claim_is_not_measured(words: str, name: str) -> None:
    assert verdict(session_of(ALL), words) != "not measured"
    rest = {key: value for key, value in ALL.items() if key != name}
    assert verdict(session_of(rest), words) == "not measured"


def test_the_question_is_answered_with_the_ratio() -> None:
    (answer,) = (each for claim, each in found(session_of(ALL)).items() if "SqueezeNet" in claim)
    assert re.fullmatch(r"it takes 0\.\d+ \[0\.\d+, 0\.\d+\] of MobileNet's time", answer.measured)
    assert answer.words == "answered"


def checked(records: list[Record]) -> CheckedClaims:
    results = SessionResults(Path("made.jsonl"))
    for record in records:
        results.add(record)
    return check([results])


def test_the_more_findings_the_surer_each_must_be() -> None:
    """The same launches, with others beside them."""
    records = session_of(ALL)
    (full,) = (r.case for r in records if getattr(r, "model", None) == FULL)
    pair = [r for r in records if getattr(r, "case", full) in {full, "VGG16 | portable | CPU"}]
    few, many = checked(pair), checked(records)
    assert (few.intervals, few.level) == (1, 0.95)
    assert (many.intervals, many.level) == (6, pytest.approx(1 - 0.05 / 6))
    narrow, wide = (
        next(each.measured for each in claims.results if "VGG" in each.claim)
        for claims in (few, many)
    )
    assert width(narrow) < width(wide)


def width(measured: str) -> float:
    low, high = map(float, re.findall(r"[\d.]+", measured)[1:3])
    return high - low


def with_twin(ratio: float) -> list[Record]:
    records = session_of({"full": 10.0, "VGG16": 105.0})
    twin = msgspec.structs.replace(records[1], case="twin", control_of=records[1].case)
    again = [
        msgspec.structs.replace(
            r, case="twin", samples_ns=tuple(round(ratio * ns) for ns in r.samples_ns)
        )
        for r in records
        if getattr(r, "round", None) is not None and r.case == twin.control_of
    ]
    return [*records, twin, *again]


def test_a_finding_of_an_unreliable_session_is_qualified() -> None:
    sure, unsure = checked(with_twin(1.0)), checked(with_twin(1.1))
    for claims, words in ((sure, "holds"), (unsure, "holds, but the session is unreliable")):
        by_claim = {each.claim: each for each in claims.results}
        assert by_claim["10 times faster than VGG-16"].words == words
        assert by_claim["4,221,032 parameters"].words == "holds"
    assert not sure.doubts.unreliable
    assert unsure.doubts.unreliable[0].startswith("made.jsonl: the A/A control found a difference")


def test_the_page_qualifies_it_too() -> None:
    results = SessionResults(Path("made.jsonl"))
    for record in with_twin(1.1):
        results.add(record)
    assert "<td>holds, but the session is unreliable</td>" in page.render([results])


def test_too_few_rounds_decide_nothing() -> None:
    records = [r for r in session_of(ALL) if getattr(r, "round", 0) < 3]
    assert verdict(records, "VGG-16") == "undecided"


def test_only_an_iphone_6s_decides_about_an_iphone_6s() -> None:
    claim = "20 frames a second (50 ms each) on an iPhone 6s"
    fast, slow = session_of({"full": 1.0}), {"full": 100.0}
    for other in (fast, session_of({"full": 1.0}, model="iPhone12,1")):
        assert found(other)[claim].verdict == "undecided"
        assert "no session of iPhone8,1 or iPhone8,2" in found(other)[claim].measured
    simulated = session_of({"full": 1.0}, model="iPhone8,1", virtual="Simulator")
    assert found(simulated)[claim].verdict == "undecided"
    assert found(session_of({"full": 40.0}, model="iPhone8,1"))[claim].verdict == "holds"
    assert found(session_of(slow, model="iPhone8,1"))[claim].verdict == "does not hold"


def test_different_runtimes_and_units_are_not_set_against_each_other() -> None:
    records = session_of({"full": 10.0, "VGG16": 105.0})
    moved = [
        msgspec.structs.replace(r, unit="GPU") if getattr(r, "model", None) == FULL else r
        for r in records
    ]
    assert verdict(moved, "VGG-16") == "not measured"


def test_the_command_prints_every_claim(tmp_path: Path, capsys) -> None:
    results = made.write(tmp_path / "r.jsonl", session_of(ALL))
    assert main(["claims", str(results)]) == 0
    out = capsys.readouterr().out
    assert "10 times faster than VGG-16" in out
    assert "Made-up CPU 3000, portable CPU" in out
    assert "not measured" in out
    assert "8.56 times" in out
    assert "6 findings rest on intervals of 99.2 % each" in out
    assert "warning: " in out
    assert main(["claims", str(results), "--json"]) == 0
    assert '"level": 0.99' in capsys.readouterr().out
