"""Operations through the real writer, reader, ONNX and ONNX Runtime, against an oracle."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch

from export.mil.onnx import to_onnx
from export.mil.program import Function, Precision, is_fixed
from export.mil.read.model import read
from export.mil.shapes import infer
from export.runtimes.portable_session import DTYPES
from op_cases import OpCase
from program_changes import blank, halved
from programs import save

Array = np.ndarray


def answers(
    function: Function, inputs: Sequence[Array], precision: Precision = "float32"
) -> list[Array]:
    """What ONNX Runtime makes of `inputs`; Core ML takes bools as floats."""
    session = onnxruntime.InferenceSession(to_onnx(function, precision).SerializeToString())
    feeds = {
        declared.name: value.astype(DTYPES[declared.type])
        for declared, value in zip(session.get_inputs(), inputs, strict=True)
    }
    return session.run(None, feeds)


def groups(cases: Sequence[OpCase]) -> list[Any]:
    """For pytest: the cases of one operation and opset, which `check` takes together."""
    keys = dict.fromkeys((case.kind, case.opset) for case in cases)
    return [
        pytest.param([c for c in cases if (c.kind, c.opset) == key], id=" ".join(key))
        for key in keys
    ]


def check(cases: Sequence[OpCase], folder: Path) -> None:
    """All cases as one program, whose writing takes long: values, shapes that are told again,
    and the same program in half precision."""
    written: list[OpCase] = []  # the case of each output

    def build(mb: Any, *values: Any) -> list[Any]:
        outputs, at = [], 0
        for case in cases:
            result = case.build(mb, *values[at : at + len(case.inputs)])
            results = list(result) if isinstance(result, list | tuple) else [result]
            outputs += results
            written.extend([case] * len(results))
            at += len(case.inputs)
        return outputs

    inputs = [value for case in cases for value in case.inputs]
    package = save(folder / "ops.mlpackage", build, inputs, opset=cases[0].opset)
    function = read(package).function()
    assert {case.kind for case in cases} <= {op.type for op in function.ops}
    values = [value for case in cases for value in expected(case)]
    for case, answer, value in zip(written, answers(function, inputs), values, strict=True):
        assert answer.shape == value.shape, case.id
        np.testing.assert_allclose(answer, value, rtol=2e-5, atol=2e-6, err_msg=case.id)
    assert infer(blank(function)) == {
        name: kind.shape for name, kind in function.types().items() if is_fixed(kind.shape)
    }
    halves = [x.astype("f2").astype("f4") if x.dtype == np.float32 else x for x in inputs]
    rounded = answers(halved(function), halves, "declared")
    for case, answer, value in zip(written, rounded, values, strict=True):
        np.testing.assert_allclose(answer, value, rtol=1e-2, atol=1e-2, err_msg=case.id)


def expected(case: OpCase) -> list[Array]:
    """What the oracle makes of the case's inputs."""
    values: Any = case.oracle(*map(torch.tensor, case.inputs))
    return [np.asarray(v) for v in (values if isinstance(values, list | tuple) else [values])]
