"""Claim: an ONNX model reads no file outside of its own folder, whatever its tensors name."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from mobilenet.common.errors import CheckpointError
from onnx_models import PICTURE, model, node, translated


def external(location: str, size: int, **more: str) -> onnx.ModelProto:
    made = model([node("Mul", "x w")], w=np.float32([1, 2, 4]).reshape(3, 1, 1))
    (tensor,) = made.graph.initializer
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in {"location": location, "length": str(size), **more}.items():
        tensor.external_data.add(key=key, value=value)
    return made


def test_tensors_beside_the_model_stay_in_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "w.data").write_bytes(bytes(4) + np.float32([1, 2, 4]).tobytes())
    (tmp_path / "out").write_bytes(np.float32([1, 2, 4]).tobytes())
    (folder / "link").symlink_to(tmp_path / "out")
    scaled = PICTURE * np.float32([1, 2, 4]).reshape(3, 1, 1)
    np.testing.assert_array_equal(translated(external("w.data", 12, offset="4"), folder), scaled)
    for made, message in (
        (external("../out", 12), r"lies in \.\./out, outside of the model's folder"),
        (external("link", 12), "outside of the model's folder"),
        (external("/etc/passwd", 12), "outside of the model's folder"),
        (external("", 12), "outside of the model's folder"),
        (external("none", 12), "lies in none, which is not there"),
        (external("w.data", 12, offset="-4"), "not there"),
        (external("w.data", 16), r"has 16 bytes for shape \(3, 1, 1\)"),
        (external("w.data", 12, offset="8"), r"holds 8 bytes for shape \(3, 1, 1\)"),
    ):
        with pytest.raises(CheckpointError, match=message):
            translated(made, folder)
