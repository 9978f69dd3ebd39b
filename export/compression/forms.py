"""How the kernel of one layer is stored: layers of one network may differ."""

import math
from collections.abc import Mapping
from itertools import accumulate
from typing import NamedTuple

from export.spec import ExportSpec
from export.targets import GROUPS_MIN_IOS, MIXED, compression_min_ios
from mobilenet.common.errors import ConfigError

BLOCK_CHANNELS = 32  # inputs that share a scale of int4: half the loss of one scale for all
TABLE_CHANNELS = 1  # outputs that share a table of up to four bits: at 16, a third more loss
SMALL_SHARE = 1 / 32  # of all weights: what the smallest layers hold that keep eight bits


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

    def size_bytes(self, kernel_shape: tuple[int, ...], number_bytes: int) -> int:
        """Of a kernel (out, in / groups, ...) in whole numbers or a palette.

        Its scales or tables are of `number_bytes` each. Files round up to lines of 64 bytes.
        """
        outputs, inputs = kernel_shape[:2]
        bits = int(self.method.removeprefix("int").removeprefix("palette"))
        if self.method.startswith("int"):
            numbers = outputs * (1 if self.group is None else inputs // self.group)
        else:
            numbers = 2**bits * (1 if self.group is None else outputs // self.group)
        return -(-math.prod(kernel_shape) * bits // 8) + numbers * number_bytes

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


def form_for(method: str, kernel_shape: tuple[int, ...], min_ios: int) -> LayerForm:
    """`method` of a kernel (out, in / groups, ...), in groups where they help and iOS has them.

    Channels are divided evenly: those of odd widths into smaller groups, or not at all.
    """
    outputs, inputs = kernel_shape[:2]
    shared = {
        "int4": (inputs, BLOCK_CHANNELS),
        "palette4": (outputs, TABLE_CHANNELS),
        "palette2": (outputs, TABLE_CHANNELS),
    }
    if min_ios < GROUPS_MIN_IOS or method not in shared:
        return LayerForm(method)
    channels, most = shared[method]
    group = next(group for group in range(most, 0, -1) if channels % group == 0)
    return LayerForm(method, group if most // 4 <= group < channels else None)


def forms_for(
    method: str, kernel_shapes: Mapping[str, tuple[int, ...]], min_ios: int
) -> dict[str, LayerForm]:
    """`method` of the kernels of a network, by layer; eight bits of the smallest, or no pruning.

    Those are few of a file's bytes, and lose as much as others: of MobileNet v1 at alpha 1.0,
    three layers with 3 % of the weights have a third of what four bits lose.
    """
    weights = {name: math.prod(shape) for name, shape in kernel_shapes.items()}
    ascending = sorted(weights, key=weights.__getitem__)
    totals = accumulate(weights[name] for name in ascending)
    most = SMALL_SHARE * sum(weights.values())
    small = {name for name, total in zip(ascending, totals, strict=True) if total <= most}
    if method.startswith("prune"):
        return {name: LayerForm(method) for name in kernel_shapes if name not in small}
    eight_bits = "int8" if method.startswith("int") else "palette8"
    return {
        name: form_for(eight_bits if name in small else method, shape, min_ios)
        for name, shape in kernel_shapes.items()
    }


def mixed_forms(mixed: str, kernel_shape: tuple[int, ...], min_ios: int) -> list[LayerForm]:
    """Those that a layer of a network in mixed forms may have where iOS is no older."""
    methods = [method for method in MIXED[mixed] if compression_min_ios(method) <= min_ios]
    return [form_for(method, kernel_shape, min_ios) for method in methods]
