import subprocess
import sys

import pytest

from mobilenet.common.errors import CheckpointError
from mobilenet.networks import families
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.networks.v2 import MobileNetV2Config
from mobilenet.weights import published, published_latencies, releases


def test_every_release_has_its_own_name_and_address() -> None:
    rows = releases.RELEASES
    assert len(rows) == 16 * 3 + 2 + 2 + 22 * 2 + 3 + 2 + 4
    for field in ("name", "url", "cache_name"):
        assert len({getattr(release, field) for release in rows}) == len(rows)


def test_addresses_as_published() -> None:
    urls = {release.name: release.url for release in releases.RELEASES}
    google = "https://download.tensorflow.org/models/mobilenet_v1_2018_08_02"
    assert urls["slim_1.0_224"] == f"{google}/mobilenet_v1_1.0_224.tgz"
    assert urls["quant_0.25_128"] == f"{google}/mobilenet_v1_0.25_128_quant.tgz"
    assert urls["keras_0.75_192"].endswith("/keras-applications/mobilenet/mobilenet_7_5_192_tf.h5")
    v2 = "https://storage.googleapis.com/mobilenet_v2/checkpoints/mobilenet_v2"
    assert urls["slim_v2_0.35_96"] == f"{v2}_0.35_96.tgz"
    assert urls["keras_v2_1.4_224"].endswith(
        "/keras-applications/mobilenet_v2/mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.4_224.h5"
    )
    assert urls["torchvision_v2_1.0_224"].endswith("/models/mobilenet_v2-7ebf99e0.pth")
    hub = {release.repository for release in releases.RELEASES if release.repository}
    assert hub == {
        "timm/mobilenetv2_050.lamb_in1k", "timm/mobilenetv2_100.ra_in1k",
        "timm/mobilenetv2_140.ra_in1k", "google/mobilenet_v2_1.0_224",
        "google/mobilenet_v2_1.4_224", "google/mobilenet_v2_0.75_160",
        "google/mobilenet_v2_0.35_96",
        "google/mobilenet_v1_1.0_224", "google/mobilenet_v1_0.75_192",
        "timm/mobilenetv1_100.ra4_e3600_r224_in1k", "timm/mobilenetv1_125.ra4_e3600_r224_in1k",
    }  # fmt: skip


def test_find_takes_the_nearest_resolution_of_the_first_family() -> None:
    both: tuple[releases.Family, ...] = ("slim", "timm")
    assert releases.find(both, MobileNetConfig(resolution=170)).name == "slim_1.0_160"
    assert releases.find(both, MobileNetConfig(1.25, 96)).name == "timm_1.25_224"
    assert releases.find(("quant",), MobileNetConfig(0.5, 1000)).name == "quant_0.5_224"


def test_find_never_takes_one_network_for_the_other() -> None:
    assert releases.find(("slim",), MobileNetV2Config(1.0, 100)).name == "slim_v2_1.0_96"
    assert releases.find(("slim",), MobileNetConfig(1.0, 100)).name == "slim_1.0_128"
    with pytest.raises(CheckpointError, match=r"no quant weights of MobileNet v2") as error:
        releases.find(("quant",), MobileNetV2Config())
    assert "--network v1" in error.value.hint


def test_of_several_editions_the_recommended_one_is_found() -> None:
    names = [
        releases.find(("torchvision",), MobileNetV2Config(), edition)
        for edition in ("", "IMAGENET1K_V1")
    ]
    assert [release.top1 for release in names] == [72.154, 71.878]
    assert [release.word for release in names] == ["torchvision", "torchvision-IMAGENET1K_V1"]


def test_what_was_never_published_is_said() -> None:
    with pytest.raises(CheckpointError, match="never published"):
        releases.find(("slim",), MobileNetConfig(shallow=True))
    with pytest.raises(CheckpointError, match=r"no timm weights .* alpha 0.5") as error:
        releases.find(("timm",), MobileNetConfig(0.5))
    assert "alpha 1.25, 1;" in error.value.hint


def test_published_accuracies() -> None:
    def top1(table: published.Table, *knobs: object) -> float | None:
        row = published.accuracy(MobileNetConfig(*knobs), table)
        return row and row.top1

    assert top1("paper") == 70.6  # not the 71.7 of full convolutions
    assert top1("paper", 1.0, 224, True) == 65.3
    assert top1("slim", 0.25, 128) == 41.5
    assert top1("slim", 0.6, 128) is None
    assert all(row.source and 40 < row.top1 < 80 for row in published.ACCURACIES)
    assert all(row.source and row.milliseconds > 0 for row in published_latencies.LATENCIES)


def test_published_latencies_are_of_detectors_and_segmenters_too() -> None:
    times = {
        (row.model, row.device, row.engine, row.note): row.milliseconds
        for row in published_latencies.LATENCIES
    }
    assert times["MobileNet v2, SSDLite", "iPhone XS Max", "Core ML", ""] == 31
    assert times["DeepLabV3 of Apple, 513", "iPhone XS", "Core ML", ""] == 54
    assert times["DeepLabV3 of Apple, 513", "iPhone XS", "Core ML", "in 2019"] == 135
    engine = "TFLite, Core ML delegate"
    assert times["MobileNet v2, SSD", "iPhone 11 Pro", engine, ""] == 11.54
    frame = "a camera app's frame; 18 ms in all, 23 frames a second"
    assert times["MobileNet v1 1.0 224", "iPhone XS", "Core ML, Vision", frame] == 16
    assert (
        times["SqueezeNet of Apple", "iPhone X", "Core ML, Vision", "a camera app's frame"] == 24
    )
    assert times["MobileNet v1 1.0 224", "M1", engine, ""] == 1.05
    assert len(times) == len(published_latencies.LATENCIES)  # none stands there twice


def test_published_accuracies_of_v2_are_its_own() -> None:
    tables: list[tuple[published.Table, float]] = [
        ("paper", 72.0), ("slim", 71.8), ("timm", 72.976), ("torchvision", 72.154),
    ]  # fmt: skip
    for table, top1 in tables:
        row = published.accuracy(MobileNetV2Config(), table)
        assert row
        assert (row.top1, row.network) == (top1, "v2")
    first = published.accuracy(MobileNetV2Config(), "torchvision", "torchvision, IMAGENET1K_V1")
    assert first
    assert first.top1 == 71.878
    assert published.accuracy(MobileNetV2Config(0.35, 96), "slim") is not None
    assert published.accuracy(MobileNetConfig(0.35, 96), "slim") is None


def test_what_configs_call_published_is_in_the_table() -> None:
    for kind in families.NETWORKS.values():
        network, sizes = families.name_of(kind()), kind.published
        rows = [row for row in published.SLIM_ACCURACIES if row.network == network]
        assert {row.alpha for row in rows} == {*sizes.alphas}
        assert {row.resolution for row in rows} == {*sizes.resolutions}


def test_reports_can_import_it_without_numpy() -> None:
    code = "import sys; from mobilenet.weights import releases; print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_release_is_had_by_its_own_name() -> None:
    config = MobileNetConfig(0.5, 224)
    assert releases.named("slim_0.5_160", config) == releases.BY_NAME["slim_0.5_160"]
    assert releases.named("slim", config) is None
    for other in (
        MobileNetConfig(1.0),
        MobileNetConfig(0.5, shallow=True),
        MobileNetV2Config(0.5),
    ):
        with pytest.raises(CheckpointError, match=r"slim_0\.5_160 is not of"):
            releases.named("slim_0.5_160", other)
