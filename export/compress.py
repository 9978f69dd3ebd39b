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

from export.build import Quantizer, build
from export.layers import layers_of
from export.mil.read import read
from export.quiet import coremltools
from export.spec import PRUNED, ExportSpec
from mobilenet import fold
from mobilenet.checkpoint import BatchNorm, Checkpoint, Layer
from mobilenet.errors import ConfigError

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
    touched = [x for name, x in checkpoint.layers.items() if touches(name, x, spec)]
    if not touched:
        raise ConfigError(
            f"compress {spec.compress}: no layer has more than {LEAST_WEIGHTS} weights",
            "so small a network is best left as it is",
        )
    # a block must divide the input channels: odd widths get a scale for each output channel
    blocks = all(layer.kernel.shape[1] % INT4_BLOCK == 0 for layer in touched)

    def made(biases: Checkpoint) -> Any:
        return _apply(build(biases, spec, quantizers=quantizers), str(spec.compress), blocks)

    rounded = made(checkpoint)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "rounded.mlpackage")
        rounded.save(str(path))
        layers = layers_of(read(path).function(), checkpoint)
    return made(with_corrected_biases(checkpoint, layers))


def touches(name: str, layer: Layer, spec: ExportSpec) -> bool:
    """Whether the kernel of this layer is compressed."""
    if spec.compress == "w8a8":
        return name != "conv0"
    return spec.compress is not None and layer.kernel.size > LEAST_WEIGHTS


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


def _apply(model: Any, method: str, blocks: bool) -> Any:
    """The same `MLModel` with its kernels compressed by coremltools."""
    coremltools(torch=False)
    from coremltools.optimize import coreml as optimize

    config = optimize.OptimizationConfig()
    if method == "w8a8":  # integer arithmetic takes integers on both sides, in small layers too
        config.set_global(optimize.OpLinearQuantizerConfig(weight_threshold=0))
        config.set_op_name("conv0", None)
        return optimize.linear_quantize_weights(model, config)
    if method.startswith("int"):
        form = {"granularity": "per_block", "block_size": INT4_BLOCK} if blocks else {}
        given = form if method == "int4" else {}
        config.set_global(optimize.OpLinearQuantizerConfig(dtype=method, **LARGE, **given))
        return optimize.linear_quantize_weights(model, config)
    if pruned := PRUNED.fullmatch(method):
        sparsity = int(pruned[1]) / 100
        config.set_global(optimize.OpMagnitudePrunerConfig(target_sparsity=sparsity, **LARGE))
        return optimize.prune_weights(model, config)
    bits = int(method.removeprefix("palette"))
    config.set_global(optimize.OpPalettizerConfig(mode="kmeans", nbits=bits, **LARGE))
    return optimize.palettize_weights(model, config)


def _normal_pdf(z: NDArray[np.float64]) -> NDArray[np.float64]:
    result: NDArray[np.float64] = np.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    return result


def _normal_cdf(z: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.array([(1 + math.erf(one / math.sqrt(2))) / 2 for one in z])
