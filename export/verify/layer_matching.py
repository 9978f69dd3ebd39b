"""Which layer of one model is which of another: by name where names agree, else by likeness."""

import re
from collections import deque
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from export.verify.intermediates import LayerOutput

MAX_COMPARISONS = 1 << 22  # of layers without common names; more are matched in turn
SAME_KIND = {
    "linear": "conv", "relu": "activation", "relu6": "activation", "clip": "activation",
    "avg_pool": "reduce_mean",
}  # fmt: skip


def match(
    ours: Sequence[LayerOutput], theirs: Sequence[LayerOutput]
) -> Iterator[tuple[LayerOutput, LayerOutput]]:
    """Pairs in order: equal names hold the two together, likeness fills what lies between."""
    named = {_plain_name(layer): at for at, layer in enumerate(theirs)}
    done_ours = done_theirs = 0
    for at, layer in enumerate(ours):
        to = named.get(_plain_name(layer), -1)
        if to >= done_theirs and _likeness(theirs[to]) == _likeness(layer):
            yield from _alike(ours[done_ours:at], theirs[done_theirs:to])
            yield layer, theirs[to]
            done_ours, done_theirs = at + 1, to + 1
    yield from _alike(ours[done_ours:], theirs[done_theirs:])


def _alike(
    ours: Sequence[LayerOutput], theirs: Sequence[LayerOutput]
) -> Iterator[tuple[LayerOutput, LayerOutput]]:
    if len(ours) * len(theirs) > MAX_COMPARISONS:
        yield from _in_turn(ours, theirs)
        return
    here, there = ([_likeness(layer) for layer in side] for side in (ours, theirs))
    for block in SequenceMatcher(None, here, there, autojunk=False).get_matching_blocks():
        yield from zip(ours[block.a :][: block.size], theirs[block.b :][: block.size], strict=True)


def _in_turn(
    ours: Sequence[LayerOutput], theirs: Sequence[LayerOutput]
) -> Iterator[tuple[LayerOutput, LayerOutput]]:
    """Each of ours with the next of theirs that is like it: in one walk, not the most pairs."""
    places: dict[object, deque[int]] = {}
    for at, layer in enumerate(theirs):
        places.setdefault(_likeness(layer), deque()).append(at)
    done = 0
    for layer in ours:
        alike = places.get(_likeness(layer), deque())
        while alike and alike[0] < done:
            alike.popleft()
        if alike:
            done = alike.popleft() + 1
            yield layer, theirs[done - 1]


def _plain_name(layer: LayerOutput) -> str:
    """Without what converters add: dots, "op_" before numbers, "_cast_fp16" behind."""
    name = re.sub(r"\W", "_", layer.name)
    return re.sub(r"^(op|var)_(?=\d)|(_cast)?_fp16$", "", name)


def _likeness(layer: LayerOutput) -> tuple[object, ...]:
    """Equal for layers that may be the same one: kind and shape, without axes of 1."""
    shape = tuple(size for size in layer.value.shape if size != 1)
    return SAME_KIND.get(layer.type, layer.type), shape
