"""Compressed networks without learning: the nearest codes, in a form for each layer."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from export.compression import kernels
from export.compression.compressed_network import CompressedNetwork
from export.compression.forms import LayerForm
from export.compression.kernels import CompressedKernel
from export.package.calibration_record import CalibrationRecord
from export.prepared import Prepared
from mobilenet.checkpoint import Checkpoint
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.untrained import untrained


def nearest(kernel: np.ndarray, form: LayerForm) -> CompressedKernel:
    """`kernel` (out, in / groups, kH, kW) in its own type, in the nearest values of `form`."""
    method, group = form
    if method.startswith("prune"):
        kernel = kernel.copy()
        count = kernel.size * int(method.removeprefix("prune")) // 100
        kernel.flat[np.abs(kernel).argsort(axis=None, kind="stable")[:count]] = 0
        return kernels.sparse(kernel)
    if method.startswith("int"):
        return kernels.compressed(kernel, method, group)
    bits, size = int(method.removeprefix("palette")), group or len(kernel)
    groups = kernel.reshape(len(kernel) // size, -1)
    shares = (np.arange(2**bits) + 0.5) / 2**bits
    tables = np.quantile(groups.astype(np.float64), shares, axis=1).T.astype(kernel.dtype)
    indices = np.abs(groups[..., None] - tables[:, None].astype(np.float32)).argmin(axis=-1)
    return kernels.clustered(indices.reshape(kernel.shape), tables)


def learned(prepared: Prepared, forms: Mapping[str, LayerForm]) -> Prepared:
    """Ready to be written in these forms, and with biases as learning would change them."""
    folded = prepared.folded
    assert folded is not None
    dtype = np.float16 if prepared.precision == "fp16" else np.float32
    stored = {}
    for name, form in forms.items():
        kernel = folded.layers[name].kernel.astype(dtype)
        shape = kernel.shape if kernel.ndim == 4 else (*kernel.shape, 1, 1)
        stored[name] = nearest(kernel.reshape(shape), form)
    layers = {name: replace(x, bias=x.bias + 0.01) for name, x in folded.layers.items()}
    network = CompressedNetwork.of(replace(folded, layers=layers), stored)
    record = CalibrationRecord(
        photographs=256, held_back=64, digest="ab", loss=0.2, agreed=60,
        forms={name: str(form) for name, form in network.forms.items()},
        numbers=network.numbers(folded, prepared.quantizers, dtype),
    )  # fmt: skip

    def told(each: Prepared) -> Prepared:
        network_at_size = network.at(each.network.config.size)
        metadata = replace(each.metadata, calibration=record)
        parts = {name: told(part) for name, part in each.parts.items()}
        return replace(each, compressed=network_at_size, metadata=metadata, parts=parts)

    return told(prepared)


def small_network() -> Checkpoint:
    """Of layers that are large enough to be compressed: three layers of 32 pixels and fewer."""
    network = untrained(MobileNetConfig(0.25, 32, shallow=True, classes=50))
    return replace(network, labels=tuple(f"class {number}" for number in range(50)))
