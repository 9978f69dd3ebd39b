"""Files that are damaged, foreign or hostile: one `CheckpointError` that names the culprit."""

import gzip
import io
import os
import pickle
import re
import struct
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

import keras_networks
import slim_files
import weight_files
from mobilenet import store
from mobilenet.checkpoint import Checkpoint
from mobilenet.common.errors import CheckpointError
from mobilenet.fold import fold
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.sources.recognise import read
from tensorflow_graphs import FLOAT, Type, const, node
from weight_files import chunk, random_checkpoint, varint

TINY = MobileNetConfig(0.05, 32, True, 3, width_rule="keras")
TIMM = MobileNetConfig(0.05, 32, True, 3, width_rule="timm")
WRITERS: dict[str, Callable[[Checkpoint, Path], Path]] = {
    "slim": slim_files.slim,
    "caffe": weight_files.caffe,
    "keras2": lambda c, p: weight_files.keras(c, p, "keras2"),
    "keras3": keras_networks.whole,
    "weights.h5": lambda c, p: weight_files.keras(c, p, "weights.h5"),
    "timm": weight_files.timm,
    "timm-pth": weight_files.timm_pth,
    "transformers": lambda c, p: weight_files.transformers(c, p) / "model.safetensors",
    "tflite": lambda c, p: weight_files.tflite(fold(c), p),
    "tflite-uint8": lambda c, p: weight_files.tflite(fold(c), p, "uint8"),
    "ours": lambda c, p: store.save(c, p) or p,
}


@cache
def tiny(family: str) -> Checkpoint:
    if family.startswith("timm"):
        return random_checkpoint(TIMM)
    small = family.startswith(("keras", "weights", "caffe"))
    return random_checkpoint(TINY if small else replace(TINY, width_rule="slim"))


def refused(path: Path, says: str) -> None:
    with pytest.raises(CheckpointError, match=says) as error:
        read(path)
    assert "\n" not in error.value.message
    assert len(error.value.message) < 300


def changed(path: Path, change: Callable[[dict[str, np.ndarray]], object]) -> Path:
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path)
    return path


def test_a_graph_with_a_missing_tensor(tmp_path: Path) -> None:
    path = slim_files.slim(tiny("slim"), tmp_path / "x")
    path.write_bytes(
        path.read_bytes().replace(b"Conv2d_3_pointwise/weights", b"Conv2d_3_pointwise/WEIGHTS", 1)
    )
    refused(path, "Conv2d_3_pointwise/weights")


def test_a_graph_of_something_else(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(const("InceptionV3/weights", np.ones(3)))
    refused(tmp_path / "x", "no result that a picture leads to")
    graph = slim_files.slim(tiny("slim"), tmp_path / "y").read_bytes()
    (tmp_path / "y").write_bytes(graph.replace(b"SAME", b"FULL"))
    refused(tmp_path / "y", "FULL")


def test_names_cannot_speak_to_the_terminal(tmp_path: Path) -> None:
    save_file({"a\n\x1b[2J": np.zeros((3, 3, 1, 1), np.float32)}, tmp_path / "x")
    refused(tmp_path / "x", r"\(tensors: a\\n\\x1b\[2J \.\.\.\)")


def test_batch_norms_that_disagree(tmp_path: Path) -> None:
    path = slim_files.slim(tiny("slim"), tmp_path / "x")
    usual, other = (
        const("MobilenetV1/Conv2d_0/BatchNorm/batchnorm/add/y", e) for e in (1e-3, 0.5)
    )
    path.write_bytes(path.read_bytes().replace(usual, other))
    refused(path, r"has epsilon 0\.001 where MobileNet v1 at alpha 0\.05 has 0\.5")


def test_a_variable_that_was_not_frozen(tmp_path: Path) -> None:
    name = "MobilenetV1/Conv2d_0/weights"
    path = slim_files.slim(tiny("slim"), tmp_path / "x")
    kernel = tiny("slim").layers["conv0"].kernel.transpose(2, 3, 1, 0)
    variable = node(name, "VariableV2", dtype=Type(FLOAT))
    path.write_bytes(path.read_bytes().replace(const(name, kernel), variable))
    refused(path, name)


def test_a_swapped_shape(tmp_path: Path) -> None:
    path = weight_files.timm(tiny("timm"), tmp_path / "x")
    key = "blocks.4.0.conv_pw.weight"
    changed(path, lambda t: t.update({key: np.ascontiguousarray(t[key].transpose(1, 0, 2, 3))}))
    refused(path, r"conv12_pointwise\.kernel has shape \(24, 48, 1, 1\), .* \(48, 24, 1, 1\)")


@pytest.mark.parametrize("value", [np.nan, np.inf, -1.0])
def test_a_variance_that_is_none(value: float, tmp_path: Path) -> None:
    path = weight_files.timm(tiny("timm"), tmp_path / "x")
    changed(path, lambda t: t["blocks.0.0.bn1.running_var"].__setitem__(1, value))
    refused(path, r"conv1_depthwise\.variance")


def test_tensors_of_another_network(tmp_path: Path) -> None:
    path = weight_files.timm(tiny("timm"), tmp_path / "x")
    changed(path, lambda t: t.update({"conv_side.weight": np.zeros(3, np.float32)}))
    refused(path, r"tensor conv_side\.weight has no place")
    save_file({"features.0.weight": np.zeros(3, np.float32)}, tmp_path / "y")
    refused(tmp_path / "y", "y is a network without a convolution")


class Evil:
    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, ("touch owned",)


@pytest.mark.parametrize("protocol", ["zip", "plain"])
def test_a_pickle_that_would_run_code(
    protocol: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    if protocol == "zip":
        torch.save({"a": Evil()}, tmp_path / "x")
    else:
        (tmp_path / "x").write_bytes(pickle.dumps({"a": Evil()}, protocol=2))
    refused(tmp_path / "x", r"pickle of more than tensors: it asks for posix\.system")
    assert not (tmp_path / "owned").exists()


def test_torch_files_of_other_things(tmp_path: Path) -> None:
    torch.save([1, 2], tmp_path / "x")
    refused(tmp_path / "x", "holds list, not a state dict")
    torch.save({"conv_stem.weight": 3}, tmp_path / "y")
    refused(tmp_path / "y", "conv_stem.weight is int, not a dense tensor")


@pytest.mark.parametrize("member", ["../../x_frozen.pb", "/etc/x_frozen.pb"])
def test_archives_that_escape(member: str, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x", "w:gz") as archive:
        info = tarfile.TarInfo(member)
        archive.addfile(info, io.BytesIO())
    refused(tmp_path / "x", re.escape(f"member {member} of x points outside of its folder"))
    with zipfile.ZipFile(tmp_path / "y", "w") as zipped:
        zipped.writestr(member, b"")
    refused(tmp_path / "y", re.escape(f"member {member} of y points outside of its folder"))


def test_archives_without_a_model_or_with_a_link(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x", "w:gz") as archive:
        link = tarfile.TarInfo("a_frozen.pb")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    refused(tmp_path / "x", "no frozen graph")
    (tmp_path / "y").write_bytes(gzip.compress(b"no tar at all"))
    refused(tmp_path / "y", "y cannot be read: truncated header")


def test_a_bomb(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x", "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.writestr("model.weights.h5", b"x")
    data = (tmp_path / "x").read_bytes()
    at = data.rindex(b"PK\x01\x02") + 24  # the central directory's uncompressed size
    (tmp_path / "x").write_bytes(data[:at] + struct.pack("<I", 0xFFFFFFF0) + data[at + 4 :])
    refused(tmp_path / "x", "unpacks to 4,294,967,280 bytes")


def test_a_caffemodel_of_another_network(tmp_path: Path) -> None:
    layer = chunk(100, chunk(1, b"sum") + chunk(2, b"Eltwise"))
    (tmp_path / "x").write_bytes(chunk(1, b"ResNet-50") + layer)
    refused(tmp_path / "x", "x")
    path = weight_files.caffe(tiny("caffe"), tmp_path / "y")
    path.write_bytes(path.read_bytes().replace(b"Scale", b"ScalE", 1))
    refused(path, r"layer conv1/scale \(ScalE\)")


def test_an_h5_without_the_head_or_with_another(tmp_path: Path) -> None:
    path = weight_files.keras(tiny("keras"), tmp_path / "x", "keras2")
    with h5py.File(path, "a") as file:
        file["dense/dense/kernel:0"] = np.zeros((3, 3), np.float32)
    refused(path, "dense/kernel has no place")
    with h5py.File(path, "a") as file:
        del file["conv_preds"]
        del file["dense"]
    assert read(path).config.head == "features"  # as the files without a top


def test_an_h5_whose_numbers_lie_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(bytes(4 * 3 * 3 * 3))
    path = weight_files.keras(tiny("keras"), tmp_path / "x", "keras2")
    with h5py.File(path, "a") as file:
        shape = file["conv1/conv1/kernel:0"].shape
        del file["conv1/conv1/kernel:0"]
        file.create_dataset("conv1/conv1/kernel:0", shape, "f4", external=str(tmp_path / "secret"))
    refused(path, "conv1/kernel lies in another file")
    with h5py.File(path, "a") as file:
        del file["conv1/conv1/kernel:0"]
        file["conv1/conv1/kernel:0"] = h5py.ExternalLink(str(tmp_path / "other"), "/x")
    refused(path, "weights without a description")
    with h5py.File(path, "a") as file:
        del file["conv1/conv1/kernel:0"]
        file.create_dataset("conv1/conv1/kernel:0", (1 << 30, 1, 3, 3), "f4", chunks=True)
    refused(path, "conv1/kernel has shape")


def test_lengths_beyond_the_file(tmp_path: Path) -> None:
    huge = varint((1 << 32) - 1)
    head = b"\x0a" + huge + b"\x0a" + huge
    for number, start in enumerate(
        (
            head,
            b"\xa2\x06" + huge,
            b"\n\x04NAME\xa2\x06" + huge,
            struct.pack("<Q", 1 << 32) + b"{",
            b"\xff\xff\xff\x7fTFL3",
        )
    ):
        path = tmp_path / str(number)
        path.write_bytes(start.ljust(1024, b"\0"))
        refused(path, "cannot be read")


@pytest.mark.parametrize(
    "content", [b"", b"\0" * 100, b"<html></html>", b"{}", b"PK\x03\x04", b"\n"]
)
def test_what_is_no_weight_file(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(content)
    refused(tmp_path / "x", "x ")


def test_no_file_and_empty_folder(tmp_path: Path) -> None:
    refused(tmp_path / "x", "does not exist")
    refused(tmp_path, "holds no weight file")


def test_json_beside_the_weights_that_does_not_fit(tmp_path: Path) -> None:
    folder = weight_files.transformers(tiny("slim"), tmp_path / "x", model_type="mobilenet_v2")
    refused(folder, "mobilenet_v2")
    folder = weight_files.transformers(tiny("slim"), tmp_path / "x", image_size=1 << 40)
    refused(folder, "resolution is 1099511627776")
    folder = weight_files.transformers(tiny("slim"), tmp_path / "x", layer_norm_eps=-1.0)
    refused(folder, "bn_epsilon is -1.0")


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("originals")
    return {name: write(tiny(name), folder / name).read_bytes() for name, write in WRITERS.items()}


@pytest.mark.parametrize("family", WRITERS)
@settings(
    max_examples=40, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(data=st.data())
def test_only_checkpoint_errors_come_out_of_damaged_files(
    family: str, originals: dict[str, bytes], tmp_path: Path, data: st.DataObject
) -> None:
    content = bytearray(originals[family])
    # half of the blows go to the first kilobytes, where the structure of most formats is
    reach = data.draw(st.sampled_from([200, 4096, len(content)]))
    place = st.integers(0, min(reach, len(content)) - 1)
    for at in data.draw(st.lists(place, min_size=1, max_size=8)):
        content[at] = data.draw(st.sampled_from([0, 1, 127, 128, 255]) | st.integers(0, 255))
    if data.draw(st.booleans()):
        content = content[: data.draw(place)]
    (tmp_path / "x").write_bytes(content)
    try:
        read(tmp_path / "x")
    except CheckpointError as error:
        assert "\n" not in error.message  # noqa: PT017  # most damage is harmless, some is not
