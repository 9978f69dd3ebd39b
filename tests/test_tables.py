"""Tables: what a person reads first, what programs read, and what other people's files try."""

import json
import subprocess
import sys
from io import StringIO
from pathlib import Path

import msgspec
import pandas as pd
import pytest
from rich.console import Console

import made_results as made
from bench.results import tables
from bench.results.read import SessionResults, read_file
from bench.results.session_report import Report, report
from bench.results.summary import CaseSummary
from bench.results.thermal_state import Thermal
from mobilenet.networks.v1 import MobileNetConfig
from reports.__main__ import main


def report_of(records: list) -> Report:
    results = SessionResults(Path("made.jsonl"))
    for record in records:
        results.add(record)
    return report(results)


REPORT = report_of(made.realistic())


def shown(one: Report, width: int = 220) -> str:
    console = Console(file=StringIO(), width=width)
    for content in tables.contents([one]):
        console.print(content, soft_wrap=True)
    return console.file.getvalue()


def rows(one: Report) -> dict[str, CaseSummary]:
    return {row.case: row for row in one.cases}


def test_runtimes_are_ranked_apart_and_fastest_first() -> None:
    groups = REPORT.runtimes()
    assert list(groups) == ["coreml", "portable"]
    for cases in groups.values():
        figures = [row.p50.value for row in cases if row.p50]
        assert figures == sorted(figures)
        assert [row.p50 is None for row in cases] == sorted(row.p50 is None for row in cases)


def test_what_did_not_run_is_a_row_with_its_reason() -> None:
    found = rows(REPORT)
    assert found["MobileNetV1_075_224 | coreml | ALL"].status == "crashed"
    skipped = found["MobileNetV1_100_224 | coreml | CPU_AND_GPU"]
    assert tables.note(skipped) == "skipped: Core ML needs macOS, this is Linux"
    partly = [row for row in REPORT.cases if row.p50 and row.launches_failed]
    assert [tables.note(row) for row in partly] == [
        "1 of 15 launches failed: no answer within 60 s"
    ]


def test_a_case_whose_turn_never_came() -> None:
    one = made.case(made.model(MobileNetConfig()))
    (row,) = report_of([made.session(), one]).cases
    assert tables.note(row) == "not run: the session ended before its turn"


def test_a_case_that_was_only_soaked() -> None:
    soak = made.layer_records()[0]
    case = made.case(made.model(MobileNetConfig()), "coreml", "CPU_AND_NE")
    one = report_of([made.session(samples=0), case, soak])
    assert tables.note(one.cases[0]) == "not run: only a soak or a placement of it"
    assert not any("plan:" in fact for fact in one.facts)


def test_the_control_stands_above_the_table_and_is_no_row() -> None:
    text = shown(REPORT)
    assert text.index("A/A control:") < text.index("p50 ms")
    assert not any("A/A" in row.case for row in REPORT.cases)


def test_untrained_weights_are_marked_in_every_form(tmp_path: Path, capsys) -> None:
    path = made.write(tmp_path / "r.jsonl", made.realistic(rounds=6, samples=5))
    for option in ([], ["--markdown"], ["--csv"], ["--json"]):
        assert main([str(path), *option]) == 0
        assert "untrained" in capsys.readouterr().out


@pytest.mark.parametrize("options", [[], ["--markdown"]])
def test_accuracy_stands_beside_what_is_published(tmp_path: Path, capsys, options) -> None:
    """In a file that has nothing else."""
    path = made.write(tmp_path / "r.jsonl", made.photographs())
    assert main([str(path), *options]) == 0
    text = capsys.readouterr().out
    rows = [line for line in text.splitlines() if "200 (pets)" in line]
    assert len(rows) == 3
    for words in ("package", "71.00 (60.0 to 80.0)", "86.00 (80.0 to 90.0)", "70.9 / 89.9"):
        assert words in rows[0]
    assert "1 photograph not opened" in rows[1]
    assert "untrained; 3 answers with NaN" in rows[2]
    assert "70.9" not in rows[2]  # trained weights are no measure of untrained ones
    assert "A set other than those does not reproduce the figures" in text
    assert "p50: median" not in text


def test_pairs_are_a_line_each() -> None:
    first, second = (line for line in shown(report_of(made.photographs())).splitlines()
                     if " vs. " in line)  # fmt: skip
    assert first.endswith(
        "same top-1 on 90.00 % of 200 photographs; right alone 25 : 3, McNemar p 0.031: the "
        "second is not shown worse (at 0.05 / 2); largest error per photograph of "
        "log-probabilities (from logits): p50 0.11, p90 0.31, p99 0.62, max 0.93"
    )
    assert "(untrained): same top-1" in second
    assert second.endswith("p 1e-30: the second is worse (at 0.05 / 2)")


def test_accuracy_on_a_narrow_terminal() -> None:
    text = shown(report_of([made.accuracy(made.model(MobileNetConfig()), 142)]), 80)
    assert "71.00 (60.0 to 80.0)" in text
    assert "no room for" in text


def test_the_full_validation_set_is_asked_about() -> None:
    full = made.Photographs(name="val", digest="cd", images=50_000, classes=1000)
    one = made.accuracy(made.model(MobileNetConfig()), 142, photographs=full)
    text = shown(report_of([one]))
    assert "compare only if they are that set" in text
    assert "A set other" not in text


@pytest.mark.parametrize(("count", "lines"), [(3, 3), (4, 1)])
def test_many_rows_skipped_for_one_reason_are_one_line(count: int, lines: int) -> None:
    model = made.model(MobileNetConfig())
    same = [made.case(model, "coreml", f"U{i}", skipped="not on linux") for i in range(count)]
    other = made.case(model, "coreml", "X", skipped="no time")
    one = report_of([made.session(), *same, other])
    for text in (shown(one), tables.markdown([one])):
        assert text.count("not on linux") == lines
        assert ("4 cases on coreml skipped: not on linux" in text) == (count > 3)
        assert "skipped: no time" in text
    assert "4 cases on" not in shown(report_of([made.session(), other]))


def test_environment_becomes_advice() -> None:
    bad = made.environment(
        power_source="battery", low_power_mode=True, governor="powersave", load_average=3.0,
        virtual="kvm", turbo=True,
    )  # fmt: skip
    warnings = " ".join(report_of([made.session(environment=bad)]).warnings)
    for word in ("battery", "low power mode", '"powersave"', "load 3.0", "kvm", "turbo"):
        assert word in warnings


def test_samples_of_several_calls_are_per_call_and_have_no_percentile() -> None:
    one = made.case(made.model(MobileNetConfig()))
    launch = made.failed(one.case, 0, "ok", "")
    launch = msgspec.structs.replace(launch, samples_ns=(800, 1600, 9600), calls_per_sample=16)
    (row,) = report_of([made.session(), one, launch]).cases
    assert row.p50.value == 100
    assert row.p90 is None


def test_peak_memory_is_that_of_the_hungriest_launch() -> None:
    one = made.case(made.model(MobileNetConfig()))
    peaks = (91_000_000, 140_000_000, None, 88_000_000)
    measured = [
        made.measured(one.case, number, peak_memory_bytes=peak)
        for number, peak in enumerate(peaks)
    ]
    crashed = msgspec.structs.replace(
        made.failed(one.case, 4, "crashed", "killed"), peak_memory_bytes=900_000_000
    )
    (row,) = report_of([made.session(), one, *measured, crashed]).cases
    assert row.peak_memory_bytes == 140_000_000
    (unknown,) = report_of([made.session(), one, measured[2]]).cases
    assert unknown.peak_memory_bytes is None


MODERATE, NOMINAL = Thermal(pressure="moderate"), Thermal(pressure="nominal")


@pytest.mark.parametrize(
    ("states", "advice"),
    [
        (
            (NOMINAL, MODERATE, Thermal(pressure="heavy")),
            ["2 of 3 launches left the machine hot (thermal state moderate): let it cool"],
        ),
        (
            (Thermal(celsius=42), Thermal(celsius=91)),
            ["1 of 2 launches left the machine hot (thermal state 91 C): let it cool"],
        ),
        ((NOMINAL, Thermal(celsius=42), None), []),  # what a machine at work has
    ],
)
def test_heat_becomes_advice(states: tuple[Thermal | None, ...], advice: list[str]) -> None:
    one = made.case(made.model(MobileNetConfig()))
    measured = [
        made.measured(one.case, number, thermal_after=state) for number, state in enumerate(states)
    ]
    warnings = report_of([made.session(), one, *measured]).warnings
    assert [warning for warning in warnings if "thermal" in warning] == advice


def test_columns_give_way_on_a_narrow_terminal() -> None:
    narrow, wide = shown(REPORT, 80), shown(REPORT)
    assert (
        max(map(len, narrow.split("coreml, fastest")[1].split("p50: median")[0].splitlines()))
        <= 80
    )
    assert "no room for" in narrow
    assert "no room for" not in wide
    for text in (narrow, wide):
        assert "MobileNetV1_100_224_shallow" in text
        assert "1.28 to 1.34" in text


def test_the_figures_do_not_depend_on_the_order_of_launches() -> None:
    records = made.realistic(rounds=6, samples=10)
    again = [*records[:15], *reversed(records[15:])]
    assert report_of(again).cases == report_of(records).cases


def test_csv_and_json_are_raw(tmp_path: Path, capsys) -> None:
    path = made.write(tmp_path / "r.jsonl", made.realistic())
    assert main([str(path), "--csv"]) == 0
    frame = pd.read_csv(StringIO(capsys.readouterr().out))
    assert len(frame) == len(REPORT.cases)
    assert main([str(path), "--json"]) == 0
    (session,) = json.loads(capsys.readouterr().out)
    first = session["cases"][0]
    assert first["p50"]["value"] == frame["p50_ns"][0] == REPORT.cases[0].p50.value
    assert first["p50"]["interval"] == [frame["p50_low_ns"][0], frame["p50_high_ns"][0]]
    assert session["session"]["environment"]["memory_bytes"] == 8 << 30


def test_markdown_stays_as_it_is() -> None:
    """A snapshot; `reports` is what people paste into issues."""
    model = made.model(MobileNetConfig(alpha=0.5), name="a|b <script>", trained=False)
    one, other = made.case(model), made.case(model, unit="GPU", skipped="no GPU here")
    records = [made.session(rounds=6), one, other]
    for number in range(6):
        launch = made.failed(one.case, number, "ok", "")
        samples = tuple(range(2_000_000 + number * 10_000, 2_000_010 + number * 10_000))
        records.append(
            msgspec.structs.replace(
                launch, samples_ns=samples, load_ns=40_000_000, first_call_ns=5_000_000
            )
        )
    assert tables.markdown([report_of(records)]).splitlines() == [
        "## made.jsonl, 2026-01-02 03:04 UTC",
        "",
        "- machine: Made-up CPU 3000 (2 cores, 8 GiB), Linux 6.1 x86_64; Python 3.11.9, "
        "onnxruntime 1.32.0, numpy 2.3.5",
        "- plan: 6 rounds of one launch per case in shuffled order (seed 1), 50 samples each "
        "after 0.5 s of warm-up",
        "- **warning:** untrained weights: timings are real, predictions mean nothing",
        "",
        "### portable",
        "",
        "|Model            | Unit | p50 ms | >= 95 % interval | p90 ms | first ms | load ms |"
        "   MB | M MACs | rel. L2 | Note                           |",
        "|-----------------|------|--------|------------------|--------|----------|---------|"
        "------|--------|---------|--------------------------------|",
        "|a\\|b &lt;script> | CPU  |   2.03 |     2.00 to 2.05 |   2.03 |     5.00 |    40.0 |"
        " 2.69 |    149 | 2.1e-03 | untrained                      |",
        "|a\\|b &lt;script> | GPU  |      - |                - |      - |        - |       - |"
        " 2.69 |    149 | 2.1e-03 | skipped: no GPU here; untrained|",
        "",
        tables.LEGEND,
    ]


def test_a_name_cannot_drive_the_terminal() -> None:
    model = made.model(MobileNetConfig(), name="\x1b[31mred\x07[bold]\nnext line")
    text = shown(report_of([made.session(), made.case(model)]))
    assert "\x1b" not in text
    assert "\x07" not in text
    assert r"\x1b[31mred\x07[bold]\nnext line" in text


@pytest.mark.parametrize("content", [b"", b"{}\n", b"PK\x03\x04"])
def test_bad_files_are_one_line_and_exit_2(tmp_path: Path, capsys, content: bytes) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_bytes(content)
    assert main([str(path)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: ")
    assert captured.err.count("\n") == 1


def test_a_missing_file_exits_2(capsys) -> None:
    assert main(["nowhere.jsonl"]) == 2
    assert "nowhere.jsonl" in capsys.readouterr().err


def test_a_first_form_session_keeps_loading() -> None:
    """Golden: written by the first version, schema 1. Never regenerate it."""
    (results,) = read_file(Path(__file__).parent / "data" / "session_schema1.jsonl")
    found = report(results)
    assert found.session.schema == 1
    assert [round(row.p50.value) for row in found.cases if row.p50] == [
        1315035, 1362288, 4062987, 1199644, 3305464,
    ]  # fmt: skip


def test_a_table_loads_nothing_heavy() -> None:
    path = Path(__file__).parent / "data" / "session_schema1.jsonl"
    code = (
        "import sys; from reports.__main__ import main; assert main(sys.argv[1:]) == 0;"
        "heavy = {'torch', 'coremltools', 'numpy', 'pandas', 'altair', 'jinja2'};"
        "sys.exit(str(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_destroyed_package_looks_worst() -> None:
    """Its gate compares it with its own weights, which say nothing of the network's."""
    config = MobileNetConfig()
    models = [
        made.model(config, agreement=2.1e-3),
        made.model(config, name="p2", compression="palette2", agreement=4e-4, loss=0.94),
        made.model(config, name="old", compression="palette4", agreement=3e-4),
    ]
    assert [tables.distance(model) for model in models] == [2.1e-3, 0.94, None]
    assert [tables.gate(model) for model in models] == [None, 4e-4, 3e-4]
    out = shown(report_of([made.session(), *map(made.case, models)]))
    assert "9.4e-01" in out
