"""Results as a DataFrame: tidy, typed, with units in the names of its columns."""

from pathlib import Path

import msgspec
import pandas as pd
import pytest

import made_results as made
import reports
from bench.results.session_report import read_reports
from mobilenet.common.errors import RecordError
from mobilenet.networks.v1 import MobileNetConfig
from reports import frame

SCHEMA1 = Path(__file__).parent / "data" / "session_schema1.jsonl"


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    mac = made.environment(system="macOS 15.1", machine="arm64", model="Mac16,1")
    head = made.session(session="mac", environment=mac, started="2026-02-03T04:05:06.700Z")
    return [
        made.write(tmp_path / "linux.jsonl", made.realistic()),
        made.write(tmp_path / "mac.jsonl", [head, *made.realistic(6, 10, seed=2)[1:]]),
        SCHEMA1,
    ]


def test_a_row_for_each_case_of_each_session(files: list[Path]) -> None:
    cases = reports.read(files)
    summaries = [case for report in read_reports(files) for case in report.cases]
    assert list(cases.case) == [case.case for case in summaries]
    assert list(cases.machine.unique()) == ["x86_64", "Mac16,1"]
    assert cases.started.min() == pd.Timestamp("2026-01-02T03:04:05", tz="UTC")
    for row, case in zip(cases.itertuples(), summaries, strict=True):
        if case.p50 is None:
            assert row.p50_ns is pd.NA
            assert row.reason
        else:
            assert row.p50_ns == case.p50.value
            assert case.p50.interval in (None, (row.p50_low_ns, row.p50_high_ns))
        assert (row.size_bytes, row.trained) == (case.model.size_bytes, case.model.trained)


def test_what_speaks_against_a_session_is_in_every_row(tmp_path: Path) -> None:
    """A notebook that leaves out unreliable sessions needs one query."""
    model = made.model(MobileNetConfig())
    first = made.case(model)
    twin = made.case(model, case="twin", control_of=first.case)
    for name, twin_ms in (("good", 10.0), ("bad", 20.0)):
        launches = made.launches([first, twin], {first.case: 10.0, "twin": twin_ms}, 15, 20, 4)
        busy = made.session(15, environment=made.environment(load_average=9.0))
        made.write(tmp_path / f"{name}.jsonl", [busy, first, twin, *launches])
    cases = reports.read([tmp_path / "good.jsonl", tmp_path / "bad.jsonl"])
    assert list(cases.query("unreliable.isna()").source) == ["good.jsonl"]
    assert cases.warnings.str.contains("other programs are running").all()
    assert cases.unreliable[1].startswith("the A/A control found a difference")


def test_an_accuracy_has_its_interval(tmp_path: Path) -> None:
    records = [*made.realistic(rounds=1, samples=5), *made.photographs()]
    cases = reports.read(made.write(tmp_path / "r.jsonl", records))
    known = cases[cases.top1_percent.notna()]
    assert len(known)
    assert (known.top1_low_percent < known.top1_percent).all()
    assert (known.top1_percent < known.top1_high_percent).all()


def test_types_of_columns_do_not_depend_on_what_is_missing(files: list[Path]) -> None:
    for path in files:
        cases = reports.read(str(path))
        assert {name: str(cases[name].dtype) for name in frame.COLUMNS if name != "started"} == {
            name: dtype for name, dtype in frame.COLUMNS.items() if name != "started"
        }
        assert isinstance(cases.started.dtype, pd.DatetimeTZDtype)


def test_every_column_is_documented_and_every_fact_a_column(files: list[Path]) -> None:
    facts = {*made.Model.__struct_fields__, "model"} - {"name"}
    assert facts <= frame.COLUMNS.keys()
    for column in frame.COLUMNS.keys() - facts:
        name = column.replace("_low_ns", "_ns").replace("_high_ns", "_ns")
        assert f"`{name}`" in frame.read.__doc__, column


def test_csv_says_the_same(files: list[Path], tmp_path: Path) -> None:
    path = tmp_path / "cases.csv"
    path.write_text(frame.as_csv(read_reports(files)))
    read_back = pd.read_csv(path).convert_dtypes()
    cases = reports.read(files)
    assert list(read_back.columns) == list(cases.columns)
    assert list(read_back.p90_high_ns.dropna()) == list(cases.p90_high_ns.dropna())


def test_batches_and_threads_are_numbers(tmp_path: Path) -> None:
    options = {"threads": "2", "batch": "8"}
    case = msgspec.structs.replace(made.case(made.model(made.MobileNetConfig())), options=options)
    cases = reports.read([made.write(tmp_path / "r.jsonl", [made.session(), case])])
    assert (cases.threads[0], cases.batch[0]) == (2, 8)


def test_nothing_measured_is_an_empty_frame_and_nonsense_is_an_error(tmp_path: Path) -> None:
    nothing = reports.read(made.write(tmp_path / "r.jsonl", made.photographs()))
    assert (len(nothing), list(nothing.columns)) == (0, list(frame.COLUMNS))
    huge = made.case(made.model(made.MobileNetConfig(), macs=10**30))
    with pytest.raises(RecordError, match=r"`int` .* `\$.model.macs`"):
        reports.read(made.write(tmp_path / "huge.jsonl", [huge]))
    (tmp_path / "empty.jsonl").touch()
    with pytest.raises(RecordError, match="is empty"):
        reports.read(tmp_path / "empty.jsonl")
