"""The manual of the workers' protocol says what the code says."""

import re
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

import msgspec
import pytest

from bench.results.placed_ops import PlacedOp
from bench.results.soak_window import SoakWindow
from bench.results.thermal_state import Thermal
from bench.workers import protocol

MANUAL = (Path(protocol.__file__).parents[1] / "README.md").read_text()
MANUAL = MANUAL.partition("# How to write a worker\n")[2]
STRUCTS = [
    protocol.Job, protocol.InputFile, protocol.Units, protocol.Compiled, protocol.ComputePlan,
    PlacedOp, protocol.WorkerResult, protocol.WorkerError, protocol.SoakProgress, SoakWindow,
    Thermal,
]  # fmt: skip
WORDS = {int: "integer", float: "number", str: "text", NoneType: "null"}


class Field(NamedTuple):
    name: str
    type: str
    default: str


def documented(struct: type[msgspec.Struct]) -> list[Field]:
    """The rows of the table below the heading with the struct's name."""
    (section,) = re.findall(rf"^### {struct.__name__}\n(.*?)(?=^#|\Z)", MANUAL, re.M | re.S)
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \| (.*?) \| .+ \|$", section, re.MULTILINE)
    return [Field(*row) for row in rows]


def declared(struct: type[msgspec.Struct]) -> list[Field]:
    hints = get_type_hints(struct)
    return [
        Field(field.name, in_words(hints[field.name]), default(field))
        for field in msgspec.structs.fields(struct)
    ]


def in_words(hint: Any) -> str:
    arguments = get_args(hint)
    origin = get_origin(hint)
    if origin is Literal:
        quoted = [f'"{value}"' for value in arguments]
        return " or ".join([", ".join(quoted[:-1]), quoted[-1]])
    if origin is tuple:
        word = in_words(arguments[0])
        return f"list of {'integers' if word == 'integer' else word}"
    if origin is dict:
        return f"object of {in_words(arguments[1])}s"
    if origin in (UnionType, Union):  # the latter is made of annotated types
        return " or ".join(map(in_words, arguments))
    return WORDS.get(hint, hint.__name__)


def default(field: msgspec.structs.FieldInfo) -> str:
    if field.required:
        return "—"
    value = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
    return msgspec.json.encode(value).decode().removesuffix(".0")


@pytest.mark.parametrize("struct", STRUCTS, ids=lambda struct: struct.__name__)
def test_every_field_is_documented_as_it_is(struct: type[msgspec.Struct]) -> None:
    assert documented(struct) == declared(struct)


@pytest.mark.parametrize("struct", [*get_args(protocol.Answer), protocol.SoakProgress])
def test_the_word_that_tells_messages_apart_is_documented(struct: type[msgspec.Struct]) -> None:
    tag = struct.__struct_config__.tag
    assert f'### {struct.__name__}\n\n`"type": "{tag}"`\n' in MANUAL


def test_every_task_is_documented() -> None:
    tasks = re.findall(r"^\| `(\w+)` \| .+ \| \w+ \|$", MANUAL, re.MULTILINE)
    assert tuple(tasks) == get_args(protocol.Task)


def test_every_field_of_a_job_is_there() -> None:
    """A reader in another language needs no defaults."""
    job = protocol.Job(task="measure", runtime="coreml", timeout_s=1, memory_limit_bytes=1)
    fields = msgspec.json.decode(msgspec.json.encode(job))
    assert list(fields) == [field.name for field in documented(protocol.Job)]
