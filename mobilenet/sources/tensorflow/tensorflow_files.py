"""Files and folders that hold a TensorFlow graph: from a path to our graph."""

from pathlib import Path

from mobilenet.graph import FileGraph
from mobilenet.sources.tensorflow.graph_messages import parse_graph
from mobilenet.sources.tensorflow.graph_model import read_graph_model
from mobilenet.sources.tensorflow.operations import TfGraph, operations_of
from mobilenet.sources.tensorflow.saved_model import read_saved_model
from mobilenet.sources.tensorflow.translate_graph import translated


def graph_of(path: Path, output: str | None = None) -> FileGraph:
    """The graph in a frozen graph, a TensorFlow.js `model.json`, or the folder of a SavedModel.

    It ends at `output` where the file's own ends are not wanted. Raises `CheckpointError` naming
    the layer that is not understood.
    """
    if path.is_dir():
        return translated(read_saved_model(path), output)
    if path.suffix == ".json":
        return translated(read_graph_model(path), output)
    return frozen_graph(path.read_bytes(), path.name, output)


def frozen_graph(data: bytes, name: str, output: str | None = None) -> FileGraph:
    """The same for a frozen graph in memory; `name` is what errors call it."""
    operations = operations_of(parse_graph(data, name).node)
    return translated(TfGraph("TensorFlow frozen graph", operations), output)
