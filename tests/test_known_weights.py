"""Weights that are known by what they hold, and those that only say so."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

import weight_files
from bench.session.model_facts import model_of
from export import pipeline
from export.spec import Variant
from mobilenet import store
from mobilenet.checkpoint import Checkpoint, Provenance
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.weights import bundled, known_weights, pypi
from mobilenet.weights.resolve import load_weights

NAME = "keras_0.25_224"


@cache
def published() -> Checkpoint:
    return store.load(bundled.PATH)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """The same numbers in a file that does not say where they are from."""
    path = tmp_path / "own.safetensors"
    store.save(replace(published(), provenance=Provenance("mine", trained=True)), path)
    return path


def test_a_file_that_equals_a_release_bears_its_accuracy(own: Path, tmp_path: Path) -> None:
    checkpoint, notes = load_weights(own)
    assert notes == (f"the weights are those published as {NAME}",)
    assert checkpoint.provenance.equals == NAME
    assert checkpoint.provenance.source == "Keras Applications: the authors' weights, from a file"
    done = pipeline.export(Variant(weights=str(own)), tmp_path / "a.mlpackage", verify=False)
    model = model_of(done.path)
    assert (model.release, model.published_top1, model.published_top5) == (NAME, 49.8, 74.2)
    assert "--weights FILE" in model.command


def test_at_another_size_it_does_not(own: Path) -> None:
    checkpoint, notes = load_weights(own, resolution=128)
    assert checkpoint.provenance.equals == NAME
    assert checkpoint.provenance.published_top1 is None
    assert notes[-1].startswith("weights published for 224 pixels are used at 128: ")
    unsized, (note,) = load_weights(
        weight_files.keras(published(), own.with_suffix(".h5"), "keras2"), resolution=128
    )
    assert unsized.provenance.published_top1 is None
    assert note.endswith(f"{NAME}, for 224 pixels: at 128 x 128 their accuracy does not apply")


def test_in_another_format_the_numbers_are_the_same(tmp_path: Path) -> None:
    """Keras' own names, without a description: nothing but the numbers tells."""
    path = tmp_path / "x.h5"
    weight_files.keras(published(), path, "keras2")
    checkpoint = load_weights(path, beside=False).checkpoint
    assert checkpoint.provenance.equals == NAME
    assert checkpoint.provenance.published_top1 == 49.8


def test_retrained_weights_are_not_those_they_came_from(tmp_path: Path) -> None:
    """Saved with the provenance of what they were before, and exported from Python with it."""
    layers = dict(published().layers)
    logits = layers["logits"]
    layers["logits"] = replace(logits, kernel=logits.kernel + 1e-3)
    retrained = replace(published(), layers=layers)
    assert retrained.provenance.published_top1 == 49.8
    path = tmp_path / "retrained.safetensors"
    store.save(retrained, path)
    checkpoint, notes = load_weights(path)
    assert notes == ("the weights are not those that the file says: Keras Applications: the "
                     "authors' weights",)  # fmt: skip
    for source in (checkpoint, retrained):
        done = pipeline.export(source, tmp_path / "a.mlpackage", verify=False)
        model = model_of(done.path)
        assert (model.release, model.published_top1, model.command) == ("", None, "")
        assert model.weights == "Keras Applications: the authors' weights, changed"


def test_the_same_numbers_padded_otherwise_are_another_network(own: Path, tmp_path: Path) -> None:
    other = replace(published(), config=replace(published().config, padding="symmetric"),
                    provenance=Provenance("mine", trained=True))  # fmt: skip
    store.save(other, tmp_path / "padded.safetensors")
    assert not load_weights(tmp_path / "padded.safetensors").checkpoint.provenance.equals


def test_a_file_that_was_fetched_is_known_by_its_digest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOBILENET_CACHE", str(tmp_path / "cache"))
    config = MobileNetConfig(0.5, 160, classes=1000, bn_epsilon=1e-3)
    path = tmp_path / "x.safetensors"
    made = replace(weight_files.random_checkpoint(config), provenance=Provenance("mine", True))
    store.save(made, path)
    assert not load_weights(path).checkpoint.provenance.equals
    digest = load_weights(path).checkpoint.provenance.sha256
    record = tmp_path / "cache/slim/slim_0.5_160.pb.sha256"
    record.parent.mkdir(parents=True)
    record.write_text(digest)
    origin = load_weights(path).checkpoint.provenance
    assert (origin.equals, origin.published_top1) == ("slim_0.5_160", 59.1)


def test_digests_are_of_whole_releases(real_weights: Path) -> None:
    """Both files, as they were published."""
    for file, output, name in (
        ("keras_0.25_224.h5", "", NAME),
        ("google_slim_1.0_224_frozen.pb", pypi.RELEASE.output, "slim_1.0_224"),
    ):
        from mobilenet.sources.recognise import read

        checkpoint = read(real_weights / file, output)
        assert known_weights.digest(checkpoint) == known_weights.DIGESTS[name]
