"""The weights that a package holds, against those it should hold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from export.compression import tolerance, weights
from export.compression.stored_kernels import kernels_of
from export.compression.stored_weights import (
    Rounding,
    layers_of,
    roundings_of,
    stored_shapes,
)
from export.mil.program import Function
from export.prepared import Prepared
from export.runtimes.base import Feature
from export.verify.agreement import relative_l2
from export.verify.learned_numbers import check_stored_forms
from mobilenet.checkpoint import Checkpoint, Layer
from mobilenet.common.errors import VerificationError
from mobilenet.networks.classifier import LOGITS

if TYPE_CHECKING:
    from torch import Tensor


Array = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class StoredNetwork:
    """The folded network with the weights of a package, and where it rounds activations."""

    network: Checkpoint
    roundings: Mapping[str, Rounding]


def stored_network(function: Function, prepared: Prepared) -> StoredNetwork:
    """Read the weights off a program, and check them.

    Raises `VerificationError` for a kernel or bias that is not what it should be: bit for bit as
    the precision rounds them, compressed kernels within half a step or, where it is known what
    they become, these values in just these forms.
    """
    assert isinstance(prepared.network, Checkpoint), "the weights of a traced module are anywhere"
    layers = layers_of(function, prepared.network.config)
    if prepared.compressed is None:
        expected = _expected(prepared, prepared.network, layers)
    else:
        expected = prepared.compressed.folded
        forms = {name: str(form) for name, form in prepared.compressed.forms.items()}
        check_stored_forms(kernels_of(function, prepared.network.config), forms)
    _check_weights(layers, expected, prepared)
    roundings = roundings_of(function, prepared.network.config)
    return StoredNetwork(replace(expected, layers=layers), roundings)


def between_roundings(
    outputs: Sequence[Mapping[str, Feature]], logits: Array, stored: StoredNetwork, x: "Tensor"
) -> float:
    """Distance from PyTorch of each stretch between two roundings, the worst: relative L2.

    `outputs` hold the values before and behind each rounding, for the normalized pictures `x`.
    """
    import torch

    from export.compression import activations
    from mobilenet.torch_module import from_checkpoint

    names = {name for r in stored.roundings.values() for name in (r.before, r.after)}
    values = {
        name: torch.from_numpy(np.concatenate([output[name] for output in outputs]))
        for name in names
    }
    values[LOGITS] = torch.from_numpy(logits)
    module = from_checkpoint(stored.network)
    steps = activations.step_by_step(module, x, stored.roundings, values)
    return max(relative_l2(a.flatten(1).numpy(), b.flatten(1).numpy()) for a, b in steps)


def _expected(prepared: Prepared, original: Checkpoint, stored: Mapping[str, Layer]) -> Checkpoint:
    """The folded network, with the biases that belong to the package's compressed kernels."""
    assert prepared.folded is not None, "of a checkpoint"
    if prepared.compress is None:
        return prepared.folded
    corrected = weights.with_corrected_biases(original, prepared.folded, stored)
    return weights.pruned(corrected, prepared.spec)


def _check_weights(stored: Mapping[str, Layer], expected: Checkpoint, prepared: Prepared) -> None:
    dtype = np.float16 if prepared.precision == "fp16" else np.float32
    spec, shapes = prepared.spec, stored_shapes(expected.config, prepared.spec)
    is_known = prepared.compress is None or prepared.compressed is not None
    compressed = [] if is_known else weights.compressed_layers(expected, spec)
    block = None if is_known else weights.block_size(expected, spec)
    for name, layer in expected.layers.items():
        assert layer.bias is not None, "folded"
        biases, kernels = (stored[name].bias, layer.bias), (stored[name].kernel, layer.kernel)
        if name in compressed:
            as_stored, original = (kernel.reshape(shapes[name]) for kernel in kernels)
            form = str(prepared.compress)
            is_right = tolerance.within_half_a_step(as_stored, original, form, block)
        else:
            is_right = _same(*kernels, dtype)
        _refuse(f"{name}.kernel", *kernels, is_right)
        _refuse(f"{name}.bias", *biases, _same(*biases, dtype))


def _refuse(part: str, stored: Array | None, expected: Array, is_right: bool) -> None:
    if not is_right:
        error = np.inf if stored is None else float(np.abs(stored - expected).max())
        raise VerificationError(
            f"{part} of the package is off by {error:.1e} from the folded weights",
            "the package is damaged, or was made from other weights",
        )


def _same(stored: Array | None, expected: Array, dtype: type[np.floating]) -> bool:
    return stored is not None and np.array_equal(stored, expected.astype(dtype).astype(np.float32))
