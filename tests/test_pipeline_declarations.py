"""What Core ML's compiler refuses of pipelines, told before it is asked."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from detectors import detector, suppression
from export.inspect.inspect import inspect
from export.mil.read.specification import Message, proto
from export.package.model_files import find
from mobilenet.common.errors import UnsupportedError
from model_messages import save
from table_models import predict, table

FLOAT16, FLOAT32, DOUBLE = 65552, 65568, 65600
DECLARED = {"pipeline-types", "pipeline-updatable", "pipeline-names", "suppression-types"}


def pipeline(*stages: Message, names: tuple[str, ...] = ()) -> Message:
    """A pipeline whose features are those of its ends."""
    whole = proto("Model_pb2").Model(specificationVersion=5)
    whole.description.input.extend(stages[0].description.input)
    whole.description.output.extend(stages[-1].description.output)
    whole.pipeline.models.extend(stages)
    whole.pipeline.names.extend(names)
    return whole


def two() -> Message:
    """Two scales, one behind the other."""
    stages = [table("scaler", {a: (3,)}, {b: (3,)}) for a, b in (("x", "y"), ("y", "z"))]
    stages[0].scaler.scaleValue.append(2)
    stages[1].scaler.shiftValue.append(1)
    return pipeline(*stages)


def second(model: Message) -> Any:
    return model.pipeline.models[1].description.input[0].type


def as_doubles(model: Message) -> None:
    second(model).doubleType.SetInParent()


CASES: dict[str, tuple[Callable[[Message], object], str, str]] = {
    "type of elements": (
        lambda m: setattr(second(m).multiArrayType, "dataType", FLOAT32), "pipeline-types",
        "'model 1' declares 'y' as float32 (3), what gives it as float64 (3)"),
    "shape": (lambda m: second(m).multiArrayType.shape.append(1), "pipeline-types",
              "declares 'y' as float64 (3, 1)"),
    "kind": (as_doubles, "pipeline-types", "declares 'y' as double"),
    "output": (
        lambda m: setattr(m.description.output[0].type.multiArrayType, "dataType", FLOAT32),
        "pipeline-types", "'the pipeline' declares 'z' as float32"),
    "first updatable": (lambda m: setattr(m.pipeline.models[0], "isUpdatable", True),
                        "pipeline-updatable", "'model 0' is updatable: in a pipeline that is not"),
    "whole updatable": (lambda m: setattr(m, "isUpdatable", True),
                        "pipeline-updatable", "'model 1' is not updatable"),
    "names": (lambda m: m.pipeline.names.append("a"), "pipeline-names", "1 different names, of 1"),
    "same name": (lambda m: m.pipeline.names.extend(["a", "a"]), "pipeline-names", "of 2"),
}  # fmt: skip


def told(path: Path) -> list[tuple[str, str, str]]:
    found = inspect(path).findings
    return [(each.rule, each.part, each.message) for each in found if each.rule in DECLARED]


def saved(model: Message, folder: Path) -> Path:
    path = folder / "m.mlmodel"
    path.write_bytes(model.SerializeToString())
    return path


@pytest.mark.parametrize("case", CASES)
def test_what_core_ml_refuses_is_told(case: str, tmp_path: Path) -> None:
    change, rule, message = CASES[case]
    model = two()
    assert told(saved(model, tmp_path)) == []
    change(model)
    [(name, part, text)] = told(saved(model, tmp_path))
    assert (name, part) == (rule, "")
    assert message in text
    nested = pipeline(model, names=("inner",))
    nested.isUpdatable = model.isUpdatable
    assert (rule, "inner", text) in told(saved(nested, tmp_path))


def test_updatable_pipelines_run_with_the_weights_that_they_have(tmp_path: Path) -> None:
    model = two()
    model.isUpdatable = model.pipeline.models[1].isUpdatable = True
    assert told(saved(model, tmp_path)) == []
    given = predict(model, tmp_path, {"x": np.arange(3.0)})
    assert given["z"].tolist() == [1, 3, 5]


def test_a_shape_that_is_not_declared_is_any(tmp_path: Path) -> None:
    model = two()
    for described in (model, model.pipeline.models[0]):
        described.description.input[0].type.multiArrayType.ClearField("shape")
    assert predict(model, tmp_path, {"x": np.arange(3.0)})["z"].tolist() == [1, 3, 5]
    with pytest.raises(UnsupportedError, match="output 'y' has 4 elements"):
        predict(model, tmp_path, {"x": np.arange(4.0)})


def test_types_that_a_suppression_does_not_take(tmp_path: Path) -> None:
    model = suppression(4, ("a", "b"))
    assert told(save(tmp_path / "s.mlpackage", model)) == []
    model.description.input[0].type.multiArrayType.dataType = FLOAT16
    [(rule, _, message)] = told(save(tmp_path / "h.mlpackage", model))
    assert rule == "suppression-types"
    assert "'raw_confidence', which is float16" in message


@pytest.mark.parametrize("kind", ["mlprogram", "neuralnetwork"])
def test_sound_detectors_are_not_reported(kind: str, tmp_path: Path) -> None:
    labels = [f"class {number}" for number in range(80)]
    path = detector(tmp_path / "d.mlpackage", np.zeros((2, 80)), np.zeros((2, 4)), labels,
                    kind=kind)  # fmt: skip
    assert find(path).kind == "mlpackage"
    assert told(path) == []
