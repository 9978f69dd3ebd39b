"""Kernels rounded by the covariance of their inputs: against closed forms, and nearest levels."""

from itertools import product

import numpy as np
import pytest

from export.compression.forms import LayerForm
from export.compression.kernels import CompressedKernel
from export.compression.learning import palette_tables, second_order
from export.compression.learning.kernel_groups import KernelGroups
from export.compression.learning.learned_kernel import check_form, learned_kernel
from export.compression.learning.palette_tables import TableLevels, weighted_tables
from export.compression.learning.pruning import kept
from export.compression.learning.scales import EqualSteps, weighted_scales
from export.compression.learning.second_order import (
    damped,
    output_error,
    second_order_codes,
)
from mobilenet.common.errors import ConfigError

POINTWISE, DEPTHWISE = KernelGroups((24, 160, 1, 1)), KernelGroups((32, 1, 3, 3), 32)
FORMS = [
    LayerForm("int8"), LayerForm("int4"), LayerForm("palette4"), LayerForm("palette6"),
    LayerForm("palette4", 8),
]  # fmt: skip


def kernel_of(groups: KernelGroups, rng: np.random.Generator) -> np.ndarray:
    return rng.standard_normal(groups.shape).astype(np.float32)


def covariance_of(groups: KernelGroups, rng: np.random.Generator) -> np.ndarray:
    """Of inputs that go along with each other."""
    inputs = groups.split(np.zeros(groups.shape)).shape[2]
    mixed = np.eye(inputs) + 0.3 * rng.standard_normal((inputs, inputs))
    samples = rng.standard_normal((groups.groups, 4 * inputs, inputs)) @ mixed
    return damped(samples.swapaxes(1, 2) @ samples / (4 * inputs), 0.01)


def error_of(
    compressed: CompressedKernel, kernel: np.ndarray, groups: KernelGroups, covariance: np.ndarray
) -> float:
    difference = compressed.dense().astype(np.float64) - kernel
    return output_error(groups.split(difference), covariance)


@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("groups", [POINTWISE, DEPTHWISE], ids=["pointwise", "depthwise"])
def test_outputs_are_nearer_than_by_nearest_levels(
    groups: KernelGroups, form: LayerForm, rng: np.random.Generator
) -> None:
    kernel, covariance = kernel_of(groups, rng), covariance_of(groups, rng)
    learned = learned_kernel(kernel, covariance, groups, form, np.float16)
    alone = covariance * np.eye(covariance.shape[1])  # inputs that know nothing of each other
    nearest = learned_kernel(kernel, alone, groups, form, np.float16)
    assert learned.layer_form == nearest.layer_form == form
    errors = [error_of(x, kernel, groups, covariance) for x in (learned, nearest)]
    assert errors[0] < 0.85 * errors[1]


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_inputs_that_know_nothing_of_each_other_give_the_nearest_levels(
    form: LayerForm, rng: np.random.Generator
) -> None:
    kernel = kernel_of(POINTWISE, rng)
    variance = np.diag(rng.uniform(0.1, 3, 160))[None]
    compressed = learned_kernel(kernel, variance, POINTWISE, form, np.float16)
    dense = compressed.dense().astype(np.float32)
    if form.method.startswith("int"):
        steps = compressed.operands["scale"].astype(np.float32)
        most = 2 ** (compressed.bits - 1) - 1
        distance = np.abs(dense - kernel.clip(-(most + 1) * steps, most * steps))
        assert (distance <= 0.5 * steps + 1e-3 * np.abs(kernel)).all()
    else:
        lut = compressed.operands["lut"].reshape(len(compressed.operands["lut"]), -1)
        each = np.repeat(lut.astype(np.float32), len(kernel) // len(lut), 0)[:, None]
        distances = np.abs(kernel.reshape(24, 160, 1) - each)
        assert np.abs(np.abs(dense - kernel)[..., 0, 0] - distances.min(2)).max() < 1e-3


def test_two_weights_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error of the first, 0.4, goes to the second by C01 / C11."""
    monkeypatch.setattr(second_order, "TURNS", 0)
    covariance = np.array([[[2.0, 0.9], [0.9, 1.0]]])
    levels = EqualSteps(np.ones((1, 1, 2), np.float32), 8)
    for second, code in ((1.13, 1), (1.15, 2)):  # + 0.4 * 0.9 = 1.49, 1.51
        codes, values = second_order_codes(np.array([[[3.4, second]]]), covariance, levels)
        assert codes.tolist() == values.tolist() == [[[3, code]]]


def test_no_choice_of_steps_is_much_better(rng: np.random.Generator) -> None:
    """Of all 4^6 roundings up and down of six weights, it is near the best."""
    groups = KernelGroups((1, 6, 1, 1))
    kernel, covariance = kernel_of(groups, rng) * 3, covariance_of(groups, rng)
    levels = EqualSteps(np.ones((1, 1, 6), np.float32), 8)
    _, values = second_order_codes(groups.split(kernel), covariance, levels)
    matrix = groups.split(kernel)
    down = np.floor(matrix)
    errors = [
        output_error(down + np.array(steps) - matrix, covariance)
        for steps in product((-1, 0, 1, 2), repeat=6)
    ]
    learned = output_error(values - matrix, covariance)
    assert learned <= np.quantile(errors, 0.005)


@pytest.mark.parametrize("count", [1, 2])
def test_no_weight_alone_would_do_better_on_another_step(
    count: int, rng: np.random.Generator
) -> None:
    groups = KernelGroups((8, 96, 1, 1), count)
    matrix, covariance = groups.split(kernel_of(groups, rng)) * 3, covariance_of(groups, rng)
    levels = EqualSteps(np.ones(matrix.shape, np.float32), 8)
    codes, values = second_order_codes(matrix, covariance, levels)
    assert np.array_equal(codes, values)
    least = variances(values - matrix, covariance)
    for at, step in product(range(96), (-1, 1)):
        values[:, :, at] += step
        assert (variances(values - matrix, covariance) >= least - 1e-9).all()
        values[:, :, at] -= step


def variances(difference: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Of each output."""
    return np.einsum("goi,gij,goj->go", difference, covariance, difference)


@pytest.mark.parametrize("inputs", [8, 128, 200])
def test_blocks_of_inputs_change_nothing(
    inputs: int, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups = KernelGroups((5, inputs, 1, 1))
    kernel, covariance = kernel_of(groups, rng), covariance_of(groups, rng)
    form = LayerForm("palette4")
    monkeypatch.setattr(second_order, "TURNS", 0)
    at_once = learned_kernel(kernel, covariance, groups, form, np.float16)
    monkeypatch.setattr(second_order, "BLOCK", 7)
    in_blocks = learned_kernel(kernel, covariance, groups, form, np.float16)
    assert np.array_equal(at_once.elements, in_blocks.elements)


def test_a_kernel_as_matrices_and_back(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("export.compression.learning.kernel_groups.MOST_NUMBERS", 200)
    cut = KernelGroups((3, 6, 2, 2))
    for groups, shape in (
        (cut, (3, 3, 8)), (DEPTHWISE, (32, 1, 9)), (KernelGroups((6, 2, 2, 2), 3), (3, 2, 8)),
    ):  # fmt: skip
        kernel = kernel_of(groups, rng)
        assert groups.split(kernel).shape == shape
        assert np.array_equal(groups.joined(groups.split(kernel)), kernel)
        outputs = groups.of_outputs(np.arange(len(kernel)))
        assert outputs.shape == shape[:2]
        assert set(outputs.ravel()) == set(range(len(kernel)))
    assert cut.is_cut
    assert cut.split(kernel_of(cut, rng)).shape[0] == cut.parts


@pytest.mark.parametrize("shape", [(10, 1024, 7, 7), (10, 4096, 1, 1), (10, 1280, 16, 16)])
def test_covariances_of_the_widest_heads_fit_into_memory(shape: tuple[int, ...]) -> None:
    groups = KernelGroups(shape)
    parts, outputs, inputs = groups.split(np.empty(shape, np.int8)).shape
    assert outputs == 10
    assert parts * inputs * inputs * np.dtype(np.float64).itemsize <= 128 << 20


def test_tables_are_the_best_clusters(rng: np.random.Generator) -> None:
    from coremltools._deps import _kmeans1d

    kernel = rng.standard_normal((8, 40, 1, 1)).astype(np.float16)
    both = weighted_tables(kernel, np.ones(kernel.shape), 3, 2, np.float32)
    for table, part in zip(both, (kernel[:4], kernel[4:]), strict=True):
        best = _kmeans1d.cluster(part.ravel().astype(float).tolist(), 8).centroids
        assert table == pytest.approx(sorted(best), abs=1e-6)


def test_a_value_stands_where_weights_that_matter_are() -> None:
    kernel, importance = (
        np.array(each, np.float32).reshape(1, 4, 1, 1) for each in ([0, 1, 10, 11], [3, 1, 1, 1])
    )
    assert weighted_tables(kernel, importance, 1, 1, np.float32).tolist() == [[0.25, 10.5]]


def test_merged_values_give_nearly_the_same_tables(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel = rng.standard_normal((10, 90, 1, 1))
    importance = rng.uniform(0, 2, kernel.shape)

    def loss() -> float:
        (table,) = weighted_tables(kernel, importance, 4, 1, np.float32)
        return float((np.abs(kernel - table).min(1, keepdims=True) ** 2 * importance).mean())

    exact = loss()
    monkeypatch.setattr(palette_tables, "MOST_POINTS", 60)
    assert loss() < 1.1 * exact


def test_what_varies_has_the_finer_levels(rng: np.random.Generator) -> None:
    kernel = rng.standard_normal((16, 64, 1, 1)).astype(np.float32)
    importance = np.broadcast_to(
        np.where(np.arange(64) < 8, 100.0, 0.01)[:, None, None], kernel.shape
    )
    even = np.ones(kernel.shape)

    def loss(weights: np.ndarray) -> float:
        scales = weighted_scales(kernel, weights, 3, 1, np.float16).astype(np.float32)
        steps = scales[..., None, None]
        return float(
            (((kernel / steps).round().clip(-4, 3) * steps - kernel) ** 2 * importance).sum()
        )

    assert loss(importance) < loss(even)


def test_few_values_and_none_at_all() -> None:
    """A dead layer: its table has the values that there are, its scales are zero."""
    kernel, covariance = (
        np.zeros(POINTWISE.shape, np.float32),
        damped(np.zeros((1, 160, 160)), 0.01),
    )
    for form in FORMS:
        dense = learned_kernel(kernel, covariance, POINTWISE, form, np.float16).dense()
        assert not dense.any()


def test_the_cheapest_weights_are_pruned(rng: np.random.Generator) -> None:
    kernel, covariance = kernel_of(POINTWISE, rng), covariance_of(POINTWISE, rng)
    matrices, alone = POINTWISE.split(kernel), np.eye(160)[None]
    mask = kept(matrices, covariance, 30)
    assert mask.sum() == round(0.7 * kernel.size)
    assert (mask != kept(matrices, alone, 30)).any()
    form = LayerForm("prune30")
    pruned = learned_kernel(kernel, covariance, POINTWISE, form, np.float16)
    assert np.array_equal(pruned.operands["mask"], POINTWISE.joined(mask))
    by_size = learned_kernel(kernel, alone, POINTWISE, form, np.float16)
    size = np.abs(kernel)
    stays = by_size.operands["mask"] == 1
    assert size[~stays].max() <= size[stays].min()
    errors = [error_of(x, kernel, POINTWISE, covariance) for x in (pruned, by_size)]
    assert errors[0] < 0.8 * errors[1]


def test_an_output_has_its_table(rng: np.random.Generator) -> None:
    both = np.array([[0.0, 1.0, 5.0, 9.0], [-7.0, 0.1, 0.2, 0.3]], np.float16)
    levels = TableLevels(both, np.array([[0, 1, 0]]))
    codes, values = levels.nearest(np.array([[8.0, 8.0, -9.0]]), np.zeros(1, int))
    assert codes.tolist() == [[3, 3, 0]]
    assert values[0] == pytest.approx([9.0, 0.3, 0.0], abs=1e-3)


@pytest.mark.parametrize(
    ("form", "message"),
    [
        (LayerForm("int4", 7), "groups of 7 do not divide 160 channels"),
        (LayerForm("palette4", 7), "groups of 7 do not divide 24 channels"),
        (LayerForm("w8a8"), "w8a8 of layer x is not learned"),
        (LayerForm("int7"), "int7 of layer x is not learned"),
        (LayerForm("palette12"), "palette12 of layer x is not learned"),
    ],
    ids=str,
)  # fmt: skip
def test_forms_that_a_kernel_cannot_have(form: LayerForm, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check_form("x", POINTWISE.shape, form)
