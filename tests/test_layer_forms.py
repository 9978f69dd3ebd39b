"""Which form each layer of a network gets where one method is asked for."""

import math

import pytest

from export.compression.forms import SMALL_SHARE, forms_for
from export.compression.weights import LEAST_WEIGHTS
from mobilenet.networks.v1 import MobileNetConfig

SMALL = ["conv3_pointwise", "conv4_pointwise", "conv5_pointwise"]


def shapes_of(alpha: float) -> dict[str, tuple[int, ...]]:
    """Of the kernels that are compressed."""
    config = MobileNetConfig(alpha=alpha)
    shapes = {row.name: row.kernel_shape for row in config.rows()}
    shapes |= {layer.name: layer.convolution_shape for layer in config.readout.dense}
    return {name: shape for name, shape in shapes.items() if math.prod(shape) > LEAST_WEIGHTS}


@pytest.mark.parametrize(
    ("method", "of_small"),
    [("int4", "int8"), ("palette4", "palette8"), ("palette6", "palette8"), ("int8", "int8")],
)
def test_the_smallest_layers_keep_eight_bits(method: str, of_small: str) -> None:
    shapes = shapes_of(1.0)
    forms = forms_for(method, shapes, 18)
    assert list(forms) == list(shapes)
    assert [forms[name].method for name in SMALL] == 3 * [of_small]
    assert {form.method for name, form in forms.items() if name not in SMALL} == {method}


def test_the_smallest_layers_are_not_pruned() -> None:
    shapes = shapes_of(1.0)
    assert shapes.keys() - forms_for("prune50", shapes, 18).keys() == set(SMALL)


@pytest.mark.parametrize("method", ["int4", "palette2", "prune50"])
def test_a_layer_alone_is_not_small(method: str) -> None:
    [form] = forms_for(method, {"logits": (1000, 512, 1, 1)}, 16).values()
    assert form.method == method


@pytest.mark.parametrize("alpha", [0.25, 0.5, 0.75, 1.0, 1.5])
def test_they_are_few_of_the_weights(alpha: float) -> None:
    shapes = shapes_of(alpha)
    forms = forms_for("palette4", shapes, 16)
    small = [math.prod(shapes[name]) for name, form in forms.items() if form.method == "palette8"]
    others = [math.prod(shapes[name]) for name, form in forms.items() if form.method == "palette4"]
    total = sum(small) + sum(others)
    assert sum(small) <= SMALL_SHARE * total < sum(small) + min(others)
