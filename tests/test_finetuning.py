"""Training of compressed kernels: what it gains, what it may not change, and that it can go on."""

import signal
from pathlib import Path

import numpy as np
import pytest
import torch

from export.compression.calibration import Calibration
from export.compression.compressed_network import CompressedNetwork
from export.compression.kernels import CompressedKernel, clustered, compressed, sparse
from export.compression.learning import finetuning, student, training
from export.compression.learning.finetuning import STEPS_PER_MINUTE, finetuned, steps_in
from export.compression.learning.photograph_crops import drawn_batch
from export.compression.learning.student import ObservedNetwork, Student, normalized
from made_network import MadeConfig
from mobilenet.checkpoint import Checkpoint
from mobilenet.common.errors import ConfigError
from mobilenet.common.progress import Silence
from mobilenet.common.size import Size
from mobilenet.fold import fold
from mobilenet.networks.classifier import Hidden
from mobilenet.networks.config import NetworkConfig
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.preprocess import Normalization
from mobilenet.torch_module import from_checkpoint
from mobilenet.untrained import untrained

STEPS = 5
MINUTES = STEPS / STEPS_PER_MINUTE
MARGIN = 2
FORMS = ("int4", "palette3", "prune")
V1 = MobileNetConfig(0.25, 32, classes=5, hidden=(Hidden(16, "relu6"),))


class Heard(Silence):
    """Keeps what is said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)

    warn = say


def photographs(size: Size, count: int = 30) -> Calibration:
    """Smooth colours with noise; every fifth is held back."""
    random = np.random.default_rng(0)
    coarse = random.uniform(0, 220, (count, 4, 4, 3))
    shape = (size.height + 2 * MARGIN, size.width + 2 * MARGIN)
    at = [np.arange(side) * 4 // side for side in shape]
    pixels = coarse[:, at[0]][:, :, at[1]] + random.uniform(0, 35, (count, *shape, 3))
    pixels = pixels.astype(np.uint8)
    kept = np.arange(count) % 5 != 4
    normalization = Normalization((1 / 127.5,) * 3, (-1.0,) * 3)
    return Calibration(pixels[kept], pixels[~kept], size, normalization)


def in_form(kernel: np.ndarray, form: str) -> CompressedKernel:
    half = kernel.astype(np.float16)
    if form == "int4":
        return compressed(half, form, half.shape[1] // 2)
    if form == "prune":
        return sparse(np.where(abs(half) < np.quantile(abs(half), 0.5), np.float16(0), half))
    tables = np.quantile(half.reshape(2, -1), np.linspace(0.02, 0.98, 8), axis=1).T
    blocked = half.reshape(2, -1, 1)
    indices = abs(blocked - tables[:, None]).argmin(2)
    return clustered(indices.reshape(half.shape), tables.astype(np.float16))


def network_in(
    forms: tuple[str, ...], config: NetworkConfig
) -> tuple[CompressedNetwork, Checkpoint]:
    """Every layer but the first and the depthwise ones, the forms in turn; and its teacher."""
    teacher = fold(untrained(config))
    wide = [name for name, layer in teacher.layers.items() if layer.kernel.shape[1] > 3]
    kernels = {
        name: in_form(teacher.layers[name].kernel, forms[number % len(forms)])
        for number, name in enumerate(wide)
    }
    return CompressedNetwork.of(teacher, kernels), teacher


def same(one: CompressedNetwork, other: CompressedNetwork) -> bool:
    layers = zip(one.folded.layers.values(), other.folded.layers.values(), strict=True)
    return all(
        np.array_equal(a.kernel, b.kernel) and np.array_equal(a.bias, b.bias) for a, b in layers
    )


def held_back_loss(network: CompressedNetwork, teacher: Checkpoint, seen: Calibration) -> float:
    x = torch.from_numpy(seen.inputs(seen.views(seen.held_back)))
    ours, right = (from_checkpoint(each)(x) for each in (network.folded, teacher))
    return float((ours.softmax(1) - right.softmax(1)).square().mean())


@pytest.fixture(autouse=True)
def small_and_on_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finetuning, "fastest_device", lambda: torch.device("cpu"))
    monkeypatch.setattr(training, "BATCH", 6)
    monkeypatch.setattr(training, "LEAST_STEPS", 1)
    monkeypatch.setattr(student, "NUMBER_RATE", 1e-3)
    monkeypatch.setattr(student, "BIAS_RATE", 1e-3)
    monkeypatch.setattr(student, "ROUNDING_RATE", 1e-2)


@pytest.mark.parametrize("config", [V1, MadeConfig(classes=5)], ids=["v1", "sums"])
def test_training_brings_the_answers_nearer(config: NetworkConfig) -> None:
    start, teacher = network_in(FORMS, config)
    seen, heard = photographs(config.size), Heard()
    network = finetuned(start, teacher, seen, 60 / STEPS_PER_MINUTE, progress=heard)
    before, after = (held_back_loss(each, teacher, seen) for each in (start, network))
    assert after < 0.8 * before
    assert "agreement" in heard.lines[-1]
    for name, kernel in network.kernels.items():
        first = start.kernels[name]
        assert kernel.layer_form.group == first.layer_form.group
        assert kernel.operands.keys() == first.operands.keys()
        for key, operand in kernel.operands.items():
            assert operand.dtype == first.operands[key].dtype
        if "mask" in kernel.operands:
            assert not (kernel.operands["mask"] > first.operands["mask"]).any()
    for layer in network.folded.layers.values():
        for numbers in (layer.kernel, layer.bias):
            assert np.array_equal(numbers, numbers.astype(np.float16))


def test_what_is_trained_is_what_is_stored() -> None:
    start, _ = network_in(FORMS, V1)
    trained = Student(start, torch.device("cpu"))
    for parameter in trained.module.parameters():
        torch.manual_seed(0)
        parameter.data += 0.5 * torch.randn(parameter.shape)
    x = torch.rand(2, 3, 32, 32) * 255
    stored = trained.network()
    again = ObservedNetwork(stored.folded, torch.device("cpu")).answer(x)
    assert torch.equal(trained.answer(x).result, again.result)
    assert not same(start, stored)
    for kernel in stored.kernels.values():
        codes = kernel.elements
        low, high = (-8, 7) if codes.dtype == np.int8 else (0, 2**kernel.bits - 1)
        assert low <= codes.min() <= codes.max() <= high


def test_untrained_it_is_what_it_began_with() -> None:
    start, _ = network_in(FORMS, V1)
    again = Student(start, torch.device("cpu")).network()
    for name, kernel in start.kernels.items():
        for key, operand in kernel.operands.items():
            assert np.array_equal(again.kernels[name].operands[key], operand), (name, key)


def test_where_nothing_is_gained_the_start_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    start, teacher = network_in(("int4",), V1)
    monkeypatch.setattr(student, "NUMBER_RATE", 100.0)
    assert finetuned(start, teacher, photographs(V1.size), MINUTES) is start


def test_the_same_seed_gives_the_same_numbers() -> None:
    start, teacher = network_in(FORMS, V1)
    seen = photographs(V1.size)
    first, second, other = (
        finetuned(start, teacher, seen, MINUTES, seed=seed) for seed in (0, 0, 1)
    )
    assert same(first, second)
    assert not same(first, other)


@pytest.mark.parametrize("last", [1, 3])
def test_what_was_interrupted_ends_as_what_was_not(
    last: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, teacher = network_in(FORMS, V1)
    seen, heard, state = photographs(V1.size), Heard(), tmp_path / "m.finetuning"
    whole_state = tmp_path / "whole.finetuning"
    whole = finetuned(start, teacher, seen, MINUTES, state=whole_state)
    take_step = training.Training.take_step

    def interrupted(run: training.Training) -> None:
        if run.step == last - 1:
            signal.raise_signal(signal.SIGINT)
        take_step(run)

    with monkeypatch.context() as patch:
        patch.setattr(training.Training, "take_step", interrupted)
        with pytest.raises(KeyboardInterrupt):
            finetuned(start, teacher, seen, MINUTES, progress=heard, state=state)
    assert f"after step {last} of {STEPS}: the same command goes on" in heard.lines[-1]
    assert set(tmp_path.iterdir()) == {state, whole_state}
    assert same(finetuned(start, teacher, seen, MINUTES, progress=heard, state=state), whole)
    ended, expected = (
        torch.load(path, weights_only=True)["state"] for path in (state, whole_state)
    )
    torch.testing.assert_close(ended, expected, rtol=0, atol=0)
    assert ended["setbacks"] > 0
    assert f"goes on after step {last}" in heard.lines[1]


def test_training_goes_back_to_the_best_and_on_in_half_as_large_steps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(student, "NUMBER_RATE", 100.0)
    start, teacher = network_in(FORMS, V1)
    plan = training.TrainingPlan(1000, 0, torch.device("cpu"))
    run = training.Training(start, teacher, photographs(V1.size), plan)
    first, numbers = run.check(), run.state().numbers
    run.take_step()
    moved = run.state()
    assert run.check().loss > first.loss
    assert not all(torch.equal(moved.numbers[key], numbers[key]) for key in numbers)
    assert all(torch.equal(run.state().numbers[key], numbers[key]) for key in numbers)
    assert (moved.setbacks, run.state().setbacks) == (0, 1)
    sizes = [
        max(float((number - numbers[key]).abs().max()) for key, number in each.numbers.items())
        for each in (moved, stepped(run))
    ]
    assert sizes[1] == pytest.approx(sizes[0], rel=0.3)  # twice the rate while it warms up


def stepped(run: training.Training) -> training.FinetuningState:
    """The state after one more step."""
    run.take_step()
    return run.state()


@pytest.mark.parametrize(("setbacks", "end"), [(10, 5), (1, 1)], ids=["all steps", "no use"])
def test_what_was_done_is_not_done_again(
    setbacks: int, end: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, teacher = network_in(FORMS, V1)
    seen, heard, state = photographs(V1.size), Heard(), tmp_path / "m.finetuning"
    monkeypatch.setattr(student, "NUMBER_RATE", 100.0)
    monkeypatch.setattr(training, "MOST_SETBACKS", setbacks)
    whole = finetuned(start, teacher, seen, MINUTES, state=state)
    monkeypatch.delattr(training.Training, "take_step")
    assert same(finetuned(start, teacher, seen, MINUTES, progress=heard, state=state), whole)
    assert f"had ended after step {end} of 5" in heard.lines[0]


def test_the_state_of_another_run_is_not_gone_on_with(tmp_path: Path) -> None:
    start, teacher = network_in(("int4",), V1)
    seen, heard, state = photographs(V1.size), Heard(), tmp_path / "m.finetuning"
    finetuned(start, teacher, seen, MINUTES, seed=1, state=state)
    again = finetuned(start, teacher, seen, MINUTES, progress=heard, state=state)
    assert "begins anew: m.finetuning is of other photographs" in heard.lines[0]
    assert same(again, finetuned(start, teacher, seen, MINUTES))


@pytest.mark.parametrize("content", [b"", b"my thesis", b"PK\x03\x04"])
def test_a_file_of_another_kind_is_not_replaced(content: bytes, tmp_path: Path) -> None:
    start, teacher = network_in(("int4",), V1)
    state = tmp_path / "m.finetuning"
    state.write_bytes(content)
    with pytest.raises(ConfigError, match="state of finetuning"):
        finetuned(start, teacher, photographs(V1.size), MINUTES, state=state)
    assert state.read_bytes() == content


@pytest.mark.parametrize("minutes", [0, -1, float("nan"), float("inf"), 1e9])
def test_a_time_that_is_none(minutes: float) -> None:
    with pytest.raises(ConfigError, match="finetune"):
        steps_in(minutes)
    assert steps_in(10) == 460


def test_crops_are_of_the_photographs_and_follow_from_the_seed() -> None:
    seen = photographs(Size(24, 32))
    first, second = (drawn_batch(seen, 6, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(first, second)
    assert first.shape == (6, 3, 24, 32)
    assert 0 <= first.min() < 60
    assert 200 < first.max() <= 255


def test_pixels_are_normalized_as_everywhere() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (2, 5, 4, 3), np.uint8)
    normalization = Normalization((0.1, 0.2, 0.3), (1, 2, 3), "BGR")
    values = torch.from_numpy(pixels).permute(0, 3, 1, 2).float()
    expected = torch.from_numpy(normalization.of_pixels(pixels))
    assert torch.allclose(normalized(values, normalization), expected, atol=1e-5)
