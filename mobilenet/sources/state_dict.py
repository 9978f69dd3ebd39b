"""State dicts of `mobilenet.torch_module.MobileNet`, saved with torch or as bare safetensors.

Shapes say alpha, depth and classes. What a state dict does not hold (padding, epsilon,
activation, preprocessing, resolution) is taken to be the default of `MobileNetConfig`; our own
safetensors, which `store.save` writes, hold it all.
"""

from contextlib import suppress

from mobilenet.checkpoint import Checkpoint, Layer, Provenance
from mobilenet.common.errors import CheckpointError
from mobilenet.labels import labels_for
from mobilenet.networks.v1 import MobileNetConfig, WidthRule
from mobilenet.sources.assemble import TORCH_COUNTER, Tensors, assemble, find_alpha
from mobilenet.store import layers_of


def read(tensors: Tensors) -> Checkpoint:
    """The network in our module's own tensors. Raises `CheckpointError` naming the tensor."""
    names = [name for name in tensors.names if not name.endswith(TORCH_COUNTER)]
    layers = layers_of({name: tensors.take(name, None) for name in names})
    order = [spec.name for spec in MobileNetConfig().convolutions()]
    if foreign := sorted(set(layers) - {*order, "logits"}):
        raise CheckpointError(f"layer {foreign[0]} does not belong to a MobileNet v1")
    convolutions = [layers[name] for name in order if name in layers]
    config, layers = assemble(convolutions, layers.get("logits"), _width_rule(convolutions))
    labels = labels_for(config.classes) if config.head == "classifier" else ()
    return Checkpoint(config, layers, Provenance("PyTorch state dict", True), labels=labels)


def _width_rule(convolutions: list[Layer]) -> WidthRule:
    """The first rule by which some alpha gives these widths; ours if there is none."""
    rules: tuple[WidthRule, ...] = ("slim", "timm", "keras")
    if convolutions:
        first, last = (convolutions[index].kernel.shape[0] for index in (0, -1))
        for rule in rules:
            with suppress(CheckpointError):
                find_alpha(first, last, rule)
                return rule
    return rules[0]
