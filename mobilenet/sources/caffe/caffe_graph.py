"""The graph of a Caffe model: the layers of its prototxt, with the caffemodel's weights.

Without a prototxt the layers are those that the caffemodel itself holds. Blobs may be written in
place: a name stands for what was written last.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from mobilenet.common.errors import CheckpointError
from mobilenet.graph import FileConstant, FileGraph, GraphInput
from mobilenet.sources.caffe import caffe_messages
from mobilenet.sources.caffe.caffe_input import SOURCES, entrance_of
from mobilenet.sources.caffe.caffe_layer import CaffeLayer, Value
from mobilenet.sources.caffe.caffe_layers import LAYERS, PARAMETERS, WITHOUT_EFFECT, scale_of
from mobilenet.sources.graph_writer import GraphWriter, LayerWriter
from mobilenet.sources.layer_options import LayerOptions
from mobilenet.sources.protobuf import exact, text
from mobilenet.sources.stored import OTHER_NETWORK, Allowance, shaped

_TEST = 1  # caffe.proto, Phase


def graph_of(path: Path) -> FileGraph:
    """The graph of a `.caffemodel`. Raises `CheckpointError` naming the layer."""
    model = caffe_messages.parse_model(path.read_bytes(), path.name)
    text_path = caffe_messages.beside(path)
    net = model if text_path is None else caffe_messages.parse_prototxt(text_path)
    return _Reading(net, model, (text_path or path).name).graph()


class _Reading:
    """A network while its layers are translated."""

    def __init__(self, net: Any, model: Any, name: str) -> None:
        layers = [layer for layer in net.layer if _is_for_use(layer)]
        # a caffemodel is what was trained: its picture comes from a layer of training
        entrance = entrance_of(net, layers if _has_source(layers, net) else net.layer, name)
        self._layers = [
            layer for layer in layers if text(layer.type) not in SOURCES | caffe_messages.TRAINING
        ]
        self._trained = {exact(layer.name): layer.blobs for layer in model.layer}
        self._writer, self._allowance = GraphWriter(), Allowance()
        self._entrance, self._name = entrance, name
        picture = Value(self._writer.name(entrance.blob), 4)
        self._picture = GraphInput(picture.name, entrance.height, entrance.width)
        self._values = {entrance.blob: picture}
        self._read: set[str] = set()

    def graph(self) -> FileGraph:
        """Translate all."""
        for place, layer in enumerate(self._layers):
            self._translate(layer, self._layers[place + 1 :])
        outputs = dict.fromkeys(
            value.name for value in self._values.values() if value.name not in self._read
        )
        outputs.pop(self._picture.name, None)
        if not outputs:
            raise CheckpointError(f"{self._name} computes nothing from its input", OTHER_NETWORK)
        said = {"normalization": self._entrance.normalization}
        return FileGraph(
            "Caffe model",
            self._picture,
            tuple(self._writer.nodes),
            self._writer.constants,
            tuple(outputs),
            {key: value for key, value in said.items() if value},
        )

    def _translate(self, layer: Any, later: Sequence[Any]) -> None:
        kind = text(layer.type)
        writer = self._writer.layer(text(layer.name), kind)
        inputs = tuple(self._input(exact(blob), writer) for blob in layer.bottom)
        if kind == "Split":  # Caffe puts it where a blob is read twice
            for blob in layer.top:
                self._values[exact(blob)] = inputs[0]
            return
        if kind not in LAYERS or len(layer.top) != 1:
            raise writer.refused("is not read here")
        values = caffe_messages.settings(layer, PARAMETERS[kind], writer.title)
        options = LayerOptions(writer.title, values)
        call = CaffeLayer(inputs, self._blobs(layer, writer), writer, options)
        top = exact(layer.top[0])
        if kind == "Scale" and self._is_of_norm(layer, later):
            self._values[top] = self._scaled(call)
        else:
            self._read |= {value.name for value in inputs}
            self._values[top] = LAYERS[kind](call)
        options.refuse_rest(WITHOUT_EFFECT)

    def _input(self, blob: str, writer: LayerWriter) -> Value:
        if blob not in self._values:
            raise writer.refused(f"reads {blob}, which no layer computes", OTHER_NETWORK)
        return self._values[blob]

    def _blobs(self, layer: Any, writer: LayerWriter) -> tuple[FileConstant, ...]:
        blobs = self._trained.get(exact(layer.name), ())
        return tuple(
            self._blob(blob, f"blob {index} of {writer.title}") for index, blob in enumerate(blobs)
        )

    def _blob(self, blob: Any, what: str) -> FileConstant:
        old = (blob.num, blob.channels, blob.height, blob.width)
        shape = tuple(blob.shape.dim) if blob.HasField("shape") else old
        self._allowance.spend(what, shape)
        stored = shaped(b"".join(blob.data), "<f4", shape, what)
        return FileConstant(shape, partial(stored.astype, "f4"))

    def _is_of_norm(self, scale: Any, later: Sequence[Any]) -> bool:
        """Whether a Scale stands behind a BatchNorm that nothing else reads."""
        if not self._writer.nodes or len(scale.bottom) != 1:
            return False
        norm, (bottom,) = self._writer.nodes[-1], scale.bottom
        is_behind = norm.op == "BatchNormalization" and norm.kind == "BatchNorm"
        is_read = bottom not in scale.top and any(bottom in other.bottom for other in later)
        return is_behind and norm.output == self._values[exact(bottom)].name and not is_read

    def _scaled(self, scale: CaffeLayer) -> Value:
        """The BatchNorm before, with the factors and terms of the Scale for its own."""
        norm = self._writer.nodes[-1]
        factor, term = norm.inputs[1:3]
        factors, terms = scale_of(scale)
        if factors.shape != self._writer.constants[factor].shape:
            raise scale.writer.refused(f"scales {factors.shape} channels of {norm.name}")
        self._writer.constants[factor] = factors
        if terms is not None:
            self._writer.constants[term] = terms
        return scale.only


def _has_source(layers: Sequence[Any], net: Any) -> bool:
    return bool(net.input) or any(text(layer.type) in SOURCES for layer in layers)


def _is_for_use(layer: Any) -> bool:
    """Whether the rules of a layer include it outside of training."""
    if layer.include:
        return any(map(_is_met, layer.include))
    return not any(map(_is_met, layer.exclude))


def _is_met(rule: Any) -> bool:
    """Whether a rule holds when a network is used, at level 0 and in no stage."""
    is_phase = not rule.HasField("phase") or rule.phase == _TEST
    is_level = rule.min_level <= 0 and (not rule.HasField("max_level") or rule.max_level >= 0)
    return is_phase and is_level and not rule.stage
