"""A model's description: what `to_json` writes, and every kind of saved model holds.

keras/src/saving/serialization_lib.py and keras/src/models/{functional,sequential}.py; Keras 2
writes the same with fewer words. A layer's own settings are decoded by who translates it.
"""

import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import msgspec
from msgspec import Raw

from mobilenet.common.decoding import MAX_REASON, decode_json, decoding
from mobilenet.common.errors import CheckpointError
from mobilenet.common.text import one_line

SAVE_AGAIN = "save the model again"
INPUT = "InputLayer"
SEQUENTIAL, FUNCTIONAL = "Sequential", ("Functional", "Model")  # "Model": until TensorFlow 2.3
THEIR_MODULES = ("keras.", "tf_keras.", "tensorflow.")
MAX_DEPTH = 8  # of models inside models
MAX_LAYERS = 2000  # of all models together; MobileNet v3 has 270
MAX_NAME = 100  # characters, as they are printed
NOTHING: Final = Raw(b"null")


class DescribedLayer(msgspec.Struct, forbid_unknown_fields=True):
    """A layer, or a model, as it is written down."""

    class_name: str
    config: Raw
    name: str | None = None
    inbound_nodes: Raw = Raw(b"[]")
    module: str | None = None
    registered_name: str | None = None
    # of no meaning for what is computed
    build_config: Raw = NOTHING
    compile_config: Raw = NOTHING
    shared_object_id: Raw = NOTHING
    keras_version: Raw = NOTHING
    backend: Raw = NOTHING
    training_config: Raw = NOTHING


class ModelConfig(msgspec.Struct, forbid_unknown_fields=True):
    """The `config` of a Functional or Sequential model."""

    layers: list[DescribedLayer]
    name: str = "model"
    input_layers: Raw = NOTHING
    output_layers: Raw = NOTHING
    # of no meaning for what is computed
    trainable: bool = True
    dtype: Raw = NOTHING
    build_input_shape: Raw = NOTHING
    batch_input_shape: Raw = NOTHING


class Naming(msgspec.Struct):
    """What every `config` says first."""

    name: str = ""
    trainable: bool | None = None  # nearly all layers have it, functions have not


@dataclass(frozen=True)
class Entry:
    """One layer of a model, with its place in the models around it."""

    description: DescribedLayer
    path: tuple[str, ...]  # names, from the outermost model's own layer to this one
    place: str  # in a .weights.h5: "layers/functional/layers/conv2d_1"
    naming: Naming
    model: "ModelTree | None"  # where the layer is itself a model

    @property
    def name(self) -> str:
        """The layer's own."""
        return self.path[-1]

    @property
    def title(self) -> str:
        """For messages."""
        return f"layer {one_line(self.name, MAX_NAME)} ({self.kind})"

    @property
    def kind(self) -> str:
        """The file's word for what it is."""
        return one_line(self.description.class_name, MAX_NAME)

    @property
    def is_foreign(self) -> bool:
        """A class that a user wrote, even where it has the name of one of Keras'."""
        module, registered = self.description.module, self.description.registered_name
        is_theirs = module is None or f"{module}.".startswith(THEIR_MODULES)
        return not is_theirs or registered not in {None, self.description.class_name}


@dataclass(frozen=True)
class ModelTree:
    """A model and all that is in it."""

    name: str
    is_sequential: bool
    config: ModelConfig
    entries: tuple[Entry, ...]

    @cached_property
    def by_name(self) -> dict[str, Entry]:
        """Layers of this model, not of those in it."""
        return {entry.name: entry for entry in self.entries}

    def leaves(self) -> list[Entry]:
        """Layers that are no models, at any depth, in order."""
        nested = (
            [entry] if entry.model is None else entry.model.leaves() for entry in self.entries
        )
        return [leaf for leaves in nested for leaf in leaves]


def read_tree(text: bytes | str, name: str) -> ModelTree:
    """The model that is described. Raises `CheckpointError` for one that is not understood."""
    what = f"the model's description in {name}"
    description = decode_json(text, DescribedLayer, what, SAVE_AGAIN)
    tree = _tree(description, (), "")
    if tree is None:
        raise CheckpointError(
            f"{what} is of a {one_line(description.class_name, MAX_NAME)}",
            "Sequential and Functional models are read; export() takes others from Python",
        )
    if (count := len(tree.leaves())) > MAX_LAYERS:
        raise CheckpointError(f"{what} has {count:,} layers", "is it another network?")
    return tree


def _tree(description: DescribedLayer, path: tuple[str, ...], place: str) -> ModelTree | None:
    is_sequential = description.class_name == SEQUENTIAL
    if not is_sequential and description.class_name not in FUNCTIONAL:
        return None
    title = f"model {one_line(path[-1], MAX_NAME)}" if path else "the model"
    if len(path) > MAX_DEPTH:
        raise CheckpointError(f"{title} lies in {len(path)} others", "is it a model of Keras?")
    with decoding(title, SAVE_AGAIN):
        config = msgspec.json.decode(
            description.config,
            type=ModelConfig | list[DescribedLayer],  # a list: Keras 2.2
        )
    if isinstance(config, list):
        config = ModelConfig(config)
    entries: list[Entry] = []
    used: Counter[str] = Counter()
    for layer in config.layers:
        with decoding(f"a layer of {title}", SAVE_AGAIN):
            naming = msgspec.json.decode(layer.config, type=Naming)
        inner = (*path, layer.name or naming.name or f"{layer.class_name} {len(entries)}")
        snake = snake_case(layer.class_name)
        numbered = f"{snake}_{used[snake]}" if used[snake] else snake
        used[snake] += 1
        inner_place = f"{place}layers/{numbered}"
        tree = _tree(layer, inner, f"{inner_place}/")
        entries.append(Entry(layer, inner, inner_place, naming, tree))
    names = Counter(entry.name for entry in entries)
    if twice := [name for name, count in names.items() if count > 1]:
        raise CheckpointError(
            f"{title} has {names[twice[0]]} layers {one_line(twice[0], MAX_REASON)}", SAVE_AGAIN
        )
    return ModelTree(config.name, is_sequential, config, tuple(entries))


def snake_case(class_name: str) -> str:
    """A class in paths of .weights.h5, as keras/src/utils/naming.py has it."""
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", class_name))
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()
