"""Tables of a flatbuffer read by the numbers of their fields, where no schema is at hand."""

from typing import Any, NamedTuple

from mobilenet.common.errors import CheckpointError
from mobilenet.common.text import one_line
from mobilenet.sources.stored import MAX_NAME, OTHER_NETWORK

MAX_ENTRIES = 64  # of a vector
_FIRST, _STEP = 4, 2  # where a vtable's places begin, and the bytes of each


class FlatTable(NamedTuple):
    """One table; a field that is not there is 0, "", None or empty.

    The decoder raises what it likes for a damaged one.
    """

    table: Any

    @classmethod
    def root(cls, data: memoryview) -> "FlatTable":
        """The table that the buffer begins with."""
        library, flat = _library(), bytes(data)
        start = library.encode.Get(library.packer.uoffset, flat, 0)
        return cls(library.table.Table(flat, start))

    def has_beyond(self, fields: int) -> bool:
        """Whether a field is set that has a number of `fields` or more."""
        types = _library().number_types
        vtable = self.table.Pos - self.table.Get(types.SOffsetTFlags, self.table.Pos)
        size = self.table.Get(types.VOffsetTFlags, vtable)
        return any(map(self.table.Offset, range(_FIRST + _STEP * fields, size, _STEP)))

    def number(self, field: int) -> int:
        """An integer of one byte."""
        place, kind = self._place(field), _library().number_types.Int8Flags
        return int(self.table.Get(kind, self.table.Pos + place)) if place else 0

    def text(self, field: int) -> str:
        """A string."""
        place = self._place(field)
        data = self.table.String(self.table.Pos + place) if place else b""
        return one_line(data.decode("utf-8", "backslashreplace"), MAX_NAME)

    def floats(self, field: int) -> list[float]:
        """A vector of float32."""
        start, kind = self.table.Vector(self._place(field)), _library().number_types.Float32Flags
        return [
            float(self.table.Get(kind, start + 4 * index)) for index in range(self._length(field))
        ]

    def table_at(self, field: int) -> "FlatTable | None":
        """A table."""
        place = self._place(field)
        return self._at(self.table.Pos + place) if place else None

    def tables(self, field: int) -> list["FlatTable"]:
        """A vector of tables."""
        start = self.table.Vector(self._place(field))
        return [self._at(start + 4 * index) for index in range(self._length(field))]

    def _at(self, place: int) -> "FlatTable":
        kind = type(self.table)
        return FlatTable(kind(self.table.Bytes, self.table.Indirect(place)))

    def _place(self, field: int) -> int:
        return int(self.table.Offset(_FIRST + _STEP * field))

    def _length(self, field: int) -> int:
        place = self._place(field)
        length = self.table.VectorLen(place) if place else 0
        if length > MAX_ENTRIES:
            raise CheckpointError(
                f"a vector of the metadata has {length:,} entries", OTHER_NETWORK
            )
        return int(length)


def _library() -> Any:
    import flatbuffers  # type: ignore[import-untyped]

    return flatbuffers
