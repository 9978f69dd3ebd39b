"""The few protobuf messages we read, declared here: neither TensorFlow nor Caffe is needed.

Fields that are not declared are skipped by the parser. Names are declared as bytes, because the
old formats do not promise UTF-8; packed floats as bytes, because that is what they are on the
wire, and numpy reads them as they lie.
"""

from collections.abc import Mapping
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

from mobilenet.common.errors import CheckpointError

Fields = Mapping[str, tuple[int, str]]  # name -> (number, type), "*" before a repeated type

_SCALARS = {"bytes": 12, "int32": 5, "int64": 3, "uint32": 13, "float": 2, "bool": 8}
_MESSAGE, _OPTIONAL, _REPEATED = 11, 1, 3  # descriptor.proto: FieldDescriptorProto


def message_classes(package: str, messages: Mapping[str, Fields]) -> dict[str, type[Any]]:
    """Message classes by name, for a table of their fields."""
    file = descriptor_pb2.FileDescriptorProto(name=f"{package}.proto", package=package)
    for message, fields in messages.items():
        declared = file.message_type.add(name=message)
        for name, (number, kind) in fields.items():
            label = _REPEATED if kind.startswith("*") else _OPTIONAL
            field = declared.field.add(name=name, number=number, label=label)
            plain = kind.removeprefix("*")
            field.type = _SCALARS.get(plain, _MESSAGE)
            if plain not in _SCALARS:
                field.type_name = f".{package}.{plain}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.{name}"))
        for name in messages
    }


def parse(message_class: type[Any], data: bytes, what: str) -> Any:
    """Parse `data`, or raise `CheckpointError`: `what` is not a whole message."""
    try:
        return message_class.FromString(data)
    except DecodeError as error:
        raise CheckpointError(
            f"{what} is damaged: {error}", "download or copy it again"
        ) from error


def text(value: bytes) -> str:
    """A name as it can be printed."""
    return value.decode("utf-8", "backslashreplace")
