"""The weights of a described model, found by the place of its layers in a file.

Three ways: groups of an `.h5` (keras/src/legacy/saving/legacy_h5_format.py), numbered places in
a `.weights.h5` (keras/src/saving/saving_lib.py), and names, in TensorFlow.js.
"""

import io
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mobilenet.common.decoding import decoding
from mobilenet.common.errors import CheckpointError
from mobilenet.common.text import one_line
from mobilenet.graph import FileConstant
from mobilenet.sources import hdf5
from mobilenet.sources.keras.layer_variables import (
    ModelWeights,
    Variable,
    match,
    variables,
    without_random_state,
)
from mobilenet.sources.keras.model_tree import MAX_NAME, SAVE_AGAIN, Entry, ModelTree
from mobilenet.sources.stored import Allowance

GROUPS = "model_weights"  # of a whole model's .h5; in one of weights alone, the root
BACKENDS = {None, "tensorflow", "jax", "torch"}  # Theano's kernels are turned around
NOT_OF_LAYERS = ("optimizer", "metrics")  # of a .weights.h5
HDF5 = Path | bytes


def hdf5_weights(file: HDF5, name: str, tree: ModelTree) -> ModelWeights:
    """Weights in either kind of HDF5. Raises `CheckpointError` where model and file differ."""
    with hdf5.opened(_readable(file), name) as opened:
        datasets = hdf5.datasets(opened)
        with decoding(name):
            root = opened.get(GROUPS, opened)
        layers = hdf5.texts(root, "layer_names")
        if layers is None:
            return _collected(_placed(list(datasets), tree), datasets, file, name)
        if (backend := hdf5.attribute(root, "backend")) not in BACKENDS:
            raise CheckpointError(
                f"{name} was written with Keras on {one_line(str(backend), MAX_NAME)}",
                "save the model again with TensorFlow",
            )
        prefix = f"{GROUPS}/" if root.name == f"/{GROUPS}" else ""
        names = {layer: _weight_names(root, layer) for layer in layers}
        found = _grouped({key: value for key, value in names.items() if value}, tree)
        keys = {f"{prefix}{key}": variable for key, variable in found.items()}
        return _collected(keys, datasets, file, name)


def named_weights(constants: Mapping[str, FileConstant], tree: ModelTree) -> ModelWeights:
    """Weights by "layer/variable", at any depth. Raises `CheckpointError` where names differ."""
    collected: dict[tuple[str, ...], dict[str, FileConstant]] = defaultdict(dict)
    names = without_random_state(list(constants))
    matched = match(names, tree.leaves(), "the model", are_ordered=False)
    for name, variable in matched.items():
        collected[variable.layer.path][variable.name] = constants[name]
    return collected


def _weight_names(root: Any, layer: str) -> list[str]:
    with decoding(f"group {one_line(layer, MAX_NAME)}"):
        group = root[layer]
    return without_random_state(hdf5.texts(group, "weight_names") or [])


def _grouped(names: Mapping[str, Sequence[str]], tree: ModelTree) -> dict[str, Variable]:
    """The variable at each path; by order where a model of other layer names wrote the file."""
    needed = [entry for entry in tree.entries if any(map(variables, _leaves(entry)))]
    by_name = {entry.name: entry for entry in needed}
    if len(names) != len(needed):
        differ = sorted(names.keys() ^ by_name.keys())
        raise CheckpointError(
            f"the file has weights of {len(names)} layers, its description {len(needed)} that "
            f"need some: see {one_line(differ[0], MAX_NAME)}",
            SAVE_AGAIN,
        )
    entries = [by_name[name] for name in names] if names.keys() == by_name.keys() else needed
    return {
        f"{group}/{key}": variable
        for group, entry in zip(names, entries, strict=True)
        for key, variable in match(names[group], _leaves(entry), entry.title).items()
    }


def _placed(keys: Sequence[str], tree: ModelTree) -> dict[str, Variable]:
    places = {
        f"{leaf.place}/vars/{index}": variable
        for leaf in tree.leaves()
        for index, variable in enumerate(variables(leaf))
    }
    rest = [
        key
        for key in keys
        if key not in places
        and not key.startswith(NOT_OF_LAYERS)
        and "/seed_generator/" not in key
    ]
    if rest:
        raise CheckpointError(
            f"weight {one_line(rest[0], MAX_NAME)} belongs to no layer of the description",
            SAVE_AGAIN,
        )
    return places


def _collected(
    keys: Mapping[str, Variable], datasets: Mapping[str, Any], file: HDF5, name: str
) -> ModelWeights:
    allowance, values = Allowance(), _StoredValues(file, name)
    collected: dict[tuple[str, ...], dict[str, FileConstant]] = defaultdict(dict)
    for key, variable in keys.items():
        if key not in datasets:
            raise CheckpointError(
                f"the {variable.name} of {variable.layer.title} is missing in {name}", SAVE_AGAIN
            )
        shape = hdf5.stored(key, datasets[key]).shape
        allowance.spend(f"the {variable.name} of {variable.layer.title}", shape)
        constant = FileConstant(shape, partial(values.load, key))
        collected[variable.layer.path][variable.name] = constant
    return collected


class _StoredValues:
    """Reads weights of one file, opened when the first is asked for, for as long as any may be."""

    def __init__(self, file: HDF5, name: str) -> None:
        self._file, self._name = file, name

    @cached_property
    def _opened(self) -> Any:
        import h5py

        with decoding(self._name):
            return h5py.File(_readable(self._file), "r")

    def load(self, key: str) -> NDArray[np.float32]:
        """A weight, by its path in the file."""
        with decoding(f"tensor {key}"):
            stored = hdf5.stored(key, self._opened[key])
        if not stored.is_float:
            raise CheckpointError(f"tensor {key} holds {stored.dtype}", "save it as float32")
        with decoding(f"tensor {key}"), np.errstate(over="ignore"):
            return np.array(stored.read(), np.float32)


def _readable(file: HDF5) -> Path | io.BytesIO:
    return io.BytesIO(file) if isinstance(file, bytes) else file


def _leaves(entry: Entry) -> list[Entry]:
    return [entry] if entry.model is None else entry.model.leaves()
