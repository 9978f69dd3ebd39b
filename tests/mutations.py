"""Structured mutants of data: one integer, value or field of it is made untrue."""

import copy
import json
from collections.abc import Iterator
from random import Random
from typing import Any

from weight_files import varint

NUMBERS = (
    0, 1, 2, 3, 127, 255, 1 << 15, (1 << 16) - 1, 1 << 24, (1 << 31) - 1, 1 << 31, (1 << 32) - 1,
    1 << 40, 1 << 62, (1 << 64) - 1, -1, -2, -(1 << 63),
)  # fmt: skip
TEXTS = ("", "x" * 5000, "\x1b[2J\n\u202e=cmd|' /C calc'!A0", "../../x", "NaN", "\0", "\ud800")
DEEP = "here the document goes deep"
VALUES = (
    *NUMBERS,
    *TEXTS,
    10**400,
    1e308,
    1e-320,
    0.0,
    -0.5,
    True,
    None,
    [],
    {},
    [[1] * 99],
    DEEP,
)


def patched(rng: Random, data: bytes, at: int, width: int) -> bytes:
    """One little-endian integer is another."""
    value = rng.choice((*NUMBERS, len(data), rng.getrandbits(32))) % (1 << 8 * width)
    return data[:at] + value.to_bytes(width, "little") + data[at + width :]


def cut_or_spliced(rng: Random, data: bytes) -> bytes:
    first, second = sorted(rng.randrange(len(data)) for _ in range(2))
    pieces = (data[:second], data[:first] + data[second:], data[:second] + data[first:])
    return rng.choice(pieces)


def json_mutant(rng: Random, document: Any) -> bytes:
    """One value, key or entry is another, is gone, or is there twice."""
    document = copy.deepcopy(document)
    holder, key = rng.choice(list(_places(document)))
    action = rng.randrange(8)
    if action == 0:
        del holder[key]
    elif action == 1 and isinstance(holder, dict):
        holder[rng.choice(TEXTS)] = holder.pop(key)
    elif action == 2 and isinstance(holder, list):
        holder.extend([holder[key]] * rng.choice((1, 70)))
    else:
        holder[key] = rng.choice(VALUES)
    depth = rng.choice((600, 100_000))
    text = json.dumps(document).replace(f'"{DEEP}"', "[" * depth + "]" * depth)
    return text.encode() if rng.random() < 0.97 else cut_or_spliced(rng, text.encode())


def _places(node: Any) -> Iterator[tuple[Any, Any]]:
    entries = node.items() if isinstance(node, dict) else enumerate(node)
    for key, value in entries:
        yield node, key
        if value and isinstance(value, dict | list):
            yield from _places(value)


def message_mutant(rng: Random, data: bytes, depth: int = 0) -> bytes:
    """One field of a protobuf, at any depth, is another, is gone, or is there twice."""
    fields = list(_fields(data))
    if not fields:
        return rng.choice((b"", bytes(9), data * 2))
    place = rng.randrange(len(fields))
    key, payload = fields[place]
    if key & 7 == 2 and depth < 6 and rng.random() < 0.75:
        fields[place] = (key, message_mutant(rng, payload, depth + 1))
    else:
        other_key, other = rng.choice(fields)
        number = varint(rng.choice(NUMBERS) % (1 << 64))
        deep = payload[:200]
        for _ in range(rng.choice((1, 150))):
            deep = varint(key) + varint(len(deep)) + deep
        fields[place : place + 1] = rng.choice((
            [], [fields[place]] * 2, [(key, other)], [(other_key, payload)],
            [(key ^ rng.randrange(1, 8), payload)], [(key & ~7, number)], [(key | 2, number)],
            [(key, payload[: len(payload) // 2])], [(key, b"x" * 5000)], [(key | 2, deep)],
        ))  # fmt: skip
    return b"".join(
        varint(key) + (varint(len(payload)) if key & 7 == 2 else b"") + payload
        for key, payload in fields
    )


def _fields(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(key, payload) as long as they look like fields."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        end = _varint(data, at)[1]
        if key & 7 == 2:
            length, at = _varint(data, at)
            end = at + length
        elif key & 7:
            end = at + {1: 8, 5: 4}.get(key & 7, len(data))
        if key < 8 or end > len(data):
            return
        yield key, data[at:end]
        at = end


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift, byte in enumerate(data[at : at + 10]):
        value |= (byte & 0x7F) << 7 * shift
        if byte < 0x80:
            return value, at + shift + 1
    return value, len(data)
