"""Networks on which float32 itself loses digits: batch norm that saw few pictures, few classes."""

from dataclasses import dataclass

import torch
from torch import nn

from mobilenet.checkpoint import Checkpoint, Provenance
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.torch_module import MobileNet, from_checkpoint, to_layers
from mobilenet.untrained import untrained


@dataclass(frozen=True)
class Training:
    """A few steps over made pictures whose brightness tells the class."""

    alpha: float
    resolution: int
    classes: int
    seed: int
    steps: int
    momentum: float | None  # of batch norm's statistics; None: cumulative
    alive: bool  # begins from a network whose layers reach both ends of the clip
    batch: int = 4

    @property
    def name(self) -> str:
        """For tables and test ids."""
        start = "alive" if self.alive else "fresh"
        return (
            f"{self.alpha:g} {self.resolution} px, {self.classes} classes, {start}, "
            f"{self.steps} steps, momentum {self.momentum}"
        )

    def run(self) -> Checkpoint:
        """The same network on every machine, up to float rounding."""
        config = MobileNetConfig(self.alpha, self.resolution, classes=self.classes)
        generator = torch.Generator().manual_seed(self.seed)
        module = self._start(config, generator)
        optimizer = torch.optim.Adam(module.parameters(), lr=1e-3)
        for _ in range(self.steps):
            classes = torch.randint(self.classes, (self.batch,), generator=generator)
            optimizer.zero_grad()
            pictures = self._pictures(classes, generator)
            nn.functional.cross_entropy(module(pictures), classes).backward()
            optimizer.step()
        labels = tuple(f"class {number}" for number in range(self.classes))
        provenance = Provenance("lightly trained, for a test", trained=True)
        return Checkpoint(config, to_layers(module.eval()), provenance, labels=labels)

    def _start(self, config: MobileNetConfig, generator: torch.Generator) -> MobileNet:
        module = MobileNet(config)
        module.load_state_dict(from_checkpoint(untrained(config, self.seed)).state_dict())
        if not self.alive:  # as PyTorch begins, with He's weights
            for part in module.modules():
                if isinstance(part, nn.Conv2d):
                    nn.init.kaiming_normal_(part.weight, generator=generator)
                if isinstance(part, nn.BatchNorm2d):
                    part.reset_parameters()
        for part in module.modules():
            if isinstance(part, nn.BatchNorm2d):
                part.momentum = self.momentum
        return module.requires_grad_(True).train()

    def _pictures(self, classes: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        size = (self.batch, 3, self.resolution, self.resolution)
        noise = 0.3 * torch.randn(size, generator=generator)
        colour = torch.rand((self.batch, 3, 1, 1), generator=generator) * 2 - 1
        brightness = (classes / self.classes - 0.5).view(-1, 1, 1, 1)
        return (noise + colour + brightness).clamp(-1, 1)
