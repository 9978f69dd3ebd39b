"""Shape rules against coremltools' own type inference: declared shapes are taken away and told
again."""

from dataclasses import replace

import pytest

from export.mil.program import TensorType
from export.mil.read.model import read
from export.mil.shapes import infer
from op_cases import CASES, OpCase
from program_changes import blank
from programs import save


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_shapes_are_those_that_coremltools_infers(case: OpCase, tmp_path):
    path = save(tmp_path / "op.mlpackage", case.build, case.inputs, opset=case.opset)
    function = read(path).function()
    declared = {name: value.shape for name, value in function.types().items()}
    assert infer(blank(function)) == declared


def test_what_is_not_known_is_not_guessed(tmp_path):
    case = next(case for case in CASES if case.kind == "relu")
    function = blank(read(save(tmp_path / "op.mlpackage", case.build, case.inputs)).function())
    (op,) = function.ops
    stranger = replace(op, type="custom", outputs=(TensorType("strange", "float32", (-1,)),))
    behind = replace(op, inputs={"x": ("strange",)})
    assert set(infer(replace(function, ops=(stranger, behind)))) == {function.inputs[0].name}
