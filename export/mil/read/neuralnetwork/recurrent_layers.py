"""Recurrent layers of the old format, said with MIL's: one gate's matrices behind the other's.

Values are (sequence, batch, C, 1, 1) here, (sequence, batch, C) there. What enters an activation
is clipped here, which MIL does not say of its own: its operation is given `input_clip`.
"""

from collections.abc import Sequence

from export.mil.program import Shape
from export.mil.read.neuralnetwork.layer_translation import LayerRule, LayerTranslation
from export.mil.read.neuralnetwork.layer_weights import weight
from export.mil.read.plain_values import PlainValue, fixed
from export.mil.read.specification import Message

GATES = {  # in MIL's order
    "lstm": ("inputGate", "forgetGate", "outputGate", "blockInput"),
    "gru": ("resetGate", "outputGate", "updateGate"),
}
PEEPHOLES = GATES["lstm"][:3]
# MIL's names, and the numbers that are the only ones there are, or none: coremltools' builder
# writes none, and its tests take these for them (mil/ops/tests/iOS14/test_recurrent.py)
ACTIVATIONS: dict[str, tuple[str, tuple[float, ...]]] = {
    "ReLU": ("relu", ()), "linear": ("linear", (1.0,)), "sigmoid": ("sigmoid", ()),
    "scaledTanh": ("scaled_tanh", (1.0, 1.0)), "sigmoidHard": ("hard_sigmoid", (0.2, 0.5)),
    "tanh": ("tanh", ()),
}  # fmt: skip
CLIP = 50.0  # of what enters an activation
CELL_CLIP = 50.0  # of an LSTM that says none


def _simple(layer: LayerTranslation) -> None:
    p, size = layer.params, int(layer.params.outputVectorSize)
    inputs: dict[str, PlainValue] = {
        "weight_ih": weight(p.weightMatrix, f"{layer.name}.input", (size, int(p.inputVectorSize))),
        "weight_hh": weight(p.recursionMatrix, f"{layer.name}.hidden", (size, size)),
        "activation": _activation(p.activation),
    }
    if p.hasBiasVector:
        inputs["bias"] = weight(p.biasVector, f"{layer.name}.bias", (size,))
    _give(layer, "rnn", inputs | _options(p, p.sequenceOutput), ("initial_h",))


def _gru(layer: LayerTranslation) -> None:
    p = layer.params
    gate, result = (_activation(message) for message in p.activations)
    inputs = {
        **_matrices(layer, p, GATES["gru"], p.hasBiasVectors),
        "recurrent_activation": gate, "activation": result,
    }  # fmt: skip
    _give(layer, "gru", inputs | _options(p, p.sequenceOutput), ("initial_h",))


def _lstm(layer: LayerTranslation) -> None:
    p = layer.params
    inputs = _lstm_weights(layer, p.weightParams) | _lstm_options(p.params, p.activations)
    _give(layer, "lstm", inputs | _options(p, p.params.sequenceOutput), ("initial_h", "initial_c"))


def _bidirectional_lstm(layer: LayerTranslation) -> None:
    p = layer.params
    ahead, back = p.weightParams
    if [*map(_activation, p.activationsForwardLSTM)] != [
        *map(_activation, p.activationsBackwardLSTM)
    ]:
        raise ValueError("directions of different activations")
    inputs = {
        **_lstm_weights(layer, ahead), **_lstm_weights(layer, back, "_back"),
        **_lstm_options(p.params, p.activationsForwardLSTM),
        "direction": "bidirectional", "output_sequence": bool(p.params.sequenceOutput),
    }  # fmt: skip
    _give(layer, "lstm", inputs, ("initial_h", "initial_c"), directions=2)


def _lstm_options(params: Message, activations: Sequence[Message]) -> dict[str, PlainValue]:
    if params.coupledInputAndForgetGate:
        raise ValueError("coupled gates, which MIL has not")
    gate, cell, result = map(_activation, activations)
    return {
        "recurrent_activation": gate, "cell_activation": cell, "activation": result,
        "clip": float(params.cellClipThreshold) or CELL_CLIP,
    }  # fmt: skip


def _lstm_weights(
    layer: LayerTranslation, weights: Message, end: str = ""
) -> dict[str, PlainValue]:
    params = layer.params.params
    inputs = _matrices(layer, weights, GATES["lstm"], params.hasBiasVectors, end)
    size = int(layer.params.outputVectorSize)
    if params.forgetBias:
        ones = fixed(f"{layer.name}.forget", [0] * size + [1] * size + [0] * 2 * size)
        bias = inputs.get(f"bias{end}")
        inputs[f"bias{end}"] = ones if bias is None else layer.step("add", x=bias, y=ones)
    if params.hasPeepholeVectors:
        inputs[f"peephole{end}"] = _joined(layer, weights, PEEPHOLES, "PeepholeVector", (size,))
    return inputs


def _matrices(
    layer: LayerTranslation, weights: Message, gates: Sequence[str], has_bias: bool, end: str = ""
) -> dict[str, PlainValue]:
    p = layer.params
    into, size = int(p.inputVectorSize), int(p.outputVectorSize)
    inputs: dict[str, PlainValue] = {
        f"weight_ih{end}": _joined(layer, weights, gates, "WeightMatrix", (size, into)),
        f"weight_hh{end}": _joined(layer, weights, gates, "RecursionMatrix", (size, size)),
    }
    if has_bias:
        inputs[f"bias{end}"] = _joined(layer, weights, gates, "BiasVector", (size,))
    return inputs


def _joined(
    layer: LayerTranslation, weights: Message, gates: Sequence[str], field: str, shape: Shape
) -> str:
    """One field of all gates, one behind the other."""
    names = [layer.network.define(f"{layer.name}.{gate}{field}") for gate in gates]
    values = tuple(
        weight(getattr(weights, f"{gate}{field}"), name, shape)
        for gate, name in zip(gates, names, strict=True)
    )
    return layer.step("concat", values=values, axis=0, interleave=False)


def _activation(message: Message) -> str:
    """MIL's name. Raises `ValueError` for one that it has not."""
    kind = str(message.WhichOneof("NonlinearityType"))
    parameters = getattr(message, kind)
    numbers = tuple(round(value, 6) for _, value in parameters.ListFields())
    if kind not in ACTIVATIONS or numbers not in ((), ACTIVATIONS[kind][1]):
        raise ValueError(f"{kind} as the activation of a recurrent layer")
    return ACTIVATIONS[kind][0]


def _options(params: Message, whole_sequence: bool) -> dict[str, PlainValue]:
    direction = "reverse" if params.reverseInput else "forward"
    return {"direction": direction, "output_sequence": bool(whole_sequence)}


def _give(
    layer: LayerTranslation, kind: str, inputs: dict[str, PlainValue], carried: Sequence[str],
    directions: int = 1,
) -> None:  # fmt: skip
    """The states of a sequence, and behind them what is carried, of each direction."""
    x, shape = layer.unfold(), layer.shape()
    if shape is None:
        raise ValueError("an input of unknown size")
    x = layer.step("squeeze", x=x, axes=[-2, -1])
    size, count = int(layer.params.outputVectorSize), len(carried)
    starts = {
        name: _start(layer, layer.inputs[1 + at :: count], (shape[1], size * directions))
        for at, name in enumerate(carried)
    }
    names = [layer.network.define(f"{layer.name}_{kind}") for _ in range(1 + count)]
    layer.network.add(kind, layer.name, names, {"x": x, "input_clip": CLIP, **starts, **inputs})
    states, *ends = names
    results = [layer.step("expand_dims", x=states, axes=[-2, -1])]
    parts = [_split(layer, end, directions) for end in ends]
    for direction in range(directions):
        for part in parts:
            results.append(layer.step("expand_dims", x=part[direction], axes=[0, -2, -1]))
    for name, result in zip(layer.outputs, results, strict=False):
        output = layer.network.define(name)
        layer.network.add("identity", output, [output], {"x": result})


def _start(layer: LayerTranslation, values: Sequence[str], shape: tuple[int, int]) -> PlainValue:
    """What is carried into the first step, (batch, C of all directions): zeros where none is."""
    if not values:
        return layer.step("fill", shape=[*shape], value=0.0)
    # by their count alone: coremltools writes a plain layer's as (batch, C, 1, 1, 1)
    each = [shape[0], shape[1] // len(values)]
    flat = tuple(layer.step("reshape", x=value, shape=each) for value in values)
    if len(flat) == 1:
        return flat[0]
    return layer.step("concat", values=flat, axis=-1, interleave=False)


def _split(layer: LayerTranslation, value: str, directions: int) -> list[str]:
    if directions == 1:
        return [value]
    names = [layer.network.define(f"{layer.name}_split") for _ in range(directions)]
    inputs: dict[str, PlainValue] = {"x": value, "axis": -1, "num_splits": directions}
    layer.network.add("split", names[0], names, inputs)
    return names


RULES: dict[str, LayerRule] = {
    "biDirectionalLSTM": _bidirectional_lstm,
    "gru": _gru,
    "simpleRecurrent": _simple,
    "uniDirectionalLSTM": _lstm,
}
