"""Recurrent layers: LSTM, GRU and the plain one, step by step.

Semantics: coremltools, `converters/mil/mil/ops/defs/iOS15/recurrent.py` and `iOS18/recurrent.py`;
where these are vague, its tests, which Apple compares with Core ML: `mil/ops/tests/iOS14/
test_recurrent.py`. ONNX has such layers as well, but clips something else.
"""

import math
from collections.abc import Callable, Sequence

from export.mil.ops.call import Call
from export.mil.ops.lowering import Lowering
from export.mil.ops.operation import lowers
from export.mil.program import Shape

HARD_ALPHA, HARD_BETA = 0.2, 0.5  # of a hard sigmoid
DIRECT = {"tanh": "Tanh", "scaled_tanh": "Tanh", "sigmoid": "Sigmoid", "relu": "Relu"}

# (values of a step, (batch, gates H); what is carried) -> what is carried on, h first
Step = Callable[[str, list[str]], list[str]]


def _shapes(call: Call) -> list[Shape]:
    """Of all or the last hidden states, and of what is carried."""
    steps, batch, _ = call.shape_of(call.argument("x"))
    hidden = call.shape("weight_hh")[1] * (2 if _is_bidirectional(call) else 1)
    steps = steps if call.flag("output_sequence", False) else 1
    return [(steps, batch, hidden), *[(batch, hidden)] * (len(call.op.outputs) - 1)]


def _macs(call: Call) -> int:
    """Each weight meets each step of each sequence."""
    steps, batch, _ = call.shape("x")
    ends = ("", "_back") if _is_bidirectional(call) else ("",)
    weights = [call.shape(f"weight_{kind}{end}") for kind in ("ih", "hh") for end in ends]
    return steps * batch * sum(map(math.prod, weights))


def _is_bidirectional(call: Call) -> bool:
    return call.text("direction", "forward") == "bidirectional"


@lowers("lstm", shape=_shapes, macs=_macs)
def lstm(call: Lowering) -> tuple[str, ...]:
    """x tensor<[s, b, I], T>, initial_h and initial_c tensor<[b, D H], T>, weight_ih
    tensor<[4 H, I], T>, weight_hh tensor<[4 H, H], T> -> tensor<[s or 1, b, D H], T>,
    tensor<[b, D H], T>, tensor<[b, D H], T>; of D directions, the second one's values last.

    The cell is clipped to +-`clip`. Gates are in the order input, forget, output, cell.
    """
    if not _is_bidirectional(call):
        return _run(call, _lstm_step(call, ""), [call["initial_h"], call["initial_c"]])
    starts = [call.emit_many("Split", 2, call[name], axis=-1, num_outputs=2)
              for name in ("initial_h", "initial_c")]  # fmt: skip
    ahead, back = (list(start) for start in zip(*starts, strict=True))
    pairs = zip(
        _run(call, _lstm_step(call, ""), ahead),
        _run(call, _lstm_step(call, "_back"), back, "_back"),
        strict=True,
    )
    return tuple(call.emit("Concat", *pair, axis=-1) for pair in pairs)


def _lstm_step(call: Lowering, end: str) -> Step:
    gate = _clipped(call, "recurrent_activation", "sigmoid")
    cell = _clipped(call, "cell_activation", "tanh")
    result = _activation(call, "activation", "tanh")
    weight = _transposed(call, f"weight_hh{end}")
    peepholes = _parts(call, f"peephole{end}", 3)

    def peep(value: str, number: int, cell_state: str) -> str:
        if not peepholes:
            return value
        return call.emit("Add", value, call.emit("Mul", peepholes[number], cell_state))

    def step(x: str, carried: list[str]) -> list[str]:
        h, c = carried
        gates = call.emit("Add", x, call.emit("MatMul", h, weight))
        i, f, o, z = call.emit_many("Split", 4, gates, axis=-1, num_outputs=4)
        kept = call.emit("Mul", gate(peep(f, 1, c)), c)
        c = call.emit("Add", kept, call.emit("Mul", gate(peep(i, 0, c)), cell(z)))
        if call.has("clip"):
            limit = call.number("clip")
            c = call.emit("Clip", c, call.constant(-limit), call.constant(limit))
        return [call.emit("Mul", gate(peep(o, 2, c)), result(c)), c]

    return step


@lowers("gru", shape=_shapes, macs=_macs)
def gru(call: Lowering) -> tuple[str, ...]:
    """x tensor<[s, b, I], T>, initial_h tensor<[b, H], T>, weight_ih tensor<[3 H, I], T>,
    weight_hh tensor<[3 H, H], T> -> tensor<[s or 1, b, H], T>, tensor<[b, H], T>.

    Gates are in the order reset, output, update. The hidden state is reset before it meets its
    weights, or with `reset_after` its product with them, which then holds `bias`.
    """
    gate = _clipped(call, "recurrent_activation", "sigmoid")
    result = _clipped(call, "activation", "tanh")
    after = call.flag("reset_after", False)
    weights = call.emit_many("Split", 3, _transposed(call, "weight_hh"), axis=-1, num_outputs=3)
    biases = _parts(call, "bias", 3)

    def hidden(h: str, number: int) -> str:
        product = call.emit("MatMul", h, weights[number])
        return call.emit("Add", product, biases[number]) if biases else product

    def step(x: str, carried: list[str]) -> list[str]:
        (h,) = carried
        x_r, x_o, x_z = call.emit_many("Split", 3, x, axis=-1, num_outputs=3)
        r = gate(call.emit("Add", x_r, hidden(h, 0)))
        z = gate(call.emit("Add", x_z, hidden(h, 2)))
        met = call.emit("Mul", r, hidden(h, 1)) if after else hidden(call.emit("Mul", r, h), 1)
        o = result(call.emit("Add", x_o, met))
        change = call.emit("Mul", z, call.emit("Sub", h, o))
        return [call.emit("Add", o, change)]

    return _run(call, step, [call["initial_h"]], bias="input_bias")


@lowers("rnn", shape=_shapes, macs=_macs)
def rnn(call: Lowering) -> tuple[str, ...]:
    """x tensor<[s, b, I], T>, initial_h tensor<[b, H], T>, weight_ih tensor<[H, I], T>,
    weight_hh tensor<[H, H], T> -> tensor<[s or 1, b, H], T>, tensor<[b, H], T>."""
    result, weight = _clipped(call, "activation", "tanh"), _transposed(call, "weight_hh")

    def step(x: str, carried: list[str]) -> list[str]:
        return [result(call.emit("Add", x, call.emit("MatMul", carried[0], weight)))]

    return _run(call, step, [call["initial_h"]])


def _run(
    call: Lowering, step: Step, starts: Sequence[str], end: str = "", bias: str = "bias"
) -> tuple[str, ...]:
    """The hidden states, (s or 1, b, H), and what is carried in the end, (b, H).

    A layer of direction "reverse" gives the states in its own order, last input first; the
    second direction of two gives them in the order of the inputs.
    """
    x = call.emit("MatMul", call["x"], _transposed(call, f"weight_ih{end}"))
    if call.has(f"{bias}{end}"):
        x = call.emit("Add", x, call[f"{bias}{end}"])

    def body(inputs: list[str]) -> list[str]:
        *carried, values = inputs
        results = step(values, carried)
        return [*results, results[0]]

    backwards = int(bool(end) or call.text("direction", "forward") == "reverse")
    *last, states = call.emit_many(
        "Scan", len(starts) + 1, *starts, x,
        body=call.graph.subgraph(call.op.name, [""] * (len(starts) + 1), body),
        num_scan_inputs=1, scan_input_directions=[backwards],
        scan_output_directions=[int(bool(end))],
    )  # fmt: skip
    if not call.flag("output_sequence", False):
        states = call.emit("Unsqueeze", last[0], call.int64([0]))
    return (states, *last)


def _clipped(call: Lowering, parameter: str, usual: str) -> Callable[[str], str]:
    """An activation of what enters it clipped to +-`input_clip`, where there is one: as the old
    format has it (NeuralNetwork.proto)."""
    activation = _activation(call, parameter, usual)
    if not call.has("input_clip"):
        return activation
    limit = call.number("input_clip")
    low, high = call.constant(-limit), call.constant(limit)
    return lambda x: activation(call.emit("Clip", x, low, high))


def _activation(call: Lowering, parameter: str, usual: str) -> Callable[[str], str]:
    name = call.text(parameter, usual).lower()
    if name == "linear":
        return lambda x: x
    if name in ("hard_sigmoid", "sigmoid_hard"):
        return lambda x: call.emit("HardSigmoid", x, alpha=HARD_ALPHA, beta=HARD_BETA)
    if name not in DIRECT:
        raise call.unsupported(f"{parameter} {name!r}")
    return lambda x: call.emit(DIRECT[name], x)


def _transposed(call: Lowering, parameter: str) -> str:
    return call.emit("Transpose", call[parameter], perm=[1, 0])


def _parts(call: Lowering, parameter: str, count: int) -> tuple[str, ...]:
    """A vector in equal parts; none where it is not given."""
    if not call.has(parameter):
        return ()
    return call.emit_many("Split", count, call[parameter], axis=0, num_outputs=count)
