"""States, which a model keeps from one run to the next.

Semantics: coremltools, `converters/mil/mil/ops/defs/iOS18/states.py` and `coreml_dialect/ops.py`.
"""

from export.mil.ops.call import Call
from export.mil.ops.lowering import Lowering
from export.mil.ops.operation import lowers
from export.mil.program import Shape

WRITES = ("coreml_update_state", "write_state")


def _read_shape(call: Call) -> list[Shape]:
    return [call.shape("input")]


@lowers("read_state", shape=_read_shape)
def read_state(call: Lowering) -> str:
    """input state<tensor<[*d], T>> -> tensor<[*d], T>: what was written last."""
    return call["input"]


def _nothing(_: Call) -> list[Shape]:
    return []


@lowers("write_state", shape=_nothing)
def write_state(call: Lowering) -> tuple[str, ...]:
    """input state<tensor<[*d], T>>, data tensor<[*d], T> -> nothing."""
    call.graph.bind(call.tensor_type("input"), call["data"])
    return ()


def _value_shape(call: Call) -> list[Shape]:
    return [call.shape("value")]


@lowers("coreml_update_state", shape=_value_shape)
def coreml_update_state(call: Lowering) -> str:
    """state state<tensor<[*d], T>>, value tensor<[*d], T> -> tensor<[*d], T>: written."""
    call.graph.bind(call.tensor_type("state"), call["value"])
    return call["state"]
