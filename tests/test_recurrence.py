"""Recurrent layers against PyTorch's, and against a plain loop where PyTorch has no such form."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from export.mil.cost import cost
from export.mil.read.model import read
from mobilenet.common.errors import UnsupportedError
from op_cases import OpCase
from op_checks import check, groups
from programs import run_package, save

Array = np.ndarray

STEPS, BATCH, SIZE, HIDDEN = 4, 2, 3, 5
# where torch has its gates in MIL's order
LSTM, GRU = (0, 1, 3, 2), (0, 2, 1)  # input, forget, cell, output; reset, update, new
ACTS = {
    "tanh": np.tanh, "scaled_tanh": np.tanh, "linear": lambda x: x,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)), "relu": lambda x: np.maximum(x, 0),
    "hard_sigmoid": lambda x: np.clip(0.2 * x + 0.5, 0, 1),
    "sigmoid_hard": lambda x: np.clip(0.2 * x + 0.5, 0, 1),
}  # fmt: skip


def values(seed: int, *shape: int) -> Array:
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype(np.float32)


X, H, C = values(0, STEPS, BATCH, SIZE), values(1, BATCH, HIDDEN), values(2, BATCH, HIDDEN)
H2, C2 = values(3, BATCH, 2 * HIDDEN), values(4, BATCH, 2 * HIDDEN)
WEIGHTS = {
    kind: {"weight_ih": values(5, gates * HIDDEN, SIZE),
           "weight_hh": values(6, gates * HIDDEN, HIDDEN), "bias": values(7, gates * HIDDEN)}
    for kind, gates in (("lstm", 4), ("gru", 3), ("rnn", 1))
}  # fmt: skip
BACK = {f"{name}_back": value[::-1].copy() for name, value in WEIGHTS["lstm"].items()}
INPUT_BIAS = values(8, 3 * HIDDEN)


def loop(kind: str, options: dict, x: Array, *start: Array) -> list[Array]:
    """The layer by its definition, in float64; one direction, in the order it goes."""
    w_ih, w_hh = (options[name].astype(float) for name in ("weight_ih", "weight_hh"))
    bias = options.get("bias", np.zeros(len(w_ih)))
    act = ACTS[options.get("activation", "tanh")]
    gate = ACTS[options.get("recurrent_activation", "sigmoid")]
    cell = ACTS[options.get("cell_activation", "tanh")]
    p_i, p_f, p_o = np.split(options.get("peephole", np.zeros(3 * HIDDEN)), 3)
    limit = options.get("clip", np.inf)
    h, *c = start
    states = []
    for at in x[::-1] if options.get("direction") == "reverse" else x:
        a, r = at @ w_ih.T, h @ w_hh.T
        if kind == "rnn":
            h = act(a + r + bias)
        elif kind == "lstm":
            i, f, o, z = np.split(a + r + bias, 4, axis=1)
            kept = gate(f + p_f * c[0]) * c[0]
            c[0] = np.clip(kept + gate(i + p_i * c[0]) * cell(z), -limit, limit)
            h = gate(o + p_o * c[0]) * act(c[0])
        else:
            a = a + options.get("input_bias", np.zeros(len(w_ih)))
            reset, _, update = (gate(sum(parts)) for parts in zip(
                np.split(a, 3, 1), np.split(r, 3, 1), np.split(bias, 3), strict=True))  # fmt: skip
            new, b_new = a[:, HIDDEN : 2 * HIDDEN], bias[HIDDEN : 2 * HIDDEN]
            w_new = w_hh[HIDDEN : 2 * HIDDEN].T
            met = (
                reset * (h @ w_new + b_new)
                if options.get("reset_after")
                else (reset * h) @ w_new + b_new
            )
            o = act(new + met)
            h = (1 - update) * o + update * h
        states.append(h)
    states = states if options.get("output_sequence") else states[-1:]
    return [np.stack(states), h, *c]


def network(
    module: torch.nn.Module, order: Sequence[int], ends: dict[str, dict]
) -> torch.nn.Module:
    """PyTorch's module with MIL's weights; `bias` is all of its bias, or the hidden one."""

    def as_torch(array: Array) -> torch.Tensor:
        parts = np.split(array, len(order))
        return torch.tensor(np.concatenate([parts[at] for at in order]))

    state = {}
    for end, options in ends.items():
        for torch_name, name in (("weight_ih", "weight_ih"), ("weight_hh", "weight_hh"),
                                 ("bias_ih", "input_bias"), ("bias_hh", "bias")):  # fmt: skip
            array = options.get(name, np.zeros(len(options["weight_ih"]), np.float32))
            state[f"{torch_name}_l0{end}"] = as_torch(array)
    module.load_state_dict(state)
    return module


def case(kind: str, note: str, oracle=None, start=None, opset="iOS17", **options) -> OpCase:
    given = {**WEIGHTS[kind], **options}
    given = {name: value for name, value in given.items() if value is not None}
    start = start or ((H, C) if kind == "lstm" else (H,))
    names = ("initial_h", "initial_c")[: len(start)]

    def build(mb, x, *states):
        return getattr(mb, kind)(x=x, **dict(zip(names, states, strict=True)), **given)

    def by_loop(x, *states):
        return loop(kind, given, *(np.asarray(value) for value in (x, *states)))

    return OpCase(kind, build, (X, *start), oracle or by_loop, note, opset)


def torch_lstm(x, h, c):
    with torch.no_grad():
        states, last = network(torch.nn.LSTM(SIZE, HIDDEN), LSTM, {"": WEIGHTS["lstm"]})(
            x, (h[None], c[None])
        )
    return [states, *(each[0] for each in last)]


def torch_both(x, h, c):
    back = {name.removesuffix("_back"): value for name, value in BACK.items()}
    module = torch.nn.LSTM(SIZE, HIDDEN, bidirectional=True)
    network(module, LSTM, {"": WEIGHTS["lstm"], "_reverse": back})
    with torch.no_grad():
        states, last = module(x, tuple(torch.stack(each.split(HIDDEN, 1)) for each in (h, c)))
    return [states, *(torch.cat(tuple(each), 1) for each in last)]


def torch_both_last(x, h, c):
    _, h, c = torch_both(x, h, c)
    return [h[None], h, c]


def torch_gru(x, h):
    ends = {"": WEIGHTS["gru"] | {"input_bias": INPUT_BIAS}}
    with torch.no_grad():
        states, last = network(torch.nn.GRU(SIZE, HIDDEN), GRU, ends)(x, h[None])
    return [states, last[0]]


def torch_rnn(x, h):
    with torch.no_grad():
        states, last = network(torch.nn.RNN(SIZE, HIDDEN), (0,), {"": WEIGHTS["rnn"]})(x, h[None])
    return [states, last[0]]


PEEPHOLE = values(9, 3 * HIDDEN)
CASES = [
    case("lstm", "as PyTorch", torch_lstm, output_sequence=True),
    case("lstm", "last state", bias=None),
    case("lstm", "reverse", direction="reverse", output_sequence=True),
    case("lstm", "peephole", peephole=PEEPHOLE, output_sequence=True),
    case("lstm", "clip", clip=np.float32(0.2), peephole=PEEPHOLE, output_sequence=True),
    case("lstm", "both ways", torch_both, (H2, C2), direction="bidirectional",
         output_sequence=True, **BACK),
    case("lstm", "both ways, last", torch_both_last, (H2, C2), direction="bidirectional", **BACK),
    *(case("lstm", name, activation=name, recurrent_activation=other, cell_activation=third)
      for name, other, third in (("relu", "tanh", "sigmoid"), ("linear", "relu", "hard_sigmoid"),
                                 ("scaled_tanh", "hard_sigmoid", "linear"))),
    case("gru", "reset before", output_sequence=True),
    case("gru", "last state", bias=None, activation="relu", recurrent_activation="sigmoid"),
    case("gru", "reverse", direction="reverse", output_sequence=True, activation="sigmoid"),
    case("gru", "as PyTorch", torch_gru, opset="iOS18", reset_after=True, input_bias=INPUT_BIAS,
         output_sequence=True),
    case("gru", "two biases", opset="iOS18", input_bias=INPUT_BIAS),
    case("rnn", "as PyTorch", torch_rnn, output_sequence=True),
    case("rnn", "reverse", direction="reverse", output_sequence=True, bias=None),
    *(case("rnn", name, activation=name)
      for name in ("relu", "sigmoid", "linear", "sigmoid_hard")),
]  # fmt: skip


@pytest.mark.parametrize("cases", groups(CASES))
def test_layers(cases: list[OpCase], tmp_path):
    check(cases, tmp_path)


def test_each_weight_is_counted_at_each_step(tmp_path):
    both = next(each for each in CASES if each.note == "both ways")
    for each, weights in ((CASES[0], 20 * 3 + 20 * 5), (both, 2 * (20 * 3 + 20 * 5))):
        path = save(tmp_path / "c.mlpackage", each.build, each.inputs)
        costs = cost(read(path).function())
        assert (costs.macs, costs.unknown_macs) == (STEPS * BATCH * weights, ())


def test_an_activation_that_is_not_known_is_refused_by_name(tmp_path):
    each = case("rnn", "", activation="selu")
    path = save(tmp_path / "a.mlpackage", each.build, each.inputs)
    with pytest.raises(UnsupportedError, match="rnn 'rnn_0' with activation 'selu'"):
        run_package(path, {"x0": X, "x1": H})
