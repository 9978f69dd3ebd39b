"""Smaller weights: coremltools' compressed forms, with what they do to the mean repaired.

A rounded kernel shifts the mean of what a layer gives, and over 27 layers the shifts add up: by
rounding alone the authors' alpha 1.0 is lost at four bits. The shift is known without a single
picture, since batch norm says how the values that enter a layer are distributed, and is taken
off the bias (Nagel et al. 2019, "Data-Free Quantization Through Weight Equalization and Bias
Correction", section 4.2). Weights that came without batch norm are rounded only.
"""

import itertools
import math
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.compression.stored_weights import layers_of
from export.formats.coreml.build import Quantizer, build
from export.formats.coreml.coremltools_import import coremltools
from export.mil.read.model import read
from export.spec import PRUNED, ExportSpec
from mobilenet import fold
from mobilenet.checkpoint import BatchNorm, Checkpoint, Layer
from mobilenet.common.errors import ConfigError

# Below lie the stem, depthwise and narrow layers: 1 % of alpha 1.0's weights, and those that
# suffer most from rounding (int8 on all of them doubles the loss). From here on coremltools
# clusters halves exactly and in a fixed order (kmeans1d); below it would need scikit-learn.
LEAST_WEIGHTS = 10_000
LARGE = {"weight_threshold": LEAST_WEIGHTS}
INT4_BLOCK = 32  # one scale for 32 input channels: half the loss of one for all of them


def compressed(
    checkpoint: Checkpoint,
    spec: ExportSpec,
    quantizers: Mapping[str, Quantizer] = MappingProxyType({}),
) -> Any:
    """`build`'s model with weights stored as `spec.compress` says and biases corrected.

    Two rounds: the first shows what the kernels become, which does not depend on the biases.
    """
    if not any(touches(name, layer, spec) for name, layer in checkpoint.layers.items()):
        raise ConfigError(
            f"compress {spec.compress}: no layer has more than {LEAST_WEIGHTS} weights",
            "so small a network is best left as it is",
        )
    passes = _passes(spec, block_size(checkpoint, spec))

    def made(network: Checkpoint) -> Any:
        with np.errstate(invalid="ignore"):  # dead channels have scale 0, and 0 / 0 is stored as 0
            return build(pruned(network, spec), spec, quantizers=quantizers, passes=passes)

    rounded = made(fold.fold(checkpoint))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "rounded.mlpackage")
        rounded.save(str(path))
        layers = layers_of(read(path).function(), checkpoint)
    corrected = with_corrected_biases(checkpoint, layers)
    if str(spec.compress).startswith("palette"):  # what is clustered already is clustered at once
        for name, layer in corrected.layers.items():
            if touches(name, layer, spec):
                corrected.layers[name] = replace(layer, kernel=layers[name].kernel)
    return made(corrected)


def touches(name: str, layer: Layer, spec: ExportSpec) -> bool:
    """Whether the kernel of this layer is compressed."""
    if spec.compress == "w8a8":
        return name != "conv0"
    return spec.compress is not None and layer.kernel.size > LEAST_WEIGHTS


def block_size(checkpoint: Checkpoint, spec: ExportSpec) -> int | None:
    """Input channels that share a scale; None where all of them do.

    A block must divide the input channels of every layer, which those of odd widths do not.
    """
    touched = [x for name, x in checkpoint.layers.items() if touches(name, x, spec)]
    fits = all(layer.kernel.shape[1] % INT4_BLOCK == 0 for layer in touched)
    return INT4_BLOCK if spec.compress == "int4" and fits else None


def pruned(folded: Checkpoint, spec: ExportSpec) -> Checkpoint:
    """With the smallest weights of each compressed kernel at zero, if `spec` prunes.

    Not by coremltools 9.0: its magnitude pruner takes a percentile in float16, which overflows
    from 65,504 weights on and leaves the large kernels as they were.
    """
    asked = PRUNED.fullmatch(spec.compress or "")
    if asked is None:
        return folded
    layers = dict(folded.layers)
    for name, layer in layers.items():
        if touches(name, layer, spec):
            kernel = layer.kernel.copy()
            count = round(kernel.size * int(asked[1]) / 100)
            kernel.flat[np.abs(kernel).argsort(axis=None, kind="stable")[:count]] = 0
            layers[name] = replace(layer, kernel=kernel)
    return replace(folded, layers=layers)


def with_corrected_biases(checkpoint: Checkpoint, stored: Mapping[str, Layer]) -> Checkpoint:
    """`checkpoint` folded, with biases that make up for the difference to the stored kernels.

    For each layer but the stem: bias - sum over kernel of (stored - original) E[input].
    """
    folded = fold.fold(checkpoint)
    layers = dict(folded.layers)
    names = list(layers)
    for before, name in itertools.pairwise(names):
        norm = checkpoint.layers[before].norm
        if norm is not None:
            mean = expected_activation(norm, checkpoint.config.activation)
            layers[name] = _corrected(layers[name], stored[name].kernel, mean)
    return replace(folded, layers=layers)


def expected_activation(norm: BatchNorm, activation: str) -> NDArray[np.float64]:
    """Mean over pictures of each channel behind batch norm and activation, (C,).

    Batch norm gives every channel mean beta and standard deviation gamma; taken as normal, the
    mean of what the clip leaves of it has a closed form.
    """
    mean = norm.beta.astype(np.float64)
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
    taps = difference.reshape(*difference.shape[:2], -1).sum(2)  # (out, in / groups)
    depthwise = taps.shape[1] == 1
    shift = taps[:, 0] * mean if depthwise else taps @ mean
    return replace(layer, bias=(layer.bias - shift).astype(np.float32))


def _passes(spec: ExportSpec, block: int | None) -> Any:
    """coremltools' pipeline of the one pass that compresses as `spec` says.

    The functions of `coremltools.optimize` run the same pass, but over a program that is read
    back, followed by some 50 others: seconds instead of tenths.
    """
    ct = coremltools(torch=False)
    from coremltools.optimize import coreml as optimize

    config, method = optimize.OptimizationConfig(), str(spec.compress)
    if method == "w8a8":  # integer arithmetic takes integers on both sides, in small layers too
        kind, options = (
            "linear_quantize_weights",
            optimize.OpLinearQuantizerConfig(weight_threshold=0),
        )
        config.set_op_name("conv0", None)
    elif method.startswith("int"):
        scales = {} if block is None else {"granularity": "per_block", "block_size": block}
        kind = "linear_quantize_weights"
        options = optimize.OpLinearQuantizerConfig(dtype=method, **LARGE, **scales)
    elif method.startswith("palette"):
        kind, bits = "palettize_weights", int(method.removeprefix("palette"))
        options = optimize.OpPalettizerConfig(mode="kmeans", nbits=bits, **LARGE)
    else:  # the zeros are there already
        kind, zeros = "prune_weights", {"threshold": 0.0, "minimum_sparsity_percentile": 0.0}
        options = optimize.OpThresholdPrunerConfig(**zeros, **LARGE)
    config.set_global(options)
    passes = ct.PassPipeline.EMPTY
    passes.append_pass(f"compression::{kind}")
    passes.set_options(f"compression::{kind}", {"config": config})
    return passes


def _normal_pdf(z: NDArray[np.float64]) -> NDArray[np.float64]:
    result: NDArray[np.float64] = np.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    return result


def _normal_cdf(z: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.array([(1 + math.erf(one / math.sqrt(2))) / 2 for one in z])
