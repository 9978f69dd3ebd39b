"""The choice of a form for each layer, against all choices that there are."""

from itertools import product

import numpy as np
import pytest

from export.compression.form_choice import (
    UNIT,
    Choice,
    FormCandidate,
    Frontier,
    best_within,
    smallest_reaching,
)
from export.compression.forms import LayerForm
from mobilenet.common.errors import ConfigError

FORMS = [LayerForm("palette8"), LayerForm("palette6"), LayerForm("int4", 32)]
Layers = dict[str, list[FormCandidate]]


@pytest.fixture(params=range(5))
def layers(request: pytest.FixtureRequest) -> Layers:
    rng = np.random.default_rng(request.param)
    return {
        f"layer{number}": [
            FormCandidate(form, int(rng.integers(1, 40)) * UNIT, float(rng.random()))
            for form in FORMS
        ]
        for number in range(6)
    }


def totals(choice: Choice) -> tuple[int, float]:
    return sum(c.size_bytes for c in choice.values()), sum(c.error for c in choice.values())


def test_no_other_choice_is_better(layers: Layers) -> None:
    every = [totals(dict(zip(layers, each, strict=True))) for each in product(*layers.values())]
    frontier = Frontier(layers)
    for limit in (60 * UNIT, 100 * UNIT, 10_000 * UNIT):
        choice = frontier.within(limit)
        fitting = [error for size, error in every if size <= limit]
        assert (choice is None) == (not fitting)
        if choice is not None:
            size, error = totals(choice)
            assert size <= limit
            assert error == pytest.approx(min(fitting))
    for limit in (0.5, 1.5, 6.0):
        choice = frontier.reaching(limit)
        fitting = [size for size, error in every if error <= limit]
        assert (choice is None) == (not fitting)
        if choice is not None:
            size, error = totals(choice)
            assert size == min(fitting)
            assert error <= limit
    assert totals(frontier.smallest)[0] == min(size for size, _ in every)


def test_bytes_that_are_no_whole_units_fit_all_the_same() -> None:
    sizes = [UNIT + 1, 2 * UNIT - 1]
    layers = {
        f"layer{number}": [FormCandidate(FORMS[0], size, 0.1)] for number, size in enumerate(sizes)
    }
    frontier = Frontier(layers)
    assert frontier.within(sum(sizes) - 1) is None
    assert list(frontier.within(4 * UNIT)) == list(layers)
    assert frontier.reaching(0.1) is None


def test_a_file_that_is_larger_than_its_layers_fits(layers: Layers) -> None:
    written = []

    def size_of(choice: Choice) -> int:
        written.append(totals(choice)[0] + 5000 + 64 * len(written))
        return written[-1]

    choice = best_within(Frontier(layers), 150_000, size_of)
    assert size_of(choice) - 64 <= 150_000
    assert totals(choice)[1] <= totals(Frontier(layers).within(140_000))[1]
    with pytest.raises(ConfigError, match=r"size 1kB: the least .* is [0-9]+kB") as error:
        best_within(Frontier(layers), 1000, size_of)
    least = int(error.value.message.split()[-1].removesuffix("kB"))
    assert best_within(Frontier(layers), 1000 * least, lambda choice: totals(choice)[0])


@pytest.mark.parametrize("factor", [0.3, 1.0, 2.5])
def test_a_loss_is_reached_by_what_is_measured(layers: Layers, factor: float) -> None:
    frontier = Frontier(layers)

    def loss_of(choice: Choice) -> float:
        return factor * totals(choice)[1] ** 0.5

    limit = 1.2 * loss_of(frontier.best)
    choice = smallest_reaching(frontier, limit, loss_of)
    assert loss_of(choice) <= limit
    assert totals(choice)[0] < totals(frontier.best)[0] or factor > 1
    with pytest.raises(ConfigError, match="the least that these forms reach is"):
        smallest_reaching(frontier, 0.9 * loss_of(frontier.best), loss_of)
