"""Tensors of files: what they are said to be is judged before a byte of them is read."""

import numpy as np
import pytest

from mobilenet.common.errors import CheckpointError
from mobilenet.sources.stored import MAX_FLOATS, MAX_NAME, Stored, Tensors, shaped


def tensors(**arrays: np.ndarray) -> Tensors:
    def stored(name: str) -> Stored:
        array = arrays[name]
        return Stored(array.shape, str(array.dtype), array.dtype.kind == "f", lambda: array)

    return Tensors(arrays, stored)


def test_tensors_name_what_is_wrong() -> None:
    two = tensors(a=np.zeros((2, 3)), b=np.zeros(2, int))
    with pytest.raises(CheckpointError, match="tensor c is missing"):
        two.take("c")
    with pytest.raises(CheckpointError, match=r"tensor a has shape \(2, 3\), 1 dim"):
        two.take("a")
    with pytest.raises(CheckpointError, match="tensor b holds int64"):
        two.take("b")
    assert two.take("a", (1, 0)).shape == (3, 2)
    with pytest.raises(CheckpointError, match="tensor z has no place"):
        tensors(z=np.zeros(1), num_batches_tracked=np.zeros(1)).refuse_rest()
    with pytest.raises(CheckpointError, match="a tensor's name has 151 characters"):
        tensors(**{"x" * (MAX_NAME + 1): np.zeros(1)})


def test_no_more_is_read_than_any_network_has() -> None:
    def claims(*shape: int) -> Tensors:
        return Tensors("ab", lambda name: Stored(shape, "float32", True, unread))

    def unread() -> np.ndarray:
        raise AssertionError

    with pytest.raises(CheckpointError, match=r"tensor a has shape \(1048576, 8192\): over"):
        claims(1 << 20, 1 << 13).take("a", (0, 1))
    with pytest.raises(CheckpointError, match=r"has shape \(1, 1, 1, 1, \.\.\.\)"):
        claims(1, 1, 1, 1, 1).take("a", None)
    with pytest.raises(CheckpointError, match=r"has shape \(0, 4\)"):
        claims(0, 4).take("a", None)
    wide = np.broadcast_to(np.float32(0), (MAX_FLOATS // 2 + 1,))  # takes no memory itself
    both = Tensors("ab", lambda name: Stored(wide.shape, "float32", True, lambda: wide[:1]))
    both.take("a")
    with pytest.raises(CheckpointError, match="tensor b has shape"):
        both.take("b")


def test_bytes_are_what_they_claim_to_be() -> None:
    assert shaped(np.float32([1, 2]).tobytes(), "<f4", (2, 1), "x").tolist() == [[1], [2]]
    with pytest.raises(CheckpointError, match=r"x holds 8 bytes for shape \(3,\)"):
        shaped(bytes(8), "<f4", (3,), "x")
    with pytest.raises(CheckpointError, match=r"x has shape \(0, 4611686018427387904\)"):
        shaped(b"", "<f4", (0, 1 << 62), "x")
