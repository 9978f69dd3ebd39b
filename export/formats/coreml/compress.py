"""A model with smaller weights: coremltools' compressed forms of them."""

from dataclasses import replace
from typing import Any

import numpy as np

from export.compression import weights
from export.compression.stored_weights import layers_of
from export.coremltools_import import coremltools
from export.formats.coreml.build import build
from export.formats.coreml.ml_model import MLModel
from export.mil.read.model import read
from export.prepared import Prepared
from export.spec import ExportSpec
from mobilenet.checkpoint import Checkpoint
from mobilenet.common.temporary import owned_folder

LARGE = {"weight_threshold": weights.LEAST_WEIGHTS}


def compressed(prepared: Prepared) -> MLModel:
    """`build`'s model with weights stored as `compress` says and biases corrected.

    Two rounds: the first shows what the kernels become, which does not depend on the biases.
    Raises `ConfigError` where no layer is large enough.
    """
    original, folded, spec = prepared.network, prepared.folded, prepared.spec
    assert isinstance(original, Checkpoint), "only checkpoints are compressed"
    assert folded is not None, "of a checkpoint"
    touched = weights.compressed_layers(folded, spec)
    passes = _passes(folded, spec)

    def made(network: Checkpoint) -> MLModel:
        with np.errstate(invalid="ignore"):  # dead channels have scale 0, and 0 / 0 is stored as 0
            return build(prepared, weights.pruned(network, spec), passes)

    with owned_folder() as folder:
        path = folder / "rounded.mlpackage"
        made(folded).save(str(path))
        layers = layers_of(read(path).function(), original.config)
    corrected = weights.with_corrected_biases(original, folded, layers)
    if str(spec.compress).startswith("palette"):  # what is clustered already is clustered at once
        for name in touched:
            kernel = layers[name].kernel
            corrected.layers[name] = replace(corrected.layers[name], kernel=kernel)
    return made(corrected)


def _passes(folded: Checkpoint, spec: ExportSpec) -> Any:
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
        for name in weights.rows_reading_pixels(folded):
            config.set_op_name(name, None)
    elif method.startswith("int"):
        block = weights.block_size(folded, spec)
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
