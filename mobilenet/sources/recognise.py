"""Which family a weight file belongs to: asked of its content, never of its name.

Where a file holds its graph, the network is read off that (`walk`); the tensors of others are
told by their names.
"""

import zipfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from mobilenet.checkpoint import Checkpoint
from mobilenet.common import files
from mobilenet.common.decoding import MAX_REASON
from mobilenet.common.errors import CheckpointError, ConfigError
from mobilenet.common.git_lfs import refuse_pointer
from mobilenet.common.size import Sides
from mobilenet.common.temporary import owned_folder
from mobilenet.common.text import one_line
from mobilenet.graph import FileGraph
from mobilenet.overrides import Overrides
from mobilenet.preprocess import CAFFE
from mobilenet.reading import Reading
from mobilenet.sources import archive, tensors
from mobilenet.sources.caffe import caffe_graph
from mobilenet.sources.conventions import Conventions
from mobilenet.sources.keras import by_names, model_graph
from mobilenet.sources.onnx_model import onnx_file
from mobilenet.sources.tensorflow import pipeline_config, tensorflow_files
from mobilenet.sources.tflite import tflite_graph
from mobilenet.sources.walk import graph_checkpoint
from mobilenet.sources.walk.graph_checkpoint import Defaults
from mobilenet.sources.walk.steps import EXPORT_MODULE

MAX_FILE_BYTES = 1 << 28  # alpha 4 with a thousand classes takes 222 million
HEAD_BYTES = 64
KNOWN = (
    "TensorFlow's frozen graphs, SavedModels and .tgz releases, Keras .h5 and .keras, "
    "TensorFlow.js model.json, .tflite, ONNX and Caffe models, safetensors, PyTorch state dicts"
)
READ = f"read are {KNOWN}; {EXPORT_MODULE}"
TENSORFLOW, KERAS = Defaults("TensorFlow graph"), Defaults("Keras", width_rule="keras")
LITE, CAFFE_MODEL = Defaults("TensorFlow Lite"), Defaults("Caffe model", CAFFE, "keras")
ONNX = Defaults("ONNX model", width_rule="timm")
SAVED_MODEL = "saved_model.pb"
# Of a folder; the first kind of which there is one, since repositories keep the same twice.
KINDS = (
    ".keras", ".safetensors", ".bin", ".pth", ".pt", ".h5", ".onnx", ".tflite", ".caffemodel",
    ".pb",
)  # fmt: skip
Reader = Callable[[Path], Checkpoint]


def read(
    path: Path,
    output: str = "",
    *,
    overrides: Overrides | None = None,
    resolution: Sides | None = None,
) -> Checkpoint:
    """The network in any weight file or folder we know, with all that belongs to its use.

    `output` is the result of a frozen graph that is meant, where it is not the last one.
    `overrides` are for what the file does not say, and so is `resolution`; it may be another than
    the file's, too, once that is read: see `Checkpoint.at`.

    Raises `CheckpointError` for a file of another kind, of another network, or damaged; one that
    does not say how it is used, unless it is given; and one that says something else, or a
    detector's `pipeline.config` beside it does.
    """
    conventions = Conventions(path.name, overrides, resolution)
    reader = _output_reader(output) if output else _reader(path, conventions)
    try:
        with np.errstate(all="ignore"):  # what is beyond float32 turns inf, which is refused
            checkpoint = conventions.checkpoint(reader(path))
    except ConfigError as error:  # what the file says of itself, no network can be
        message = one_line(error.message, MAX_REASON)
        raise CheckpointError(f"the file's {message}", error.hint) from error
    checkpoint = pipeline_config.checked(checkpoint, path)
    provenance = checkpoint.provenance
    if path.is_file() and not provenance.sha256:
        provenance = replace(provenance, sha256=files.sha256(path))
    reading = checkpoint.reading or Reading("names")
    return replace(checkpoint, provenance=provenance, reading=reading)


def _by_graph(graph_of: Callable[[Path], FileGraph], defaults: Defaults) -> Reader:
    return lambda path: graph_checkpoint.read(graph_of(path), defaults)


_FROZEN = _by_graph(tensorflow_files.graph_of, TENSORFLOW)
_CAFFE = _by_graph(caffe_graph.graph_of, CAFFE_MODEL)


def _output_reader(output: str) -> Reader:
    return _by_graph(partial(tensorflow_files.graph_of, output=output), TENSORFLOW)


def _reader(path: Path, conventions: Conventions) -> Reader:
    if not path.exists():
        raise CheckpointError(f"{path} does not exist", "give a file or folder of weights")
    if path.is_dir():
        return partial(_read_folder, conventions=conventions)
    if not path.is_file():
        raise CheckpointError(f"{path} is a device or a pipe", "give a file of weights")
    if (size := path.stat().st_size) > MAX_FILE_BYTES:
        raise CheckpointError(
            f"{path.name} has {size:,} bytes, more than any MobileNet that is read",
            "is it another network?",
        )
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if not head:
        raise CheckpointError(f"{path.name} is empty", "download or copy it again")
    refuse_pointer(head, path.name)
    keras = partial(_read_keras, conventions=conventions)
    torch = partial(tensors.read_torch, conventions=conventions)
    safetensors = partial(tensors.read_safetensors, conventions=conventions)
    for offset, magic, reader in (
        (4, b"TFL3", _by_graph(tflite_graph.graph_of, LITE)),
        (5, b"\0\0\0{", safetensors),  # behind the length of the JSON header
        (0, b"\x89HDF\r\n\x1a\n", keras),
        (0, b"\x1f\x8b", partial(_read_archive, conventions=conventions)),
        (0, b"PK\x03\x04", keras if _is_keras(path) else torch),
        (0, b"\x80\x02", torch),  # pickle's protocol 2, all that torch ever wrote
        (0, b"\xa2\x06", _CAFFE),  # NetParameter: its first layer, where it has no name
        (0, b"\n", _FROZEN if _is_graph(head) else _CAFFE),
        (0, b"\x08\x01", _read_saved_model),  # saved_model.proto: the version of its schema
        (0, b"\x08", _by_graph(onnx_file.graph_of, ONNX)),  # onnx.proto: the version of the IR
    ):
        if head.startswith(magic, offset):
            return reader
    if path.suffix == ".json":
        return _read_json
    raise CheckpointError(f"{path.name} is no weight file that is known here", READ)


def _is_graph(head: bytes) -> bool:
    """A GraphDef begins with a node, and that with its name: two fields number 1, nested.

    A Caffe model begins with a name, too, but a plain one.
    """
    length_ends = next((at for at in range(1, 6) if at < len(head) and head[at] < 0x80), 5)
    return head[length_ends + 1 : length_ends + 2] == b"\n"


def _is_keras(path: Path) -> bool:
    return zipfile.is_zipfile(path) and by_names.ARCHIVED in archive.check_zip(path)


def _read_keras(path: Path, conventions: Conventions) -> Checkpoint:
    """A model by its description, or weights alone by their names."""
    graph = model_graph.graph_if_described(path)
    if graph is None:
        return by_names.read(path, conventions)
    return graph_checkpoint.read(graph, KERAS)


def _read_json(path: Path) -> Checkpoint:
    """The description of a model, its weights beside it: of Keras, or of TensorFlow.js."""
    graph = model_graph.graph_if_described(path)
    return _FROZEN(path) if graph is None else graph_checkpoint.read(graph, KERAS)


def _read_saved_model(path: Path) -> Checkpoint:
    return _FROZEN(path.parent)


def _read_archive(path: Path, conventions: Conventions) -> Checkpoint:
    """A release: unpacked beside nothing of ours, read, and gone."""
    data = archive.model_bytes(path)
    with owned_folder() as folder:
        model = folder / path.stem
        model.write_bytes(data)
        del data
        return _reader(model, conventions)(model)


def _read_folder(folder: Path, conventions: Conventions) -> Checkpoint:
    """A SavedModel, a model of Keras or TensorFlow.js, or one weight file, its JSON beside it."""
    if (folder / SAVED_MODEL).is_file():
        return _FROZEN(folder)
    if (folder / "model.json").is_file():
        return _read_json(folder / "model.json")
    for suffix in KINDS:
        paths = sorted(folder.glob(f"*{suffix}"))
        if len(paths) > 1:
            names = one_line(", ".join(path.name for path in paths), MAX_REASON)
            raise CheckpointError(
                f"folder {folder} holds {len(paths)} {suffix} files: {names}", "name one of them"
            )
        if paths and suffix == ".h5" and (graph := model_graph.graph_if_described(folder)):
            return graph_checkpoint.read(graph, KERAS)
        if paths:
            return _reader(paths[0], conventions)(paths[0])
    raise CheckpointError(f"folder {folder} holds no weight file", READ)
