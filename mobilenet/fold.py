"""Batch norm, and what pixels are scaled by, into the convolutions, in float64.

The authors' alpha 1.0 has 42 channels with a variance under 1e-6 (least 3.9e-35) and folded
weights up to 48: in float32 the fold itself would cost digits.
"""

from dataclasses import replace

import numpy as np

from mobilenet.checkpoint import Checkpoint, Layer
from mobilenet.networks.rows import IMAGE
from mobilenet.preprocess import ColorOrder, Normalization


def fold(checkpoint: Checkpoint) -> Checkpoint:
    """The same function without batch norms: exact to float32 rounding, and idempotent."""
    layers = {
        row.name: fold_layer(checkpoint.layers[row.name], row.epsilon)
        for row in checkpoint.config.rows()
    }
    return replace(checkpoint, layers=checkpoint.layers | layers)


def fold_layer(layer: Layer, epsilon: float) -> Layer:
    """kernel (O, I, k, k) and norm (O,) to kernel and bias (O,)."""
    norm = layer.norm
    if norm is None:
        return layer
    scale = norm.gamma.astype(np.float64) / np.sqrt(norm.variance.astype(np.float64) + epsilon)
    bias = norm.beta - norm.mean.astype(np.float64) * scale
    kernel = layer.kernel * scale[:, None, None, None]
    return Layer(kernel.astype(np.float32), bias.astype(np.float32))


def fold_input_scaling(checkpoint: Checkpoint) -> Checkpoint:
    """The same function of pixels, whose normalization has one scale for all colours.

    What Core ML's image input cannot hold of the scale goes into the kernels of the rows that
    read the image (see `Normalization.split`).
    """
    scaling, gain = checkpoint.normalization.split()
    if set(gain) == {1.0}:
        return checkpoint
    layers = dict(checkpoint.layers)
    for row in checkpoint.config.rows():
        if row.reads == IMAGE:
            kernel = layers[row.name].kernel * np.asarray(gain, np.float64)[None, :, None, None]
            layers[row.name] = replace(layers[row.name], kernel=kernel.astype(np.float32))
    normalization = replace(
        checkpoint.normalization, scale=(scaling.scale,) * 3, bias=scaling.bias
    )
    return replace(checkpoint, layers=layers, normalization=normalization)


def reading_colors(checkpoint: Checkpoint, order: ColorOrder) -> Checkpoint:
    """The same function of pixels, whose colours come in `order`.

    The kernels of the rows that read the image are turned.
    """
    normalization = checkpoint.normalization
    if normalization.order == order:
        return checkpoint
    layers = dict(checkpoint.layers)
    for row in checkpoint.config.rows():
        if row.reads == IMAGE:
            layer = layers[row.name]
            layers[row.name] = replace(layer, kernel=layer.kernel[:, ::-1].copy())
    scale, bias = normalization.scale[::-1], normalization.bias[::-1]
    return replace(checkpoint, layers=layers, normalization=Normalization(scale, bias, order))
