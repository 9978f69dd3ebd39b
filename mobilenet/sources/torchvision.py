"""torchvision's MobileNet v2 (`mobilenet_v2`), `.pth` or safetensors.

torchvision/models/mobilenetv2.py: symmetric padding, epsilon 1e-5, ReLU6; the layers stand in
`nn.Sequential`s, so that the numbers in their names are their order.
"""

from mobilenet.checkpoint import Checkpoint, Provenance
from mobilenet.labels import labels_for
from mobilenet.networks.v2 import MobileNetV2Config
from mobilenet.preprocess import IMAGENET
from mobilenet.sources import ordered_layers
from mobilenet.sources.assemble import assemble
from mobilenet.sources.conventions import Conventions
from mobilenet.sources.stored import Tensors

NAMES = {
    "features.0.0.weight", "features.1.conv.0.0.weight", "features.1.conv.1.weight",
    "features.17.conv.2.weight", "features.18.0.weight",
}  # fmt: skip


def read(tensors: Tensors, conventions: Conventions) -> Checkpoint:
    """The network in torchvision's tensors. Raises `CheckpointError` naming the tensor."""
    convolutions, logits = ordered_layers.in_order(tensors)
    usual = MobileNetV2Config(padding="symmetric", bn_epsilon=1e-5)
    usual = conventions.at_resolution(conventions.network(usual, "torchvision"), "torchvision")
    network, layers = assemble(convolutions, logits, usual)
    return Checkpoint(
        network,
        layers,
        Provenance("torchvision", True),
        conventions.normalization(IMAGENET, "torchvision"),
        labels=labels_for(network.classes) if logits else (),
        reading=conventions.reading("names"),
    )
