"""Recurrent layers of the old format, against PyTorch."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from export.mil.read.model import read
from mobilenet.common.errors import UnsupportedError
from old_format import save_layers
from programs import run_package

STEPS, BATCH, INTO, SIZE = 4, 2, 3, 5
RNG = np.random.default_rng(8)
X = RNG.normal(size=(STEPS, BATCH, INTO, 1, 1)).astype(np.float32)
GATES = {"rnn": 1, "gru": 3, "lstm": 4}


def network(kind: str, two: bool) -> torch.nn.RNNBase:
    torch.manual_seed(3)
    classes = {"rnn": torch.nn.RNN, "gru": torch.nn.GRU, "lstm": torch.nn.LSTM}
    module = classes[kind](INTO, SIZE, bidirectional=two).requires_grad_(False)
    for name, value in module.named_parameters():
        if name.startswith("bias_hh"):
            value.zero_()  # of a GRU it stands elsewhere
    return module


def parts(module: torch.nn.RNNBase, name: str, kind: str) -> list[NDArray[Any]]:
    """Of each gate, in the order of the builder."""
    values = [*np.split(getattr(module, name).numpy(), GATES[kind])]
    return [values[at] for at in {"rnn": [0], "gru": [1, 0, 2], "lstm": [0, 1, 3, 2]}[kind]]


def add(builder: Any, kind: str, module: torch.nn.RNNBase, whole: bool, backwards: bool) -> None:
    hidden, into, bias = (
        parts(module, f"{n}_l0", kind) for n in ("weight_hh", "weight_ih", "bias_ih")
    )
    names = {"input_names": ["x", "h"], "output_names": ["y", "hn"]}
    options = {"output_all": whole, "reverse_input": backwards, "hidden_size": SIZE,
               "input_size": INTO}  # fmt: skip
    if kind == "rnn":
        builder.add_simple_rnn(
            "l", hidden[0], into[0], bias[0], activation="TANH", **options, **names
        )
    elif kind == "gru":
        builder.add_gru("l", hidden, into, bias, inner_activation="SIGMOID", **options, **names)
    else:
        names = {"input_names": ["x", "h", "c"], "output_names": ["y", "hn", "cn"]}
        builder.add_unilstm("l", hidden, into, bias, **options, **names)


def reset_before(
    module: torch.nn.RNNBase, sequence: torch.Tensor, start: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """A GRU whose state is reset before it meets its weights: PyTorch's is after that."""
    weights = [torch.from_numpy(np.stack(parts(module, f"{name}_l0", "gru")))
               for name in ("weight_ih", "weight_hh", "bias_ih")]  # fmt: skip
    (w_z, w_r, w_o), (r_z, r_r, r_o), (b_z, b_r, b_o) = weights
    results, h = [], start[0]
    for x in sequence:
        z, r = (
            torch.sigmoid(x @ w_z.T + h @ r_z.T + b_z),
            torch.sigmoid(x @ w_r.T + h @ r_r.T + b_r),
        )
        h = (1 - z) * torch.tanh(x @ w_o.T + (h * r) @ r_o.T + b_o) + z * h
        results.append(h)
    return torch.stack(results), h[None]


def states(*names: str) -> dict[str, NDArray[Any]]:
    rng = np.random.default_rng(1)
    return {n: rng.normal(size=(1, BATCH, SIZE, 1, 1)).astype(np.float32) for n in names}


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("kind", GATES)
def test_recurrent_layer(kind: str, whole: bool, backwards: bool, tmp_path: Path) -> None:
    carried = ("h", "c") if kind == "lstm" else ("h",)
    inputs = {"x": X, **states(*carried)}
    module = network(kind, two=False)
    path = save_layers(
        tmp_path / "r.mlmodel", inputs, lambda b: add(b, kind, module, whole, backwards),
        outputs=dict.fromkeys(["y", *(f"{name}n" for name in carried)]),
    )  # fmt: skip
    got = run_package(path, inputs)
    start = tuple(torch.from_numpy(inputs[name][..., 0, 0]) for name in carried)
    sequence = torch.from_numpy(X[::-1].copy() if backwards else X)[..., 0, 0]
    if kind == "gru":
        y, last = reset_before(module, sequence, start[0])
    else:
        y, last = module(sequence, start if kind == "lstm" else start[0])
    wanted = {"y": y if whole else y[-1:]}
    wanted |= dict(zip(("hn", "cn"), last if kind == "lstm" else (last,), strict=False))
    assert got.keys() == wanted.keys()
    for name, value in wanted.items():
        np.testing.assert_allclose(got[name], value[..., None, None].numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("whole", [False, True])
def test_lstm_of_two_directions(whole: bool, tmp_path: Path) -> None:
    module = network("lstm", two=True)
    ahead, back = (
        [
            parts(module, f"{name}_l0{end}", "lstm")
            for name in ("weight_hh", "weight_ih", "bias_ih")
        ]
        for end in ("", "_reverse")
    )
    inputs = {"x": X, **states("h", "c", "hb", "cb")}
    names = ["y", "hn", "cn", "hbn", "cbn"]
    path = save_layers(
        tmp_path / "b.mlmodel", inputs,
        lambda b: b.add_bidirlstm(
            "l", *ahead, *back, SIZE, INTO, [*inputs], names, output_all=whole
        ),
        outputs=dict.fromkeys(names),
    )  # fmt: skip
    got = run_package(path, inputs)
    h, c = (
        torch.from_numpy(np.concatenate([inputs[n], inputs[f"{n}b"]])[..., 0, 0]) for n in "hc"
    )
    y, (hn, cn) = module(torch.from_numpy(X[..., 0, 0]), (h, c))
    whole_y = y if whole else torch.cat([y[-1:, :, :SIZE], y[:1, :, SIZE:]], -1)
    wanted = [whole_y, hn[:1], cn[:1], hn[1:], cn[1:]]
    for name, value in zip(names, wanted, strict=True):
        np.testing.assert_allclose(got[name], value[..., None, None].numpy(), rtol=1e-5, atol=1e-6)


def test_a_step_of_the_oldest_models_begins_with_zeros(tmp_path: Path) -> None:
    module = network("lstm", two=False)
    hidden, into = (parts(module, f"{name}_l0", "lstm") for name in ("weight_hh", "weight_ih"))
    vector = {"x": X[0, 0, :, 0, 0]}

    def build(builder: Any) -> None:
        builder.add_unilstm(
            "l", hidden, into, None, SIZE, INTO, ["x"], ["y"], forget_bias=True,
            peep=[np.full(SIZE, 0.5, np.float32)] * 3, cell_clip_threshold=0.1,
        )  # fmt: skip

    path = save_layers(tmp_path / "s.mlmodel", vector, build, outputs={"y": (SIZE,)}, rank5=True)
    gates = [part @ vector["x"] for part in into]
    gate = lambda x: 1 / (1 + np.exp(-x))  # noqa: E731
    c = np.clip(gate(gates[0]) * np.tanh(gates[3]), -0.1, 0.1)
    np.testing.assert_allclose(
        run_package(path, vector)["y"], gate(gates[2] + 0.5 * c) * np.tanh(c), rtol=1e-5
    )


def test_a_state_may_have_its_axes_elsewhere(tmp_path: Path) -> None:
    module = network("rnn", two=False)
    given = {"x": X, **states("h")}
    moved = given | {"h": given["h"].reshape(BATCH, SIZE, 1, 1, 1)}
    answers = [
        run_package(
            save_layers(tmp_path / "s.mlmodel", inputs,
                        lambda b: add(b, "rnn", module, True, False),
                        outputs={"y": None, "hn": None}), inputs,
        )["y"] for inputs in (given, moved)
    ]  # fmt: skip
    np.testing.assert_array_equal(*answers)


@pytest.mark.parametrize("backwards", [False, True])
def test_what_enters_an_activation_is_clipped(backwards: bool, tmp_path: Path) -> None:
    x = np.float32([[30], [-90], [45]]).reshape(3, 1, 1, 1, 1)
    one = np.ones((1, 1), np.float32)
    path = save_layers(
        tmp_path / "c.mlmodel", {"x": x},
        lambda b: b.add_simple_rnn(
            "l", one, one, None, 1, 1, "LINEAR", ["x"], ["y"], True, backwards
        ),
    )  # fmt: skip
    wanted, h = [], 0.0
    for value in x.ravel()[::-1] if backwards else x.ravel():
        h = float(np.clip(value + h, -50, 50))
        wanted.append(h)
    np.testing.assert_allclose(run_package(path, {"x": x})["y"].ravel(), wanted)


def test_a_scaled_tanh_is_one_without_numbers_and_refused_with_others(tmp_path: Path) -> None:
    square = np.eye(3, dtype=np.float32)

    def add_layer(builder: Any, scale: float = 0.0) -> None:
        names = (["x"], ["y"])
        layer = builder.add_simple_rnn("l", square, square, None, 3, 3, "SCALED_TANH", *names)
        layer.simpleRecurrent.activation.scaledTanh.alpha = scale

    path = save_layers(tmp_path / "l.mlmodel", {"x": X[:1]}, add_layer)
    np.testing.assert_allclose(
        run_package(path, {"x": X[:1]})["y"], np.tanh(X[:1]), rtol=1e-5, atol=1e-6
    )
    path = save_layers(tmp_path / "s.mlmodel", {"x": X}, lambda b: add_layer(b, 1.7159))
    assert [op.type for op in read(path).function().ops] == ["layer.simpleRecurrent"]
    with pytest.raises(UnsupportedError, match=r"layer\.simpleRecurrent"):
        run_package(path, {"x": X})
