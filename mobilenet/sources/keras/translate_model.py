"""From a model's description and weights to its FileGraph: models in models become one."""

from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Literal

import msgspec
from msgspec import Raw

from mobilenet.common.decoding import decoding
from mobilenet.common.errors import CheckpointError
from mobilenet.common.text import one_line
from mobilenet.graph import FileGraph, GraphInput
from mobilenet.sources.keras.graph_draft import ChannelPick, GraphDraft, KerasValue
from mobilenet.sources.keras.layer_call import CommonSettings, LayerCall
from mobilenet.sources.keras.layer_calls import (
    KerasCall,
    LayerResult,
    check_ends,
    read_calls,
    read_ends,
)
from mobilenet.sources.keras.layer_kinds import is_function, translator
from mobilenet.sources.keras.layer_variables import ModelWeights
from mobilenet.sources.keras.model_tree import (
    INPUT,
    MAX_NAME,
    NOTHING,
    SAVE_AGAIN,
    Entry,
    ModelTree,
)

MAX_SIDE = 1 << 14  # pixels


class InputSettings(CommonSettings):
    """Of InputLayer; and what any first layer says in its place."""

    batch_shape: Raw = NOTHING
    dtype: Literal["float32"] | None = None
    sparse: Literal[False] = False
    ragged: Literal[False] = False
    optional: Literal[False] = False


class InputShape(msgspec.Struct):
    """The shape that a first layer says goes in: Keras 3's name, and Keras 2's."""

    batch_shape: list[int | None] | None = None
    batch_input_shape: list[int | None] | None = None


def translate(tree: ModelTree, weights: ModelWeights, said: Mapping[str, str]) -> FileGraph:
    """The Graph of a model. Raises `CheckpointError` naming the layer that is not understood."""
    draft = GraphDraft()
    height, width = _input_size(tree)
    name = draft.unique("input")
    outputs = _model(tree, KerasValue(name, (height, width, 3)), draft, weights)
    return FileGraph(
        "Keras model",
        GraphInput(name, height, width),
        tuple(draft.nodes),
        draft.constants,
        tuple(dict.fromkeys(output.name for output in outputs)),
        said,
    )


def _model(
    tree: ModelTree, value: KerasValue, draft: GraphDraft, weights: ModelWeights
) -> list[KerasValue]:
    """The outputs of a model that is called with a value."""
    title = f"model {one_line(tree.name, MAX_NAME)}"
    if tree.is_sequential:
        for entry in tree.entries:
            if entry.kind == INPUT:
                _check_input(entry)
            else:
                value = _finished(_result(entry, KerasCall((value,)), draft, weights), title)
        return [value]
    starts = read_ends(tree.config.input_layers, title)
    ends = read_ends(tree.config.output_layers, title)
    check_ends([*starts, *ends], tree, title)
    if len(starts) != 1:
        raise CheckpointError(
            f"{title} has {len(starts)} inputs", "models of one picture are read"
        )
    values: dict[str, KerasValue | ChannelPick] = {starts[0]: value}
    for entry, call in _in_order(tree, ends, title):
        if entry.name == starts[0]:
            _check_input(entry)
            continue
        called = call.map(
            lambda item: values[item.layer] if isinstance(item, LayerResult) else item
        )
        values[entry.name] = _result(entry, called, draft, weights)
    return [_finished(values[end], title) for end in ends]


def _in_order(tree: ModelTree, ends: list[str], title: str) -> list[tuple[Entry, KerasCall]]:
    """The layers that lead to the ends, each behind those that it needs."""
    calls: dict[str, KerasCall] = {}
    needs: dict[str, list[str]] = {}
    waiting = list(ends)
    while waiting:
        name = waiting.pop()
        if name in calls:
            continue
        calls[name] = _only_call(tree.by_name[name])
        needs[name] = [item.layer for item in calls[name].items() if isinstance(item, LayerResult)]
        check_ends(needs[name], tree, tree.by_name[name].title)
        waiting += needs[name]
    try:
        order = list(TopologicalSorter(needs).static_order())
    except CycleError as error:
        raise CheckpointError(f"the layers of {title} go round in a circle", SAVE_AGAIN) from error
    return [(tree.by_name[name], calls[name]) for name in order]


def _only_call(entry: Entry) -> KerasCall:
    calls = read_calls(entry.description.inbound_nodes, entry.title)
    if entry.kind == INPUT and not calls:
        return KerasCall()
    if len(calls) != 1:
        raise CheckpointError(
            f"{entry.title} is called {len(calls)} times", "layers that are called once are read"
        )
    return calls[0]


def _result(
    entry: Entry, call: KerasCall, draft: GraphDraft, weights: ModelWeights
) -> KerasValue | ChannelPick:
    layer = LayerCall(entry, _at_inference(entry, call), weights.get(entry.path, {}), draft)
    if layer.call.keywords and not is_function(entry):
        raise layer.refusal(f"is called with {', '.join(layer.call.keywords)}")
    if entry.model is None:
        return translator(entry)(layer)
    outputs = _model(entry.model, layer.input, draft, weights)
    if len(outputs) != 1:
        raise layer.refusal(f"has {len(outputs)} outputs, one is read of a model inside another")
    return outputs[0]


def _at_inference(entry: Entry, call: KerasCall) -> KerasCall:
    """The call without words of no meaning; a layer that is told to train is refused."""
    if call.keywords.get("training"):
        raise CheckpointError(
            f"{entry.title} is called with training={call.keywords['training']}",
            "call it without, and save the model again",
        )
    keywords = {key: item for key, item in call.keywords.items() if key != "training"}
    if keywords.get("mask", 0) is None:
        del keywords["mask"]
    return KerasCall(call.arguments, keywords)


def _finished(value: KerasValue | ChannelPick, title: str) -> KerasValue:
    if isinstance(value, ChannelPick):
        raise CheckpointError(f"{title} gives one channel of its input", SAVE_AGAIN)
    return value


def _input_size(tree: ModelTree) -> tuple[int | None, int | None]:
    """Height and width of the picture, as the first layer says, at any depth."""
    starts = [tree.entries[0].name] if tree.is_sequential and tree.entries else []
    if not tree.is_sequential:
        starts = read_ends(tree.config.input_layers, "the model")
        check_ends(starts, tree, "the model")
    if not starts:
        raise CheckpointError("the model has no layers", SAVE_AGAIN)
    first = tree.by_name[starts[0]]
    with decoding(f"the shape of {first.title}", SAVE_AGAIN):
        shapes = msgspec.json.decode(first.description.config, type=InputShape)
    shape = shapes.batch_shape or shapes.batch_input_shape
    if shape is None and first.model is not None:
        return _input_size(first.model)
    if shape is None or len(shape) != 4 or shape[3] != 3 or shape[0] not in {None, 1}:
        raise CheckpointError(
            f"{first.title} takes shape {shape}",
            "models of one colour picture, (height, width, 3)",
        )
    height, width = shape[1], shape[2]
    if any(side is not None and not 1 <= side <= MAX_SIDE for side in (height, width)):
        raise CheckpointError(f"{first.title} takes shape {shape}", f"sides reach to {MAX_SIDE}")
    return height, width


def _check_input(entry: Entry) -> None:
    """Raise `CheckpointError` for an input that is not of float pictures."""
    with decoding(f"what {entry.title} is set to", SAVE_AGAIN):
        msgspec.json.decode(entry.description.config, type=InputSettings)
