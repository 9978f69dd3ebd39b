"""`--weights`: what is taken, what is said, and what never falls through."""

import hashlib
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

import slim_files
import web
import weight_files
from listener import Listener
from mobilenet import store
from mobilenet.checkpoint import Checkpoint
from mobilenet.common.errors import CheckpointError, ConfigError, UnreachableError
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.networks.v2 import MobileNetV2Config
from mobilenet.weights import download, fetch, huggingface, pypi
from mobilenet.weights.resolve import WORDS, load_weights
from weight_files import random_checkpoint


@pytest.fixture(scope="module")
def small() -> Checkpoint:
    return random_checkpoint(MobileNetConfig(0.25, 128, classes=1001))


@pytest.fixture(autouse=True)
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[web.Web]:
    """A cache of its own, and a mirror in place of the world, with nothing on it yet."""
    monkeypatch.setenv("MOBILENET_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(download, "PATIENCE", web.IMPATIENT)
    monkeypatch.setattr(pypi, "pip_settings", lambda: {"index-url": "http://127.0.0.1:9/"})
    with web.serving() as server:
        monkeypatch.setenv("MOBILENET_MIRROR", server.url)
        yield server


def release(checkpoint: Checkpoint, folder: Path, name: str) -> bytes:
    slim_files.slim(checkpoint, folder / f"{name}_frozen.pb")
    with tarfile.open(folder / "r.tgz", "w:gz") as archive:
        archive.add(folder / f"{name}_frozen.pb", f"./{name}_frozen.pb")
    return (folder / "r.tgz").read_bytes()


@pytest.fixture
def published(mirror: web.Web, small: Checkpoint, tmp_path: Path) -> web.Web:
    name = "mobilenet_v1_0.25_128"
    mirror.answers[f"/{name}.tgz"] = release(small, tmp_path, name)
    return mirror


def test_auto_takes_the_authors_release_and_then_the_cache(published: web.Web) -> None:
    listener = Listener()
    for _ in range(2):
        found, notes = load_weights(alpha=0.25, resolution=128, progress=listener)
        assert notes == ()
        assert found.provenance.source == "the authors' TF-Slim release of 2018-08-02"
        assert (found.provenance.published_top1, found.provenance.licence) == (41.5, "Apache-2.0")
        assert (found.config.classes, found.labels[0]) == (1000, "tench")
    assert len(published.asked) == 1
    (line,) = listener.lines
    assert line.startswith("fetching slim_0.25_128: the authors'")
    size = len(published.answers["/mobilenet_v1_0.25_128.tgz"])
    name = "mobilenet_v1_0.25_128.tgz"
    assert listener.updates[-1] == (name, size, size, f"{size / 1e6:.1f} of {size / 1e6:.1f} MB")
    again = load_weights("slim", alpha=0.25, resolution=128, offline=True)
    assert again.checkpoint.provenance.trained


def test_another_resolution_is_said_and_loses_the_published_accuracy(
    published: web.Web,
) -> None:
    found, (note,) = load_weights("imagenet", alpha=0.25, resolution=96)
    assert (found.config.resolution, found.provenance.published_top1) == (96, None)
    assert "published for 128 pixels are used at 96" in note


def test_auto_goes_on_untrained_when_nothing_answers(mirror: web.Web) -> None:
    found, (note,) = load_weights(alpha=0.5, resolution=64)
    assert found.provenance.mark == "untrained"
    assert mirror.asked == ["/mobilenet_v1_0.5_128.tgz"]
    assert "404" in note
    assert "UNTRAINED" in note


@pytest.mark.parametrize("word", [None, "imagenet", "keras"])
def test_alpha_025_is_never_untrained_and_asks_nobody(word: str | None, mirror: web.Web) -> None:
    found, notes = load_weights(word, alpha=0.25)
    assert mirror.asked == []
    assert (found.provenance.mark, notes) == ("", ())
    assert found.provenance.source == "Keras Applications: the authors' weights"
    assert (found.provenance.licence, found.provenance.published_top1) == ("Apache-2.0", 49.8)
    offline, _ = load_weights(word, alpha=0.25, offline=True)
    assert offline.provenance == found.provenance


def test_alpha_025_falls_back_on_what_is_inside_at_every_resolution(mirror: web.Web) -> None:
    found, (note,) = load_weights(alpha=0.25, resolution=128)
    assert (found.config.resolution, found.provenance.mark) == (128, "")
    assert note.startswith("weights published for 224 pixels are used at 128")
    assert mirror.asked == ["/mobilenet_v1_0.25_128.tgz"]


def test_what_is_inside_knows_a_cat_from_coffee() -> None:
    """Real weights on a real photograph, on every machine."""
    import torch
    from skimage import data

    from mobilenet.torch_module import from_checkpoint

    found, _ = load_weights(alpha=0.25, offline=True)
    module = from_checkpoint(found)
    for picture, expected in ((data.chelsea(), "Egyptian cat"), (data.coffee(), "espresso")):
        x = found.normalization.apply(found.geometry.apply(Image.fromarray(picture), 224))
        best = int(module(torch.from_numpy(x)).argmax())
        assert found.labels[best] == expected


def test_auto_goes_on_untrained_when_nothing_was_published(mirror: web.Web) -> None:
    assert not load_weights(alpha=0.3, resolution=64).checkpoint.provenance.trained
    shallow, (note,) = load_weights(alpha=0.25, resolution=64, shallow=True)
    assert not shallow.provenance.trained
    assert mirror.asked == []
    assert "never published" in note


@pytest.mark.parametrize("word", ["imagenet", "slim", "keras", "quant"])
def test_a_name_fails_where_auto_goes_on(word: str) -> None:
    with pytest.raises(UnreachableError):
        load_weights(word, alpha=0.5, resolution=128)
    with pytest.raises(UnreachableError, match="not in the cache"):
        load_weights(word, alpha=0.5, resolution=128, offline=True)
    with pytest.raises(CheckpointError, match="never published"):
        load_weights(word, shallow=True)


def v2_release(mirror: web.Web, folder: Path, file: str, config: MobileNetV2Config) -> Checkpoint:
    """A v2 network at a publisher's address, in our own format: the content is what counts."""
    original = random_checkpoint(config)
    store.save(original, folder / "v2.safetensors")
    mirror.answers[f"/{file}"] = (folder / "v2.safetensors").read_bytes()
    return original


def test_a_release_of_v2_is_fetched_and_cached(mirror: web.Web, tmp_path: Path) -> None:
    v2_release(mirror, tmp_path, "mobilenet_v2-7ebf99e0.pth", MobileNetV2Config())
    for _ in range(2):
        loaded, notes = load_weights("torchvision", network="v2")
        assert notes == ()
        assert loaded.config == MobileNetV2Config()
        origin = loaded.provenance
        assert (origin.published_top1, origin.licence) == (72.154, "BSD-3-Clause")
        assert loaded.geometry.crop == 224 / 232
    assert mirror.asked == ["/mobilenet_v2-7ebf99e0.pth"]


def test_another_network_under_the_address_is_refused(mirror: web.Web, tmp_path: Path) -> None:
    v2_release(mirror, tmp_path, "mobilenet_v1_1.0_192.tgz", MobileNetV2Config(resolution=192))
    mirror.answers["/mobilenet_v2-7ebf99e0.pth"] = mirror.answers["/mobilenet_v1_1.0_192.tgz"]
    with pytest.raises(CheckpointError):
        load_weights("slim", resolution=192)
    small = random_checkpoint(MobileNetConfig(1.0, 64))
    store.save(small, tmp_path / "v1.safetensors")
    mirror.answers["/mobilenet_v2-7ebf99e0.pth"] = (tmp_path / "v1.safetensors").read_bytes()
    with pytest.raises(CheckpointError, match=r"holds MobileNet v1, .* not torchvision_v2"):
        load_weights("torchvision", network="v2")


def test_auto_of_v2_asks_for_v2_alone(mirror: web.Web) -> None:
    loaded, (note,) = load_weights(network="v2", alpha=0.35, resolution=96)
    assert loaded.config == MobileNetV2Config(0.35, 96)
    assert mirror.asked == ["/mobilenet_v2_0.35_96.tgz"]
    assert "UNTRAINED" in note


def test_a_file_tells_its_network_and_is_not_contradicted(tmp_path: Path) -> None:
    file = tmp_path / "v2.safetensors"
    store.save(random_checkpoint(MobileNetV2Config(0.35, 64)), file)
    for network in (None, "v2"):
        assert load_weights(file, network=network).checkpoint.config == MobileNetV2Config(0.35, 64)
    with pytest.raises(CheckpointError, match="holds MobileNet v2, asked for is MobileNet v1"):
        load_weights(file, network="v1")
    with pytest.raises(ConfigError, match="shallow MobileNet v2"):
        load_weights(file, shallow=True)
    with pytest.raises(ConfigError, match="shallow MobileNet v2"):
        load_weights("untrained", network="v2", shallow=True)
    with pytest.raises(ConfigError, match="network 'v9' is unknown"):
        load_weights("untrained", network="v9")


@pytest.mark.parametrize("damage", ["truncated", "another network", "html"])
def test_what_is_wrong_never_falls_through(
    damage: str, published: web.Web, small: Checkpoint, tmp_path: Path
) -> None:
    good = published.answers["/mobilenet_v1_0.25_128.tgz"]
    assert isinstance(good, bytes)
    published.answers["/mobilenet_v1_0.25_128.tgz"] = {
        "truncated": good[: len(good) // 2],
        "another network": release(
            random_checkpoint(MobileNetConfig(0.5, 64, classes=1001)),
            tmp_path,
            "mobilenet_v1_0.25_128",
        ),
        "html": b"<html>please log in</html>",
    }[damage]
    with pytest.raises(CheckpointError):
        load_weights(alpha=0.25, resolution=128)
    published.answers["/mobilenet_v1_0.25_128.tgz"] = good
    checkpoint, _ = load_weights(alpha=0.25, resolution=128)  # nothing bad was kept
    assert checkpoint.provenance.trained


def test_a_damaged_cache_never_falls_through(published: web.Web, tmp_path: Path) -> None:
    load_weights(alpha=0.25, resolution=128)
    cached = tmp_path / "cache/slim/slim_0.25_128.pb"
    cached.write_bytes(cached.read_bytes()[:-1])
    with pytest.raises(CheckpointError, match="sha256") as error:
        load_weights(alpha=0.25, resolution=128)
    assert str(cached) in error.value.hint


def test_the_copy_on_pypi_is_announced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = random_checkpoint(MobileNetConfig(1.0, 64, classes=1001))
    slim_files.slim(original, tmp_path / "x")
    data = (tmp_path / "x").read_bytes()
    packaged = pypi.CLASSIFIER._replace(sha256=hashlib.sha256(data).hexdigest())
    monkeypatch.setitem(fetch._PACKAGED, packaged.release, packaged)
    monkeypatch.setattr(pypi, "fetch", lambda _, path, progress: path.write_bytes(data))
    listener = Listener()
    assert "nudity 0.2.3" in load_weights(progress=listener).checkpoint.provenance.source
    assert "a copy inside the PyPI package nudity 0.2.3" in listener.lines[-1]
    at_160, (note,) = load_weights(resolution=160)
    assert at_160.provenance.published_top1 is None
    assert "used at 160" in note


def test_hugging_face_is_a_folder_with_its_json(
    small: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    big = random_checkpoint(MobileNetConfig(0.75, 64, classes=1001))

    def fetch(repository: str, folder: Path, progress: object) -> None:
        assert repository == "google/mobilenet_v1_0.75_192"
        weight_files.transformers(big, folder, image_size=192)

    monkeypatch.setattr(huggingface, "fetch", fetch)
    found, _ = load_weights("transformers", alpha=0.75, resolution=192)
    assert (found.config.resolution, found.provenance.published_top1) == (192, 67.2)
    monkeypatch.setattr(huggingface, "fetch", None)
    found, _ = load_weights("transformers", alpha=0.75, resolution=192, offline=True)
    assert found.provenance.trained


def test_a_path_decides_unless_it_is_contradicted(small: Checkpoint, tmp_path: Path) -> None:
    path = slim_files.slim(small, tmp_path / "x")
    assert load_weights(path).checkpoint.config == replace(small.config, classes=1000)
    found, _ = load_weights(str(path), resolution=64, alpha=0.25, shallow=False)
    assert found.config.resolution == 64
    with pytest.raises(CheckpointError, match=r"holds alpha 0\.25, asked for is alpha 0\.5"):
        load_weights(path, alpha=0.5)
    with pytest.raises(CheckpointError, match=r"asked for is alpha 0\.25, shallow"):
        load_weights(path, shallow=True)


def test_neither_a_file_nor_a_name(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="imagnet are no file") as error:
        load_weights("imagnet")
    assert all(word in error.value.hint for word in WORDS)


def test_background_and_labels_of_ones_own(small: Checkpoint, tmp_path: Path) -> None:
    path = slim_files.slim(small, tmp_path / "x")
    kept, _ = load_weights(path, keep_background=True)
    assert (kept.config.classes, kept.labels[0]) == (1001, "background")
    (tmp_path / "labels.txt").write_text("\n".join(f"thing {i}" for i in range(1000)))
    assert (
        load_weights(path, classes=tmp_path / "labels.txt").checkpoint.labels[999] == "thing 999"
    )
    kept, _ = load_weights(path, classes=tmp_path / "labels.txt", keep_background=True)
    assert kept.labels[:2] == ("background", "thing 0")
    (tmp_path / "labels.txt").write_text("thing")
    with pytest.raises(CheckpointError, match="1 labels for 1001 classes"):
        load_weights(path, classes=tmp_path / "labels.txt")


def test_a_release_by_its_own_name_is_never_another(published: web.Web) -> None:
    """The family would take the one nearest to the resolution, or one inside this package."""
    checkpoint, _ = load_weights("slim_0.25_128", alpha=0.25, resolution=64)
    assert checkpoint.provenance.url.endswith("mobilenet_v1_0.25_128.tgz")
    for name in ("slim_0.25_160", "keras_0.25_192"):
        with pytest.raises(UnreachableError):
            load_weights(name, alpha=0.25, resolution=128)
    own = load_weights("keras_0.25_224", alpha=0.25, resolution=192).checkpoint
    assert own.provenance.url.endswith("mobilenet_2_5_224_tf.h5")
