"""Smaller weights: coremltools' compressed forms, with what they do to the mean repaired.

A rounded kernel shifts the mean of what a layer gives, and over 27 layers the shifts add up: by
rounding alone the authors' alpha 1.0 is lost at four bits. The shift is known without a single
picture, since batch norm says how the values that enter a layer are distributed, and is taken
off the bias (Nagel et al. 2019, "Data-Free Quantization Through Weight Equalization and Bias
Correction", section 4.2). Weights that came without batch norm are rounded only.
"""

from collections.abc import Mapping
from dataclasses import replace
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.compression.forms import BLOCK_CHANNELS
from export.compression.stored_weights import stored_shapes
from export.spec import ExportSpec
from export.targets import PRUNED
from mobilenet.checkpoint import BatchNorm, Checkpoint, Layer
from mobilenet.common.errors import ConfigError
from mobilenet.networks.rows import IMAGE, Activation

# Below lie the stem, depthwise and narrow layers: 1 % of alpha 1.0's weights, and those that
# suffer most from rounding (int8 on all of them doubles the loss). From here on coremltools
# clusters halves exactly and in a fixed order (kmeans1d); below it would need scikit-learn.
LEAST_WEIGHTS = 10_000
_STANDARD = NormalDist()


def compressed_layers(checkpoint: Checkpoint, spec: ExportSpec) -> list[str]:
    """Names of the layers whose kernels are compressed, in order.

    Raises `ConfigError` where none is large enough.
    """
    if spec.compress == "w8a8":
        reading_pixels = rows_reading_pixels(checkpoint)
        return [name for name in checkpoint.layers if name not in reading_pixels]
    if spec.compress is None:
        return []
    large = [n for n, layer in checkpoint.layers.items() if layer.kernel.size > LEAST_WEIGHTS]
    if not large:
        raise ConfigError(
            f"compress {spec.compress}: no layer has more than {LEAST_WEIGHTS} weights",
            "so small a network is best left as it is",
        )
    return large


def rows_reading_pixels(checkpoint: Checkpoint) -> list[str]:
    """Names of the rows whose input is the picture."""
    return [row.name for row in checkpoint.config.rows() if row.reads == IMAGE]


def block_size(checkpoint: Checkpoint, spec: ExportSpec) -> int | None:
    """Input channels that share a scale; None where all of them do.

    A block must divide the input channels of every layer, which those of odd widths do not.
    """
    shapes = stored_shapes(checkpoint.config, spec)
    touched = compressed_layers(checkpoint, spec)
    fits = all(shapes[name][1] % BLOCK_CHANNELS == 0 for name in touched)
    return BLOCK_CHANNELS if spec.compress == "int4" and fits else None


def pruned(folded: Checkpoint, spec: ExportSpec) -> Checkpoint:
    """With the smallest weights of each compressed kernel at zero, if `spec` prunes.

    Not by coremltools 9.0: its magnitude pruner takes a percentile in float16, which overflows
    from 65,504 weights on and leaves the large kernels as they were.
    """
    asked = PRUNED.fullmatch(spec.compress or "")
    if asked is None:
        return folded
    layers = dict(folded.layers)
    for name in compressed_layers(folded, spec):
        kernel = layers[name].kernel.copy()
        count = round(kernel.size * int(asked[1]) / 100)
        kernel.flat[np.abs(kernel).argsort(axis=None, kind="stable")[:count]] = 0
        layers[name] = replace(layers[name], kernel=kernel)
    return replace(folded, layers=layers)


def with_corrected_biases(
    checkpoint: Checkpoint, folded: Checkpoint, stored: Mapping[str, Layer]
) -> Checkpoint:
    """`checkpoint`, `folded`, with biases that make up for the difference to the stored kernels.

    bias - sum over kernel of (stored - original) E[input], where the input's mean is known.
    """
    layers, means = dict(folded.layers), expected_values(checkpoint)
    readout = checkpoint.config.readout
    inputs = {row.name: row.inputs for row in checkpoint.config.rows()}
    inputs |= {layer.name: (readout.reads,) for layer in readout.dense[:1]}
    for name, values in inputs.items():
        if all(value in means for value in values):
            mean = np.concatenate([means[value] for value in values])
            layers[name] = _corrected(layers[name], stored[name].kernel, mean)
    return replace(folded, layers=layers)


def expected_values(checkpoint: Checkpoint) -> dict[str, NDArray[np.float64]]:
    """Mean over pictures of each channel (C,) of the value of each row, by the row's name.

    Rows without batch norm, and what they are added to, are left out: nothing is known of them.
    """
    means: dict[str, NDArray[np.float64]] = {}
    for row in checkpoint.config.rows():
        norm = checkpoint.layers[row.name].norm
        if norm is None or (row.adds is not None and row.adds not in means):
            continue
        means[row.name] = expected_activation(norm, row.activation)
        if row.adds is not None:
            means[row.name] = means[row.name] + means[row.adds]
    return means


def expected_activation(norm: BatchNorm, activation: Activation | None) -> NDArray[np.float64]:
    """Mean over pictures of each channel behind batch norm and activation, (C,).

    Batch norm gives every channel mean beta and standard deviation gamma; taken as normal, the
    mean of what the clip leaves of it has a closed form.
    """
    mean = norm.beta.astype(np.float64)
    if activation is None:
        return mean
    deviation = np.maximum(np.abs(norm.gamma.astype(np.float64)), np.finfo(np.float32).tiny)
    below = _normal_cdf(-mean / deviation)
    density = _normal_pdf(-mean / deviation)
    if activation == "relu":
        positive: NDArray[np.float64] = mean * (1 - below) + deviation * density
        return positive
    above = 1 - _normal_cdf((6 - mean) / deviation)
    between = density - _normal_pdf((6 - mean) / deviation)
    clipped: NDArray[np.float64] = mean * (1 - below - above) + deviation * between + 6 * above
    return clipped


def _corrected(layer: Layer, stored: NDArray[Any], mean: NDArray[np.float64]) -> Layer:
    assert layer.bias is not None, "folded"
    difference = stored.astype(np.float64) - layer.kernel
    depthwise = difference.shape[1] == 1
    channels = 1 if depthwise else len(mean)  # a matrix may read many pixels of each
    taps = difference.reshape(len(difference), channels, -1).sum(2)  # (out, in / groups)
    shift = taps[:, 0] * mean if depthwise else taps @ mean
    return replace(layer, bias=(layer.bias - shift).astype(np.float32))


def _normal_pdf(z: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.array([_STANDARD.pdf(value) for value in z])


def _normal_cdf(z: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.array([_STANDARD.cdf(value) for value in z])
