"""Small Caffe networks by hand: a prototxt, and a caffemodel of blobs."""

from pathlib import Path

import numpy as np

from mobilenet.graph import FileGraph
from mobilenet.sources.caffe.caffe_graph import graph_of
from run_graph import run
from weight_files import caffe_layer, chunk

INPUT = 'input: "data" input_dim: 1 input_dim: 3 input_dim: 7 input_dim: 10\n'


def layer(name: str, kind: str, bottom: str, top: str, setting: str = "") -> str:
    bottoms = " ".join(f'bottom: "{blob}"' for blob in bottom.split())
    return f'layer {{ name: "{name}" type: "{kind}" {bottoms} top: "{top}" {setting} }}\n'


def graph(folder: Path, text: str, *trained: tuple[str, list[np.ndarray]]) -> FileGraph:
    """Of a prototxt (after `INPUT`, unless it has its own), and blobs by layer."""
    layers = b"".join(caffe_layer(name, "", "", "", b"", *blobs) for name, blobs in trained)
    (folder / "net.caffemodel").write_bytes(chunk(1, b"net") + layers)
    (folder / "net.prototxt").write_text(text if "nput" in text else INPUT + text)
    return graph_of(folder / "net.caffemodel")


def answers(made: FileGraph, picture: np.ndarray) -> list[np.ndarray]:
    """All outputs."""
    return list(run(made, {made.input.name: picture}).values())
