"""Each lowering against an oracle, through the real writer, reader, ONNX and ONNX Runtime."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from export.mil.onnx import to_onnx
from export.mil.ops import LOWERINGS
from export.mil.read.model import read
from export.runtimes.portable import DTYPES
from op_cases import CASES, OpCase
from programs import save

ELSEWHERE = {"classify"}  # has labels and a dictionary: tests/test_portable.py


def run(path: Path, inputs: tuple[np.ndarray, ...]) -> list[np.ndarray]:
    session = onnxruntime.InferenceSession(to_onnx(read(path).function()).SerializeToString())
    feeds = {
        declared.name: value.astype(DTYPES[declared.type])  # Core ML takes bools as floats
        for declared, value in zip(session.get_inputs(), inputs, strict=True)
    }
    return session.run(None, feeds)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_operation(case: OpCase, tmp_path):
    path = save(tmp_path / "op.mlpackage", case.build, case.inputs)
    assert case.kind in {op.type for op in read(path).function().ops}
    wanted = case.oracle(*map(torch.tensor, case.inputs))
    wanted = list(wanted) if isinstance(wanted, (list, tuple)) else [wanted]
    for got, value in zip(run(path, case.inputs), wanted, strict=True):
        assert got.shape == value.shape
        np.testing.assert_allclose(got, value.numpy(), rtol=2e-5, atol=2e-6)


def test_every_lowering_has_a_case():
    assert {case.kind for case in CASES} | ELSEWHERE == set(LOWERINGS)
