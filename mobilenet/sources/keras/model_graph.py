"""Keras models in all the ways they are kept: `.h5`, `.keras`, a description and its weights.

The description and its weights are a `.json` and a `.h5`, or a layers model of TensorFlow.js, such
as Teachable Machine exports: `model.json` with shards, and labels in `metadata.json`. None of them
needs Keras to be read, and no code that a file holds is run.
"""

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec import Raw

from mobilenet.common.decoding import MAX_JSON_BYTES, decode_json, decoding
from mobilenet.common.errors import CheckpointError
from mobilenet.common.files import open_regular
from mobilenet.graph import FileConstant, FileGraph
from mobilenet.sources import archive, hdf5, tfjs_shards
from mobilenet.sources.keras.layer_kinds import check_kind
from mobilenet.sources.keras.model_tree import NOTHING, read_tree
from mobilenet.sources.keras.stored_variables import HDF5, hdf5_weights, named_weights
from mobilenet.sources.keras.translate_model import translate

ARCHIVED, DESCRIBED = "model.weights.h5", "config.json"  # inside a .keras file
MANIFEST, GRAPH_MODEL, LABELS = "weightsManifest", "graph-model", "metadata.json"  # TensorFlow.js
NO_WEIGHTS = "put the weights (.h5) beside the description (.json), one of each"
BESIDE = ("config.json", "model.json")  # of more than one description, these count first


class Beginning(msgspec.Struct, rename={"topology": "modelTopology", "manifest": MANIFEST}):
    """What a JSON file is known by: a model of Keras, or one of TensorFlow.js."""

    class_name: str | None = None
    config: Raw = NOTHING
    format: str | None = None
    topology: Raw = NOTHING
    manifest: Raw = NOTHING


class Topology(msgspec.Struct):
    """The description in a TensorFlow.js model that was converted, or else is one itself."""

    model_config: Raw = NOTHING


class Labelled(msgspec.Struct):
    """What Teachable Machine says beside a model."""

    labels: list[str] | None = None


class Described(NamedTuple):
    """A description, and what its weights are read from."""

    text: bytes | str
    weights: HDF5 | Mapping[str, FileConstant]
    name: str
    said: Mapping[str, str] = {}


def graph_of(path: Path) -> FileGraph:
    """The graph of a Keras model: a file, or a folder of description and weights.

    Raises `CheckpointError` for weights without a description, naming what is not understood.
    """
    graph = graph_if_described(path)
    if graph is None:
        raise CheckpointError(f"{path.name} describes no model of Keras", NO_WEIGHTS)
    return graph


def graph_if_described(path: Path) -> FileGraph | None:
    """The same; None for weights alone, without a description."""
    described = _described(path)
    if described is None:
        return None
    tree = read_tree(described.text, described.name)
    for layer in tree.leaves():
        check_kind(layer)
    if isinstance(described.weights, Mapping):
        weights = named_weights(described.weights, tree)
    else:
        weights = hdf5_weights(described.weights, described.name, tree)
    return translate(tree, weights, described.said)


def _described(path: Path) -> Described | None:
    if path.is_dir():
        return _in_folder(path)
    if path.suffix == ".json":
        return _beside(path)
    if zipfile.is_zipfile(path):
        return _in_archive(path)
    with hdf5.opened(path, path.name) as opened:
        text = hdf5.attribute(opened, "model_config")
    return None if text is None else Described(text, path, path.name)


def _in_archive(path: Path) -> Described | None:
    names = archive.check_zip(path)
    if not {ARCHIVED, DESCRIBED} <= names:
        return None
    with decoding(path.name), zipfile.ZipFile(path) as zipped:
        return Described(zipped.read(DESCRIBED), zipped.read(ARCHIVED), path.name)


def _in_folder(folder: Path) -> Described | None:
    """One file of weights, which may describe itself, or the one description beside it."""
    whole = [path for pattern in ("*.keras", "*.h5") for path in sorted(folder.glob(pattern))]
    if len(whole) == 1 and (described := _described(whole[0])):
        return described
    texts = [folder / name for name in BESIDE if (folder / name).is_file()]
    texts = texts or sorted(folder.glob("*.json"))
    models = [model for path in texts if (model := _beside(path))]
    return models[0] if len(models) == 1 else None


def _beside(path: Path) -> Described | None:
    """The description in a JSON file, with the only .h5 in its folder."""
    text = _text(path)
    beginning = decode_json(text, Beginning, path.name)
    if beginning.format != GRAPH_MODEL and NOTHING not in (beginning.topology, beginning.manifest):
        return _of_tensorflow_js(path, beginning)
    if beginning.class_name is None or beginning.config == NOTHING:
        return None
    weights = sorted(path.parent.glob("*.h5"))
    if len(weights) != 1:
        raise CheckpointError(f"beside {path.name} are {len(weights)} .h5 files", NO_WEIGHTS)
    return Described(text, weights[0], weights[0].name)


def _of_tensorflow_js(path: Path, beginning: Beginning) -> Described:
    topology = decode_json(bytes(beginning.topology), Topology, path.name)
    text = beginning.topology if topology.model_config == NOTHING else topology.model_config
    manifest = decode_json(
        bytes(beginning.manifest), list[tfjs_shards.ShardGroup], f"{MANIFEST} of {path.name}"
    )
    labels = path.parent / LABELS
    said = {}
    if labels.is_file():
        labelled = decode_json(_text(labels), Labelled, labels.name).labels
        said = {"labels": json.dumps(labelled)} if labelled else {}
    return Described(bytes(text), tfjs_shards.constants(manifest, path.parent), path.name, said)


def _text(path: Path) -> bytes:
    with decoding(path.name), open_regular(path, MAX_JSON_BYTES) as file:
        return file.read()
