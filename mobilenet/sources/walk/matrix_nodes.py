"""Nodes of dense layers."""

from mobilenet.sources.stored import Allowance
from mobilenet.sources.walk.affine_nodes import biased, check_whole
from mobilenet.sources.walk.expressions import Expression
from mobilenet.sources.walk.layout import Layout
from mobilenet.sources.walk.steps import GraphValue, Matrix, Picture, Visit


def dense(visit: Visit) -> GraphValue:
    """MatMul or Gemm of one vector with a constant matrix."""
    kernel = visit.expression(1)
    if kernel is None or len(kernel.shape) != 2:
        raise visit.refusal("has no matrix of two axes")
    attributes = visit.node.attributes
    odd = [
        key
        for key, usual in (("transA", 0), ("alpha", 1), ("beta", 1))
        if attributes.get(key, usual) != usual
    ]
    if odd:
        raise visit.refusal(f"has {odd[0]} {attributes[odd[0]]}")
    if not visit.value.layout.is_vector:
        raise visit.refusal(f"multiplies a value of shape {visit.value.layout.shape}")
    made = matrix(visit, visit.value, kernel, has_units_first=attributes.get("transB", 0) == 1)
    return biased(visit, made, visit.expression(2))


def matrix(
    visit: Visit,
    value: GraphValue,
    kernel: Expression,
    *,
    has_units_first: bool,
    number: int | None = None,
) -> GraphValue:
    """A dense layer that reads all numbers of `value`."""
    check_whole(visit, value)
    Allowance().spend(visit.node.title, kernel.shape)
    units, features = kernel.shape[:2] if has_units_first else kernel.shape[1::-1]
    if isinstance(value.maker, Picture):
        raise visit.refusal("reads the picture: there is no convolution before it")
    if value.layout.numbers != features:
        raise visit.refusal(f"has a matrix for {features} numbers, and reads {value.layout.shape}")
    vector = Layout((units, 1, 1), (*(1,) * (len(value.layout.shape) - 1), units))
    return GraphValue(
        visit.name, Matrix(visit.node, value, kernel, has_units_first, units, number), vector
    )
