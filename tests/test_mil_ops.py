"""Each operation: its lowering against an oracle, through the real writer, reader, ONNX and ONNX
Runtime; its shape rule against what coremltools infers; its documentation."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import test_creation
import test_forms
import test_layouts
import test_recurrence
import test_sampling
import test_scatter_gather
from export.mil.ops import OPERATIONS
from export.mil.read.model import read
from op_cases import CASES, OpCase
from op_checks import answers
from programs import save

# with labels and a dictionary: tests/test_portable.py; against numpy: tests/test_selection.py;
# with blocks and lists: tests/test_control_flow.py, tests/test_tensor_list.py
STATES = {"read_state", "write_state", "coreml_update_state"}  # in tests/test_model_states.py
LISTS = {"make_list", "list_length", "list_read", "list_gather", "list_write", "list_scatter"}
ELSEWHERE = {"classify", "cond", "topk", "non_maximum_suppression", "while_loop"} | LISTS | STATES
ELSEWHERE |= {"layer.acosh", "layer.asinh"}  # of the old format: tests/test_old_layers.py
FAMILIES = (  # each with cases of its own
    test_creation,
    test_forms,
    test_layouts,
    test_recurrence,
    test_sampling,
    test_scatter_gather,
)
LOWERED = [case for case in CASES if OPERATIONS[case.kind].lower]


@pytest.mark.parametrize("case", LOWERED, ids=lambda case: case.id)
def test_operation(case: OpCase, tmp_path):
    path = save(tmp_path / "op.mlpackage", case.build, case.inputs, opset=case.opset)
    function = read(path).function()
    wanted = case.oracle(*map(torch.tensor, case.inputs))
    wanted = list(wanted) if isinstance(wanted, (list, tuple)) else [wanted]
    assert case.kind in {op.type for op in function.ops}
    for got, value in zip(answers(function, case.inputs), wanted, strict=True):
        assert got.shape == value.shape
        np.testing.assert_allclose(got, value.numpy(), rtol=2e-5, atol=2e-6)


def test_every_operation_of_known_shape_has_a_case():
    shaped = {kind for kind, known in OPERATIONS.items() if known.shape and not known.refusal}
    cases = [case for family in FAMILIES for case in family.CASES]
    assert {case.kind for case in (*CASES, *cases)} | ELSEWHERE == shaped


def test_nothing_is_lowered_without_a_shape_and_a_cost():
    lowered = {kind: operation for kind, operation in OPERATIONS.items() if operation.lower}
    assert len(lowered) > 100
    assert [kind for kind, known in lowered.items() if not (known.shape and known.macs)] == []


def test_the_documentation_of_an_operation_begins_with_its_types():
    typed = re.compile(r"\w+ \S*tensor<\[.*\], \w+>.* -> .+", re.DOTALL)
    shaped = {kind: operation for kind, operation in OPERATIONS.items() if operation.shape}
    assert [kind for kind, known in shaped.items() if not typed.match(known.doc)] == []


def test_the_table_loads_no_framework():
    script = (
        "import sys; import export.mil.ops;"
        "heavy = {'torch', 'coremltools', 'onnx', 'onnxruntime', 'pandas'} & sys.modules.keys();"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=Path(__file__).parents[1])
