"""Compressed kernels in a Core AI program: stored as they are, made dense when it is loaded."""

from typing import TYPE_CHECKING

import numpy as np

from export.compression.kernels import CLUSTERED, SPARSE, CompressedKernel
from export.coreai import construction, library
from mobilenet.common.errors import ConfigError

if TYPE_CHECKING:
    from coreai.authoring import Value


def compressed_constant(name: str, kernel: CompressedKernel) -> "Value":
    """The dense kernel, stored under `name`; its scales or its table under names after it.

    Raises `ConfigError` for a form that Core AI does not have.
    """
    import coreai.authoring as ca

    operands = kernel.operands
    if kernel.form == SPARSE:
        raise ConfigError(
            f"{name} as {kernel.layer_form} with format coreai, which has int8, int4 and palettes",
            "choose these, or leave --format out for an .mlpackage",
        )
    if kernel.form == CLUSTERED:
        indices = construction.packed_constant(name, operands["indices"], kernel.bits)
        table = library.named_constant(f"{name}.lut", operands["lut"])
        return ca.lut_to_dense(indices, table, np.int16(0))
    scale = library.named_constant(f"{name}.scale", operands["scale"])
    shape = operands["scale"].shape
    data = construction.packed_constant(name, operands["data"], kernel.bits)
    offsets = construction.zeros(shape, data), construction.zeros(shape, scale)
    return ca.blockwise_shift_scale(data, scale, *offsets)
