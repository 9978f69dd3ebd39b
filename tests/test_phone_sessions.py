"""Sessions from phones: what they are called, and what of them is ranked with what."""

from pathlib import Path

import msgspec
import pytest

import made_phone_sessions
import made_results as made
from bench.results import session_lines, tables
from bench.results.read import SessionResults, read_file
from bench.results.records import Launch, Record
from bench.results.session_report import Report, report
from mobilenet.common.errors import RecordError
from reports import frame
from reports.choose import Requirements, choose
from reports.claims import claim_results
from reports.compare_sessions import compare_cases, compare_sessions
from reports.page import contents, model_cards, page
from reports.verdicts import ExitCode

IN_ONE = "coreml-native, one process for all launches"
PACED = "coreml-native, 30 frames a second"


def read(path: Path, records: list[Record]) -> SessionResults:
    (results,) = read_file(made.write(path, records))
    return results


@pytest.fixture
def isolated(tmp_path: Path) -> SessionResults:
    return read(tmp_path / "phone.jsonl", made_phone_sessions.session(paces=(0, 30)))


@pytest.fixture
def shared(tmp_path: Path) -> SessionResults:
    return read(tmp_path / "app.jsonl", made_phone_sessions.session(isolation="shared"))


def titles(told: Report) -> dict[str, set[float]]:
    return {title: {row.pace_hz for row in rows} for title, rows in told.tables().items()}


def test_a_phone_has_a_name_and_no_python() -> None:
    assert session_lines.machine(made.session(environment=made_phone_sessions.PRO)) == (
        "machine: iPhone 15 Pro (iPhone16,1), A17 Pro (6 cores, 8 GiB), iOS 26.1 arm64"
    )
    assert session_lines.machine(made.session()).endswith(
        "Linux 6.1 x86_64; Python 3.11.9, onnxruntime 1.32.0, numpy 2.3.5"
    )
    simulated = msgspec.structs.replace(made_phone_sessions.PRO, virtual="Simulator")
    assert simulated.device == "iPhone 15 Pro (Simulator), A17 Pro, iOS 26.1"
    assert made.environment(model="Mac16,1").device == "Mac16,1"


def test_the_simulator_is_no_phone(tmp_path: Path) -> None:
    simulated = msgspec.structs.replace(made_phone_sessions.PRO, virtual="Simulator")
    told = report(read(tmp_path / "a.jsonl", made_phone_sessions.session(simulated)))
    assert any("runs in the Simulator" in warning for warning in told.warnings)


def test_paced_launches_are_ranked_among_themselves(isolated: SessionResults) -> None:
    told = report(isolated)
    assert titles(told) == {"coreml-native": {0.0}, PACED: {30.0}}
    assert sum("fastest first" in str(line) for line in tables.contents([told])) == 2
    (calls, frames) = choose([told], Requirements.checked(30, 0, 1e9))
    assert "pace" not in calls.case
    assert not frames.case
    assert "camera's pace" in frames.reason


def test_a_pace_that_only_the_launches_tell_counts_as_well(tmp_path: Path) -> None:
    records = [
        msgspec.structs.replace(record, pace_hz=30.0)
        if isinstance(record, Launch) and "CPU_ONLY" in record.case else record
        for record in made_phone_sessions.session()
    ]  # fmt: skip
    told = report(read(tmp_path / "a.jsonl", records))
    assert titles(told) == {"coreml-native": {0.0}, PACED: {30.0}}


def test_frames_stand_beside_calls_in_a_row(isolated: SessionResults) -> None:
    told = report(isolated)
    assert {each.comparison.rounds for each in told.camera_frames} == {15}
    assert all(1.9 < each.comparison.ratio < 2.1 for each in told.camera_frames)
    assert len(told.camera_frames) == 4
    assert "### Camera frames beside calls in a row" in tables.markdown([told])
    assert "<h3>Camera frames beside calls in a row</h3>" in page.render([isolated])


def test_without_both_there_is_no_such_table(shared: SessionResults) -> None:
    assert report(shared).camera_frames == ()
    assert "Camera frames" not in tables.markdown([report(shared)])


def test_one_process_for_all_launches_is_told_wherever_figures_are(
    isolated: SessionResults, shared: SessionResults
) -> None:
    told = report(shared)
    assert list(told.tables()) == [IN_ONE]
    assert any("shared one process" in warning for warning in told.warnings)
    assert [choice.runtime for choice in choose([told], Requirements.checked(30, 0, 1e9))] == [
        IN_ONE
    ]
    assert IN_ONE in tables.markdown([told])
    html = page.render([shared])
    assert f"<h3>{IN_ONE}</h3>" in html
    cards = [row.cells[0].text for card in model_cards.cards([told]) for row in card.times.rows]
    assert cards
    assert all(place.endswith(", one process for all launches") for place in cards)
    assert "it cannot show how processes differ" in html
    assert "60 launches, in one process for a whole session" in html
    assert "Camera frames" not in html
    both = [isolated, shared]
    lead = contents.contents([*map(report, both)], both).lead
    assert "180 launches, 120 in a fresh process, the others in one process" in lead
    alone = contents.contents([report(isolated)], [isolated]).lead
    assert alone.endswith("120 launches, each in a fresh process.")
    halves = [each for each in claim_results([shared]) if "alpha 0.5" in each.claim]
    assert halves
    assert all("one process for all launches" in each.on for each in halves)
    paced = [each for each in claim_results([isolated]) if "frames a second" in each.on]
    assert not paced


def test_sessions_of_different_isolation_do_not_compare(
    isolated: SessionResults, shared: SessionResults
) -> None:
    with pytest.raises(RecordError, match="isolation is 'process' and 'shared'"):
        compare_sessions(isolated, shared, 0.01)
    forced = compare_sessions(isolated, shared, 0.01, force=True)
    assert any("by force: isolation" in remark for remark in forced.remarks)
    assert forced.exit_code == ExitCode.UNDECIDED
    assert {each.reason for each in forced.comparisons} == {"isolation is 'process' and 'shared'"}


def test_calls_in_a_row_and_frames_do_not_compare(isolated: SessionResults) -> None:
    calls, frames = [name for name in isolated.cases if "100_224" in name][:2]
    with pytest.raises(RecordError, match="calls in a row and 30 frames a second"):
        compare_cases(isolated, calls, frames, 0.01)
    assert compare_cases(isolated, calls, frames, 0.01, force=True).comparisons[0].differs
    other = [name for name in isolated.cases if "050_224" in name][1]
    assert not compare_cases(isolated, frames, other, 0.01).remarks


def test_sessions_of_one_pace_do_not_compare_with_another(
    isolated: SessionResults, tmp_path: Path
) -> None:
    records = [
        msgspec.structs.replace(record, pace_hz=0.0) if isinstance(record, Launch) else record
        for record in made_phone_sessions.session(paces=(30,))
    ]
    renamed = [
        msgspec.structs.replace(record, options={}) if hasattr(record, "options") else record
        for record in records
    ]
    with pytest.raises(RecordError, match="ran with pace 30 and no options"):
        compare_sessions(isolated, read(tmp_path / "b.jsonl", renamed), 0.01)


def test_an_app_on_an_iphone_6s_decides_about_it(tmp_path: Path) -> None:
    records = made_phone_sessions.session(
        made_phone_sessions.IPHONE_6S, ms=40.0, isolation="shared", paces=(0, 10)
    )
    claims = claim_results([read(tmp_path / "6s.jsonl", records)])
    decided = {each.on: each.verdict for each in claims if "iPhone 6s" in each.claim}
    place = "iPhone 6s, A9, iOS 15.8, coreml-native"
    assert decided[f"{place} CPU_AND_NE, one process for all launches"] == "holds"
    paced = f"{place} CPU_AND_NE, 10 frames a second, one process for all launches"
    assert decided[paced] == "does not hold"


def test_the_table_of_all_cases_says_both(
    isolated: SessionResults, shared: SessionResults
) -> None:
    rows = frame.frame_of([report(isolated), report(shared)])
    assert set(rows["machine"]) == {"iPhone 15 Pro"}
    assert set(zip(rows["isolation"], rows["pace_hz"], strict=True)) == {
        ("process", 0.0), ("process", 30.0), ("shared", 0.0),
    }  # fmt: skip
