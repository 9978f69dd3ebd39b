"""The weight file as its own oracle: its graph, run as it stands in the file.

What is read of a file becomes rows, and PyTorch, the package and its twin all come from these
rows: a layer that was misread would be wrong in all of them alike. So the file's graph itself is
run by ONNX Runtime, operator by operator as its translator left it, and must give what the
package gives. It shares nothing with the package but the translation of single operators.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeGuard

import numpy as np
from numpy.typing import NDArray

from export.prepared import TracedModule
from export.runtimes.onnx_session import open_session
from export.runtimes.refusals import MAX_REASON
from export.verify.agreement import Array, probe_pictures, relative_l2, side_by_side
from export.verify.background import Background
from export.verify.file_boxes import REPORT, boxes_of_file
from export.verify.limits import STRUCTURE, Judgement, judged
from export.verify.reference import Reference, of_checkpoint
from export.verify.trial import Trial
from mobilenet.checkpoint import Checkpoint
from mobilenet.common.errors import VerificationError
from mobilenet.common.text import one_line
from mobilenet.graph import FileGraph, Node
from mobilenet.networks.classifier import LOGITS, POOL, Readout
from mobilenet.preprocess import Normalization
from mobilenet.reading import SCORES, Reading
from mobilenet.sources.walk.walker import ancestors
from mobilenet.weights.heads import with_output_stride

if TYPE_CHECKING:
    import onnx
    from PIL.Image import Image

OPSET, IR_VERSION = 17, 8
SCORES_LIMIT = 1e-4  # of the final activation alone, which float32 computes to 1e-6
PEER = "the file's own graph"


class FileAnswers(NamedTuple):
    """What a file's graph gives for pictures, as the checkpoint has its classes."""

    logits: Array  # (pictures, values), or flat features; of a detector as `Reference` has them
    scores: Array | None  # of the final activation, where the file has one


def run(
    graph: FileGraph, feeds: Sequence[NDArray[np.float32]], outputs: Sequence[str]
) -> list[dict[str, Array]]:
    """Values of a graph for each input (1, 3, H, W), by ONNX Runtime.

    Only what leads to `outputs` is run. Raises `VerificationError` for what ONNX Runtime refuses.
    """
    names = list(dict.fromkeys(outputs))
    try:
        session = open_session(to_onnx(graph, names).SerializeToString())
        return [
            dict(zip(names, session.run(names, {graph.input.name: feed}), strict=True))
            for feed in feeds
        ]
    except Exception as error:  # ONNX Runtime's kinds are many, and none is a class of its own
        reason = one_line(" ".join(str(error).split()), MAX_REASON)
        raise VerificationError(f"{PEER} cannot be run: {reason}", REPORT) from error


def to_onnx(graph: FileGraph, outputs: Sequence[str]) -> "onnx.ModelProto":
    """The nodes that lead to `outputs`, as they are."""
    from onnx import TensorProto, helper, numpy_helper

    nodes = ancestors(graph, list(outputs))
    used = {name for node in nodes for name in node.inputs}
    constants = [
        numpy_helper.from_array(np.asarray(constant.load()), name)
        for name, constant in graph.constants.items()
        if name in used
    ]
    size = [1, 3, graph.input.height, graph.input.width]
    return helper.make_model(
        helper.make_graph(
            [_node(node) for node in nodes],
            "file",
            [helper.make_tensor_value_info(graph.input.name, TensorProto.FLOAT, size)],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
            constants,
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
    )


def _node(node: Node) -> "onnx.NodeProto":
    from onnx import helper

    attributes: dict[str, Any] = dict(node.attributes)
    return helper.make_node(node.op, list(node.inputs), [node.output], **attributes)


def answers(checkpoint: Checkpoint, pictures: Sequence["Image"]) -> FileAnswers:
    """What the graph that the checkpoint was read of says to pictures of its size."""
    reading = _reading(checkpoint)
    assert reading.graph is not None, "asked for where there is one"
    readout = checkpoint.config.readout
    if readout.detection is not None:
        return FileAnswers(_boxes(reading, readout, pictures), None)
    if readout.classes is None:
        name = reading.values.get(POOL if readout.pooled else readout.reads)
        is_mean = name is not None
        name = name or reading.values[readout.reads]
        features = _stacked(run(reading.graph, _feeds(pictures, reading.feed), [name]), name)
        if readout.pooled and not is_mean:
            features = features.reshape(len(features), readout.channels, -1).mean(2)
        return FileAnswers(features, None)
    logits, scores = reading.values[LOGITS], reading.values[SCORES]
    outputs = run(reading.graph, _feeds(pictures, reading.feed), [logits, scores])
    classes = readout.classes
    return FileAnswers(
        _as_classes(_stacked(outputs, logits), classes),
        None if logits == scores else _probabilities(_stacked(outputs, scores), classes),
    )


def _boxes(reading: Reading, readout: Readout, pictures: Sequence["Image"]) -> Array:
    """A detector's encodings and logits, as `Reference` has them."""
    assert reading.graph is not None, "asked for where there is one"
    file = reading.graph.detection
    assert file is not None, "of a detector's file"
    order = boxes_of_file(file, readout)
    names = (file.encodings, file.scores)
    outputs = run(reading.graph, _feeds(pictures, reading.feed), names)
    return side_by_side(
        [np.stack([output[name][0, order].T.ravel() for output in outputs]) for name in names]
    )


def compared(
    checkpoint: Checkpoint, file: FileAnswers, logits: Array, reference: Reference
) -> Judgement:
    """How far float32 `logits` of the network lie from the file's.

    `reference` is PyTorch's answer to the same pictures, which says what float32 loses there.
    Raises `VerificationError` beyond the limit.
    """
    own = Reference(file.logits, reference.shortest, compute_loss=lambda: reference.float32_loss)
    judgement = judged("file", logits, own, STRUCTURE, PEER)
    _check_scores(file, checkpoint.config.readout.scores)
    return judgement


def compared_at_own_size(checkpoint: Checkpoint) -> Judgement:
    """The same for PyTorch's answer, at the size, and output stride, that the file has."""
    reading = _reading(checkpoint)
    assert reading.size is not None, "a graph has one"
    pictures = probe_pictures(reading.size)
    checkpoint = with_output_stride(checkpoint.at(reading.size), reading.output_stride)
    reference = of_checkpoint(checkpoint, pictures)
    return compared(checkpoint, answers(checkpoint, pictures), reference.logits, reference)


def has_graph(network: Checkpoint | TracedModule) -> TypeGuard[Checkpoint]:
    """Whether it was read off a file's graph."""
    reading = network.reading if isinstance(network, Checkpoint) else None
    return reading is not None and reading.graph is not None


def begun(trial: Trial, background: Background) -> Callable[[Array], Judgement | None]:
    """Begin what the file's graph says to a trial's pictures; what compares float32 logits to it.

    None for a network without a graph, or of another size or output stride than the file.
    """
    network = trial.prepared.network
    if not has_graph(network) or not _is_as_in_file(network):
        return lambda _: None
    file = background.begin(lambda: answers(network, trial.pictures))
    return lambda logits: compared(network, file(), logits, trial.reference)


def _is_as_in_file(network: Checkpoint) -> bool:
    reading = _reading(network)
    return network.config.size == reading.size and reading.output_stride is None


def _reading(checkpoint: Checkpoint) -> Reading:
    assert checkpoint.reading is not None, "asked for where there is one"
    return checkpoint.reading


def _feeds(pictures: Sequence["Image"], feed: Normalization) -> list[NDArray[np.float32]]:
    """Pictures as the graph's input, (1, 3, H, W) each, in the file's order of colours."""
    scale, bias = (np.reshape(each, (3, 1, 1)) for each in (feed.scale, feed.bias))
    feeds = []
    for picture in pictures:
        channels = np.stack([np.asarray(band, np.float64) for band in picture.split()])
        if feed.order == "BGR":
            channels = channels[::-1]
        feeds.append((channels * scale + bias)[None].astype(np.float32))
    return feeds


def _stacked(outputs: Sequence[dict[str, Array]], name: str) -> NDArray[np.float32]:
    return np.stack([np.ravel(output[name]) for output in outputs]).astype(np.float32)


def _as_classes(values: Array, classes: int) -> Array:
    """As many columns as the network has: a background may have been dropped.

    One question of yes and no is the second of two classes, the first one's logit 0.
    """
    if values.shape[1] == 1 and classes == 2:
        return np.concatenate([np.zeros_like(values), values], axis=1)
    return values[:, 1:] if values.shape[1] == classes + 1 else values


def _probabilities(scores: Array, classes: int) -> Array:
    """Scores of the classes the network has, which add up to what they did with all."""
    if scores.shape[1] == 1 and classes == 2:
        return np.concatenate([1 - scores, scores], axis=1)
    kept = _as_classes(scores.astype(np.float64), classes)
    is_whole = kept.shape == scores.shape
    return kept if is_whole else kept / kept.sum(axis=1, keepdims=True)


def _scores(logits: Array, kind: str) -> Array:
    exact: NDArray[np.float64] = logits.astype(np.float64)
    if kind == "sigmoid":
        return np.asarray(1 / (1 + np.exp(-exact)))
    powers = np.exp(exact - exact.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def _check_scores(file: FileAnswers, kind: str) -> None:
    """Raise `VerificationError` where the file ends in another activation than the network."""
    if file.scores is None:
        return
    distance = relative_l2(_scores(file.logits, kind), file.scores)
    if not distance <= SCORES_LIMIT:
        raise VerificationError(
            f"file: {PEER} does not end in {kind}: relative L2 of its scores is {distance:.1e}, "
            f"the limit {SCORES_LIMIT:.2g}",
            REPORT,
        )
