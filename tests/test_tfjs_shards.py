"""Shards of TensorFlow.js: joined, cut into weights, and never from outside of their folder."""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from mobilenet.common.errors import CheckpointError
from mobilenet.graph import FileConstant
from mobilenet.sources import tfjs_shards

KERNEL = np.arange(12, dtype="<f4").reshape(3, 4)
LEVELS = np.uint8([0, 10, 255])


def weight(name: str, shape: list[int], dtype: str = "float32", **more: Any) -> dict[str, Any]:
    return {"name": name, "shape": shape, "dtype": dtype, **more}


def group(*paths: str, weights: list[dict[str, Any]]) -> dict[str, Any]:
    return {"paths": list(paths), "weights": weights}


def read(folder: Path, *groups: dict[str, Any]) -> dict[str, FileConstant]:
    manifest = msgspec.convert(list(groups), list[tfjs_shards.ShardGroup])
    return dict(tfjs_shards.constants(manifest, folder))


def test_weights_cross_shards_in_every_type(tmp_path: Path) -> None:
    halves, ids = np.float16([1.5, -2]), np.int32([[7], [-1]])
    data = KERNEL.tobytes() + LEVELS.tobytes() + halves.tobytes() + ids.tobytes() + b"\x01"
    (tmp_path / "a.bin").write_bytes(data[:17])
    (tmp_path / "b.bin").write_bytes(data[17:])
    weights = [
        weight("kernel", [3, 4]),
        weight("levels", [3], quantization={"dtype": "uint8", "scale": 0.1, "min": -1.0}),
        weight("halves", [2], quantization={"dtype": "float16"}),
        weight("ids", [2, 1], "int32"),
        weight("flag", [], "bool"),
    ]
    constants = read(tmp_path, group("a.bin", "b.bin", weights=weights))
    loaded = {name: constant.load() for name, constant in constants.items()}
    np.testing.assert_array_equal(loaded["kernel"], KERNEL)
    np.testing.assert_allclose(loaded["levels"], [-1, 0, 24.5], rtol=1e-6)
    np.testing.assert_array_equal(loaded["halves"], [1.5, -2])
    np.testing.assert_array_equal(loaded["ids"], ids)
    assert loaded["flag"] == 1
    assert {array.dtype.name for array in loaded.values()} == {"float32", "int64"}
    assert constants["kernel"].shape == (3, 4)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "k", "shape": [3, 5]}, "the shards hold 48 bytes, the weights in model.json 60"),
        ({"name": "k", "shape": [1 << 40]}, r"over 67,108,864 floats"),
        ({"dtype": "complex64"}, "holds complex64"),
        ({"dtype": "int32", "quantization": {"dtype": "uint8"}}, "holds int32 as uint8"),
    ],
)
def test_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    (tmp_path / "a.bin").write_bytes(KERNEL.tobytes())
    with pytest.raises(CheckpointError, match=message):
        read(tmp_path, group("a.bin", weights=[weight("k", [3, 4]) | changes]))


def test_a_name_is_there_once(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(KERNEL.tobytes())
    with pytest.raises(CheckpointError, match=r"weight k is in model\.json twice"):
        read(tmp_path, group("a.bin", weights=[weight("k", [1, 6]), weight("k", [6])]))


def test_a_shard_stays_in_its_folder(tmp_path: Path) -> None:
    (folder := tmp_path / "model").mkdir()
    (tmp_path / "secret").write_bytes(KERNEL.tobytes())
    (folder / "link.bin").symlink_to(tmp_path / "secret")
    for path in ("../secret", str(tmp_path / "secret"), "link.bin", "\0"):
        with pytest.raises(CheckpointError, match="outside of the folder"):
            read(folder, group(path, weights=[weight("k", [3, 4])]))
    with pytest.raises(CheckpointError, match=r"shard none\.bin is missing"):
        read(folder, group("none.bin", weights=[weight("k", [3, 4])]))
