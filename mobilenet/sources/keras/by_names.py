"""Keras Applications' MobileNet: `.h5` of Keras 2 and 3, `.weights.h5`, and `.keras`.

keras/applications/mobilenet.py: ReLU6, epsilon 1e-3, int(filters * alpha) channels; the stem
pads SAME, blocks of stride 2 by ZeroPadding2D(((0, 1), (0, 1))) before a valid convolution.
Size, epsilon and activation are taken from the model's own description where the file holds it.
"""

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import msgspec

from mobilenet.checkpoint import Checkpoint, Layer, Provenance
from mobilenet.common.decoding import decode_json, decoding
from mobilenet.common.errors import CheckpointError
from mobilenet.labels import labels_for
from mobilenet.networks.rows import Activation
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.sources import archive, hdf5
from mobilenet.sources.assemble import assemble, licence_of
from mobilenet.sources.stored import HWC1, HWIO, TENSORFLOW_NORM, Tensors

ARCHIVED, DESCRIBED = "model.weights.h5", "config.json"  # inside a .keras file
SAVE_AGAIN = "save the model again"


class LayerSettings(msgspec.Struct):
    """What we need of a layer's `config`: of the input's, the batch norms' and the ReLUs'."""

    batch_shape: list[int | None] | None = None  # Keras 3
    batch_input_shape: list[int | None] | None = None  # Keras 2
    epsilon: float | None = None
    max_value: float | None = None


class LayerDescription(msgspec.Struct):
    """A layer of a model's description."""

    class_name: str
    config: LayerSettings


class Layers(msgspec.Struct):
    """The layers of a model's description, in order."""

    layers: list[LayerDescription]


class KerasModel(msgspec.Struct):
    """The `model_config` attribute of a whole model's `.h5`, and the config.json of `.keras`."""

    config: Layers

    def all(self, class_name: str) -> list[LayerSettings]:
        """Settings of the layers of one class."""
        return [layer.config for layer in self.config.layers if layer.class_name == class_name]

    def resolution(self) -> int:
        """Side of a fixed input, else 224."""
        for entry in self.all("InputLayer"):
            shape = entry.batch_shape or entry.batch_input_shape or []
            if len(shape) == 4 and shape[1]:
                return shape[1]
        return 224

    def epsilon(self) -> float:
        """That of all batch norms. Raises `CheckpointError` where they differ."""
        epsilons = {entry.epsilon for entry in self.all("BatchNormalization")}
        if len(epsilons) != 1 or (epsilon := epsilons.pop()) is None:
            raise CheckpointError(
                f"the model's batch norms have {len(epsilons)} different epsilons",
                "all must be the same",
            )
        return epsilon

    def activation(self) -> Activation:
        """ReLU6 is a ReLU with a highest value."""
        return "relu6" if any(entry.max_value for entry in self.all("ReLU")) else "relu"


def read(path: Path) -> Checkpoint:
    """The network in a file of Keras. Raises `CheckpointError` naming the layer."""
    if not zipfile.is_zipfile(path):
        return _read(path, path.name, None)
    names = archive.check_zip(path)
    with decoding(path.name), zipfile.ZipFile(path) as zipped:
        described = zipped.read(DESCRIBED) if DESCRIBED in names else None
        weights = io.BytesIO(zipped.read(ARCHIVED))
    return _read(weights, path.name, described)


def _read(file: Path | IO[bytes], name: str, described: bytes | str | None) -> Checkpoint:
    with hdf5.opened(file, name) as opened:
        described = described or hdf5.attribute(opened, "model_config")
        description = _model(described, name) if described else None
        datasets = {_name(key, item): item for key, item in hdf5.datasets(opened).items()}
        tensors = Tensors(datasets, lambda key: hdf5.stored(key, datasets[key]))
        return _network(tensors, description)


def _model(described: bytes | str, name: str) -> KerasModel:
    return decode_json(described, KerasModel, f"the model's description in {name}", SAVE_AGAIN)


def _network(tensors: Tensors, description: KerasModel | None) -> Checkpoint:
    convolutions = list(_convolutions(tensors))
    logits = Layer(tensors.take("conv_preds/kernel", HWIO), tensors.take("conv_preds/bias"))
    tensors.refuse_rest()
    template = MobileNetConfig(
        width_rule="keras",
        padding="keras",
        resolution=description.resolution() if description else 224,
        bn_epsilon=description.epsilon() if description else 1e-3,
        activation=description.activation() if description else "relu6",
    )
    config, layers = assemble(convolutions, logits, template)
    provenance = Provenance("Keras", True, licence_of(config.classes))
    return Checkpoint(config, layers, provenance, labels=labels_for(config.classes))


def _convolutions(tensors: Tensors) -> Iterator[Layer]:
    yield _convolution(tensors, "conv1", HWIO)
    for (number,) in tensors.numbered(r"conv_dw_(\d{1,3})/"):
        yield _convolution(tensors, f"conv_dw_{number}", HWC1)
        yield _convolution(tensors, f"conv_pw_{number}", HWIO)


def _convolution(tensors: Tensors, layer: str, axes: tuple[int, ...]) -> Layer:
    return tensors.convolution(f"{layer}/kernel", f"{layer}_bn/", axes, TENSORFLOW_NORM)


def _name(key: str, dataset: Any) -> str:
    """ "layer/variable", whatever wrote it."""
    *path, variable = key.removesuffix(":0").split("/")
    if path[-1:] == ["vars"]:  # .weights.h5: layers/<class>_<n>/vars/<index>
        layer = hdf5.attribute_of_group(dataset, "name") or key
        return f"{layer}/{_variable(layer, variable)}"
    # .h5: <layer>/<layer>/<variable>, below model_weights for a whole model
    return f"{''.join(path[-1:])}/{variable.replace('depthwise_kernel', 'kernel')}"


def _variable(layer: str, index: str) -> str:
    names = TENSORFLOW_NORM if layer.endswith("_bn") else ("kernel", "bias")
    return dict(zip("0123", names, strict=False)).get(index, index)
