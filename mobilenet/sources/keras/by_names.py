"""Weights of Keras Applications' MobileNets without a description: told by their names.

Keras' `.h5` of Keras 2 and 3, and `.weights.h5`. keras/applications/mobilenet.py: the stem pads
SAME, blocks of stride 2 by ZeroPadding2D(((0, 1), (0, 1))) before a valid convolution;
mobilenet_v2.py: SAME everywhere. Both have ReLU6, epsilon 1e-3 and pixels from -1 to 1.
"""

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from mobilenet.checkpoint import Checkpoint, Layer, Provenance
from mobilenet.common.decoding import decoding
from mobilenet.common.errors import CheckpointError
from mobilenet.labels import labels_for
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.networks.v2 import MobileNetV2Config
from mobilenet.preprocess import INCEPTION
from mobilenet.sources import archive, hdf5
from mobilenet.sources.assemble import assemble, licence_of
from mobilenet.sources.conventions import Conventions
from mobilenet.sources.stored import HWC1, HWIO, TENSORFLOW_NORM, Tensors

ARCHIVED = "model.weights.h5"  # inside a .keras file
HEADS = ("conv_preds", "predictions", "Logits")  # of V1; of V2, by Keras 2.3 and later, and before
FAMILY = "Keras Applications"  # whose conventions are assumed


def read(path: Path, conventions: Conventions) -> Checkpoint:
    """The network in a file of weights. Raises `CheckpointError` naming the layer."""
    if not zipfile.is_zipfile(path):
        return _read(path, path.name, conventions)
    archive.check_zip(path)
    with decoding(path.name), zipfile.ZipFile(path) as zipped:
        weights = io.BytesIO(zipped.read(ARCHIVED))
    return _read(weights, path.name, conventions)


def _read(file: Path | IO[bytes], name: str, conventions: Conventions) -> Checkpoint:
    with hdf5.opened(file, name) as opened:
        datasets = {_name(key, item): item for key, item in hdf5.datasets(opened).items()}
        tensors = Tensors(datasets, lambda key: hdf5.stored(key, datasets[key]))
        return _network(tensors, name, conventions)


def _network(tensors: Tensors, name: str, conventions: Conventions) -> Checkpoint:
    template: MobileNetConfig | MobileNetV2Config
    if "Conv1/kernel" in tensors.names:
        convolutions, template = list(_v2(tensors)), MobileNetV2Config(width_rule="keras")
    elif "conv1/kernel" in tensors.names:
        convolutions = list(_v1(tensors))
        template = MobileNetConfig(width_rule="keras", padding="keras")
    else:
        raise CheckpointError(
            f"{name} has weights without a description, and no names of Keras' MobileNets",
            "save the whole model: model.save('model.keras')",
        )
    logits = [_logits(tensors, head) for head in HEADS if f"{head}/kernel" in tensors.names]
    tensors.refuse_rest()
    template = conventions.at_resolution(conventions.network(template, FAMILY), FAMILY)
    config, layers = assemble(convolutions, logits[0] if logits else None, template)
    is_classifier = config.readout.classes is not None
    return Checkpoint(
        config,
        layers,
        Provenance("Keras", True, licence_of(config.classes)),
        conventions.normalization(INCEPTION, FAMILY),
        labels=labels_for(config.classes) if is_classifier else (),
        reading=conventions.reading("names"),
    )


def _logits(tensors: Tensors, name: str) -> Layer:
    axes = HWIO if name == "conv_preds" else (1, 0)
    return Layer(tensors.take(f"{name}/kernel", axes), tensors.take(f"{name}/bias"))


def _v1(tensors: Tensors) -> Iterator[Layer]:
    yield _convolution(tensors, "conv1", HWIO)
    for (number,) in tensors.numbered(r"conv_dw_(\d{1,3})/"):
        yield _convolution(tensors, f"conv_dw_{number}", HWC1)
        yield _convolution(tensors, f"conv_pw_{number}", HWIO)


def _v2(tensors: Tensors) -> Iterator[Layer]:
    yield _convolution(tensors, "Conv1", HWIO, "bn_Conv1")
    blocks = ["expanded_conv", *(f"block_{n}" for (n,) in tensors.numbered(r"block_(\d{1,3})_"))]
    for block in blocks:
        for part, axes in (("expand", HWIO), ("depthwise", HWC1), ("project", HWIO)):
            layer = f"{block}_{part}"
            if (block, part) != ("expanded_conv", "expand"):
                yield _convolution(tensors, layer, axes, f"{layer}_BN")
    yield _convolution(tensors, "Conv_1", HWIO, "Conv_1_bn")


def _convolution(tensors: Tensors, layer: str, axes: tuple[int, ...], norm: str = "") -> Layer:
    norm = norm or f"{layer}_bn"
    return tensors.convolution(f"{layer}/kernel", f"{norm}/", axes, TENSORFLOW_NORM)


def _name(key: str, dataset: Any) -> str:
    """ "layer/variable", whatever wrote it."""
    *path, variable = key.removesuffix(":0").split("/")
    if path[-1:] == ["vars"]:  # .weights.h5: layers/<class>_<n>/vars/<index>
        layer = hdf5.attribute_of_group(dataset, "name") or key
        return f"{layer}/{_variable(layer, variable)}"
    # .h5: <layer>/<layer>/<variable>, below model_weights for a whole model
    return f"{''.join(path[-1:])}/{variable.replace('depthwise_kernel', 'kernel')}"


def _variable(layer: str, index: str) -> str:
    names = TENSORFLOW_NORM if "bn" in layer.lower() else ("kernel", "bias")
    return dict(zip("0123", names, strict=False)).get(index, index)
