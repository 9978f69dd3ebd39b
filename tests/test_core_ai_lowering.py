"""Each operation on Apple's runtime, against PyTorch and the portable runtime: a third opinion."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch

from export.coreai.separate_process import CoreAIProcess
from export.mil.coreai import CORE_AI
from export.mil.coreai.lowered_function import MAIN, write_asset
from export.mil.onnx import to_onnx
from export.mil.ops import OPERATIONS
from export.mil.program import Function
from export.mil.read.model import read
from export.runtimes.portable_session import DTYPES
from mobilenet.common.errors import UnsupportedError
from op_cases import CASES, OpCase
from program_changes import halved
from programs import save

Arrays = tuple[np.ndarray, ...]
pytest.importorskip("coreai", reason="there is no wheel of coreai-core for this machine")
KNOWN = [case for case in CASES if case.kind in CORE_AI]


@pytest.fixture(scope="module")
def process() -> Iterator[CoreAIProcess]:
    with CoreAIProcess() as started:
        yield started


def apple(process: CoreAIProcess, function: Function, inputs: Arrays, asset: Path) -> list[Any]:
    """Outputs of `function` on Apple's runtime."""
    write_asset(function, function.outputs, asset)
    process.load(asset, MAIN)
    feeds = {
        value.name: given.astype(value.dtype)
        for value, given in zip(function.inputs, inputs, strict=True)
    }
    outputs = process.call(feeds)
    return [outputs[name] for name in function.outputs]


def portable(function: Function, inputs: Arrays) -> list[Any]:
    """The same by ONNX Runtime, rounding where halves are declared."""
    model = to_onnx(function, "declared").SerializeToString()
    session = onnxruntime.InferenceSession(model)
    feeds = {
        declared.name: given.astype(DTYPES[declared.type])
        for declared, given in zip(session.get_inputs(), inputs, strict=True)
    }
    return list(session.run(None, feeds))


@pytest.mark.parametrize("case", KNOWN, ids=lambda case: case.id)
def test_operation(case: OpCase, process: CoreAIProcess, tmp_path: Path) -> None:
    package = save(tmp_path / "op.mlpackage", case.build, case.inputs, opset=case.opset)
    function = read(package).function()
    outputs = apple(process, function, case.inputs, tmp_path / "op.aimodel")
    expected = case.oracle(*map(torch.tensor, case.inputs))
    expected = list(expected) if isinstance(expected, (list, tuple)) else [expected]
    for output, value in zip(outputs, expected, strict=True):
        assert output.shape == tuple(value.shape)
        np.testing.assert_allclose(output, value.numpy(), rtol=2e-5, atol=2e-6)
    if not any(value.dtype == "float32" for value in function.inputs):
        return
    halves = halved(function)
    inputs = tuple(x.astype("f2") if x.dtype == np.float32 else x for x in case.inputs)
    outputs = apple(process, halves, inputs, tmp_path / "halves.aimodel")
    for output, value in zip(outputs, portable(halves, inputs), strict=True):
        assert output.shape == value.shape
        np.testing.assert_allclose(output.astype("f4"), value, rtol=5e-3, atol=5e-3)


def test_what_is_written_for_core_ai_runs_here_as_well() -> None:
    assert CORE_AI.keys() <= {kind for kind, operation in OPERATIONS.items() if operation.lower}


def test_an_operation_that_is_not_written_is_refused_by_name(tmp_path: Path) -> None:
    case = next(case for case in CASES if case.kind == "local_response_norm")
    package = save(tmp_path / "op.mlpackage", case.build, case.inputs)
    function = read(package).function()
    with pytest.raises(UnsupportedError, match="not written for Core AI: local_response_norm"):
        write_asset(function, function.outputs, tmp_path / "op.aimodel")
