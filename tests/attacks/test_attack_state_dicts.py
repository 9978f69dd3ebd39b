"""Claim: what is wrapped around a state dict costs no more to take off than the file to read."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from mobilenet.common.errors import CheckpointError
from mobilenet.sources import wrapped
from mobilenet.sources.recognise import read


def of_itself() -> Any:
    state: dict[str, Any] = {}
    state["model"] = state
    return state


def deep() -> Any:
    state: dict[str, Any] = {"a.weight": torch.zeros(3)}
    for _ in range(200):
        state = {"state_dict": state}
    return state


def doubling() -> Any:
    """Thirteen names for the same dictionary, thirty times over: 13 ** 30 ways in."""
    state: dict[str, Any] = {}
    for _ in range(30):
        state = dict.fromkeys(wrapped.WRAPPERS, state)
    return state


def prefixed() -> Any:
    return {"module." * 100_000 + "weight": torch.zeros(3)}


@pytest.mark.parametrize("attack", [of_itself, deep, doubling, prefixed])
def test_wrapping_without_end_is_refused(attack: Callable[[], Any], tmp_path: Path) -> None:
    torch.save(attack(), tmp_path / "x.pth")
    with pytest.raises(CheckpointError) as error:
        read(tmp_path / "x.pth")
    assert len(error.value.message) < 500


def test_a_kernel_of_no_size_does_not_divide_by_it(tmp_path: Path) -> None:
    for shape in ((0, 3, 3, 3), (8, 0, 1, 1), (1, 1, 1, 1)):
        torch.save({"a.weight": torch.zeros(shape)}, tmp_path / "x.pth")
        with pytest.raises(CheckpointError):
            read(tmp_path / "x.pth")
