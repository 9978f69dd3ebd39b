"""What a package is held against later: the weights it was made of, and never others."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from export.pipeline import export
from export.spec import ExportSpec, Variant
from export.verify.reverify import reverify
from mobilenet import store
from mobilenet.checkpoint import Checkpoint, Provenance
from mobilenet.common.errors import PackageError, VerificationError
from mobilenet.torch_module import MobileNet, from_checkpoint
from mobilenet.weights import resolve

MINE = Provenance("mine", trained=True)


@pytest.fixture(scope="module")
def trained(hot: Checkpoint) -> Checkpoint:
    return replace(hot, provenance=MINE).at(64)


@pytest.fixture
def unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is fetched, and the word of a family is no weights."""

    def fetched(*_: object) -> None:
        pytest.fail("weights were looked for elsewhere")

    monkeypatch.setattr(resolve, "_named", fetched)


@pytest.fixture
def package(trained: Checkpoint, tmp_path: Path) -> Path:
    """As a user exports a trained module of ours from Python."""
    model: MobileNet = from_checkpoint(trained)
    path = tmp_path / "Flowers.mlpackage"
    done = export(model, path, labels=trained.labels, verify=False)
    assert done.metadata.provenance.source == "trained by the user, exported from Python"
    return path


@pytest.mark.usefixtures("unreachable")
def test_a_package_from_python_asks_for_the_saved_weights(package: Path) -> None:
    with pytest.raises(PackageError, match="made from Python") as refused:
        reverify(package)
    assert "mobilenet.store.save(...)" in refused.value.hint


def test_a_package_from_python_is_verified_with_its_saved_weights(
    package: Path, trained: Checkpoint, tmp_path: Path
) -> None:
    saved = tmp_path / "flowers.safetensors"
    store.save(trained, saved)
    assert reverify(package, weights=str(saved)).against == "weights"


def test_other_weights_of_the_same_shapes_do_not_pass(
    package: Path, trained: Checkpoint, tmp_path: Path
) -> None:
    """There is no checksum to know them by: the numbers themselves decide."""
    name = "conv6_pointwise"
    layer = trained.layers[name]
    kernel = layer.kernel * np.float32(1.01)
    layers = trained.layers | {name: replace(layer, kernel=kernel)}
    store.save(replace(trained, layers=layers), tmp_path / "other.safetensors")
    with pytest.raises(VerificationError):
        reverify(package, weights=str(tmp_path / "other.safetensors"))


@pytest.mark.parametrize("which", ["untrained", "a file"])
def test_untrained_weights_are_no_reference_of_a_trained_package(
    which: str, package: Path, trained: Checkpoint, tmp_path: Path
) -> None:
    """Even the very same numbers: they say that they answer nothing."""
    if which == "a file":
        which = str(tmp_path / "same.safetensors")
        store.save(replace(trained, provenance=Provenance("made", trained=False)), Path(which))
    with pytest.raises(PackageError, match="made from other weights"):
        reverify(package, weights=which)


@pytest.mark.usefixtures("unreachable")
@pytest.mark.parametrize("is_trained", [True, False])
def test_a_package_from_a_file_asks_for_it(
    is_trained: bool, trained: Checkpoint, tmp_path: Path
) -> None:
    saved = tmp_path / "flowers.safetensors"
    store.save(replace(trained, provenance=replace(MINE, trained=is_trained)), saved)
    done = export(Variant(weights=str(saved)), tmp_path, verify=False)
    with pytest.raises(PackageError, match="made from a file") as refused:
        reverify(done.path)
    assert refused.value.hint == "give that file with --weights FILE"
    assert reverify(done.path, weights=str(saved)).against == "weights"
    other = replace(MINE, trained=is_trained, source="another")
    store.save(replace(trained, provenance=other), saved)
    with pytest.raises(PackageError, match="made from other weights"):
        reverify(done.path, weights=str(saved))


@pytest.mark.usefixtures("unreachable")
@pytest.mark.parametrize("url", ["", "https://example.com/mobilenet.h5"])
def test_an_untrained_network_of_another_seed_is_not_taken_for_the_usual(
    url: str, hot: Checkpoint, tmp_path: Path
) -> None:
    seeded = replace(hot, provenance=replace(hot.provenance, url=url)).at(64)
    done = export(seeded, tmp_path, verify=False)
    with pytest.raises(PackageError, match="untrained, seed 1"):
        reverify(done.path)


def test_published_weights_are_found_by_their_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The release itself, not what `auto` prefers today, and never an untrained network."""
    bundled = resolve.load_weights("keras", alpha=0.25, offline=True).checkpoint
    done = export(bundled.at(64), tmp_path, spec=ExportSpec(outputs="logits"), verify=False)
    asked: list[str] = []

    def named(word: str, *others: object) -> resolve.LoadedWeights:
        asked.append(word)
        return by_name(word, *others)

    by_name: Callable[..., resolve.LoadedWeights] = resolve._named
    monkeypatch.setattr(resolve, "_named", named)
    assert reverify(done.path, offline=True).against == "weights"
    assert asked == ["keras_0.25_224"]
