"""The values of a network of the old format, and the operations that give them so far."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from export.mil.known_values import value_of
from export.mil.ops.call import Call
from export.mil.program import Constant, Op, Shape, TensorType
from export.mil.read.plain_values import PlainValue, arguments
from export.mil.read.specification import Message
from export.mil.shapes import output_shapes
from mobilenet.common.errors import PackageError, UnsupportedError

UNKNOWN = (-1,)
# Within a loop: whether this round has been left, and the loop. The file calls no value so.
LEFT, BROKEN = "loop left", "loop broken"


class NetworkValues(ABC):
    """Names, shapes and constants; `rank5`: arrays have (sequence, batch, C, H, W) for layers."""

    def __init__(self, rank5: bool) -> None:
        self.rank5 = rank5
        self.ops: list[Op] = []
        self.constants: dict[str, Constant] = {}
        self.shapes: dict[str, Shape] = {}
        self.current: dict[str, str] = {}  # a name in the file to the value it means by now
        self.folded: set[str] = set()  # values without their sequence axis, which is 1
        self.whole: dict[str, str] = {}  # of such a value, what it is with that axis
        self.hidden: set[str] = set()  # what a branch or loop gives that may not run
        self.taken: set[str] = set()
        self.repeats: Counter[str] = Counter()  # the last suffix given to a name in the file

    def define(self, name: str) -> str:
        """A value called `name` in the file, from here on."""
        unique = name
        while unique in self.taken:
            self.repeats[name] += 1
            unique = f"{name}_{self.repeats[name]}"
        self.taken.add(unique)
        self.current[name] = unique
        return unique

    def resolve(self, name: str) -> str:
        """The value that `name` in the file means by now."""
        if name not in self.current and name in self.hidden:
            raise UnsupportedError(
                f"a layer takes {name!r}, which a branch or loop gives that may not run",
                "Core ML on a Mac runs it",
            )
        if name not in self.current:
            raise PackageError(
                f"a layer takes {name!r}, which no layer before it gives", "copy the file again"
            )
        return self.current[name]

    @abstractmethod
    def translate_layers(self, layers: Sequence[Message]) -> None:
        """Add the operations of layers, one after the other."""

    def within(self, body: Callable[[], object]) -> tuple[tuple[Op, ...], dict[str, str]]:
        """What `body` adds, for a block, and what the names in the file mean at its end."""
        around = self.ops, self.whole, self.current
        self.ops, self.whole, self.current = [], dict(self.whole), dict(self.current)
        try:
            body()
            return tuple(self.ops), self.current
        finally:
            self.ops, self.whole, self.current = around

    def shape(self, name: str) -> Shape | None:
        """Of a value, -1 where a size is not known; None when not even its rank is."""
        constant = self.constants.get(name)
        return constant.type.shape if constant is not None else self.shapes.get(name)

    def are_folded(self, names: Iterable[str]) -> bool:
        """Whether all values `names` stand without their sequence axis; of none: by default."""
        values = [*names]
        return self.folded.issuperset(values) if values else self.rank5

    def unfolded(self, name: str) -> str:
        """The value `name` with all of its axes."""
        if name not in self.folded:
            return name
        if name not in self.whole:
            whole = self.whole[name] = self.define(f"{name}__whole__")
            self.add("expand_dims", whole, [whole], {"x": name, "axes": [0]})
        return self.whole[name]

    def add(
        self,
        kind: str,
        name: str,
        outputs: Sequence[str],
        inputs: Mapping[str, PlainValue],
        dtypes: Sequence[str] = (),
    ) -> None:
        """Add an operation whose arguments are names, constants, or plain values.

        `dtypes` are those of the outputs, float32 where none is said. No value is a scalar:
        Core ML gives those the shape (1,).
        """
        operands = {
            parameter: arguments(f"{name}.{parameter}", parameter, value)
            for parameter, value in inputs.items()
        }
        declared = [*dtypes, *["float32"] * (len(outputs) - len(dtypes))]
        types = [TensorType(o, d, UNKNOWN) for o, d in zip(outputs, declared, strict=True)]
        op = Op(kind, name, operands, tuple(types))
        told = self._shapes(op)
        shapes = told or [UNKNOWN] * len(outputs)
        if () in shapes:
            (output,) = outputs
            scalar = self.define(f"{output}__scalar__")
            self.ops.append(replace(op, outputs=(TensorType(scalar, declared[0], ()),)))
            self.shapes[scalar] = ()
            self.add("reshape", output, [output], {"x": scalar, "shape": [1]}, dtypes)
            return
        types = [replace(t, shape=s) for t, s in zip(types, shapes, strict=True)]
        self.shapes |= {t.name: t.shape for t in types if told}
        op = replace(op, outputs=tuple(types))
        known = value_of(Call(op, self.shapes, self.constants))
        if known is None:
            self.ops.append(op)
        else:  # of shapes alone
            self.constants[known.type.name] = known
            self.shapes[known.type.name] = known.type.shape

    def _shapes(self, op: Op) -> list[Shape] | None:
        """Those of the outputs of `op`, -1 where a size is not known; None without their ranks.

        An operation of values with such sizes gives as many axes as it would if those were 1.
        """
        told = output_shapes(op, self.shapes, self.constants)
        if told is not None or op.type == "squeeze":
            return told
        ones = {name: tuple(map(abs, shape)) for name, shape in self.shapes.items()}
        shapes = output_shapes(op, ones, self.constants)
        return None if shapes is None else [(-1,) * len(shape) for shape in shapes]
