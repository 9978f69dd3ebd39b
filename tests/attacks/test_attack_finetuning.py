"""Claim: the state of finetuning is read as numbers; nothing in it is ever executed.

Whatever else the file holds, it costs one line and stays as it is. What was trained is not lost
when the export ends before its package stands.
"""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from export import pipeline
from export.calibration_options import CalibrationOptions
from export.compression.learning.finetuning import STEPS_PER_MINUTE
from export.compression.learning.finetuning_state import KIND, FinetuningState, StateFile
from export.compression.learning.training import Training
from export.pipeline import Exported
from export.spec import ExportSpec
from learned_networks import small_network
from made_photographs import folder_of
from mobilenet.common.errors import ConfigError, VerificationError


def state_after(step: int) -> FinetuningState:
    """Of a layer of two weights."""
    numbers = {"weight": torch.full((2, 1), float(step))}
    checks = (0, 0.5, 0.9), (step, 0.4, 0.9)
    kept = {"step": torch.tensor(float(step)), "exp_avg": torch.ones((2, 1))}
    return FinetuningState(step, 0, *checks, numbers, dict(numbers), {0: kept})


EXAMPLE = state_after(0)


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
        StateFile(state, "d").read(lambda: EXAMPLE)
    assert not touched.exists()


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_a_state_that_was_cut_is_refused(share: float, tmp_path: Path) -> None:
    state = tmp_path / "m.finetuning"
    torch.save({"kind": KIND, "digest": "d", "state": {"numbers": torch.rand(1000)}}, state)
    content = state.read_bytes()
    state.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ConfigError, match="cannot be read"):
        StateFile(state, "d").read(lambda: EXAMPLE)


@pytest.mark.parametrize("held", [[], 3, {}, {"kind": "other"}, {"kind": KIND}])
def test_numbers_of_another_kind_are_refused(held: object, tmp_path: Path) -> None:
    state = tmp_path / "m.finetuning"
    torch.save(held, state)
    with pytest.raises(ConfigError, match="no state of finetuning"):
        StateFile(state, "d").read(lambda: EXAMPLE)


def without_a_key(state: dict[str, Any]) -> None:
    del state["best"]


def with_another_key(state: dict[str, Any]) -> None:
    state["worst"] = 3


def step_in_words(state: dict[str, Any]) -> None:
    state["step"] = "three"


def loss_in_words(state: dict[str, Any]) -> None:
    state["first"] = (0, "little", 0.9)


def check_too_short(state: dict[str, Any]) -> None:
    state["best"] = (3,)


def other_shape(state: dict[str, Any]) -> None:
    state["best_numbers"]["weight"] = torch.zeros((3, 1))


def other_type(state: dict[str, Any]) -> None:
    state["numbers"]["weight"] = state["numbers"]["weight"].long()


def sparse(state: dict[str, Any]) -> None:
    state["numbers"]["weight"] = state["numbers"]["weight"].to_sparse()


def without_numbers(state: dict[str, Any]) -> None:
    state["numbers"]["weight"] = state["numbers"]["weight"].to("meta")


def another_layer(state: dict[str, Any]) -> None:
    state["numbers"]["bias"] = torch.zeros(2)


def list_for_numbers(state: dict[str, Any]) -> None:
    state["numbers"] = [1.0, 2.0]


def another_optimizer(state: dict[str, Any]) -> None:
    del state["optimizer"][0]["exp_avg"]


def moment_of_another_shape(state: dict[str, Any]) -> None:
    state["optimizer"][0]["exp_avg"] = torch.zeros(7)


def expanded_moment(state: dict[str, Any]) -> None:
    state["optimizer"][0]["exp_avg"] = torch.zeros(1).expand(2, 1)


def shared_dicts(state: dict[str, Any]) -> None:
    for _ in range(60):  # 2^60 paths through them
        state["numbers"] = {"weight": state["numbers"], "bias": state["numbers"]}


def another_parameter(state: dict[str, Any]) -> None:
    state["optimizer"][1] = state["optimizer"][0]


@pytest.mark.parametrize(
    "damage",
    [
        without_a_key, with_another_key, step_in_words, loss_in_words, check_too_short,
        other_shape, other_type, sparse, without_numbers, another_layer, list_for_numbers,
        another_optimizer, moment_of_another_shape, expanded_moment, shared_dicts,
        another_parameter,
    ],
)  # fmt: skip
def test_a_state_of_another_shape_is_refused(
    damage: Callable[[dict[str, Any]], None], tmp_path: Path
) -> None:
    file = StateFile(tmp_path / "m.finetuning", "d")
    state = state_after(3)
    file.write(state)
    assert file.read(lambda: EXAMPLE)[0].step == 3
    damage(content := state._asdict())
    torch.save({"kind": KIND, "digest": "d", "state": content}, tmp_path / "m.finetuning")
    before = (tmp_path / "m.finetuning").read_bytes()
    with pytest.raises(ConfigError, match="holds other numbers than this network has"):
        file.read(lambda: EXAMPLE)
    assert (tmp_path / "m.finetuning").read_bytes() == before


@pytest.mark.parametrize("state", [None, 3, [], {}, "state"])
def test_what_is_no_state_is_refused(state: object, tmp_path: Path) -> None:
    torch.save({"kind": KIND, "digest": "d", "state": state}, tmp_path / "m.finetuning")
    with pytest.raises(ConfigError, match="holds other numbers"):
        StateFile(tmp_path / "m.finetuning", "d").read(lambda: EXAMPLE)


def test_a_state_that_nests_without_end_is_refused(tmp_path: Path) -> None:
    state: dict[str, Any] = {}
    state["step"] = state
    torch.save({"kind": KIND, "digest": "d", "state": state}, tmp_path / "m.finetuning")
    with pytest.raises(ConfigError, match="holds other numbers"):
        StateFile(tmp_path / "m.finetuning", "d").read(lambda: EXAMPLE)


def finetuned(folder: Path) -> Exported:
    options = CalibrationOptions(calibrate=folder / "photographs", finetune=2 / STEPS_PER_MINUTE)
    return pipeline.export(
        small_network(), folder / "out" / "m.mlpackage", spec=ExportSpec(compress="int4"),
        calibration=options,
    )  # fmt: skip


def names(folder: Path) -> set[str]:
    return {path.name for path in (folder / "out").iterdir()}


@pytest.fixture
def failed(tmp_path: Path) -> Path:
    """A folder with photographs, and what an export left that was not verified."""
    folder_of(tmp_path / "photographs", 45)
    with pytest.MonkeyPatch.context() as patch:

        def fail(*_: object) -> None:
            raise VerificationError("precision", "")

        patch.setattr(pipeline, "_verified", fail)
        with pytest.raises(VerificationError):
            finetuned(tmp_path)
    assert names(tmp_path) == {"m.finetuning"}
    return tmp_path


def test_an_export_that_fails_after_training_does_not_train_again(
    failed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(Training, "take_step")
    exported = finetuned(failed)
    assert exported.verified is not None
    assert names(failed) == {"m.mlpackage", "m.verified.json"}


def test_training_of_another_shape_ends_an_export(failed: Path) -> None:
    file = failed / "out" / "m.finetuning"
    held = torch.load(file, weights_only=True)
    held["state"]["optimizer"][0]["exp_avg"] = torch.zeros(7)
    torch.save(held, file)
    before = file.read_bytes()
    with pytest.raises(ConfigError, match="holds other numbers than this network has"):
        finetuned(failed)
    assert file.read_bytes() == before
    assert names(failed) == {"m.finetuning"}
