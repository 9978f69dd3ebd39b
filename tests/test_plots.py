"""The plots: files that are pictures, axes with units, shapes beside colours."""

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import vl_convert
from PIL import Image

import made_results as made
from bench.results.read import SessionResults
from bench.results.session_report import report
from bench.results.summary import summarize
from bench.results.top1 import Top1
from mobilenet.networks.v1 import MobileNetConfig
from reports.__main__ import main
from reports.plots import catalog, plot_data, style, timing, tradeoffs

CASE = "MobileNetV1_100_224 | portable | CPU"


@pytest.fixture(scope="module")
def results() -> SessionResults:
    made_up = SessionResults(Path("made.jsonl"))
    for record in [*made.realistic(rounds=6, samples=10), *made.layer_records()]:
        made_up.add(record)
    return made_up


@pytest.fixture(scope="module")
def specs(results: SessionResults) -> dict[str, dict]:
    one = report(results)
    drawn = [*catalog.general_plots([results]), timing.samples(results, CASE)]
    for rows in one.tables().values():
        drawn += catalog.plots_of(one, results, rows)
    return {plot.name: plot.chart.to_dict() for plot in drawn}


def encodings(spec: dict) -> list[dict]:
    return [spec.get("encoding", {})] + [
        found for layer in spec.get("layer", []) for found in encodings(layer)
    ]


def test_every_plot_has_its_data(specs: dict[str, dict]) -> None:
    assert set(specs) == {
        "accuracy", "size", "units", "launches", "alpha", "resolution", "linear", "soak",
        "placement", "operations", "layer_error", "samples",
    }  # fmt: skip


UNITS = (
    "ms", "MB", "%", "million", "(s)", "per second", "pixels", "multiplier", "relative L2",
    "sample",
)  # fmt: skip


def test_units_stand_on_every_axis_of_numbers(specs: dict[str, dict]) -> None:
    for name, spec in specs.items():
        titled = [
            encoding[axis]["title"]
            for encoding in encodings(spec)
            for axis in ("x", "y")
            if encoding.get(axis, {}).get("type") == "quantitative" and "title" in encoding[axis]
        ]
        assert titled, name
        assert all(any(unit in title for unit in UNITS) for title in titled), (name, titled)


def test_compute_units_differ_in_shape_or_dash_too(specs: dict[str, dict]) -> None:
    for name in ("accuracy", "units", "linear", "alpha", "soak"):
        channels = set().union(*encodings(specs[name]))
        assert channels & {"shape", "strokeDash", "yOffset"}, name


def test_accuracies_are_marked_as_published(specs: dict[str, dict]) -> None:
    assert "published" in json.dumps(specs["accuracy"])


def test_the_pareto_front(results: SessionResults) -> None:
    one = report(results)
    rows = [row for row in one.cases if row.runtime == "portable" and row.p50]
    values = tradeoffs.accuracies(rows, one.top1)
    front = [value for value in values if value["front"]]
    for value in values:
        beaten = any(f["p50_ms"] < value["p50_ms"] and f["top1"] >= value["top1"] for f in front)
        assert beaten != value["front"]
    assert not any(value["label"].endswith("(untrained)") for value in values)


def test_models_of_one_label_have_their_names() -> None:
    """A network exported for two targets: two models, not one on two units."""
    models = [made.model(MobileNetConfig(), name=name, identity=name) for name in ("all", "ane")]
    cases = [made.case(model) for model in (*models, made.model(MobileNetConfig(0.5)))]
    launches = [made.measured(case.case, number) for case in cases for number in range(6)]
    rows = [
        summarize(case, [each for each in launches if each.case == case.case]) for case in cases
    ]
    assert [value["label"] for value in plot_data.cases(rows)] == ["all", "ane", "0.5-224"]
    assert timing.units(rows) is None


@pytest.mark.parametrize("turned", [False, True])
def test_of_equals_only_one_is_on_the_pareto_front(turned: bool) -> None:
    """As fast and less accurate, or as accurate and slower: not on the front."""
    figures = {"fast": (5, 60), "as fast": (5, 55), "slow": (9, 70), "slower": (10, 70)}
    rows, top1 = [], {}
    for name, (ms, percent) in figures.items():
        one = made.case(made.model(MobileNetConfig(), name=name, identity=name))
        rows.append(summarize(one, [made.measured(one.case, samples_ns=(ms * 1_000_000,))]))
        top1[name] = Top1(percent, "measured")
    values = tradeoffs.accuracies(rows[::-1] if turned else rows, top1)
    front = [value["case"].split(" | ")[0] for value in values if value["front"]]
    assert front == ["fast", "slow"]


def test_time_that_is_linear_in_operations_is_fitted_exactly() -> None:
    values = [{"series": "CPU", "macs_m": m, "p50_ms": 0.5 + 0.02 * m} for m in (10, 100, 500)]
    assert plot_data.fits(values) == [
        {"series": "CPU", "macs_m": 0, "p50_ms": pytest.approx(0.5)},
        {"series": "CPU", "macs_m": 500, "p50_ms": pytest.approx(10.5)},
    ]


def test_a_sweep_takes_three_points(results: SessionResults) -> None:
    rows = [row for row in report(results).cases if row.runtime == "portable" and row.p50]
    deep = [row for row in rows if row.model.resolution == 224 and not row.model.shallow]
    assert timing.alpha(deep[:2]) is None
    assert {value["knob"] for value in plot_data.alpha_sweep(deep[:3])} == {0.25, 0.5, 0.75}


def test_noise_of_a_soak_does_not_look_like_throttling(specs: dict[str, dict]) -> None:
    assert specs["soak"]["encoding"]["y"]["scale"] == {"zero": True}


@pytest.mark.parametrize(("ms", "is_shown"), [(0.5, False), (20, True), (400, False)])
def test_the_line_of_a_frame_squeezes_nothing(ms: float, is_shown: bool) -> None:
    models = [made.model(MobileNetConfig(alpha), identity=str(alpha)) for alpha in (1.0, 0.5)]
    cases = list(map(made.case, models))
    launches = [made.measured(case.case, samples_ns=(round(ms * 1e6),) * 3) for case in cases]
    rows = [summarize(case, [launch]) for case, launch in zip(cases, launches, strict=True)]
    plot = tradeoffs.accuracy(rows, {model.identity: Top1(70, "made") for model in models})
    (low, high) = next(
        encoding["x"]["scale"]["domain"]
        for encoding in encodings(plot.chart.to_dict())
        if "domain" in encoding.get("x", {}).get("scale", {})
    )
    assert low < ms < high
    assert (low < tradeoffs.FRAME_MS < high) == is_shown


def test_files_have_names_beside_their_points(results: SessionResults, tmp_path: Path) -> None:
    one = report(results)
    rows = [row for row in one.cases if row.runtime == "portable" and row.p50]
    _, svg = style.save(tradeoffs.accuracy(rows, one.top1), tmp_path / "accuracy")
    assert ">0.25-224</text>" in svg.read_text("utf-8")
    assert ">30 a second</text>" in svg.read_text("utf-8")


def test_every_colour_of_a_plot_is_the_themes(specs: dict[str, dict]) -> None:
    series = [f"#0000{number}{number}" for number in range(1, 7)]
    config = style.theme("#00ff00", "#ff0000", "#ffffff", series)
    known = {"none", "transparent", "#00ff00", "#ff0000", "#ffffff", "#808080", *series}
    for name in specs.keys() - {"samples"}:  # whose rounds have a scale of their own
        svg = vl_convert.vegalite_to_svg({**specs[name], "config": config})
        assert set(re.findall(r'(?:fill|stroke)="([^"]+)"', svg)) <= known, name


def test_operations_per_layer_add_up() -> None:
    config = MobileNetConfig()
    values = plot_data.layer_operations(config)
    assert len(values) == 28
    assert sum(value["macs_m"] for value in values) * 1e6 == pytest.approx(config.cost().macs)
    assert sum(value["percent"] for value in values) == pytest.approx(100)


def test_a_long_session_is_drawn_in_part_and_says_so(results: SessionResults) -> None:
    rows = [row for row in report(results).cases if row.runtime == "portable" and row.p50]
    values = plot_data.launches(rows, results, limit=20)
    assert 0 < len(values) <= 20
    assert {value["case"] for value in values} == {row.case for row in rows[:3]}


def test_files_are_pictures(tmp_path: Path, capsys) -> None:
    records = [*made.realistic(rounds=6, samples=5)[:4], *made.layer_records()[2:]]
    results = made.write(tmp_path / "r.jsonl", records)
    assert main(["plots", str(results), "-o", str(tmp_path / "out")]) == 0
    written = [Path(line) for line in capsys.readouterr().out.split()]
    assert sorted(path.name for path in written) == [
        "mobilenet-layer-error.png", "mobilenet-layer-error.svg",
        "mobilenet-operations.png", "mobilenet-operations.svg",
    ]  # fmt: skip
    for path in written:
        if path.suffix == ".png":
            with Image.open(path) as picture:
                assert picture.width > 600
        else:
            assert ET.parse(path).getroot().tag.endswith("svg")


def test_samples_of_an_unknown_case_exit_2(tmp_path: Path, capsys) -> None:
    results = made.write(tmp_path / "r.jsonl", made.realistic(rounds=6, samples=5))
    assert main(["plots", str(results), "-o", str(tmp_path), "--samples", "x"]) == 2
    error = capsys.readouterr().err
    assert "no samples of 'x'" in error
    assert CASE in error
    assert list(tmp_path.glob("*.png")) == []


@pytest.mark.parametrize("name", ["mobilenet-operations.png", "mobilenet-layer-error.svg"])
def test_a_plot_takes_no_place_but_a_files(name: str, tmp_path: Path, capsys) -> None:
    results = made.write(tmp_path / "r.jsonl", made.layer_records())
    folder = tmp_path / "out" / name
    folder.mkdir(parents=True)
    (folder / "thesis.txt").write_text("irreplaceable")
    assert main(["plots", str(results), "-o", str(tmp_path / "out")]) == 2
    assert f"{name} is a folder" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "out").iterdir()] == [name]
    assert (folder / "thesis.txt").read_text() == "irreplaceable"
    results = results.rename(tmp_path / "mobilenet-operations.png")
    assert main(["plots", str(results), "-o", str(tmp_path)]) == 2
    assert "would replace what is read" in capsys.readouterr().err
