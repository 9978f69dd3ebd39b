"""How well a compressed network does on photographs that it has not learned from."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from export.compression.calibration import Calibration
from export.compression.quantizer import Quantizer
from mobilenet.checkpoint import Checkpoint

BATCH = 16
Array = NDArray[np.float32]


class HeldBackResult(NamedTuple):
    """Of a network, against the uncompressed one."""

    loss: float  # relative L2 of logits
    agreed: int | None  # photographs with the same most likely class; None of other heads


class HeldBackJudge:
    """Compares networks with one, on its photographs' middle, as an app sees them."""

    def __init__(self, network: Checkpoint, photographs: Calibration) -> None:
        self._photographs = photographs
        self._right = np.concatenate(list(self._answers(network, {})))  # (pictures, values)
        readout = network.config.readout
        is_classifier = readout.pooled and (readout.classes or 0) > 1
        self._is_classifier = is_classifier and not readout.predictors

    def judge(
        self, network: Checkpoint, quantizers: Mapping[str, Quantizer] | None = None
    ) -> HeldBackResult:
        """How far `network` is from it, if it rounds the inputs of layers by `quantizers`."""
        given = np.concatenate(list(self._answers(network, quantizers or {})))
        loss = np.linalg.norm(given - self._right) / np.linalg.norm(self._right)
        same = int((given.argmax(1) == self._right.argmax(1)).sum())
        return HeldBackResult(float(f"{loss:.4g}"), same if self._is_classifier else None)

    def _answers(
        self, network: Checkpoint, quantizers: Mapping[str, Quantizer]
    ) -> Iterator[Array]:
        import torch

        from export.compression.activations import quantize_inputs
        from mobilenet.torch_module import from_checkpoint

        module = from_checkpoint(network)
        quantize_inputs(module, quantizers)
        pixels = self._photographs.held_back
        for start in range(0, len(pixels), BATCH):
            seen = self._photographs.views(pixels[start : start + BATCH])
            x = torch.from_numpy(self._photographs.inputs(seen))
            yield module(x).flatten(1).numpy()
