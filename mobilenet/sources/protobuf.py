"""The few protobuf messages we read, declared here: neither TensorFlow nor Caffe is needed.

Fields that are not declared are skipped by the parser. Names are declared as bytes, because the
old formats do not promise UTF-8; packed floats as bytes, because that is what they are on the
wire, and numpy reads them as they lie.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from mobilenet.common.decoding import decoding
from mobilenet.common.errors import CheckpointError
from mobilenet.common.text import one_line
from mobilenet.sources.stored import MAX_NAME

# name -> (number, type), "*" before a repeated type; "MAX|AVE" is an enumeration from 0
Fields = Mapping[str, tuple[int, str]]

_SCALARS = {"bytes": 12, "int32": 5, "int64": 3, "uint32": 13, "float": 2, "bool": 8}
_MESSAGE, _ENUM, _OPTIONAL, _REPEATED = 11, 14, 1, 3  # descriptor.proto: FieldDescriptorProto
_VARINT, _LENGTH_DELIMITED, _FIXED = 0, 2, {1: 8, 5: 4}  # wire types; bytes of the fixed ones
_PACKED_VARINTS = {"int32", "int64", "uint32", "bool"}
MAX_FIELDS = 1_000_000  # a frozen graph has 10,000


def message_classes(package: str, messages: Mapping[str, Fields]) -> dict[str, type[Any]]:
    """Message classes by name, for a table of their fields."""
    file = descriptor_pb2.FileDescriptorProto(name=f"{package}.proto", package=package)
    for message, fields in messages.items():
        declared = file.message_type.add(name=message)
        for name, (number, kind) in fields.items():
            label = _REPEATED if kind.startswith("*") else _OPTIONAL
            field = declared.field.add(name=name, number=number, label=label)
            plain = kind.removeprefix("*")
            if "|" in plain:
                _declare_enum(declared, field, plain.split("|"))
                continue
            field.type = _SCALARS.get(plain, _MESSAGE)
            if plain not in _SCALARS:
                field.type_name = f".{package}.{plain}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.{name}"))
        for name in messages
    }


def _declare_enum(message: Any, field: Any, names: Sequence[str]) -> None:
    enum = message.enum_type.add(name=f"{field.name}_values")
    for number, name in enumerate(names):
        enum.value.add(name=name, number=number)
    field.type, field.type_name = _ENUM, enum.name


def parse(package: str, messages: Mapping[str, Fields], data: bytes, what: str) -> Any:
    """`data` as the first of the messages. Raises `CheckpointError`: it is no such message."""
    root = next(iter(messages))
    if _count(data, messages, root) > MAX_FIELDS:
        raise CheckpointError(f"{what} has over {MAX_FIELDS:,} fields", "is it another network?")
    with decoding(what):
        return message_classes(package, messages)[root].FromString(data)


def parse_text(package: str, messages: Mapping[str, Fields], data: bytes, what: str) -> Any:
    """The same of protobuf's text format; fields that are not declared are skipped."""
    from google.protobuf import text_format

    message = message_classes(package, messages)[next(iter(messages))]()
    with decoding(what):
        return text_format.Parse(data, message, allow_unknown_field=True)


def text(value: bytes) -> str:
    """A name as it can be printed; of one longer than any known, the middle is left out."""
    return one_line(value[: 2 * MAX_NAME].decode("utf-8", "backslashreplace"), MAX_NAME)


def exact(value: bytes) -> str:
    """A name as what it is told from others by, however long."""
    return value.decode("utf-8", "backslashreplace")


def _count(data: bytes, messages: Mapping[str, Fields], root: str) -> int:
    """Fields on the wire, one too many at most: a message of two bytes takes its parser fifty.

    What is wrong with them is the parser's to say.
    """
    kinds = {
        message: {number: kind.removeprefix("*") for number, kind in fields.values()}
        for message, fields in messages.items()
    }
    count, rest = 0, [(0, len(data), root)]
    while rest:
        at, end, message = rest.pop()
        while at < min(end, len(data)):
            count += 1
            if count > MAX_FIELDS:
                return count
            key, at = varint(data, at)
            if key & 7 != _LENGTH_DELIMITED:
                at = varint(data, at)[1] if key & 7 == _VARINT else at + _FIXED.get(key & 7, 0)
                continue
            length, at = varint(data, at)
            kind = kinds[message].get(key >> 3, "")
            if kind in messages:
                rest.append((at, at + length, kind))
            elif kind in _PACKED_VARINTS:
                count += length
            at += length
    return count


def varint(data: bytes, at: int) -> tuple[int, int]:
    """The number that begins at `at`, and where it ends."""
    value = shift = 0
    while at < len(data):
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80 or shift == 70:  # ten bytes hold 64 bits
            break
    return value, at
