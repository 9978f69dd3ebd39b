"""TensorFlow Lite: the authors' quantised releases, and float models of the same network.

Batch norms are folded in these files. Quantised numbers are turned back into floats: scale x (q -
zero point), per tensor or per channel; the float network so read is not bit for bit the quantised
one.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mobilenet.checkpoint import Array, Checkpoint, Layer, Provenance
from mobilenet.common.errors import CheckpointError
from mobilenet.labels import labels_for
from mobilenet.networks.rows import Activation, Padding
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.preprocess import INCEPTION, Normalization
from mobilenet.sources.assemble import assemble, licence_of
from mobilenet.sources.stored import Allowance
from mobilenet.sources.tflite import flatbuffer
from mobilenet.sources.tflite.dequantised import as_stored, dequantised, quantization
from mobilenet.sources.tflite.flatbuffer import TfliteGraph, TfliteOperator, TfliteTensor

_KERNELS = {"CONV_2D": (0, 3, 1, 2), "DEPTHWISE_CONV_2D": (3, 0, 1, 2), "FULLY_CONNECTED": (0, 1)}
_ACTIVATIONS: dict[str, Activation] = {"RELU": "relu", "RELU6": "relu6"}
_WITHOUT_NUMBERS = {"AVERAGE_POOL_2D", "MEAN", "RESHAPE", "SQUEEZE", "SOFTMAX", "PAD",
                    "QUANTIZE", "DEQUANTIZE", "SHAPE", "STRIDED_SLICE", "PACK"}  # fmt: skip
_EXPLICIT = {"[[0, 1], [0, 1]]": "keras", "[[1, 1], [1, 1]]": "symmetric"}
MAX_PADS = 8  # before and behind each of four axes
_PIXEL_OF_ZERO = {3: 0, 9: 128}  # uint8 and int8: the pixel that the stored number 0 stands for


def read(path: Path) -> Checkpoint:
    """The network in a `.tflite`. Raises `CheckpointError` naming the operator or tensor."""
    graph = flatbuffer.read(path.read_bytes(), path.name)
    kernels = _kernels(graph)
    if not kernels:
        raise CheckpointError(f"{path.name} holds no convolution", "is it a MobileNet v1?")
    allowance = Allowance()
    *convolutions, logits = (_layer(graph, op, allowance) for op in kernels)
    source = _tensor(graph, _of(graph.inputs, 0))
    is_quantised = source.dtype in _PIXEL_OF_ZERO
    config, layers = assemble(
        convolutions,
        logits,
        MobileNetConfig(
            width_rule="slim",
            resolution=_of(source.shape, 1),
            padding=_padding(graph, kernels[:-1]),
            activation=_activation(graph, kernels[:-1]),
        ),
    )
    return Checkpoint(
        config,
        layers,
        Provenance(
            "TensorFlow Lite, quantised" if is_quantised else "TensorFlow Lite",
            True,
            licence_of(config.classes),
        ),
        _normalization(source) if is_quantised else INCEPTION,
        labels=labels_for(config.classes),
    )


def _kernels(graph: TfliteGraph) -> list[TfliteOperator]:
    for op in graph.operators:
        if op.kind not in _WITHOUT_NUMBERS | set(_ACTIVATIONS) | set(_KERNELS):
            raise CheckpointError(
                f"operator {op.kind} has no place in a MobileNet v1", "is it another network?"
            )
    return [op for op in graph.operators if op.kind in _KERNELS]


def _normalization(source: TfliteTensor) -> Normalization:
    scales, zeros = quantization(source)
    scale = float(scales[0])
    bias = -scale * (int(zeros[0]) + _PIXEL_OF_ZERO[source.dtype])
    return Normalization((scale,) * 3, (bias,) * 3)


def _of(indices: Sequence[int], place: int) -> int:
    if place >= len(indices):
        raise CheckpointError(f"an operator or tensor has {len(indices)} entries, not {place + 1}",
                              "is the file complete?")  # fmt: skip
    return indices[place]


def _tensor(graph: TfliteGraph, index: int) -> TfliteTensor:
    if not 0 <= index < len(graph.tensors):
        raise CheckpointError(f"tensor {index} is used but not there", "is the file complete?")
    return graph.tensors[index]


def _floats(graph: TfliteGraph, index: int, allowance: Allowance) -> Array:
    """A constant as the floats it stands for."""
    maker = graph.maker(index)
    if maker is not None and maker.kind == "DEQUANTIZE":  # float16 weights
        index = _of(maker.inputs, 0)
    return dequantised(_tensor(graph, index), allowance).load().astype(np.float32)


def _layer(graph: TfliteGraph, op: TfliteOperator, allowance: Allowance) -> Layer:
    if len(op.inputs) < 3:
        raise CheckpointError(f"{op.kind} {op.outputs} has no bias", "is the file complete?")
    kernel, axes = _floats(graph, op.inputs[1], allowance), _KERNELS[op.kind]
    if kernel.ndim != len(axes):
        raise CheckpointError(
            f"the kernel of {op.kind} has shape {kernel.shape}", "is it a MobileNet v1?"
        )
    kernel = np.ascontiguousarray(kernel.transpose(axes))
    return Layer(kernel, _floats(graph, op.inputs[2], allowance))


def _activation(graph: TfliteGraph, kernels: list[TfliteOperator]) -> Activation:
    activations = {op.kind for op in graph.operators if op.kind in _ACTIVATIONS}
    activations |= {op.activation for op in kernels} - {"NONE"}
    if len(activations) != 1 or not activations <= set(_ACTIVATIONS):
        raise CheckpointError(
            f"the activations are {sorted(activations)}, one of {sorted(_ACTIVATIONS)} is needed",
            "is it a MobileNet v1?",
        )
    return _ACTIVATIONS[activations.pop()]


def _padding(graph: TfliteGraph, kernels: list[TfliteOperator]) -> Padding:
    """Told by the blocks of stride 2: over even maps only they differ, and Keras' stem is SAME."""
    paddings = {_pads(graph, op) for op in kernels[1:] if op.options.get("StrideH") == 2}
    for padding in ("same", "symmetric", "keras"):
        if paddings == {padding}:
            return padding
    raise CheckpointError(f"the paddings are {sorted(paddings)[:4]}", "is it a MobileNet v1?")


def _pads(graph: TfliteGraph, op: TfliteOperator) -> str:
    if op.options.get("Padding", 0) == 0:  # schema.fbs, Padding: SAME
        return "same"
    maker = graph.maker(_of(op.inputs, 0))
    if maker is None or maker.kind != "PAD":
        return "none"
    pads = as_stored(_tensor(graph, _of(maker.inputs, 1)))
    inner = str(pads[1:3].tolist()) if pads.size <= MAX_PADS else f"{pads.size} numbers"
    return _EXPLICIT.get(inner, inner)
