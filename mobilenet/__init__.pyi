from .checkpoint import BatchNorm, Checkpoint, Layer, Provenance
from .networks.v1 import MobileNetConfig
from .preprocess import Geometry, Normalization
from .torch_module import MobileNet, from_checkpoint
from .weights.resolve import LoadedWeights, load_weights

__version__: str
__all__ = [
    "BatchNorm",
    "Checkpoint",
    "Geometry",
    "Layer",
    "LoadedWeights",
    "MobileNet",
    "MobileNetConfig",
    "Normalization",
    "Provenance",
    "from_checkpoint",
    "load_weights",
]
