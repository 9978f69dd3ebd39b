"""A package and an asset of one network stand side by side, told apart by their format."""

import json
from pathlib import Path

import msgspec
import pytest

import made_results as made
from bench.results import tables
from bench.results.read import SessionResults, read
from bench.results.records import Model
from bench.results.session_report import Report, report
from mobilenet.networks.v1 import MobileNetConfig
from reports import frame
from reports.__main__ import main
from reports.page import page
from reports.plots import catalog, plot_data

PACKAGE = made.model(MobileNetConfig(), format="mlprogram", min_ios=15)
ASSET = made.model(
    MobileNetConfig(), name="MobileNetV1_100_224_coreai", identity="a" * 64, format="coreai",
    min_ios=27,
)  # fmt: skip
CASES = [
    made.case(PACKAGE, "coreml", "ALL"), made.case(ASSET, "coreai", "ALL"),
    made.case(PACKAGE, "portable", "CPU"),
]  # fmt: skip
MS = (2, 1, 30)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    launches = [
        made.measured(case.case, number, samples_ns=(ms * 1_000_000,) * 3)
        for number in range(6)
        for case, ms in zip(CASES, MS, strict=True)
    ]
    path = tmp_path_factory.mktemp("results") / "mac.jsonl"
    return made.write(path, [made.session(rounds=6, samples=3), *CASES, *launches])


@pytest.fixture(scope="module")
def session(file: Path) -> SessionResults:
    (results,) = read([file])
    return results


@pytest.fixture(scope="module")
def told(session: SessionResults) -> Report:
    return report(session)


def test_they_are_ranked_together_and_never_with_another_runtime(told: Report) -> None:
    ranked = {title: [row.runtime for row in rows] for title, rows in told.tables().items()}
    assert ranked == {"coreml and coreai": ["coreai", "coreml"], "portable": ["portable"]}


def test_the_format_is_a_column_where_there_are_several(told: Report) -> None:
    text = tables.markdown([told])
    apples, portable = text.split("### portable")
    header, _, first, second = (line for line in apples.splitlines() if line.startswith("|"))
    assert "Format" in header
    assert [cell.strip() for cell in first.split("|")[1:4]] == [
        ASSET.name, "coreai", "coreai ALL",
    ]  # fmt: skip
    assert [cell.strip() for cell in second.split("|")[1:4]] == [PACKAGE.name, "mlprogram", "ALL"]
    assert "Format" not in portable


def test_csv_and_page_have_both(told: Report, session: SessionResults) -> None:
    rows = frame.frame_of([told]).set_index("case")
    assert list(rows["format"]) == ["coreai", "mlprogram", "mlprogram"]
    assert list(rows["min_ios"]) == [27, 15, 15]
    html = page.render([session])
    assert "<h3>coreml and coreai</h3>" in html
    assert "<td>coreai</td>" in html
    assert "<td>mlprogram</td>" in html


def test_points_of_a_plot_differ_in_name_and_series(told: Report, session: SessionResults) -> None:
    rows = told.tables()["coreml and coreai"]
    points = plot_data.cases(rows)
    assert [(point["label"], point["series"]) for point in points] == [
        ("1.0-224 coreai", "coreai ALL"), ("1.0-224", "ALL"),
    ]  # fmt: skip
    names = {plot.name for plot in catalog.plots_of(told, session, rows)}
    assert {"accuracy", "launches"} <= names


def choices(file: Path, capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, dict]:
    main(["choose", str(file), "--fps", "30", "--json", *options])
    return {choice["runtime"]: choice for choice in json.loads(capsys.readouterr().out)}


def test_an_asset_is_chosen_for_ios_27_alone(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = choices(file, capsys)
    assert chosen["coreai"]["reason"].count("needs iOS 27") == 1
    older = choices(file, capsys, "--ios", "26")
    assert older["coreai"]["case"] == ""
    assert older["coreai"]["reason"] == "nothing measured has a file for iOS 26"
    assert older["coreml"]["case"] == chosen["coreml"]["case"]
    assert choices(file, capsys, "--ios", "27") == chosen
    assert main(["choose", str(file), "--fps", "30", "--ios", "0"]) == 2


def test_a_model_of_an_older_file_has_no_version() -> None:
    text = msgspec.json.encode(PACKAGE)
    old = text.replace(b',"min_ios":15', b"")
    assert old != text
    assert msgspec.json.decode(old, type=Model).min_ios is None
