"""Protobuf messages with something wrong in them, found by walking their descriptors."""

import math
import random
from collections.abc import Callable, Iterator
from typing import Any

from export.mil.read.specification import Message

HOSTILE = (
    "", "\x1b[2J\x1b]0;owned\x07", "[red]x[/red]", "\u202egnp.exe", "a" * 100_000,
    "../../etc/passwd", "\x00", "=1+1", "image",
    "@model_path/../../../etc/passwd", "@model_path/weights/\x00",
    "{}", "null", "9" * 5000, "[" * 3000,
)  # fmt: skip
NUMBERS = (0, 1, -1, 2, 3, 7, 255, 65_536, 1 << 20, (1 << 31) - 1, -(1 << 31), 1 << 40,
           (1 << 63) - 1, -(1 << 63), (1 << 64) - 1)  # fmt: skip
FLOATS = (0.0, -1.0, 1e-45, 1e30, math.inf, -math.inf, math.nan)

Change = Callable[[random.Random], None]


def mutate(message: Message, seed: int, words: tuple[str, ...] = ()) -> None:
    """Change one to three fields of `message`; `words` are strings that mean something in it."""
    chance = random.Random(seed)
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        changes = list(_changes(message, words))
        if changes:
            chance.choice(changes)(chance)


def _changes(message: Message, words: tuple[str, ...]) -> Iterator[Change]:
    """A change for every field that is set, and some for those that are not."""
    for field in message.DESCRIPTOR.fields:
        name, value = field.name, getattr(message, field.name)
        if field.is_repeated:
            yield from _of_many(message, field, words)
        elif field.message_type is not None:
            if message.HasField(name):
                yield lambda _, m=message, n=name: m.ClearField(n)
                yield from _changes(value, words)
        elif value or chance_of(name):
            yield lambda chance, m=message, f=field: _set(m, f, chance, words)


def chance_of(name: str) -> bool:
    """Whether a field that is not set is worth setting: sizes and counts of all kinds."""
    return name.endswith(("Size", "Channels", "Factor", "rank", "size", "nGroups", "offset"))


def _of_many(message: Message, field: Any, words: tuple[str, ...]) -> Iterator[Change]:
    values = getattr(message, field.name)
    if not values:
        return
    yield lambda _: message.ClearField(field.name)
    kind = field.message_type
    if kind is not None and kind.GetOptions().map_entry:
        held = kind.fields_by_name["value"]
        for key in list(values):
            yield lambda _, k=key: values.pop(k, None)
            if held.message_type is not None:
                yield from _changes(values[key], words)
            elif held.cpp_type == held.CPPTYPE_STRING:
                yield lambda chance, k=key: values.__setitem__(k, chance.choice(HOSTILE))
            else:
                yield lambda chance, k=key: values.__setitem__(k, _value(held, chance, words))
    elif kind is not None:
        yield lambda chance: values.pop(chance.randrange(len(values))) and None
        yield lambda chance: values.add().CopyFrom(chance.choice(values))
        yield lambda chance: values[0].CopyFrom(chance.choice(values))
        for value in values:
            yield from _changes(value, words)
    else:
        yield lambda chance: values.extend([_value(field, chance, words)])
        yield lambda chance: values.extend(list(values) * 3)
        yield lambda chance: _put(values, chance.randrange(len(values)), field, chance, words)


def _set(message: Message, field: Any, chance: random.Random, words: tuple[str, ...]) -> None:
    setattr(message, field.name, _value(field, chance, words))


def _put(values: Any, at: int, field: Any, chance: random.Random, words: tuple[str, ...]) -> None:
    values[at] = _value(field, chance, words)


def _value(field: Any, chance: random.Random, words: tuple[str, ...]) -> Any:
    """One that the field can hold."""
    match field.cpp_type:
        case field.CPPTYPE_BOOL:
            return bool(chance.getrandbits(1))
        case field.CPPTYPE_STRING if field.type == field.TYPE_BYTES:
            return chance.randbytes(chance.choice((0, 1, 100)))
        case field.CPPTYPE_STRING:
            return chance.choice((*HOSTILE, *words, *words))
        case field.CPPTYPE_FLOAT | field.CPPTYPE_DOUBLE:
            return chance.choice(FLOATS)
        case _:
            return chance.choice([number for number in NUMBERS if _fits(number, field)])


def _fits(number: int, field: Any) -> bool:
    if field.cpp_type == field.CPPTYPE_ENUM:
        return -(1 << 31) <= number < 1 << 31
    bits = 32 if field.cpp_type in (field.CPPTYPE_INT32, field.CPPTYPE_UINT32) else 64
    if field.cpp_type in (field.CPPTYPE_UINT32, field.CPPTYPE_UINT64):
        return 0 <= number < 1 << bits
    return -(1 << (bits - 1)) <= number < 1 << (bits - 1)
