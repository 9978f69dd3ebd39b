"""Claim: the state of finetuning is read as numbers; nothing in it is ever executed."""

import pickle
from pathlib import Path

import pytest
import torch

from export.compression.learning.finetuning_state import KIND, StateFile
from mobilenet.common.errors import ConfigError

CPU = torch.device("cpu")


class Touching:
    """What a pickle can do when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("plain", [True, False], ids=["pickle", "torch"])
def test_a_state_that_would_do_something_is_refused(plain: bool, tmp_path: Path) -> None:
    state, touched = tmp_path / "m.finetuning", tmp_path / "touched"
    held = {"kind": KIND, "digest": "d", "state": Touching(touched)}
    if plain:
        state.write_bytes(pickle.dumps(held))
    else:
        torch.save(held, state)
    with pytest.raises(ConfigError, match="cannot be read"):
        StateFile(state, "d").read(CPU)
    assert not touched.exists()


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_a_state_that_was_cut_is_refused(share: float, tmp_path: Path) -> None:
    state = tmp_path / "m.finetuning"
    torch.save({"kind": KIND, "digest": "d", "state": {"numbers": torch.rand(1000)}}, state)
    content = state.read_bytes()
    state.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ConfigError, match="cannot be read"):
        StateFile(state, "d").read(CPU)


@pytest.mark.parametrize("held", [[], 3, {}, {"kind": "other"}, {"kind": KIND}])
def test_numbers_of_another_kind_are_refused(held: object, tmp_path: Path) -> None:
    state = tmp_path / "m.finetuning"
    torch.save(held, state)
    with pytest.raises(ConfigError, match="no state of finetuning"):
        StateFile(state, "d").read(CPU)
