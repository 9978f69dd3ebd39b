"""A network as it was and as it becomes, side by side over all photographs, layer by layer.

Values are kept in halves and computed in small parts, so that what neighbouring rows hold is all
that is in memory.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from export.compression.activations import rounded
from export.compression.calibration import Calibration, Pixels
from export.compression.learning.kernel_groups import Array, KernelGroups
from export.compression.learning.layer_inputs import LayerInputs
from export.compression.learning.layer_samples import groups_of, samples_of, slices, unit_of
from export.compression.quantizer import Quantizer
from mobilenet.checkpoint import Checkpoint
from mobilenet.networks.classifier import Dense
from mobilenet.networks.rows import IMAGE, Row, last_uses

if TYPE_CHECKING:
    from torch import Tensor

HIGHEST = 65504.0  # that a half holds
SAMPLES = 200_000  # that a layer learns from: pixels of its map, over the photographs
LEAST_PICTURES = 64  # that they are of, however large the map


class PairedValue(NamedTuple):
    """A value in both networks; the same object twice where nothing before it has changed."""

    original: "Tensor"
    compressed: "Tensor"

    @property
    def is_one(self) -> bool:
        """Whether nothing has changed."""
        return self.original is self.compressed


class PairedNetworks:
    """Two modules and, of the values of their rows, those that are still needed."""

    def __init__(
        self,
        folded: Checkpoint,
        photographs: Calibration,
        seen: Pixels,
        quantizers: Mapping[str, Quantizer],
    ) -> None:
        from mobilenet.torch_module import from_checkpoint

        self.original, self.compressed = from_checkpoint(folded), from_checkpoint(folded)
        self._photographs, self._seen, self._quantizers = photographs, seen, quantizers
        self._rows, self._readout = folded.config.rows(), folded.config.readout
        self._last_uses = last_uses(self._rows, self._readout.kept)
        self._values: dict[str, PairedValue] = {}

    def look(self, row: Row, is_compressed: bool) -> LayerInputs | None:
        """Compute `row` as it was, and look at what enters it now.

        None where it is to stay as it is: nothing has changed, and it is not compressed.
        """
        unit, inputs = (
            unit_of(self.original, row.name),
            LayerInputs(groups_of(row), row.out_size.area),
        )
        pictures = max(LEAST_PICTURES, -(-SAMPLES // row.out_size.area))
        values, is_left = None, True
        for part in self._parts(row):
            pair = self._inputs(row, part)
            before = unit.before_activation(pair.original)
            is_left = pair.is_one and not is_compressed
            if not is_left and part.start < pictures:
                inputs.add(*samples_of(unit, pair.compressed, before))
            result = unit.activated(before, self._added(row, part)[0])
            values = self._put(values, part, result)
        assert values is not None, "photographs"
        self._values[row.name] = PairedValue(values, values)
        return None if is_left else inputs

    def advance(self, row: Row, is_left: bool) -> None:
        """Compute `row` as it has become, and let go what no other row needs."""
        unit, values = unit_of(self.compressed, row.name), None
        added_one = row.adds is None or self._values[row.adds].is_one
        if not (is_left and added_one):
            for part in self._parts(row):
                x, (_, added) = self._inputs(row, part), self._added(row, part)
                values = self._put(values, part, unit(x.compressed, added))
            assert values is not None, "photographs"
            self._values[row.name] = PairedValue(self._values[row.name].original, values)
        for name in self._last_uses[row.name]:
            self._values.pop(name, None)

    def pooled(self) -> PairedValue:
        """What the head's first matrix takes, (pictures, inputs)."""
        import torch

        pair, flat = self._values[self._readout.reads], self._readout.pool == "flatten"
        results = [
            torch.cat(
                [
                    values[part].float().flatten(1) if flat else values[part].float().mean((2, 3))
                    for part in slices(len(values), 4 * values[0].numel())
                ]
            )
            for values in ((pair.original,) if pair.is_one else pair)
        ]
        return PairedValue(results[0], results[-1])

    def look_at_matrix(self, layer: Dense, inputs: PairedValue) -> LayerInputs:
        """The same of a matrix of the head."""
        results = self.original.dense(layer.name)(inputs.original)
        moments = LayerInputs(KernelGroups(layer.convolution_shape))
        columns = self._rounded(layer.name, inputs.compressed).T
        moments.add(columns.reshape(moments.groups.parts, -1, len(results)), results.T[None])
        return moments

    def advance_matrix(self, layer: Dense, inputs: PairedValue) -> PairedValue:
        """What the next matrix takes."""
        from mobilenet.torch_module import ACTIVATIONS

        results = (
            self.original.dense(layer.name)(inputs.original),
            self.compressed.dense(layer.name)(self._rounded(layer.name, inputs.compressed)),
        )
        if layer.activation is None:
            return PairedValue(*results)
        return PairedValue(*(ACTIVATIONS[layer.activation](x) for x in results))

    def replace(self, name: str, kernel: Array, bias: Array) -> None:
        """Give a layer of the compressed network other numbers."""
        import torch

        is_matrix = name in self._readout.kernels
        layer = self.compressed.dense(name) if is_matrix else unit_of(self.compressed, name).conv
        layer.weight.copy_(torch.from_numpy(kernel.reshape(layer.weight.shape)))
        assert layer.bias is not None, "folded"
        layer.bias.copy_(torch.from_numpy(bias))

    def _put(self, values: "Tensor | None", part: slice, result: "Tensor") -> "Tensor":
        import torch

        if values is None:
            values = torch.empty((len(self._seen), *result.shape[1:]), dtype=torch.float16)
        values[part] = result.clamp(-HIGHEST, HIGHEST)
        return values

    def _part(self, name: str, part: slice) -> PairedValue:
        """Some pictures' value in float32."""
        import torch

        if name == IMAGE:
            x = torch.from_numpy(self._photographs.inputs(self._seen[part]))
            return PairedValue(x, x)
        pair = self._values[name]
        original = pair.original[part].float()
        return PairedValue(original, original if pair.is_one else pair.compressed[part].float())

    def _inputs(self, row: Row, part: slice) -> PairedValue:
        """What the convolutions of `row` take."""
        from mobilenet.torch_module import row_input

        pairs = {name: self._part(name, part) for name in row.inputs}
        original = row_input(row, {name: pair.original for name, pair in pairs.items()})
        is_one = all(pair.is_one for pair in pairs.values())
        values = {name: pair.compressed for name, pair in pairs.items()}
        compressed = original if is_one else row_input(row, values)
        return PairedValue(original, self._rounded(row.name, compressed))

    def _rounded(self, layer: str, x: "Tensor") -> "Tensor":
        return rounded(x, self._quantizers[layer]) if layer in self._quantizers else x

    def _added(self, row: Row, part: slice) -> "tuple[Tensor | None, Tensor | None]":
        return (None, None) if row.adds is None else self._part(row.adds, part)

    def _parts(self, row: Row) -> Iterator[slice]:
        """Pictures that are computed together."""
        read = row.in_channels * max(row.in_size.area, row.out_size.area * row.kernel**2)
        written = row.out_channels * row.out_size.area
        return slices(len(self._seen), 4 * max(read, written))
