"""Smaller weights of a traced module, by coremltools' own functions on the converted model.

The layers are those that a MobileNet of ours has compressed: large ones. Nothing is known of what
enters them, so biases are not corrected.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from export.compression.forms import BLOCK_CHANNELS
from export.compression.weights import LEAST_WEIGHTS
from export.coremltools_import import coremltools
from export.formats.coreml.ml_model import MLModel
from export.spec import ExportSpec
from export.targets import PRUNED
from mobilenet.common.errors import ConfigError

LARGE = {"weight_threshold": LEAST_WEIGHTS}


def with_compressed_weights(model: MLModel, spec: ExportSpec) -> MLModel:
    """`model` with its large weights stored as `compress` says.

    Raises `ConfigError` where none is large enough.
    """
    coremltools(torch=True)
    from coremltools.optimize import coreml as optimize

    large = optimize.get_weights_metadata(model, weight_threshold=LEAST_WEIGHTS)
    if not large:
        raise ConfigError(
            f"compress {spec.compress}: no layer has more than {LEAST_WEIGHTS} weights",
            "so small a network is best left as it is",
        )
    method = str(spec.compress)
    config = optimize.OptimizationConfig()
    if method.startswith("palette"):
        bits = int(method.removeprefix("palette"))
        config.set_global(optimize.OpPalettizerConfig(mode="kmeans", nbits=bits, **LARGE))
        return _model(optimize.palettize_weights(model, config))
    if pruned := PRUNED.fullmatch(method):
        for name, threshold in _thresholds(large, int(pruned[1]) / 100).items():
            zeros = {"threshold": threshold, "minimum_sparsity_percentile": 0.0}
            config.set_op_name(name, optimize.OpThresholdPrunerConfig(**zeros, **LARGE))
        return _model(optimize.prune_weights(model, config))
    config.set_global(optimize.OpLinearQuantizerConfig(dtype=method, **LARGE))
    if method == "int4":
        blocks = {"granularity": "per_block", "block_size": BLOCK_CHANNELS}
        for name, weight in large.items():
            if weight.val.shape[1] % BLOCK_CHANNELS == 0:
                options = optimize.OpLinearQuantizerConfig(dtype=method, **blocks, **LARGE)
                config.set_op_name(name, options)
    return _model(optimize.linear_quantize_weights(model, config))


def _thresholds(large: Mapping[str, Any], share: float) -> dict[str, float]:
    """Of each weight by its name, the size below which `share` of its numbers lies."""
    return {
        name: float(np.quantile(np.abs(weight.val.astype(np.float64)), share))
        for name, weight in large.items()
    }


def _model(compressed: Any) -> MLModel:
    typed: MLModel = compressed
    return typed
