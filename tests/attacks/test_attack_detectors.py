"""Claims: what stands behind a detector's network is run in numpy only as far as boxes need it:
it takes neither more memory nor more time than they do, whatever the file says; nothing in it ends
in a traceback; and a label map or pipeline.config beside it costs its length.
"""

import tracemalloc
from contextlib import suppress
from pathlib import Path
from random import Random

import numpy as np
import pytest

from detection_nodes import decoded
from mobilenet.common.errors import CheckpointError
from mobilenet.graph import FileGraph
from mobilenet.labels import labels_in
from mobilenet.sources.tensorflow.tensorflow_files import frozen_graph
from tensorflow_graphs import FLOAT, Type, const, conv, node, whole

BOXES, T = 64, Type(FLOAT)
MOST_BYTES = 1 << 29
WORDS = [b"Pack", b"Tile", b"Fill", b"Range", b"Slice", b"Where", b"Exp", b"Sigmoid", b"Reshape",
         b"Unpack", b"Transpose", b"Mul", b"Add", b"Sub", b"GatherV2", b"ConcatV2", b"Greater",
         b"Split", b"Const"]  # fmt: skip


def detector(*extra: bytes, boxes: str = "", iou: str = "iou") -> bytes:
    """Two convolutions, joined, decoded and suppressed; `boxes` is what is suppressed instead."""
    anchors = np.tile([0.5, 0.5, 0.2, 0.4], (BOXES, 1)) + np.arange(BOXES)[:, None] / 1000
    decoding, result = decoded("encodings", anchors, (10.0, 10.0, 5.0, 5.0), (False, False))
    nodes = [
        const("k4", np.full((1, 1, 3, 4), 0.1)), const("k2", np.full((1, 1, 3, 2), 0.1)),
        conv("c4", "map", "k4"), conv("c2", "map", "k2"), const("one", 1), const("axis", 0),
        const("to4", [1, -1, 4]), const("to2", [1, -1, 2]), const("begin", [0, 0, 1]),
        const("size", [1, -1, 1]), const("flat", [-1]), const("iou", 0.6), const("most", 100),
        node("r4", "Reshape", "c4", "to4", T=T), node("r2", "Reshape", "c2", "to2", T=T),
        node("encodings", "ConcatV2", "r4", "one", T=T, N=1),
        node("logits", "ConcatV2", "r2", "one", T=T, N=1), *decoding,
        node("scores", "Sigmoid", "logits", T=T),
        node("class", "Slice", "scores", "begin", "size", T=T),
        node("of_class", "Reshape", "class", "flat", T=T), *extra,
        node("nms", "NonMaxSuppressionV3", boxes or result, "of_class", "most", iou, iou),
        node("chosen", "GatherV2", result, "nms", "axis", T=T),
    ]  # fmt: skip
    return whole(*nodes)


def read(data: bytes) -> FileGraph:
    """Within bounds of memory."""
    tracemalloc.start()
    try:
        return frozen_graph(data, "graph.pb")
    finally:
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert most < MOST_BYTES


def test_the_graph_is_one() -> None:
    graph = read(detector())
    assert graph.detection is not None
    assert graph.detection.coder == (10.0, 10.0, 5.0, 5.0)


def added(*nodes: bytes) -> bytes:
    """`huge` is added to the boxes."""
    return detector(*nodes, node("sum", "Add", "Decode/boxes", "huge", T=T), boxes="sum")


MANY = 1 << 30
HUGE = {
    "Fill": added(const("n", [MANY]), const("v", 0.0), node("huge", "Fill", "n", "v")),
    "Tile": added(const("n", [MANY]), const("v", [0.0]), node("huge", "Tile", "v", "n")),
    "Range": added(const("a", 0.0), const("b", 1e18), const("d", 1.0),
                   node("huge", "Range", "a", "b", "d")),
    "an endless Range": added(const("a", 0.0), const("d", 0.0),
                              node("huge", "Range", "a", "a", "d")),
    "Add": added(const("n", [1 << 13, 1]), const("m", [1 << 13]), const("v", 0.0),
                 node("a", "Fill", "n", "v"), node("b", "Fill", "m", "v"),
                 node("huge", "Add", "a", "b", T=T)),
    "GatherV2": added(const("n", [1 << 12, 1 << 10]), const("m", [1 << 20]), const("v", 0.0),
                      node("a", "Fill", "n", "v"), node("b", "Fill", "m", "axis"),
                      node("huge", "GatherV2", "a", "b", "axis", T=T)),
    "Pack": added(const("n", [1 << 22]), const("v", 0.0), node("a", "Fill", "n", "v"),
                  node("huge", "Pack", *["a"] * 200, T=T, N=200, axis=0)),
    "itself": added(node("huge", "Identity", "huge", T=T)),
    "another's result": added(node("a", "Identity", "one"), node("huge", "Identity", "a:7", T=T)),
    "nothing": added(node("huge", "Identity", "away", T=T)),
    "thresholds": detector(const("two", [0.5, 0.6]), iou="two"),
    "a threshold that is no number": detector(const("nan", np.nan), iou="nan"),
    "few inputs": detector(node("short", "NonMaxSuppressionV3", "Decode/boxes")),
}  # fmt: skip


@pytest.mark.parametrize("what", HUGE)
def test_what_is_only_claimed_is_refused(what: str) -> None:
    with pytest.raises(CheckpointError) as raised:
        read(HUGE[what])
    assert "\n" not in raised.value.message


def test_long_chains_take_their_length() -> None:
    chain = [node("i0", "Identity", "Decode/boxes", T=T)]
    chain += [node(f"i{at}", "Identity", f"i{at - 1}", T=T) for at in range(1, 5_000)]
    graph = frozen_graph(detector(*chain, boxes="i4999"), "graph.pb")
    assert graph.detection is not None


def test_mutants_of_a_detector() -> None:
    """Bytes changed, operators exchanged: read, or one error of ours."""
    stored, random = detector(), Random(0)
    begin = stored.find(b"encodings")
    for _ in range(200):
        data = bytearray(stored)
        word = random.choice(WORDS)
        place = data.find(word, begin)
        if place >= 0 and random.random() < 0.5:
            other = random.choice([each for each in WORDS if len(each) == len(word)])
            data[place : place + len(word)] = other
        else:
            data[random.randrange(begin, len(data))] = random.randrange(256)
        with suppress(CheckpointError):
            frozen_graph(bytes(data), "graph.pb")


def test_a_label_map_costs_its_length(tmp_path: Path) -> None:
    path = tmp_path / "map.pbtxt"
    for text in ("item" + " " * 1_000_000, "item {" * 200_000, "item { name: '" + "x" * 1_000_000):
        path.write_text(text)
        assert labels_in(path) == ()
    path.write_text("item { id: 99999999999999999999 name: 'x' }")
    with pytest.raises(CheckpointError):
        labels_in(path)
