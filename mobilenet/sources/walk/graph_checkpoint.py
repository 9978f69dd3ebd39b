"""A checkpoint from the graph of a weight file: `read`."""

from typing import NamedTuple

from mobilenet import fold
from mobilenet.checkpoint import Checkpoint, Layer, Provenance, known_labels
from mobilenet.common.decoding import decode_json
from mobilenet.common.errors import CheckpointError
from mobilenet.common.size import Size
from mobilenet.graph import FileGraph
from mobilenet.labels import numbered, unique
from mobilenet.networks.base_config import MAX_RESOLUTION
from mobilenet.networks.classifier import LOGITS, POOL
from mobilenet.networks.config import NetworkConfig
from mobilenet.networks.widths import WidthRule
from mobilenet.preprocess import INCEPTION, Normalization
from mobilenet.reading import SCORES, Reading
from mobilenet.sources.assemble import licence_of
from mobilenet.sources.walk import other_networks
from mobilenet.sources.walk.fit import fitted
from mobilenet.sources.walk.pixels import pixel_scaling
from mobilenet.sources.walk.read_detector import read_detector
from mobilenet.sources.walk.read_network import read_network
from mobilenet.sources.walk.read_rows import ReadNetwork
from mobilenet.sources.walk.read_segmenter import read_segmenter
from mobilenet.sources.walk.walker import result_of, results_of

USUAL_SIZE = 224  # of a graph that takes any
STRIDE = 32  # of the whole network: a mean over 7 x 7 places means 224 pixels


class Defaults(NamedTuple):
    """What is taken where a file says nothing."""

    source: str  # for the provenance, in words
    normalization: Normalization = INCEPTION
    width_rule: WidthRule = "slim"


def read(graph: FileGraph, defaults: Defaults) -> Checkpoint:
    """The network in the graph of a file, with all that belongs to its use.

    Raises `CheckpointError` naming the first layer that is no MobileNet's, or is not understood.
    """
    size, size_assumed = _size(graph)
    try:
        network = _network(graph, size)
        config = fitted(network, size, defaults.width_rule)
    except CheckpointError as error:
        raise other_networks.named(graph, error) from error
    pixels = pixel_scaling(graph, network, defaults.normalization)
    is_plain = network.is_classifier and config.readout.is_plain
    checkpoint = Checkpoint(
        config,
        _layers(network, config),
        Provenance(
            defaults.source, trained=True, licence=licence_of(config.classes if is_plain else 0)
        ),
        pixels.normalization,
        labels=_labels(graph, config, is_plain),
        reading=Reading(
            "graph", graph, _values(network, config), pixels.feed, size,
            (
                *size_assumed, *pixels.assumed, *_assumed_scores(network), *_left_out(graph),
                *_assumed_threshold(graph, network),
            ),
            pixels.found,
        ),
    )  # fmt: skip
    return checkpoint if _has_norms(checkpoint) else fold.fold(checkpoint)


def _network(graph: FileGraph, size: Size) -> ReadNetwork:
    if graph.detection is None:
        result = result_of(graph, size)
        return read_segmenter(result) or read_network(result)
    outputs = (graph.detection.encodings, graph.detection.scores)
    encodings, scores = results_of(graph, size, outputs)
    return read_detector(encodings, scores, graph.detection)


def _size(graph: FileGraph) -> tuple[Size, tuple[str, ...]]:
    """Of the input; and in words, where the file leaves it free and it is assumed."""
    height, width = graph.input.height, graph.input.width
    if height and width:
        for side in (height, width):
            if not 0 < side <= MAX_RESOLUTION:
                raise CheckpointError(
                    f"the input is {height} x {width} pixels", f"1 to {MAX_RESOLUTION} are read"
                )
        return Size(height, width), ()
    kernels = [node.attributes.get("kernel_shape") for node in graph.nodes
               if node.op == "AveragePool"]  # fmt: skip
    if kernels and isinstance(kernels[-1], tuple) and len(kernels[-1]) == 2:
        size = Size(kernels[-1][0] * STRIDE, kernels[-1][1] * STRIDE)
    else:
        size = Size.square(USUAL_SIZE)
    return size, (f"input size: {size}",)


def _layers(network: ReadNetwork, config: NetworkConfig) -> dict[str, Layer]:
    rows = zip(config.rows(), network.rows, strict=True)
    dense = zip(config.readout.dense, network.matrices, strict=True)
    return {
        **{row.name: read_row.layer() for row, read_row in rows},
        **{layer.name: matrix.layer() for layer, matrix in dense},
    }


def _has_norms(checkpoint: Checkpoint) -> bool:
    """Whether each row has a batch norm: a network has all of them, or none."""
    rows = checkpoint.config.rows()
    return all(row.biased or checkpoint.layers[row.name].norm for row in rows)


def _values(network: ReadNetwork, config: NetworkConfig) -> dict[str, str]:
    """Names in the graph of our layers' values."""
    rows = zip(config.rows(), network.rows, strict=True)
    values = {row.name: read_row.value.name for row, read_row in rows}
    if network.pooled:
        values[POOL] = network.pooled
    for layer, matrix in zip(config.readout.dense, network.matrices, strict=True):
        values[layer.name] = matrix.value.name
    if network.is_classifier:
        last = network.matrices[-1].value
        values[LOGITS] = last.linear or last.name
    if network.detection is not None:
        return values
    if network.is_segmenter:  # whatever the file makes of the scores of its small map
        return values | dict.fromkeys((LOGITS, SCORES), network.rows[-1].value.name)
    return values | {SCORES: network.result.name}


def _assumed_scores(network: ReadNetwork) -> tuple[str, ...]:
    is_open = network.is_classifier and network.matrices[-1].scores is None
    if is_open and network.matrices[-1].matrix.units == 1:
        return ()  # it stays a number
    return ("scores: softmax, since the file ends in logits",) if is_open else ()


def _assumed_threshold(graph: FileGraph, network: ReadNetwork) -> tuple[str, ...]:
    settings, file = network.detection, graph.detection
    if settings is None or file is None or settings.confidence == file.confidence:
        return ()
    return (
        f"score threshold: {settings.confidence:g}, since the file keeps boxes of "
        f"{file.confidence:g}",
    )


def _left_out(graph: FileGraph) -> tuple[str, ...]:
    """Of several results that the file names, the last is computed by way of the others."""
    count = 0 if graph.detection is not None else len(graph.outputs) - 1
    return (f"result: the last of {count + 1}, which the others lead to",) if count > 0 else ()


def _labels(graph: FileGraph, config: NetworkConfig, is_plain: bool) -> tuple[str, ...]:
    readout, text = config.readout, graph.said.get("labels")
    if readout.classes is None and readout.detection is None:
        return ()
    if text is not None:
        what = f"the list of labels in the {graph.format}"
        return unique(decode_json(text, tuple[str, ...], what))
    if readout.detection is not None:
        return known_labels(config).labels or numbered(config.classes)
    return known_labels(config).labels if is_plain or readout.picture is not None else ()
