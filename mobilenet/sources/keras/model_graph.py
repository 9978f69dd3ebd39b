"""Keras models in all the ways they are kept: `.h5`, `.keras`, a description and its weights.

None of them needs Keras to be read, and no code that a file holds is run.
"""

import zipfile
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec import Raw

from mobilenet.common.decoding import MAX_JSON_BYTES, decode_json, decoding
from mobilenet.common.errors import CheckpointError
from mobilenet.common.files import open_regular
from mobilenet.graph import FileGraph
from mobilenet.sources import archive, hdf5
from mobilenet.sources.keras.layer_kinds import check_kind
from mobilenet.sources.keras.model_tree import NOTHING, read_tree
from mobilenet.sources.keras.stored_variables import HDF5, hdf5_weights
from mobilenet.sources.keras.translate_model import translate

ARCHIVED, DESCRIBED = "model.weights.h5", "config.json"  # inside a .keras file
NO_WEIGHTS = "put the weights (.h5) beside the description (.json), one of each"
BESIDE = ("config.json", "model.json")  # of more than one description, these count first


class Beginning(msgspec.Struct):
    """What a JSON file is known by: a model of Keras, or one of TensorFlow.js."""

    class_name: str | None = None
    config: Raw = NOTHING


class Described(NamedTuple):
    """A description, and what its weights are read from."""

    text: bytes | str
    weights: HDF5
    name: str


def is_described(path: Path) -> bool:
    """Whether a file or folder of Keras holds a model's description: weights alone do not."""
    return _described(path) is not None


def graph_of(path: Path) -> FileGraph:
    """The graph of a Keras model: a file, or a folder of description and weights.

    Raises `CheckpointError` for weights without a description, naming what is not understood.
    """
    described = _described(path)
    if described is None:
        raise CheckpointError(f"{path.name} describes no model of Keras", NO_WEIGHTS)
    tree = read_tree(described.text, described.name)
    for layer in tree.leaves():
        check_kind(layer)
    return translate(tree, hdf5_weights(described.weights, described.name, tree), {})


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
    with decoding(path.name), open_regular(path, MAX_JSON_BYTES) as file:
        text = file.read()
    beginning = decode_json(text, Beginning, path.name)
    if beginning.class_name is None or beginning.config == NOTHING:
        return None
    weights = sorted(path.parent.glob("*.h5"))
    if len(weights) != 1:
        raise CheckpointError(f"beside {path.name} are {len(weights)} .h5 files", NO_WEIGHTS)
    return Described(text, weights[0], weights[0].name)
