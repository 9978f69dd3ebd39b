"""State dicts of `mobilenet.torch_module.MobileNet`, saved with torch or as bare safetensors.

Shapes say alpha, depth and classes. What a state dict does not hold (padding, epsilon,
activation, preprocessing, resolution) is taken to be the default of `MobileNetConfig`; our own
safetensors, which `store.save` writes, hold it all.
"""

from mobilenet.checkpoint import Checkpoint, Layer, Provenance
from mobilenet.common.errors import CheckpointError
from mobilenet.labels import labels_for
from mobilenet.networks.classifier import LOGITS
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.networks.widths import WidthRule
from mobilenet.sources.assemble import assemble
from mobilenet.sources.stored import OTHER_NETWORK, TORCH_COUNTER, Tensors
from mobilenet.store import layers_of


def read(tensors: Tensors) -> Checkpoint:
    """The network in our module's own tensors. Raises `CheckpointError` naming the tensor."""
    names = [name for name in tensors.names if not name.endswith(TORCH_COUNTER)]
    layers = layers_of({name: tensors.take(name, None) for name in names})
    order = [row.name for row in MobileNetConfig().rows()]
    if foreign := sorted(set(layers) - {*order, LOGITS}):
        raise CheckpointError(
            f"layer {foreign[0]} does not belong to a MobileNet v1", OTHER_NETWORK
        )
    convolutions = [layers[name] for name in order if name in layers]
    config, layers = _assembled(convolutions, layers.get(LOGITS))
    labels = () if config.readout.classes is None else labels_for(config.classes)
    return Checkpoint(config, layers, Provenance("PyTorch state dict", True), labels=labels)


def _assembled(
    convolutions: list[Layer], logits: Layer | None
) -> tuple[MobileNetConfig, dict[str, Layer]]:
    """By the first rule of widths by which some alpha gives these."""
    rules: tuple[WidthRule, ...] = ("slim", "timm", "keras")
    failures = []
    for rule in rules:
        try:
            return assemble(convolutions, logits, MobileNetConfig(width_rule=rule))
        except CheckpointError as error:
            failures.append(error)
    raise failures[0]
