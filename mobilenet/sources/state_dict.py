"""State dicts of `mobilenet.torch_module.MobileNet`, saved with torch or as bare safetensors.

Shapes say network, alpha, depth and classes. A state dict does not hold padding, epsilon,
activation, preprocessing and resolution, and our module may have been trained with any: they must
be given. Our own safetensors, which `store.save` writes, hold it all.
"""

from collections.abc import Mapping

from mobilenet.checkpoint import Checkpoint, Layer, Provenance
from mobilenet.common.errors import CheckpointError
from mobilenet.common.text import one_line
from mobilenet.labels import labels_for
from mobilenet.networks.base_config import BaseConfig
from mobilenet.networks.classifier import LOGITS
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.networks.v2 import MobileNetV2Config
from mobilenet.preprocess import INCEPTION
from mobilenet.sources.assemble import assemble, fitting
from mobilenet.sources.conventions import SAVE_HINT, Conventions
from mobilenet.sources.stored import OTHER_NETWORK, TORCH_COUNTER, Tensors
from mobilenet.store import layers_of

PREFIX = "layers.conv0."  # of the first row of every family


def read(tensors: Tensors, conventions: Conventions) -> Checkpoint:
    """The network in our module's own tensors. Raises `CheckpointError` naming the tensor."""
    names = [name for name in tensors.names if not name.endswith(TORCH_COUNTER)]
    layers = layers_of({name: tensors.take(name, None) for name in names})
    if hidden := sorted(name for name in names if name.startswith("hidden.")):
        raise CheckpointError(
            f"{hidden[0]} is of a head of several matrices, whose activations the file does not "
            "say",
            SAVE_HINT.removeprefix("or "),
        )
    template = _family(layers)
    conventions.require_all()
    convolutions = [layers[row.name] for row in template.rows() if row.name in layers]
    logits = layers.get(LOGITS)
    template = next(iter(fitting(convolutions, logits, [template])), template)
    config, layers = assemble(convolutions, logits, template)
    config = conventions.at_resolution(conventions.network(config, ""), "")
    if config.readout.classes is not None:
        conventions.assume("scores by softmax", "as of a classifier")
    return Checkpoint(
        config,
        layers,
        Provenance("PyTorch state dict", True),
        conventions.normalization(INCEPTION, ""),
        labels=() if config.readout.classes is None else labels_for(config.classes),
        reading=conventions.reading("names"),
    )


def _family(layers: Mapping[str, Layer]) -> BaseConfig:
    """The smallest of the networks of ours that has all these layers."""
    templates: tuple[BaseConfig, ...] = (
        MobileNetConfig(), MobileNetConfig(last_channels=1), MobileNetV2Config(),
    )  # fmt: skip
    foreign: list[str] = []
    for template in templates:
        known = {LOGITS, *(row.name for row in template.rows())}
        if not (rest := sorted(set(layers) - known)):
            return template
        foreign = min(foreign or rest, rest, key=len)
    raise CheckpointError(
        f"layer {one_line(foreign[0], 100)} does not belong to a MobileNet", OTHER_NETWORK
    )
