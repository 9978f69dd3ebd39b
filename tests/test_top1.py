"""Which accuracy stands beside a time: measured on common photographs, else published."""

from pathlib import Path

import msgspec
import pytest

import made_results as made
from bench.results.accuracy_table import note
from bench.results.records import Accuracy, Model, Photographs
from bench.results.top1 import config_of, top1_by_identity, unranked, used_at
from mobilenet.common.proportions import mcnemar_worse
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


def test_an_older_line_is_known_by_the_words_for_its_weights() -> None:
    timm = "timm, trained anew by Ross Wightman"
    for weights, known in ((timm, [75.388]), ("timm", []), ("PyTorch state dict", [])):
        older = made.model(MobileNetConfig(), head="", classes=None, weights=weights)
        assert percents([older], []) == known


UNKNOWN = {
    "untrained": ({"trained": False}, "unknown: untrained"),
    "compressed": (
        {"compression": "palette2"}, "unknown, 70.9 % published for the uncompressed network",
    ),
    "of another size": (
        {"resolution": 200, "published_top1": None},
        "unknown, 70.9 % published for these weights at 224 pixels",
    ),
    "of five classes": (
        {"classes": 5, "published_top1": None},
        "unknown, 70.9 % published for the network that its weights are of",
    ),
    "retrained": ({"release": "", "published_top1": None}, "unknown"),
}  # fmt: skip


@pytest.mark.parametrize("name", UNKNOWN)
def test_a_published_figure_belongs_to_what_it_was_published_for(name: str) -> None:
    changes, words = UNKNOWN[name]
    model = made.model(MobileNetConfig(), **changes)
    assert percents([model], []) == []
    assert unranked([model], [], {}) == {model.identity: words}
    if model.trained:
        assert percents([model], [measured(model, 120)]) == [60]


def test_models_are_ranked_by_figures_of_one_kind() -> None:
    """Measured ones of two, published ones of two: a third has the other kind, and is told."""
    full, half = MODELS
    palette = made.model(MobileNetConfig(), compression="palette4", identity="c")
    models = [full, half, palette]
    assert percents(models, [measured(palette, 140)]) == [70.9, 63.3]
    published = top1_by_identity(models, [measured(palette, 140)])
    assert unranked(models, [measured(palette, 140)], published)["c"] == (
        "70.0 %, measured on 200 photographs (pets): not ranked among figures that were published"
    )
    both = [measured(palette, 140), measured(full, 150)]
    assert percents(models, both) == [75, 70]
    assert unranked(models, both, top1_by_identity(models, both))[half.identity].startswith(
        "63.3 %, published (tensorflow/models, research/slim/nets/mobilenet_v1.md)"
    )
    assert percents(models, [*both, measured(half, 130)]) == [75, 65, 70]


def test_a_package_as_declared_counts_before_its_weights_in_float32() -> None:
    full = MODELS[0]
    exact = msgspec.structs.replace(measured(full, 160), precision="float32")
    declared = msgspec.structs.replace(measured(full, 150), precision="declared")
    assert percents([full], [declared, exact]) == [75]


def test_float16_has_its_agreement_beside_the_published_figure() -> None:
    model = made.model(MobileNetConfig(), precision="fp16")
    figure = top1_by_identity([model], [])[model.identity]
    assert figure.source.endswith("for float32; float16 moves its logits by 2.1e-03")
    assert figure.interval is not None
    assert figure.interval.low < 70.9 < figure.interval.high


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


def test_weights_that_are_used_at_other_sizes_than_their_own_say_so() -> None:
    several = made.model(MobileNetConfig(), resolutions=(128, 160, 224))
    assert used_at(several) == "trained at 224 pixels, used at 128, 160"
    smaller = made.model(MobileNetConfig(), resolution=128)
    assert used_at(smaller) == note(measured(smaller, 1)) == "trained at 224 pixels, used at 128"
    assert used_at(MODELS[0]) == used_at(made.model(MobileNetConfig(), release="")) == ""


@pytest.mark.parametrize(
    ("alone", "other"), [(0, 0), (1, 10), (10, 1), (5, 5), (99, 81), (7, 400)]
)
def test_the_test_of_being_equally_good_looks_at_both_sides(alone: int, other: int) -> None:
    agreement = made.agreement(
        "a", "b", only_reference_right=alone, only_other_right=other,
        p_worse=mcnemar_worse(alone, other),
    )  # fmt: skip
    both = min(mcnemar_worse(alone, other), mcnemar_worse(other, alone))
    assert agreement.p_equal == pytest.approx(min(1, 2 * both), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("head", ["deeplab", "ssdlite", "features"])
def test_only_a_classifier_counts_as_the_network_of_claims_and_sweeps(head: str) -> None:
    """A segmenter at 224 pixels is no MobileNet of 224 pixels: its time is another network's."""
    config = MobileNetConfig()
    assert config_of(made.model(config)) == config
    assert config_of(made.model(config, head=head)) is None
