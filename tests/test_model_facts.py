"""What results carry about a package: facts for its card, and what was published for just it."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import msgspec
import pytest

from bench.results.records import Model
from bench.session.model_facts import model_of, with_network
from export import pipeline
from export.source import Published, Variant
from export.spec import ExportSpec
from mobilenet.checkpoint import Checkpoint
from mobilenet.preprocess import Geometry
from mobilenet.weights.resolve import load_weights


@cache
def bundled(resolution: int = 224) -> Checkpoint:
    """0.25/224 as Keras has it."""
    return load_weights("keras", alpha=0.25, resolution=resolution, offline=True).checkpoint


def described(checkpoint: Checkpoint, **changes: object) -> Model:
    model = Model(name="a", identity="0", size_bytes=1, **changes)
    config, origin = checkpoint.config, checkpoint.provenance
    return with_network(model, config.size, config, origin, checkpoint.geometry)


def test_a_package_tells_all_that_its_card_needs(tmp_path: Path) -> None:
    variant = Variant(alpha=0.25, resolution=64, weights="keras_0.25_224")
    spec = ExportSpec(compress="prune50", target="ane")
    path = pipeline.export(Published(variant, offline=True), tmp_path / "a.mlpackage", spec=spec)
    model = model_of(path.path)
    assert model.command == (
        "python -m export --alpha 0.25 --resolution 64 --weights keras_0.25_224 "
        "--compress prune50 --target ane"
    )
    assert model.release == "keras_0.25_224"
    assert (model.head, model.classes, model.labels[0]) == ("classifier", 1000, "tench")
    assert model.licence == "Apache-2.0"
    assert model.compute_units == "cpuAndNeuralEngine"
    assert model.preprocessing == (
        "shorter side to 73, bilinear, centre 64 x 64; then, in the model: "
        "pixel x 0.00784314 - 1, RGB"
    )
    assert path.verified is not None
    assert (model.loss, model.agreement, model.structure) == (
        path.verified.loss, path.verified.agreement, path.verified.structure,
    )  # fmt: skip
    assert model.loss > 0.1
    assert model.published_top1 is None
    assert msgspec.json.decode(msgspec.json.encode(model), type=Model) == model


def test_what_was_published_belongs_to_just_that_network() -> None:
    checkpoint = bundled()
    published = described(checkpoint, precision="fp16")
    assert (published.published_top1, published.published_top5) == (49.8, 74.2)
    five = replace(
        checkpoint.as_features(), config=checkpoint.config.with_classes(5), layers={
            name: layer if name != "logits" else replace(
                layer, kernel=layer.kernel[:5], bias=layer.bias[:5]
            ) for name, layer in checkpoint.layers.items()
        },
    )  # fmt: skip
    for other in (
        checkpoint.at(192), checkpoint.as_features(), five, checkpoint.at((224, 192)),
        replace(checkpoint, geometry=Geometry(1.0)),
    ):  # fmt: skip
        model = described(other)
        assert model.release == "keras_0.25_224"
        assert model.published_top1 is None
    assert described(checkpoint, compression="palette2").published_top1 is None


def test_older_lines_lack_it() -> None:
    line = b'{"name":"a","identity":"0","size_bytes":1,"alpha":1.0,"weights":"timm","min_ios":15}'
    model = msgspec.json.decode(line, type=Model)
    assert (model.weights, model.min_ios, model.command, model.release) == ("timm", 15, "", "")


@pytest.mark.parametrize("field", ["command", "preprocessing", "licence"])
def test_texts_are_bounded(field: str) -> None:
    line = msgspec.json.encode({"name": "a", "identity": "0", "size_bytes": 1, field: "x" * 1001})
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(line, type=Model)
