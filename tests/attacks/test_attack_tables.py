"""The claim: a model of tables, whatever its file says, ends in an answer of the types it declares
or in one line and a hint, and takes no memory for what it only claims to have."""

import resource
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export.inspect.inspect import inspect
from export.mil.read.specification import Message, proto
from message_mutants import mutate
from mobilenet.common.errors import UserError
from sound_tables import SOUND
from table_models import loaded

MUTANTS = 25  # of each model
MAX_MESSAGE = 410  # characters, where the middle is left out
GIB_IN_KB = 1 << 20


@pytest.fixture(autouse=True)
def memory() -> Iterator[None]:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < GIB_IN_KB


def outcome(work: Callable[[], Any]) -> Any:
    """What `work` gives; None where it is refused, in one line."""
    try:
        return work()
    except UserError as error:
        refused = error
    assert 0 < len(refused.message) <= MAX_MESSAGE
    assert refused.message.isprintable()
    assert refused.hint
    return None


def is_typed(value: Any, declared: Any) -> bool:
    kinds = {"multiArrayType": np.ndarray, "doubleType": float, "int64Type": int,
             "stringType": str, "dictionaryType": dict, "sequenceType": list}  # fmt: skip
    return isinstance(value, kinds[declared.type.WhichOneof("Type")])


def changed(sound: Message, seed: int) -> Message:
    model = proto("Model_pb2").Model()
    model.CopyFrom(sound)
    mutate(model, seed, ("x", "y", "z", "label"))
    return model


@pytest.mark.parametrize("name", SOUND)
def test_a_field_gone_wrong(name: str, tmp_path: Path) -> None:
    sound, inputs = SOUND[name]
    assert loaded(sound, tmp_path).predict(inputs)
    answers = 0
    for seed in range(MUTANTS):
        model = changed(sound, seed)
        given = outcome(lambda: loaded(model, tmp_path).predict(inputs))  # noqa: B023
        outcome(lambda: inspect(tmp_path / "m.mlmodel"))
        if given is not None and model.WhichOneof("Type") == sound.WhichOneof("Type"):
            answers += 1
            for feature in model.description.output:
                assert is_typed(given[feature.name], feature)
    assert 0 < answers < MUTANTS


@pytest.mark.parametrize(
    "value", [None, "", "9" * 5000, [], [[1], [1, 2]], {}, {"a": None}, {1: "b"}, np.zeros(10**6),
              np.array(["a"]), object(), b"\x00", True, np.nan, np.inf, 1 << 70, {"a": {}}],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_inputs_of_any_kind(value: Any, tmp_path: Path) -> None:
    for sound, inputs in SOUND.values():
        outcome(lambda: loaded(sound, tmp_path).predict(inputs | {"x": value}))  # noqa: B023
