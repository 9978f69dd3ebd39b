"""A graph's operations as plain data, whatever message or text they came in."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from mobilenet.common.errors import CheckpointError
from mobilenet.common.text import one_line
from mobilenet.graph import FileConstant
from mobilenet.sources.stored import MAX_NAME

MAX_OPERATIONS = 20_000  # a MobileNet in a SavedModel, with its training part, has 5,000
MAX_CHAIN = 20  # operations that change nothing, one behind another
VARIABLES = {"VarHandleOp", "VariableV2", "Variable"}
OTHER_NETWORK = (
    "is it another network, or still in training? export(model, ...) from Python takes any module"
)
FLOAT, INT32, UINT8, STRING, INT64, BOOL, QUINT8 = 1, 3, 4, 7, 9, 10, 12  # types.proto, DataType


class Operand(NamedTuple):
    """A result of an operation."""

    operation: str
    place: int = 0

    @property
    def key(self) -> str:
        """Its name in a graph: "split:1", and "split" for the first."""
        return f"{self.operation}:{self.place}" if self.place else self.operation


@dataclass(frozen=True, eq=False)
class TfOperation:
    """A node. Attributes are numbers, bytes, tuples, a shape (None: unknown), or a message."""

    name: str
    kind: str
    inputs: tuple[Operand, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """For messages: "layer conv1 (Conv2D)"."""
        return f"layer {self.shown_name} ({one_line(self.kind, MAX_NAME)})"

    @property
    def shown_name(self) -> str:
        """The name as it can be printed."""
        return one_line(self.name, MAX_NAME)

    def attribute(self, key: str, kind: type, default: Any = None) -> Any:
        """Its value. Raises `CheckpointError` for one that is not there, or not of its `kind`."""
        value = self.attributes.get(key, default)
        if value is None:
            raise CheckpointError(f"{self.title} has no {key}", "is the file complete?")
        if not isinstance(value, kind):
            raise CheckpointError(f"{self.title} has {key} {one_line(str(value), 60)}",
                                  "is the file complete?")  # fmt: skip
        return value

    def text(self, key: str, default: str | None = None) -> str:
        """A text; raises as `attribute`."""
        value = self.attribute(key, bytes, None if default is None else default.encode())
        return str(value.decode("utf-8", "backslashreplace"))

    def refused(self, what: str, hint: str = OTHER_NETWORK) -> CheckpointError:
        """An error that names this operation: "layer conv1 (Conv2D) `what`"."""
        return CheckpointError(f"{self.title} {what}", hint)

    def must_be(self, key: str, value: Any, default: Any = None) -> None:
        """Raise `CheckpointError` unless the attribute has the one value that is translated."""
        stored = self.attributes.get(key, default)
        if stored != value or type(stored) is not type(value):
            shown = stored.decode(errors="replace") if isinstance(stored, bytes) else str(stored)
            raise self.refused(f"has {key} {one_line(shown, 60)}")


@dataclass(frozen=True, eq=False)
class TfGraph:
    """Operations by name, and what lies beside them."""

    format: str  # in words
    operations: Mapping[str, TfOperation]
    outputs: tuple[Operand, ...] = ()  # that the file names
    held: Mapping[str, FileConstant] = field(default_factory=dict)
    """Numbers that are not in the graph: of variables, and of constants, by operation."""


def operations_of(nodes: Iterable[Any], prefix: str = "") -> dict[str, TfOperation]:
    """Operations by name, of `NodeDef` messages. Raises `CheckpointError`."""
    return checked(_operation(node, prefix) for node in nodes)


def checked(operations: Iterable[TfOperation]) -> dict[str, TfOperation]:
    """Operations by name. Raises `CheckpointError` for too many, and for a name that is none."""
    by_name: dict[str, TfOperation] = {}
    for op in operations:
        if ":" in op.name:  # no name of TensorFlow's; here it marks results, and what is added
            raise CheckpointError(f"a layer is called {op.shown_name}", "is the file complete?")
        if op.name in by_name:
            raise CheckpointError(
                f"two layers are called {op.shown_name}", "is the file complete?"
            )
        by_name[op.name] = op
    check_count(len(by_name))
    return by_name


def _operation(node: Any, prefix: str) -> TfOperation:
    inputs = (decoded(read) for read in node.input if not read.startswith(b"^"))  # control
    attributes = {decoded(attr.key): _value(attr.value) for attr in node.attr}
    operands = tuple(operand(read, prefix) for read in inputs)
    return TfOperation(prefix + decoded(node.name), decoded(node.op), operands, attributes)


def check_count(count: int) -> None:
    """Raise `CheckpointError` for more operations than a network has."""
    if count > MAX_OPERATIONS:
        raise CheckpointError(f"the graph has {count:,} layers", OTHER_NETWORK)


def operand(read: str, prefix: str = "") -> Operand:
    """What "name", "name:1" or, in a function, "name:output:1" means.

    Of operations with results of several names, such as batch norms, the first name alone has
    an index; others keep their name, which leads to an error when they are read.
    """
    name, *rest = read.split(":")
    if not rest or not rest[-1].isdecimal() or len(rest[-1]) > 4:
        return Operand(prefix + read)
    if len(rest) == 2 and rest[0].startswith(("batch_", "reserve_space")):
        return Operand(prefix + read)
    return Operand(prefix + name, int(rest[-1]))


def decoded(data: bytes) -> str:
    """A name, of which TensorFlow does not promise that it is UTF-8."""
    return data.decode("utf-8", "backslashreplace")


def _value(value: Any) -> Any:
    """An `AttrValue` as plain data; a tensor stays a message, so that it is not copied."""
    for descriptor, stored in value.ListFields():
        match descriptor.name:
            case "list":
                return tuple(_items(stored))
            case "shape":
                return shape_of(stored)
            case "func":
                return stored.name
            case _:
                return stored
    return None


def _items(values: Any) -> Iterator[Any]:
    for _, items in values.ListFields():
        yield from items


def shape_of(shape: Any) -> tuple[int, ...] | None:
    """Sides, -1 for one that is free; None where even their number is."""
    return None if shape.unknown_rank else tuple(dim.size for dim in shape.dim)
