import subprocess
import sys

import pytest

from mobilenet.common.errors import CheckpointError
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.weights import published, releases


def test_every_release_has_its_own_name_and_address() -> None:
    rows = releases.RELEASES
    assert len(rows) == 16 * 3 + 2 + 2
    for field in ("name", "url", "cache_name"):
        assert len({getattr(release, field) for release in rows}) == len(rows)


def test_addresses_as_published() -> None:
    urls = {release.name: release.url for release in releases.RELEASES}
    google = "https://download.tensorflow.org/models/mobilenet_v1_2018_08_02"
    assert urls["slim_1.0_224"] == f"{google}/mobilenet_v1_1.0_224.tgz"
    assert urls["quant_0.25_128"] == f"{google}/mobilenet_v1_0.25_128_quant.tgz"
    assert urls["keras_0.75_192"].endswith("/keras-applications/mobilenet/mobilenet_7_5_192_tf.h5")
    hub = {release.repository for release in releases.RELEASES if release.repository}
    assert hub == {
        "google/mobilenet_v1_1.0_224", "google/mobilenet_v1_0.75_192",
        "timm/mobilenetv1_100.ra4_e3600_r224_in1k", "timm/mobilenetv1_125.ra4_e3600_r224_in1k",
    }  # fmt: skip


def test_find_takes_the_nearest_resolution_of_the_first_family() -> None:
    assert releases.find(("slim", "timm"), 1.0, 170).name == "slim_1.0_160"
    assert releases.find(("slim", "timm"), 1.25, 96).name == "timm_1.25_224"
    assert releases.find(("quant",), 0.5, 1000).name == "quant_0.5_224"


def test_what_was_never_published_is_said() -> None:
    with pytest.raises(CheckpointError, match="never published"):
        releases.find(("slim",), 1.0, 224, shallow=True)
    with pytest.raises(CheckpointError, match=r"no timm weights .* alpha 0.5") as error:
        releases.find(("timm",), 0.5, 224)
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
    assert all(row.source and row.milliseconds > 0 for row in published.LATENCIES)


def test_reports_can_import_it_without_numpy() -> None:
    code = "import sys; from mobilenet.weights import releases; print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
