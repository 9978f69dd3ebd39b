"""A network with the numbers that its file will hold: found once, written by every format."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from export.compression.forms import LayerForm
from export.compression.kernels import CompressedKernel
from export.compression.quantizer import Quantizer
from export.package.calibration_record import StoredNumbers
from mobilenet.checkpoint import Checkpoint
from mobilenet.common.size import Sides

DIGITS = 6  # of a distance: its last ones are those of the order of summation


@dataclass(frozen=True, eq=False)
class CompressedNetwork:
    """Kernels in their compressed forms, and all that is stored as it is."""

    folded: Checkpoint
    """Float32: biases, and the kernels that are not compressed, are rounded when they are written;
    a compressed layer has its dense kernel. Fit for the same input as `Prepared.folded`."""
    kernels: Mapping[str, CompressedKernel]
    """By layer, in the network's order. Rows that read the picture are none of them: formats
    differ in the order of its colours."""

    @classmethod
    def of(
        cls, folded: Checkpoint, kernels: Mapping[str, CompressedKernel]
    ) -> "CompressedNetwork":
        """`folded` with the dense kernels of `kernels` in place of its own."""
        layers = dict(folded.layers)
        for name, kernel in kernels.items():
            shape = layers[name].kernel.shape
            dense = kernel.dense().astype(np.float32).reshape(shape)
            layers[name] = replace(layers[name], kernel=dense)
        ordered = {name: kernels[name] for name in layers if name in kernels}
        return cls(replace(folded, layers=layers), ordered)

    @property
    def forms(self) -> Mapping[str, LayerForm]:
        """Of each compressed layer."""
        return {name: kernel.layer_form for name, kernel in self.kernels.items()}

    def numbers(
        self,
        original: Checkpoint,
        quantizers: Mapping[str, Quantizer],
        dtype: type[np.floating],
    ) -> StoredNumbers:
        """What tells them apart when they are stored as `dtype`.

        `original` is the uncompressed network: folded, and fit for the same input. `quantizers`
        are those of the inputs of layers, which w8a8 rounds.
        """
        digest, squares = sha256(), 0.0
        for name, layer in self.folded.layers.items():
            assert layer.bias is not None, "folded"
            kernel, bias = layer.kernel.astype(dtype), layer.bias.astype(dtype)
            digest.update(name.encode() + kernel.tobytes() + bias.tobytes())
            if name in quantizers:
                digest.update(repr(tuple(quantizers[name].rounded(dtype))).encode())
            before = original.layers[name]
            assert before.bias is not None, "folded"
            squares += (
                _relative_distance(np.append(kernel, bias), np.append(before.kernel, before.bias))
                ** 2
            )
        return StoredNumbers(digest.hexdigest(), float(f"{squares**0.5:.{DIGITS}g}"))

    def at(self, resolution: Sides) -> "CompressedNetwork":
        """The same weights over another input size."""
        return replace(self, folded=self.folded.at(resolution))


def _relative_distance(kernel: NDArray[np.floating], original: NDArray[np.floating]) -> float:
    wide = original.astype(np.float64)
    return float(np.linalg.norm(kernel - wide) / max(np.linalg.norm(wide), np.finfo(float).tiny))
