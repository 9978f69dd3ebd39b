"""How the kernel of one layer is stored: layers of one network may differ."""

from collections.abc import Mapping
from typing import NamedTuple

from export.spec import ExportSpec
from export.targets import compression_min_ios
from mobilenet.common.errors import ConfigError

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


def check_forms(forms: Mapping[str, LayerForm], spec: ExportSpec) -> None:
    """Raise `ConfigError` for a layer's form that is of a newer system than `spec`, resolved."""
    assert spec.min_ios is not None, "resolved"
    for layer, form in forms.items():
        if form.min_ios > spec.min_ios:
            raise ConfigError(
                f"{layer} as {form} needs iOS {form.min_ios}, min-ios is {spec.min_ios}",
                f"choose --min-ios {form.min_ios}, or int8 or a palette of one table",
            )
