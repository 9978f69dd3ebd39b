"""Which accuracy stands beside a time: measured on common photographs, else published."""

from pathlib import Path

import pytest

import made_results as made
from bench.results.records import Accuracy, Model, Photographs
from bench.results.top1 import top1_by_identity
from mobilenet.networks.v1 import MobileNetConfig
from reports.__main__ import main

MODELS = [made.model(MobileNetConfig(alpha=alpha)) for alpha in (1.0, 0.5)]


def measured(model: Model, top1: int, digest: str = "a", recipe: str = "package") -> Accuracy:
    return Accuracy(
        name=f"{model.name} | portable | CPU | {recipe}", model=model, runtime="portable",
        unit="CPU", recipe=recipe, geometry="", started="2026-01-02T03:04:05Z", tool="0.1.0",
        photographs=Photographs(name="pets", digest=digest, images=200, classes=10),
        images=200, top1=top1, top5=190, top1_interval=(0.6, 0.8), top5_interval=(0.9, 1.0),
    )  # fmt: skip


def percents(models: list[Model], accuracies: list[Accuracy]) -> list[float]:
    known = top1_by_identity(models, accuracies)
    return [known[model.identity].percent for model in models if model.identity in known]


def test_published_figures_until_all_are_measured_alike() -> None:
    full, half = MODELS
    assert percents(MODELS, []) == [70.9, 63.3]
    assert percents(MODELS, [measured(full, 150)]) == [70.9, 63.3]
    other_set = [measured(full, 150), measured(half, 130, digest="b")]
    assert percents(MODELS, other_set) == [70.9, 63.3]
    other_recipe = [measured(full, 150), measured(half, 130, recipe="torchvision")]
    assert percents(MODELS, other_recipe) == [70.9, 63.3]
    assert percents(MODELS, [measured(full, 150), measured(half, 130)]) == [75, 65]


def test_the_table_goes_by_the_weights() -> None:
    timm = made.model(MobileNetConfig(), weights="timm mobilenetv1_100.ra4_e3600_r224_in1k")
    assert percents([timm], []) == [75.388]


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"trained": False}, "these are untrained"), ({"compression": "palette 4"}, "palette 4")],
)
def test_what_a_published_figure_is_not_of_is_said(changes: dict, words: str) -> None:
    model = made.model(MobileNetConfig(), **changes)
    assert words in top1_by_identity([model], [])[model.identity].source


def test_foreign_networks_and_odd_ones_have_none() -> None:
    foreign = made.model(MobileNetConfig(), alpha=None)
    odd = made.model(MobileNetConfig(alpha=0.35))
    broken = made.model(MobileNetConfig(), alpha=-1.0)
    assert percents([foreign, odd, broken], []) == []


def test_accuracies_of_another_file_count(tmp_path: Path, capsys) -> None:
    cases = [made.case(model) for model in MODELS]
    latency_ms = {case.case: 5.0 for case in cases}
    times = made.write(
        tmp_path / "times.jsonl",
        [made.session(6), *cases, *made.launches(cases, latency_ms, 6, 9, seed=1)],
    )
    right = made.write(
        tmp_path / "right.jsonl", [measured(MODELS[0], 130), measured(MODELS[1], 150)]
    )
    assert main(["choose", str(times), str(right), "--fps", "30"]) == 0
    out = capsys.readouterr().out
    assert "MobileNetV1_050_224 on CPU" in out
    assert "top-1 75 %, measured on 200 photographs (pets)" in out
    assert main([str(right)]) == 0
    out = capsys.readouterr().out
    assert "200 (pets)" in out
    assert "75.00 (60.0 to 80.0)" in out
