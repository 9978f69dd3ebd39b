"""What the walk has met, as rows and a head: told by the file alone, whatever network it is."""

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from mobilenet.checkpoint import BatchNorm, Layer
from mobilenet.common.errors import CheckpointError
from mobilenet.networks.classifier import DenseActivation, Pool, Scores
from mobilenet.networks.rows import Activation
from mobilenet.networks.ssdlite import Detection
from mobilenet.sources.walk.steps import (
    EXPORT_MODULE,
    Affine,
    Clip,
    Convolution,
    GraphValue,
    Joined,
    Matrix,
    Spread,
)  # fmt: skip

INFINITY = float("inf")
_CLIPS: dict[Clip, Activation] = {Clip(0.0, INFINITY): "relu", Clip(0.0, 6.0): "relu6"}


@dataclass(frozen=True, eq=False)
class ReadRow:
    """A convolution of the file, and its value as others read it."""

    convolution: Convolution
    value: GraphValue
    pooled: bool = False  # whether it reads the mean of a map
    order: NDArray[np.int64] | None = None
    """Of its channels, as ours has them; None where that is the file's."""

    @property
    def title(self) -> str:
        """For messages: "layer conv1 (Conv2D)"."""
        return self.convolution.node.title

    @property
    def kernel_shape(self) -> tuple[int, ...]:
        """(out, in / groups, height, width)."""
        return self.convolution.kernel.shape

    @property
    def activation(self) -> Activation | None:
        """By its name. Raises `CheckpointError` for one that no row has."""
        applied = self.value.activation
        if applied is None:
            return None
        if isinstance(applied, Clip) and applied in _CLIPS:
            return _CLIPS[applied]
        raise CheckpointError(f"{self.title} is followed by {in_words(applied)}", EXPORT_MODULE)

    @property
    def epsilon(self) -> float | None:
        """Of its batch norm; None where that is folded."""
        norm = self.value.norm
        return None if norm is None else float(str(np.float32(norm.epsilon)))

    @property
    def reads(self) -> int | None:
        """Number of the row that it reads; None for the picture."""
        reads = self.convolution.reads
        return number_of(reads.maker.parts[0] if isinstance(reads.maker, Joined) else reads)

    @property
    def joins(self) -> int | None:
        """Number of the row whose channels follow those of what it reads; None without one."""
        maker = self.convolution.reads.maker
        return number_of(maker.parts[1]) if isinstance(maker, Joined) else None

    @property
    def adds(self) -> int | None:
        """Number of the row that is added; None without one."""
        added = self.value.adds
        return added.maker.number if added and isinstance(added.maker, Convolution) else None

    def layer(self) -> Layer:
        """Kernel and batch norm, or kernel and bias where there is none."""
        scale, bias = _affine(self.value)
        stored = self.convolution.kernel.stored
        kernel = _float32(stored if (scale == 1).all() else stored * scale[:, None, None, None])
        norm = self.value.norm
        if norm is None and self.order is not None:
            return Layer(kernel[self.order], _float32(bias[self.order]))
        if norm is None:
            return Layer(kernel, _float32(bias))
        vectors = [
            np.ones(()) if norm.gamma is None else norm.gamma.value,
            norm.beta.value, norm.mean.value, norm.variance.value,
        ]  # fmt: skip
        gamma, beta, mean, variance = (
            np.broadcast_to(vector.reshape(-1), bias.shape) for vector in vectors
        )
        return Layer(kernel, norm=BatchNorm(*map(_float32, (gamma, beta, mean - bias, variance))))


@dataclass(frozen=True, eq=False)
class ReadMatrix:
    """A dense layer of the file, and its value as others read it."""

    matrix: Matrix
    value: GraphValue

    @property
    def activation(self) -> DenseActivation | None:
        """By its name. Raises `CheckpointError` for one that no hidden matrix has."""
        applied = self.value.activation
        if applied is None or applied in ("sigmoid", "tanh"):
            return cast("DenseActivation | None", applied)
        if isinstance(applied, Clip) and applied in _CLIPS:
            return _CLIPS[applied]
        raise CheckpointError(
            f"{self.matrix.node.title} is followed by {in_words(applied)}", EXPORT_MODULE
        )

    @property
    def scores(self) -> Scores | None:
        """What becomes of the last matrix's numbers; None where they are the result."""
        applied = self.value.activation
        if applied is not None and applied not in ("softmax", "sigmoid"):
            raise CheckpointError(
                f"the result, {self.matrix.node.title}, is followed by {in_words(applied)}",
                EXPORT_MODULE,
            )
        if applied == "softmax" and self.matrix.units == 1:
            raise CheckpointError(
                f"the result, {self.matrix.node.title}, is the softmax of one number, always 1",
                "train it with a sigmoid, or with a class for no as well",
            )
        return cast("Scores | None", applied)

    def layer(self) -> Layer:
        """(units, features) in the order of the map, and the bias; all scales counted in."""
        matrix, reads = self.matrix, self.matrix.reads
        stored = matrix.kernel.stored.reshape(matrix.kernel.shape[:2])
        rows = reads.layout.in_map_order(stored.T if matrix.has_units_first else stored)
        scale, bias = _affine(self.value)
        if reads.pending is not None:
            before = [np.broadcast_to(v, reads.layout.natural).ravel() for v in reads.pending]
            bias = bias + scale * (before[1] @ rows)
            rows = rows * before[0][:, None]
        if not (scale == 1).all():
            rows = rows * scale
        return Layer(_float32(rows.T), _float32(bias))


@dataclass(frozen=True, eq=False)
class ReadNetwork:
    """Rows in the order of the graph, and what stands on the last of them."""

    rows: tuple[ReadRow, ...]
    matrices: tuple[ReadMatrix, ...]
    pool: Pool
    pooled: str  # the graph's name of the mean; "" without one
    result: GraphValue
    is_segmenter: bool = False  # the last row's map are scores, enlarged to the picture
    detection: Detection | None = None  # of a detector, whose predictors' rows are the last
    classes: int = 0  # of a detector, without the background

    @property
    def is_classifier(self) -> bool:
        """Whether it gives scores rather than features."""
        return bool(self.matrices)

    @property
    def picture(self) -> GraphValue:
        """The picture as the first row reads it."""
        return self.rows[0].convolution.reads


def number_of(value: GraphValue) -> int | None:
    """Of the convolution whose value is meant, as it is or at every place of a map."""
    maker = value.maker
    if isinstance(maker, Spread):
        maker = maker.reads.maker
    return maker.number if isinstance(maker, Convolution | Matrix) else None


def in_words(applied: Clip | str) -> str:
    """An activation: "a clip at 0 and 4"."""
    if isinstance(applied, str):
        return applied
    return f"a clip at {applied.low:g} and {applied.high:g}"


def _affine(value: GraphValue) -> Affine:
    """(scale, shift), each (out,), in float64, before the batch norm."""
    channels = value.layout.natural[0]
    if value.affine is None:
        return Affine(np.ones(channels), np.zeros(channels))
    return Affine(*(np.broadcast_to(each.reshape(-1), (channels,)) for each in value.affine))


def _float32(values: NDArray[Any]) -> NDArray[np.float32]:
    return np.ascontiguousarray(values, np.float32)
