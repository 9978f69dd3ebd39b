"""SavedModels of both versions, and what in them is damaged, foreign, or ambiguous."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import saved_models
from mobilenet.common.errors import CheckpointError
from mobilenet.sources.tensorflow import leveldb_table
from mobilenet.sources.tensorflow.tensorflow_files import graph_of
from mobilenet.sources.tensorflow.variable_bundle import read_bundle
from run_graph import run
from saved_models import BIAS, KERNEL, entry, of_version_1, of_version_2, table

X = np.random.default_rng(1).standard_normal((1, 3, 8, 8), np.float32)
INDEX, DATA = "variables/variables.index", "variables/variables.data-00000-of-00001"


@pytest.mark.parametrize("make", [of_version_1, of_version_2])
def test_variables_are_those_of_the_graph(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    graph = graph_of(make(tmp_path / "model"))
    expected = F.conv2d(
        torch.from_numpy(X), torch.from_numpy(KERNEL.transpose(3, 2, 0, 1).copy()),
        torch.from_numpy(BIAS), padding=1,
    )  # fmt: skip
    result = run(graph, {graph.input.name: X})[graph.outputs[0]]
    np.testing.assert_allclose(result, expected.numpy(), rtol=1e-4, atol=1e-4)
    assert [node.kind for node in graph.nodes] == ["Conv2D", "BiasAdd"]


def test_keys_share_what_they_begin_with() -> None:
    values = {b"": b"0", b"net/bias": b"1", b"net/kernel": b"2" * 300, b"net/kernel/m": b""}
    assert leveldb_table.entries(table(values), "index") == values


def test_refused_objects(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"handle \(VarHandleOp\) has shape \(3, 3, 3, 4\)"):
        graph_of(of_version_2(tmp_path / "bias", kernel_object=1))
    with pytest.raises(CheckpointError, match="is object 2, of which the checkpoint"):
        graph_of(of_version_2(tmp_path / "other", stored_as="foreign"))
    with pytest.raises(CheckpointError, match="is object 7, of which the checkpoint"):
        graph_of(of_version_2(tmp_path / "none", kernel_object=7))
    with pytest.raises(CheckpointError, match="calls missing, which is missing or calls itself"):
        graph_of(of_version_2(tmp_path / "missing", inner="missing"))
    with pytest.raises(CheckpointError, match="calls serve, which is missing or calls itself"):
        graph_of(of_version_2(tmp_path / "circle", inner="serve"))
    with pytest.raises(CheckpointError, match="restores parts of variables"):
        graph_of(of_version_1(tmp_path / "parts", slices="3 0,2"))


def test_a_function_that_returns_what_its_call_returns(tmp_path: Path) -> None:
    """No loop: such a name stands for nothing."""
    echo = saved_models.function("echo", "x", [], "x")
    graph = saved_models.node("y", "PartitionedCall", "y", f=saved_models.Function("echo"))
    folder = saved_models.write(
        tmp_path / "model", graph + saved_models.chunk(2, echo), saved_models.signature("s", "y:0")
    )
    with pytest.raises(CheckpointError, match=r"functions pass y/?x? on over 200 times"):
        graph_of(folder)


def test_signatures_are_not_guessed(tmp_path: Path) -> None:
    folder = of_version_1(tmp_path / "model")
    graph = saved_models.picture()
    saved_models.write(folder, graph)
    with pytest.raises(CheckpointError, match="has the signatures none"):
        graph_of(folder)
    signatures = (saved_models.signature(key, "y:0") for key in ("classify", "detect"))
    saved_models.write(folder, graph, *signatures)
    with pytest.raises(CheckpointError, match="has the signatures classify, detect"):
        graph_of(folder)


def index(*entries: tuple[str, bytes], shards: int = 1) -> bytes:
    header = saved_models.integer(1, shards)
    return table({b"": header, **{key.encode(): value for key, value in entries}})


WEIGHT = np.zeros(4, np.float32)
DAMAGED = {
    "is no index of a checkpoint": index()[:-1],
    "has a block of": b"\0\0" + b"\xff\x7f" * 19 + index()[-8:],
    "is compressed": table({b"": b""}, kind=1),
    "tells of 1000000 shards": index(shards=10**6),
    "is missing": index(("w", entry(WEIGHT, 0, 16, shard=5)), shards=9),
    "ends before variable w does": index(("w", entry(WEIGHT, 1 << 40, 16))),
    "holds 12 bytes for shape (4,)": index(("w", entry(WEIGHT, 0, 12))),
    "variable w is not in the checkpoint": index(("v", entry(WEIGHT, 0, 16))),
}


@pytest.mark.parametrize("message", DAMAGED)
def test_damaged_checkpoints(tmp_path: Path, message: str) -> None:
    saved_models.checkpoint(tmp_path, {"w": WEIGHT})
    data = DAMAGED[message]
    (tmp_path / INDEX).write_bytes(data)
    with pytest.raises(CheckpointError) as raised:
        read_bundle(tmp_path / "variables").constant("w").load()
    assert message in raised.value.message


def test_any_byte_of_an_index_may_be_wrong(tmp_path: Path) -> None:
    """One error of ours, whatever is damaged."""
    folder = of_version_2(tmp_path / "model")
    whole = (folder / INDEX).read_bytes()
    for place in range(0, len(whole), 11):
        (folder / INDEX).write_bytes(
            whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :]
        )
        with suppress(CheckpointError):
            for constant in graph_of(folder).constants.values():
                constant.load()


def test_a_folder_without_variables_is_refused(tmp_path: Path) -> None:
    folder = of_version_2(tmp_path / "model")
    (folder / DATA).unlink()
    with pytest.raises(CheckpointError, match=r"variables\.data-00000-of-00001, which holds"):
        graph_of(folder)
    (folder / INDEX).unlink()
    with pytest.raises(CheckpointError, match="holds no number"):
        graph_of(folder)
