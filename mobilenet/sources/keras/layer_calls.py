"""What a layer of a Functional model is called with: its `inbound_nodes`, as Keras 2 and 3 write.

Keras 3: [{"args": [tensor, 127.5], "kwargs": {...}}], where a tensor is a "__keras_tensor__" with
its history. Keras 2: [[["layer", 0, 0, {...}], ...]], and ["layer", 0, 0, {...}] without the
inner list for functions of TensorFlow. The first number counts a layer's calls, the second a
call's results.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeGuard

import msgspec
from msgspec import Raw

from mobilenet.common.decoding import decoding
from mobilenet.common.errors import CheckpointError
from mobilenet.common.text import one_line
from mobilenet.sources.keras.graph_draft import plain_numbers
from mobilenet.sources.keras.model_tree import MAX_NAME, SAVE_AGAIN, ModelTree

CONSTANT = "_CONSTANT_VALUE"  # Keras 2, in place of a layer's name; the value is the third item


class LayerResult(NamedTuple):
    """The result of a layer."""

    layer: str


class KerasCall(NamedTuple):
    """What stands between the parentheses; a `LayerResult`, or later a value, for each tensor."""

    arguments: tuple[object, ...] = ()
    keywords: Mapping[str, object] = {}

    def map(self, change: Callable[[object], object]) -> "KerasCall":
        """The same call with each item that is no list replaced."""
        return KerasCall(
            tuple(_mapped(argument, change) for argument in self.arguments),
            {key: _mapped(argument, change) for key, argument in self.keywords.items()},
        )

    def items(self) -> Iterator[object]:
        """Everything in it that is no list."""
        for argument in (*self.arguments, *self.keywords.values()):
            yield from _flat(argument)


def read_calls(inbound_nodes: Raw, title: str) -> list[KerasCall]:
    """All calls of a layer. Raises `CheckpointError` naming it."""
    with decoding(f"what {title} is called with", SAVE_AGAIN):
        nodes: object = msgspec.json.decode(inbound_nodes)
    if not isinstance(nodes, list):
        raise _misunderstood(title, nodes)
    return [_call(node, title) for node in nodes]


def read_ends(ends: Raw, title: str) -> list[str]:
    """Names of the layers at a model's beginning or end: [["input_1", 0, 0]], or one alone."""
    with decoding(f"the ends of {title}", SAVE_AGAIN):
        listed: object = msgspec.json.decode(ends)
    if _is_history(listed):
        return [_reference(listed, title).layer]
    if not isinstance(listed, list) or not listed:
        raise _misunderstood(title, listed)
    return [_reference(end, title).layer for end in listed]


def check_ends(names: Sequence[str], tree: ModelTree, title: str) -> None:
    """Raise `CheckpointError` for a name that no layer has."""
    for name in names:
        if name not in tree.by_name:
            raise CheckpointError(
                f"{title} is connected to {one_line(name, MAX_NAME)}, which is not there",
                SAVE_AGAIN,
            )


def _call(node: object, title: str) -> KerasCall:
    if isinstance(node, dict):
        arguments, keywords = node.get("args"), node.get("kwargs", {})
        if node.keys() - {"args", "kwargs"} or not isinstance(arguments, list):
            raise _misunderstood(title, node)
        return KerasCall(
            tuple(_tensors(item, title) for item in arguments), _keywords(keywords, title)
        )
    if not isinstance(node, list) or not node:
        raise _misunderstood(title, node)
    connections = [node] if isinstance(node[0], str) else node
    keywords = {}
    arguments = []
    for connection in connections:
        if not isinstance(connection, list) or len(connection) not in {3, 4}:
            raise _misunderstood(title, connection)
        keywords |= _keywords(connection[3] if len(connection) == 4 else {}, title)
        is_constant = connection[0] == CONSTANT
        arguments.append(connection[2] if is_constant else _reference(connection, title))
    return KerasCall(tuple(arguments) if len(arguments) == 1 else (arguments,), keywords)


def _keywords(keywords: object, title: str) -> dict[str, object]:
    if not isinstance(keywords, dict):
        raise _misunderstood(title, keywords)
    return {str(key): _tensors(item, title) for key, item in keywords.items()}


def _tensors(item: object, title: str) -> object:
    """Arguments with Keras' ways to write a tensor turned into references and numbers."""
    if _is_history(item):
        return _reference(item, title)
    if isinstance(item, list):
        return [_tensors(inner, title) for inner in item]
    if isinstance(item, dict):
        config = item.get("config")
        if item.get("class_name") == "__keras_tensor__" and isinstance(config, dict):
            return _reference(config.get("keras_history"), title)
    return plain_numbers(item)


def _reference(history: object, title: str) -> LayerResult:
    if not _is_history(history):
        raise _misunderstood(title, history)
    name, call, result = history[0], history[1], history[2]
    if result != 0 or call not in {0, 1}:  # 1: of a model, which has been called once in itself
        raise CheckpointError(
            f"{title} takes result {result} of call {call} of {one_line(str(name), MAX_NAME)}",
            "layers that are called once, with one result, are read",
        )
    return LayerResult(str(name))


def _is_history(item: object) -> TypeGuard[list[object]]:
    return (
        isinstance(item, list)
        and len(item) in {3, 4}
        and isinstance(item[0], str)
        and all(type(number) is int for number in item[1:3])
    )


def _mapped(argument: object, change: Callable[[object], object]) -> object:
    if isinstance(argument, list):
        return [_mapped(item, change) for item in argument]
    return change(argument)


def _flat(argument: object) -> Iterator[object]:
    if isinstance(argument, list):
        for item in argument:
            yield from _flat(item)
    else:
        yield argument


def _misunderstood(title: str, item: object) -> CheckpointError:
    return CheckpointError(
        f"{title} is called with {one_line(repr(item), MAX_NAME)}, which is not understood",
        SAVE_AGAIN,
    )
