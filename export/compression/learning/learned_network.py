"""Kernels in smaller forms, learned layer by layer from photographs without labels.

Each layer is asked to give what the network gave before, from what the layers in front of it,
which are compressed already, hand it. Its bias takes the means. Layers that keep their numbers are
moved to make up for what enters them: depthwise kernels above all, of which each channel has
errors of its own. Kernels that are compressed are not moved before they are: with some hundred
photographs, what that fits is the photographs.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from export.compression.calibration import Calibration, Pixels
from export.compression.compressed_network import CompressedNetwork
from export.compression.forms import LayerForm
from export.compression.kernels import CompressedKernel
from export.compression.learning.layer_inputs import LayerInputs
from export.compression.learning.learned_kernel import check_form, learned_kernel
from export.compression.learning.paired_networks import PairedNetworks
from export.compression.learning.second_order import damped
from export.compression.quantizer import Quantizer
from mobilenet.checkpoint import Checkpoint
from mobilenet.common.errors import ConfigError
from mobilenet.common.progress import SILENT, Progress, tracked
from mobilenet.networks.config import NetworkConfig
from mobilenet.networks.rows import IMAGE, last_uses

MAPS_BYTES = 3 << 29  # of all values that are kept at once
DAMPING = 0.001  # of covariances; a tenth of GPTQ's percdamp: a layer sees many photographs
NO_QUANTIZERS: Mapping[str, Quantizer] = {}
VIEWS = ((0, 0, False), (3, -3, True))  # down, right, mirrored


def learned(
    folded: Checkpoint,
    forms: Mapping[str, LayerForm],
    photographs: Calibration,
    *,
    dtype: type[np.floating],
    quantizers: Mapping[str, Quantizer] = NO_QUANTIZERS,
    progress: Progress = SILENT,
) -> CompressedNetwork:
    """`folded` with the kernels of `forms` in these forms, all in numbers that `dtype` holds.

    `quantizers` round the inputs of layers (w8a8). The same photographs give the same numbers on
    the same machine with as many threads. Raises `ConfigError` for what has no such form.
    """
    import torch

    rows, readout = folded.config.rows(), folded.config.readout
    _check(folded.config, forms)
    with torch.inference_mode():
        networks = PairedNetworks(
            folded, photographs, _seen(photographs, folded.config), quantizers
        )
        layers, kernels = dict(folded.layers), dict[str, CompressedKernel]()

        def learn(name: str, inputs: LayerInputs) -> None:
            kernel = layers[name].kernel.reshape(inputs.groups.shape)
            if name in forms:
                covariance = damped(inputs.smoothed, DAMPING)
                kernels[name] = learned_kernel(
                    kernel, covariance, inputs.groups, forms[name], dtype
                )
                kernel = kernels[name].dense()
            else:
                kernel = inputs.repaired(kernel, DAMPING)
            kernel = kernel.astype(dtype).astype(np.float32)
            bias = inputs.bias(kernel).astype(dtype).astype(np.float32)
            networks.replace(name, kernel, bias)
            layers[name] = replace(
                layers[name], kernel=kernel.reshape(layers[name].kernel.shape), bias=bias
            )

        for row in tracked(rows, lambda row: float(row.macs), "Learning layers", progress):
            inputs = networks.look(row, row.name in forms)
            if inputs is not None:
                learn(row.name, inputs)
            networks.advance(row, inputs is None)
        if readout.dense:
            vectors = networks.pooled()
            for layer in readout.dense:
                learn(layer.name, networks.look_at_matrix(layer, vectors))
                vectors = networks.advance_matrix(layer, vectors)
    return CompressedNetwork.of(replace(folded, layers=layers), kernels)


def _check(config: NetworkConfig, forms: Mapping[str, LayerForm]) -> None:
    rows = {row.name: row for row in config.rows()}
    matrices = {layer.name: layer for layer in config.readout.dense}
    for name, form in forms.items():
        if name not in rows and name not in matrices:
            raise ConfigError(f"layer {name} is not of this network", f"its are {', '.join(rows)}")
        if name in rows and rows[name].reads == IMAGE:
            raise ConfigError(f"layer {name} reads pixels and is not compressed", "leave it out")
        shape = rows[name].kernel_shape if name in rows else matrices[name].convolution_shape
        check_form(name, shape, form)


def _seen(photographs: Calibration, config: NetworkConfig) -> Pixels:
    """Views of as many photographs as memory is meant for, different ones of each."""
    margin = photographs.margin
    views = [
        photographs.views(
            photographs.learned_from, min(max(down, -margin), margin),
            min(max(right, -margin), margin), mirrored,
        )
        for down, right, mirrored in VIEWS
    ]  # fmt: skip
    most = max(MAPS_BYTES // kept_bytes(config), 1)
    return np.concatenate([view[:most] for view in views])[:most]


def kept_bytes(config: NetworkConfig) -> int:
    """Of the values of one picture, in halves, that both networks need at once; the most."""
    rows = config.rows()
    sizes = {row.name: row.out_channels * row.out_size.area for row in rows}
    done, most, kept = last_uses(rows, config.readout.kept), 0, set[str]()
    for row in rows:
        kept.add(row.name)
        most = max(most, sum(sizes[name] for name in kept))
        kept -= set(done[row.name])
    return 2 * 2 * most
