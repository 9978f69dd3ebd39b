"""One layer's kernel in its form, by the covariance of the layer's inputs."""

import re

import numpy as np

from export.compression.forms import LayerForm
from export.compression.kernels import CompressedKernel, clustered, quantized, sparse
from export.compression.learning.kernel_groups import Array, KernelGroups
from export.compression.learning.palette_tables import TableLevels, weighted_tables
from export.compression.learning.pruning import KeptWeights, kept
from export.compression.learning.scales import EqualSteps, weighted_scales
from export.compression.learning.second_order import second_order_codes
from export.targets import COMPRESSIONS
from mobilenet.common.errors import ConfigError

METHOD = re.compile(r"(int|palette|prune)([1-9][0-9]?)")


def check_form(name: str, kernel_shape: tuple[int, ...], form: LayerForm) -> None:
    """Raise `ConfigError` for a form that a kernel of this shape cannot have."""
    method = METHOD.fullmatch(form.method)
    if method is None or (method[1] != "prune" and form.method not in COMPRESSIONS):
        raise ConfigError(
            f"{form.method} of layer {name} is not learned", "int4, palette4, prune50, ... are"
        )
    shared = kernel_shape[1] if method[1] == "int" else kernel_shape[0]
    if form.group is not None and (form.group < 1 or shared % form.group):
        raise ConfigError(
            f"{form} of layer {name}: groups of {form.group} do not divide {shared} channels",
            "leave the group out, or give a divisor",
        )


def learned_kernel(
    kernel: Array,
    covariance: Array,
    groups: KernelGroups,
    form: LayerForm,
    dtype: type[np.floating],
) -> CompressedKernel:
    """`kernel` (out, in / groups, kH, kW) in `form`, in numbers of `dtype`.

    `covariance` (groups, in, in) is positive definite: `second_order.damped`.
    """
    method = METHOD.fullmatch(form.method)
    assert method is not None, "checked"
    kind, number = method[1], int(method[2])
    matrices = groups.split(kernel)
    if kind == "prune":
        levels = KeptWeights(kept(matrices, covariance, number), dtype)
        _, values = second_order_codes(matrices, covariance, levels)
        return sparse(groups.joined(values).astype(dtype))
    variance = np.diagonal(covariance, axis1=1, axis2=2)[:, None]
    importance = groups.joined(np.broadcast_to(variance, matrices.shape))
    if kind == "int":
        blocks = 1 if form.group is None else kernel.shape[1] // form.group
        scales = weighted_scales(kernel, importance, number, blocks, dtype)
        steps = np.repeat(scales, kernel.shape[1] // blocks, 1)[:, :, None, None]
        steps = groups.split(np.broadcast_to(steps, kernel.shape))
        codes, _ = second_order_codes(matrices, covariance, EqualSteps(steps, number))
        return quantized(groups.joined(codes), scales, number)
    count = 1 if form.group is None else len(kernel) // form.group
    tables = weighted_tables(kernel, importance, number, count, dtype)
    of_output = groups.of_outputs(np.arange(len(kernel)) // (len(kernel) // count))
    codes, _ = second_order_codes(matrices, covariance, TableLevels(tables, of_output))
    return clustered(groups.joined(codes), tables)
