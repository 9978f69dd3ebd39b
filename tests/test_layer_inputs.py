"""What photographs say of a layer: moments, how far they are relied on, and what counts."""

import numpy as np
import pytest
import torch

from export.compression.learning.kernel_groups import KernelGroups
from export.compression.learning.layer_inputs import LayerInputs
from export.compression.learning.layer_samples import INACTIVE_WEIGHT, samples_of, unit_of
from export.compression.learning.second_order import shrunk
from mobilenet.common.size import Size
from mobilenet.fold import fold
from mobilenet.networks.rows import Row
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.torch_module import ConvUnit, from_checkpoint
from mobilenet.untrained import untrained

SIZE = Size(7, 10)
ROWS = [
    Row("pointwise", "x", 6, 4, SIZE),
    Row("every second", "x", 6, 4, SIZE, stride=2),
    Row("every third", "x", 6, 4, SIZE, stride=3),
    Row("stem", "x", 6, 4, SIZE, kernel=3, stride=2, dilation=2),
    Row("depthwise", "x", 6, 6, SIZE, kernel=3, stride=2, groups=6, padding="keras"),
]


def test_moments_are_those_of_numpy(rng: np.random.Generator) -> None:
    groups = KernelGroups((4, 3, 1, 1), 2)
    x, weights = rng.standard_normal((2, 3, 500)) + 1, rng.uniform(0.1, 1, (2, 500))
    kernel = rng.standard_normal((4, 3, 1, 1))
    outputs = groups.split(kernel) @ x + np.array([3.0, -1.0, 2.0, 0.5]).reshape(2, 2, 1)
    moments = LayerInputs(groups)
    for part in (slice(0, 20), slice(20, 500)):
        parts = (torch.from_numpy(each[..., part]) for each in (x, outputs, weights))
        moments.add(*parts)
    for group in range(2):
        expected = np.cov(x[group], aweights=weights[group], bias=True)
        assert moments.covariance[group] == pytest.approx(expected)
        assert moments.mean[group] == pytest.approx(np.average(x[group], 1, weights[group]))
    elsewhere = kernel + rng.standard_normal(kernel.shape)
    repaired = [
        abs(moments.repaired(elsewhere, damping) - kernel).mean() for damping in (1e-9, 1e9)
    ]
    assert repaired[0] < 0.3 * repaired[1]
    assert moments.bias(kernel) == pytest.approx([3.0, -1.0, 2.0, 0.5])


@pytest.mark.parametrize(("samples", "share"), [(50, 0.16), (8, 1.0), (800, 0.01)])
def test_two_inputs_are_shrunk_by_hand(samples: float, share: float) -> None:
    """Of p = 2 inputs of correlation r, equation 23 leaves 2 / (n r^2), at most 1."""
    covariance = np.array([[[4.0, 3.0], [3.0, 9.0]]])  # r = 1/2
    expected = [[4.0, 3.0 * (1 - share)], [3.0 * (1 - share), 9.0]]
    assert shrunk(covariance, samples)[0] == pytest.approx(np.array(expected))


def test_few_samples_are_nearer_to_the_truth_when_shrunk(rng: np.random.Generator) -> None:
    mixed = np.eye(40) + 0.1 * rng.standard_normal((40, 40))
    samples = rng.standard_normal((60, 40)) @ mixed
    few, truth = np.cov(samples.T)[None], mixed.T @ mixed
    errors = [np.linalg.norm(each - truth) for each in (shrunk(few, 60), few)]
    assert errors[0] < 0.7 * errors[1]


def test_pixels_of_one_map_count_less_than_as_many_photographs(rng: np.random.Generator) -> None:
    samples = (torch.from_numpy(rng.standard_normal((1, size, 400))) for size in (6, 4))
    moments = LayerInputs(KernelGroups((4, 6, 1, 1)), area=16)
    moments.add(*samples)
    assert np.array_equal(moments.smoothed, shrunk(moments.covariance, 100))


def test_a_depthwise_layer_learns_from_what_its_activation_lets_through() -> None:
    module = from_checkpoint(fold(untrained(MobileNetConfig(0.25, 64), seed=1)))
    depthwise, pointwise = (
        unit_of(module, f"conv1_{kind}") for kind in ("depthwise", "pointwise")
    )
    x = 4 * torch.randn((3, 8, 32, 32), generator=torch.Generator().manual_seed(1))
    before = depthwise.before_activation(x)
    inputs, outputs, weights = samples_of(depthwise, x, before)
    kernel = depthwise.conv.weight.reshape(8, 1, 9)
    assert torch.allclose(kernel @ inputs + depthwise.conv.bias[:, None, None], outputs, atol=1e-3)
    assert weights is not None
    is_active = (outputs[:, 0] > -1) & (outputs[:, 0] < 7)
    assert 0.05 < float(is_active.float().mean()) < 0.95
    assert bool((weights[is_active] == 1).all())
    assert bool((weights[~is_active] == INACTIVE_WEIGHT).all())
    assert samples_of(pointwise, x, pointwise.before_activation(x))[2] is None


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_samples_are_what_the_convolution_reads(row: Row) -> None:
    unit = ConvUnit(row, folded=True)
    x = torch.randn((3, 6, *SIZE), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        inputs, outputs, _ = samples_of(unit, x, unit.before_activation(x))
        again = unit.conv.weight.reshape(row.groups, -1, inputs.shape[1]) @ inputs
        again += unit.conv.bias.reshape(row.groups, -1, 1)
    assert inputs.shape[2] == 3 * row.out_size.area
    assert torch.allclose(again, outputs, atol=1e-5)
    columns = torch.nn.functional.unfold(
        unit.padded(x), row.kernel, row.dilation, stride=row.stride
    )
    assert torch.equal(inputs.flatten(0, 1), columns.transpose(0, 1).flatten(1))
