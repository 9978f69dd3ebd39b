"""MobileNet v1 and v2 in one session: whatever has a size for its key knows the network, too."""

from pathlib import Path

import msgspec
import pytest

import made_results as made
from bench.results import accuracy_table
from bench.results.read import SessionResults, read
from bench.results.records import Model, Record
from bench.results.session_report import Report, report
from bench.results.top1 import config_of, top1_by_identity
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.networks.v2 import MobileNetV2Config
from reports.claims import ClaimResult, claim_results
from reports.frame import frame_of
from reports.plots import catalog, plot_data

V1, V2 = made.model(MobileNetConfig()), made.model(MobileNetV2Config())
HALVES = made.model(MobileNetConfig(0.5)), made.model(MobileNetV2Config(0.5))
MORE = made.model(MobileNetConfig(0.75)), made.model(MobileNetV2Config(0.75))


def session_of(
    times_ms: dict[str, float], folder: Path, *more: Record, rounds: int = 15
) -> SessionResults:
    models = {model.name: model for model in (V1, V2, *HALVES, *MORE)}
    cases = [made.case(models[name]) for name in times_ms]
    latencies = {case.case: times_ms[case.model.name] for case in cases}
    measured = made.launches(cases, latencies, rounds, 20, seed=3)
    path = made.write(folder / "r.jsonl", [made.session(rounds), *cases, *measured, *more])
    (results,) = read([path])
    return results


@pytest.fixture
def both(tmp_path: Path) -> SessionResults:
    times = {V1.name: 10.0, V2.name: 8.0, HALVES[0].name: 3.0, HALVES[1].name: 4.0}
    times |= {MORE[0].name: 6.0, MORE[1].name: 6.5}
    return session_of(times, tmp_path)


@pytest.fixture
def summary(both: SessionResults) -> Report:
    return report(both)


def test_a_record_names_its_network_and_an_old_one_is_of_v1() -> None:
    assert config_of(V2) == MobileNetV2Config()
    stored = msgspec.json.encode(V1)
    old = msgspec.json.decode(stored.replace(b'"network":"v1",', b""), type=Model)
    assert old.network == ""
    assert config_of(old) == MobileNetConfig()
    assert config_of(msgspec.structs.replace(V2, network="v9")) is None


def test_published_accuracies_are_those_of_the_network() -> None:
    known = top1_by_identity([V1, V2], [])
    assert [known[model.identity].percent for model in (V1, V2)] == [70.9, 71.8]
    old = msgspec.structs.replace(V2, head="", weights="torchvision, IMAGENET1K_V1")
    assert top1_by_identity([old], [])[old.identity].percent == 71.878
    rows = accuracy_table.published_for([made.accuracy(V2, 100)])
    assert {row.network for row in rows} == {"v2"}
    assert accuracy_table.network_of(rows[0]) == "MobileNet v2, alpha 1, 224 px"


def test_plots_have_lines_for_each_network(summary: Report) -> None:
    rows = [row for row in summary.cases if row.p50]
    assert [plot_data.label(model) for model in (V1, V2)] == ["1.0-224", "v2 1.0-224"]
    detector = made.model(MobileNetConfig(resolution=300), head="ssdlite")
    assert plot_data.label(detector) == "SSDLite 1.0-300"
    assert {datum["series"] for datum in plot_data.alpha_sweep(rows)} == {
        "operations", "time, CPU", "v2 operations", "v2 time, CPU",
    }  # fmt: skip
    shares = {
        (datum["series"], datum["knob"]): datum["percent"] for datum in plot_data.alpha_sweep(rows)
    }
    assert shares["v2 operations", 0.5] == pytest.approx(100 * 97.1 / 300.8, abs=0.1)
    assert shares["v2 time, CPU", 1.0] == 100


def test_layers_of_v2_are_drawn_where_it_was_measured(both: SessionResults) -> None:
    assert [plot.name for plot in catalog.general_plots([both])] == ["operations", "operations_v2"]
    assert [plot.name for plot in catalog.general_plots([])] == ["operations"]


def test_the_frame_has_a_column_for_it(summary: Report) -> None:
    assert {*frame_of([summary])["network"]} == {"v1", "v2"}


def of_v2(results: SessionResults | None) -> list[ClaimResult]:
    known = claim_results([results] if results else [])
    return [claim for claim in known if claim.claim.startswith("v2 ")]


@pytest.mark.parametrize(
    ("v2_ms", "verdict"), [(7.0, "holds"), (14.0, "does not hold"), (10.0, "undecided")]
)
def test_v2_is_faster_where_it_was_measured_to_be(
    v2_ms: float, verdict: str, tmp_path: Path
) -> None:
    results = session_of({V1.name: 10.0, V2.name: v2_ms}, tmp_path)
    operations, accuracy, time = of_v2(results)
    assert (operations.verdict, accuracy.verdict) == ("holds", "not measured")
    assert operations.measured == "301 M against 569 M multiply-adds: 0.53 of them"
    assert time.verdict == verdict
    assert time.measured.startswith("0.53 of the operations, ")


def test_nothing_measured_and_only_arithmetic_decides() -> None:
    assert [claim.verdict for claim in of_v2(None)] == ["holds", "not measured", "not measured"]


@pytest.mark.parametrize(
    ("right", "changes", "verdict"),
    [
        (190, {}, "holds"),
        (80, {}, "does not hold"),
        (150, {}, "undecided"),
        (190, {"runtime": "coreml"}, "not measured"),
        (190, {"recipe": "torchvision"}, "not measured"),
        (190, {"model": msgspec.structs.replace(V2, trained=False)}, "not measured"),
    ],
)
def test_accuracy_is_compared_on_the_same_photographs_of_trained_weights_alone(
    right: int, changes: dict[str, object], verdict: str, tmp_path: Path
) -> None:
    records = [
        made.accuracy(V1, 142),
        made.accuracy(V2, right, **changes),
    ]
    _, accuracy, _ = of_v2(session_of({V1.name: 10.0}, tmp_path, *records))
    assert accuracy.verdict == verdict
