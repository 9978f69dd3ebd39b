"""How the kernel of one layer is stored: layers of one network may differ."""

from typing import NamedTuple

from export.targets import compression_min_ios

GROUPS_MIN_IOS = 18  # coremltools, `iOS18/compression.py`: several scales or tables of a channel


class LayerForm(NamedTuple):
    """A method, and how many channels share what it stores."""

    method: str
    """int8, int4, palette2, palette4, palette6, palette8, prune50 ..."""
    group: int | None = None
    """Of int4 and int8: input channels that share a scale; None: all, for each output channel.
    Of palettes: output channels that share a table; None: all of the kernel's."""

    @property
    def min_ios(self) -> int:
        """The oldest system that reads it."""
        needed = compression_min_ios(self.method)
        return needed if self.group is None else max(needed, GROUPS_MIN_IOS)

    def __str__(self) -> str:
        return self.method if self.group is None else f"{self.method}/{self.group}"
