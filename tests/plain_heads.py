"""MobileNet v2 with each head as one would write it in PyTorch, to be traced or given to ONNX."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from mobilenet.networks.ssdlite import priors
from mobilenet.networks.v2 import MobileNetV2Config
from mobilenet.torch_module import MobileNet, enlarged


class PlainCase(NamedTuple):
    """A network, and what is asked of it."""

    config: MobileNetV2Config
    outputs: str


DETECTOR = MobileNetV2Config(resolution=300, head="ssdlite", classes=80)
CASES = {
    "classifier": PlainCase(MobileNetV2Config(), "classifier"),
    "deeplab": PlainCase(
        MobileNetV2Config(resolution=513, head="deeplab", classes=21, output_stride=16), "labels"
    ),
    "ssdlite": PlainCase(DETECTOR, "boxes"),
    "tensors": PlainCase(DETECTOR, "tensors"),
}


class PlainNetwork(nn.Module):
    """Normalized pictures to the outputs, in order."""

    def __init__(self, network: MobileNet, outputs: str) -> None:
        super().__init__()
        self.network, self.outputs = network, outputs
        readout = network.config.readout
        if readout.detection is not None:
            sizes = [each.size for each in readout.predictors]
            boxes = torch.tensor([*priors(sizes, readout.detection)], dtype=torch.float32)
            self.register_buffer("priors", boxes)
            self.register_buffer("steps", torch.tensor(readout.detection.coder))

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """One picture (1, 3, H, W)."""
        x = self.network(x)
        if self.outputs == "labels":
            return (enlarged(x, self.network.config.readout.picture).argmax(1),)
        if self.outputs == "classifier":
            return (x.softmax(1),)
        encodings, logits = x.split([4, x.shape[2] - 4], 2)
        if self.outputs == "tensors":
            return encodings, logits
        return self._boxes(encodings[0]), logits[0, :, 1:].sigmoid()

    def _boxes(self, encodings: Tensor) -> Tensor:
        y, x, height, width = (encodings / self.steps).unbind(1)
        start_y, start_x, start_height, start_width = self.priors.unbind(1)
        sides = [
            x * start_width + start_x, y * start_height + start_y,
            width.exp() * start_width, height.exp() * start_height,
        ]  # fmt: skip
        return torch.stack(sides, 1)
