"""Folded layers to functions of a Core AI program.

The network's rows drive this as they drive the PyTorch module. An operation's location is the
name of the row that it belongs to; weights are stored as `ROW.weight` and `ROW.bias`, once for
all functions. Core AI's convolution has neither padding nor bias, and there is no relu6. The
head's matrices are convolutions over the map that they read: of a product of rank 2 the Neural
Engine was found to compute something else (apple/coreai-torch#51).
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from export.compression import kernels
from export.compression.kernels import CompressedKernel
from export.compression.stored_weights import stored_shapes
from export.coreai import construction, library
from export.coreai.construction import located
from export.formats.coreai.compressed_constants import compressed_constant
from export.formats.coreai.entry_points import EntryPoints, HalfOrFloat, sizes
from export.mil.coreai.lowered_resizing import interpolated
from export.prepared import Prepared
from mobilenet import fold
from mobilenet.checkpoint import Checkpoint
from mobilenet.common.size import Size
from mobilenet.networks.classifier import LOGITS, POOL, DenseActivation
from mobilenet.networks.deeplab import LARGE
from mobilenet.networks.rows import IMAGE, Activation, Row

if TYPE_CHECKING:
    from coreai.authoring import AIProgram, Value


def program_of(prepared: Prepared) -> "AIProgram":
    """Every function of the file; those of pictures with their twins."""
    with construction.program() as program:
        for name, part in prepared.functions.items():
            writer = _NetworkWriter(part)
            writer.entry_points.add(name, part.spec, writer.output_shape)
    return program


class _NetworkWriter:
    """Writes one network."""

    def __init__(self, prepared: Prepared) -> None:
        import coreai.authoring as ca

        self.ca, self.checkpoint, self.spec = ca, prepared.written, prepared.spec
        if (
            self.spec.input == "image"
        ):  # its bytes come so: turned kernels cost nothing at run time
            self.checkpoint = fold.reading_colors(self.checkpoint, "BGR")
        self.dtype: HalfOrFloat = np.float16 if prepared.precision == "fp16" else np.float32
        self.shapes = stored_shapes(self.checkpoint.config, self.spec)
        self.kernels: Mapping[str, CompressedKernel] = {}
        if prepared.compressed is not None:
            self.kernels = prepared.compressed.kernels
        elif prepared.compress is not None:
            assert isinstance(prepared.network, Checkpoint), "only checkpoints are compressed"
            self.checkpoint, self.kernels = kernels.compressed_network(
                prepared.network, self.checkpoint, prepared.spec, self.dtype
            )

    @property
    def entry_points(self) -> EntryPoints:
        """What the network is called by."""
        size = self.checkpoint.config.size
        return EntryPoints(self._network, size, self.dtype, self.checkpoint.normalization)

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Of the one output."""
        readout = self.checkpoint.config.readout
        if readout.picture is not None:
            classes = () if self.spec.outputs == "labels" else (readout.channels,)
            return (1, *classes, *readout.picture)
        if readout.pooled:
            return (1, readout.classes or readout.channels)
        return (1, readout.channels, *readout.size)

    def _network(self, image: "Value") -> "Value":
        config = self.checkpoint.config
        values = {IMAGE: image}
        for row in config.rows():
            with located(row.name):
                values[row.name] = self._row(row, values)
        x = self._head(values[config.readout.reads])
        is_half = self.dtype is np.float16 and self.spec.outputs != "labels"
        return self.ca.cast(x, np.float32) if is_half else x

    def _row(self, row: Row, values: Mapping[str, "Value"]) -> "Value":
        x = self._input(row, values)
        if any(row.pads):
            x = self.ca.pad(x, sizes(0, 0, 0, 0, *row.pads), self.dtype(0))
        x = self._convolution(x, row.name, row.stride, row.dilation, row.groups)
        x = self._activated(x, row.activation)
        return x if row.adds is None else self.ca.broadcasting_add(x, values[row.adds])

    def _input(self, row: Row, values: Mapping[str, "Value"]) -> "Value":
        """What the convolution of a row takes."""
        x = values[row.reads]
        if row.pooled:
            x = self.ca.reduce_mean(x, np.array([2, 3], np.int32))
        if row.joins is None:
            return x
        x = self.ca.tile(x, sizes(1, 1, *row.in_size))  # a mean
        return self.ca.concat(np.int32(1), [x, values[row.joins]])

    def _activated(self, x: "Value", kind: Activation | DenseActivation | None) -> "Value":
        if kind is None:
            return x
        if kind in ("sigmoid", "tanh"):
            return self.ca.sigmoid(x) if kind == "sigmoid" else self.ca.tanh(x)
        x = self.ca.broadcasting_maximum(x, self.dtype(0))
        return self.ca.broadcasting_minimum(x, self.dtype(6)) if kind == "relu6" else x

    def _convolution(
        self, x: "Value", layer: str, stride: int = 1, dilation: int = 1, groups: int = 1
    ) -> "Value":
        weights = self.checkpoint.layers[layer]
        assert weights.bias is not None, "fold first"
        bias = weights.bias.astype(self.dtype).reshape(1, -1, 1, 1)
        x = self.ca.conv2d(
            x,
            self._kernel(layer),
            sizes(stride, stride),
            sizes(dilation, dilation),
            np.uint32(groups),
        )
        return self.ca.broadcasting_add(x, library.named_constant(f"{layer}.bias", bias))

    def _kernel(self, layer: str) -> "Value":
        name = f"{layer}.weight"
        if layer in self.kernels:
            return compressed_constant(name, self.kernels[layer].reshaped(self.shapes[layer]))
        kernel = self.checkpoint.layers[layer].kernel.astype(self.dtype)
        return library.named_constant(name, kernel.reshape(self.shapes[layer]))

    def _head(self, x: "Value") -> "Value":
        readout = self.checkpoint.config.readout
        if readout.picture is not None:
            return self._segmented(x, readout.size, readout.picture)
        if not readout.pooled:
            return x
        if readout.pool == "mean":
            with located(POOL):
                x = self.ca.reduce_mean(x, np.array([2, 3], np.int32))
        for layer in readout.dense:
            with located(layer.name):
                x = self._activated(self._convolution(x, layer.name), layer.activation)
        with located(LOGITS if readout.classes else "features"):
            x = self.ca.reshape(x, sizes(*self.output_shape))
        if self.spec.outputs in ("logits", "features"):
            return x
        with located("probabilities"):
            if readout.scores == "sigmoid":
                return self.ca.sigmoid(x)
            return self.ca.softmax(x, np.int32(1))

    def _segmented(self, x: "Value", size: Size, picture: Size) -> "Value":
        """The small map's scores enlarged, or of each pixel its class."""
        classes = self.checkpoint.config.classes
        with located("logits" if self.spec.outputs == "logits" else LARGE):
            x = interpolated(x, (1, classes, *size), (1, classes, *picture), "align_corners")
        if self.spec.outputs == "logits":
            return x
        with located(str(self.spec.outputs)):
            labels = self.ca.cast(self.ca.argmax(x, np.int32(1)), np.int32)
            return self.ca.reshape(labels, sizes(*self.output_shape))
