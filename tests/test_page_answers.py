"""The page's answers: for any rate, what `choose` recommends."""

import random
import re
from pathlib import Path

import msgspec
import pytest

import browser
import made_results as made
from bench.results.records import Record
from bench.results.session_report import Report, read_reports
from mobilenet.networks.v1 import MobileNetConfig
from reports.__main__ import main
from reports.choose import Requirements, choose, frame_ns
from reports.page import answer_section

FPS = (15, 30, 60, 120)


def grid(rounds: int = 6) -> list[Record]:
    """Variants on two units of one runtime and on another, and one that nothing is known of."""
    configs = [
        MobileNetConfig(alpha, side) for alpha in (1.0, 0.5, 0.25) for side in (224, 160, 128)
    ]
    cases = [made.case(made.model(config)) for config in configs]
    cases += [made.case(case.model, "coreml", unit) for case in cases[:4] for unit in ("A", "B")]
    foreign = msgspec.structs.replace(cases[0].model, name="foreign", identity="f", alpha=None)
    cases.append(made.case(foreign))
    times = {case.case: 0.3 + case.model.macs * 3e-8 for case in cases}
    return [made.session(rounds), *cases, *made.launches(cases, times, rounds, 9, seed=5)]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made.write(tmp_path_factory.mktemp("answers") / "r.jsonl", grid())


@pytest.fixture(scope="module")
def reports(results: Path) -> list[Report]:
    return read_reports([results])


def rates(reports: list[Report]) -> list[float]:
    """Usual ones, any, and those at which one more variant fits, from both sides."""
    chance = random.Random(3)
    times = [time for row in reports[0].cases if (time := frame_ns(row))]
    edges = [1e9 / time * factor for time in times for factor in (1 - 1e-9, 1, 1 + 1e-9)]
    return [*FPS, 0.5, 5000, *edges, *(round(10 ** chance.uniform(0, 3.7), 2) for _ in range(40))]


def test_there_is_one_for_any_rate(reports: list[Report]) -> None:
    section = answer_section.section(reports)
    assert [each.runtime for each in section.runtimes] == ["coreml", "portable"]
    for fps in rates(reports):
        for choice, runtime in zip(
            choose(reports, Requirements(fps)), section.runtimes, strict=True
        ):
            answer = runtime.at(fps)
            assert (answer.variant, answer.unit) == (choice.model, choice.unit), fps
            assert bool(answer.reason) == (not choice.case)


@pytest.mark.skipif(
    browser.CHROMIUM is None, reason="no Chromium is installed (apt-get install chromium)"
)
def test_the_browser_says_what_the_command_says(
    results: Path, reports: list[Report], tmp_path: Path
) -> None:
    page = tmp_path / "p.html"
    assert main(["page", str(results), "-o", str(page)]) == 0
    asked = [repr(fps) for fps in rates(reports)]
    seen = browser.probe(page, 1440, rates=[*asked, "", "0", "-3"])["rates"]
    for fps in asked:
        for choice, row in zip(choose(reports, Requirements(float(fps))), seen[fps], strict=True):
            assert not row["hidden"]
            expected = f"{choice.model} {choice.unit}" if choice.case else "none"
            assert re.match(rf"{re.escape(expected)}($|:)", row["cells"][1]), (fps, row)
    assert all(row["hidden"] for fps in ("", "0", "-3") for row in seen[fps])


def test_what_is_answered_says_where_from_and_how_it_is_made(reports: list[Report]) -> None:
    portable = answer_section.section(reports).runtimes[1]
    best = portable.at(15)
    assert best.variant == "MobileNetV1_100_224"
    assert best.top1 == "70.9"
    assert "published" in best.source
    assert (best.megabytes, best.unit) == ("8.48", "CPU")
    assert float(best.per_second) == pytest.approx(1e3 / float(best.milliseconds), rel=0.01)
    assert next(rates for rates, _ in portable.rates).startswith("15, 30")
    assert "No A/A control" in portable.trust.text
    assert portable.trust.warns


def test_what_cannot_answer_is_a_line(tmp_path: Path) -> None:
    unknown = made.model(MobileNetConfig(), name="own", identity="1", alpha=None)
    case = made.case(unknown)
    skipped = [
        made.case(unknown, runtime, unit, skipped=f"{runtime} needs macOS")
        for runtime in ("coreml", "coreai")
        for unit in ("ALL", "CPU")
    ]
    launches = [made.measured(case.case, number) for number in range(6)]
    path = made.write(tmp_path / "r.jsonl", [made.session(), case, *skipped, *launches])
    section = answer_section.section(read_reports([path]))
    assert section.runtimes == []
    assert section.unanswered == [
        "Made-up CPU 3000, portable: no accuracy is known of what was timed; own on CPU is the "
        "fastest, with 1000 frames a second",
        "Made-up CPU 3000, coreai, coreml: nothing was timed (coreai needs macOS; coreml needs "
        "macOS)",
    ]
