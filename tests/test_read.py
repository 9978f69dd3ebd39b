"""SessionResults files: whole, cut, foreign, newer, empty."""

import re
from contextlib import suppress
from pathlib import Path
from typing import get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import made_results as made
import reports
from bench.results import jsonl, tables
from bench.results.read import SessionResults, read, read_file
from bench.results.records import Record
from bench.results.session_report import reports_of
from bench.results.thermal_state import Thermal
from mobilenet.common.errors import RecordError
from reports import Requirements, choose, claims
from reports.plots import plot_data, tradeoffs

RECORDS = made.realistic(rounds=2, samples=3)


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return made.write(tmp_path / "results.jsonl", RECORDS)


def test_all_records_come_back(results: Path) -> None:
    (session,) = read_file(results)
    assert session.session == RECORDS[0]
    assert len(session.cases) == 14
    assert sum(map(len, session.launches.values())) == 2 * 13
    assert session.warnings == []


def test_a_cut_last_line_is_left_out_with_a_warning(results: Path) -> None:
    results.write_bytes(results.read_bytes()[:-40])
    (session,) = read_file(results)
    assert sum(map(len, session.launches.values())) == 2 * 13 - 1
    assert session.warnings == [f"line {len(RECORDS)}, the last, is cut off and left out"]


def test_two_sessions_in_one_file(results: Path) -> None:
    second = msgspec.structs.replace(RECORDS[0], session="other")
    made.write(results, [*RECORDS, RECORDS[0], second, *RECORDS[1:]])
    first, other = read([results])
    assert (first.session.session, other.session.session) == (RECORDS[0].session, "other")
    assert first.cases == other.cases


def test_a_newer_schema_is_shown_as_far_as_it_is_understood(results: Path) -> None:
    head = msgspec.structs.replace(RECORDS[0], schema=99)
    lines = made.write(results, [head, *RECORDS[1:]]).read_bytes()
    results.write_bytes(lines.replace(b'"tool"', b'"colour":"red","tool"', 1) + b'{"kind":"x"}\n')
    (session,) = read_file(results)
    assert len(session.cases) == 14
    assert any("schema 99" in warning for warning in session.warnings)
    assert any("line" in warning and "'x'" in warning for warning in session.warnings)


def test_lines_of_before_lack_what_may_be_left_out(tmp_path: Path) -> None:
    """As those of earlier schemas do: every reader can do without."""
    records = [*RECORDS, *made.photographs(), *made.layer_records()]
    path = tmp_path / "old.jsonl"
    path.write_bytes(b"".join(msgspec.json.encode(bare(record)) + b"\n" for record in records))
    sessions = read_file(path)
    assert sessions[0].warnings == []
    assert len(sessions[0].accuracies) == 3
    everything(sessions)
    reports.read(path)


def test_the_description_of_files_names_every_kind_of_record() -> None:
    text = (Path(__file__).parent.parent / "bench/README.md").read_text("utf-8")
    table = text.split("| `kind` |")[1].split("\n\n")[0]
    kinds = {kind.__struct_config__.tag for kind in get_args(Record)}
    assert set(re.findall(r"^\| `(\w+)`", table, re.MULTILINE)) == kinds


def bare(record: msgspec.Struct) -> dict[str, object]:
    """Only what must be given."""
    fields = {field.name: field for field in msgspec.structs.fields(record)}
    config = record.__struct_config__
    tag = {config.tag_field: config.tag} if config.tag_field else {}
    return tag | {
        field.encode_name: bare(value) if isinstance(value, msgspec.Struct) else value
        for name, field in fields.items()
        if field.required
        for value in [getattr(record, name)]
    }


def test_earlier_sessions_launched_a_process_each_and_said_nothing_of_a_pace() -> None:
    old = Path(__file__).parent / "data" / "session_schema1.jsonl"
    (session,) = read_file(old)
    assert session.session is not None
    assert session.session.isolation == "process"
    assert {launch.pace_hz for each in session.launches.values() for launch in each} == {0.0}


def test_thermal_states_of_schema_1_are_read_as_what_they_are(results: Path) -> None:
    """They were words: "nominal", "42 C", or nothing."""
    case, (launch, *_) = made.layer_records()[0].case, RECORDS[-2:]
    old_launch = msgspec.to_builtins(launch) | {"thermal_before": "", "thermal_after": "42 C"}
    window = {"begin_ns": 0, "took_ns": 5, "calls": 3, "thermal": "heavy"}
    old_soak = {"kind": "soak", "case": case, "started": "", "status": "ok", "windows": [window]}
    old_soak |= {"thermal_before": "nominal", "thermal_after": "heavy"}
    results.write_bytes(b"".join(msgspec.json.encode(x) + b"\n" for x in (old_launch, old_soak)))
    (session,) = read_file(results)
    ((launch,),) = session.launches.values()
    assert (launch.thermal_before, launch.thermal_after) == (None, Thermal(celsius=42))
    (soak,) = session.soaks
    assert (soak.thermal_before, soak.thermal_after, soak.windows[0].thermal) == (
        Thermal(pressure="nominal"), Thermal(pressure="heavy"), Thermal(pressure="heavy"),
    )  # fmt: skip
    with jsonl.resume(results) as (_, records):
        assert records == [launch, soak]


def test_a_missing_column_is_named_and_the_rest_is_shown(results: Path) -> None:
    lines = results.read_bytes().splitlines(keepends=True)
    broken = [line.replace(b'"round"', b'"rnd"') for line in lines[-8:]]
    results.write_bytes(b"".join(lines[:-8] + broken))
    (session,) = read_file(results)
    assert sum(map(len, session.launches.values())) == 2 * 13 - 8
    assert "missing required field `round`" in session.warnings[0]
    assert session.warnings[3] == "5 more such lines"


def test_a_file_that_begins_in_the_middle(results: Path) -> None:
    made.write(results, RECORDS[1:])
    (session,) = read_file(results)
    assert session.session is None
    assert session.warnings == ["the session's head is missing: machine and plan are unknown"]


def test_launches_of_unknown_cases_are_counted(results: Path) -> None:
    made.write(results, [record for record in RECORDS if record != RECORDS[1]])
    (session,) = read_file(results)
    assert session.warnings[0].startswith("launches of 1 case that is not described: MobileNetV1")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\n\n", "no line in it"),
        (b'{"benchmarks": []}\n', "line 1 is not a record of ours"),
        (b"\x00\xff\xfe binary \n", "line 1 is not a record of ours"),
        (b"a,b\n1,2\n", "line 1 is not a record of ours"),
    ],
)
def test_what_is_no_results_file_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "other.json"
    path.write_bytes(content)
    with pytest.raises(RecordError, match=message) as error:
        read_file(path)
    assert "python -m bench" in error.value.hint


def test_a_huge_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.jsonl"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(RecordError, match="1,099,511,627,776 bytes"):
        read_file(path)


WHOLE = b"".join(
    msgspec.json.encode(record) + b"\n"
    for record in [*made.realistic(rounds=1, samples=3), *made.layer_records()]
)
numbers = st.sampled_from([b"0", b"-1", b"1e308", b"null", b"99999999999999999999", b'"<b>"'])


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), numbers), min_size=1, max_size=40))
def test_damage_is_a_warning_or_one_error(tmp_path_factory, damage) -> None:
    """Figures replaced by senseless ones, wherever they stand: nothing else ever comes out."""
    data = bytearray(WHOLE)
    for place, value in sorted(damage, reverse=True):
        digits = re.search(rb"(?<=[:,\[])-?\d+(\.\d+)?(?=[,}\]])", data[place:])
        if digits:
            data[place + digits.start() : place + digits.end()] = value
    path = tmp_path_factory.getbasetemp() / "damaged.jsonl"
    path.write_bytes(data)
    with suppress(RecordError):
        everything(read_file(path))


def everything(sessions: list[SessionResults]) -> None:
    reports = reports_of(sessions)
    tables.markdown(reports)
    choose(reports, Requirements(30))
    claims.claim_results(sessions)
    for one, results in zip(reports, sessions, strict=True):
        for rows in one.runtimes().values():
            plot_data.fits(plot_data.cases(rows))
            tradeoffs.accuracies(rows, one.top1)
            plot_data.launches(rows, results, 600)
            plot_data.alpha_sweep(rows)
