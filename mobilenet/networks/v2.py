"""MobileNet v2: inverted residual blocks with linear bottlenecks.

Sandler et al. 2018, "MobileNetV2" (arXiv 1801.04381), Table 2 and section 4.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

from mobilenet.common.errors import CheckpointError
from mobilenet.networks import deeplab
from mobilenet.networks.base_config import BaseConfig, PublishedSizes, require
from mobilenet.networks.row_builder import RowBuilder
from mobilenet.networks.rows import Row
from mobilenet.networks.widths import MAX_ALPHA, V2_RULES, Rules, roundest_alpha

STEM_CHANNELS, LAST_CHANNELS = 32, 1280
# (expansion, output channels, repetitions, stride of the first) of the blocks: Table 2
BLOCKS = (
    (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2),
    (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1),
)  # fmt: skip
LAST_BLOCK_CHANNELS = BLOCKS[-1][1]


@dataclass(frozen=True)
class MobileNetV2Config(BaseConfig):
    """Everything that fixes the shape and arithmetic of one MobileNet v2.

    `last_channels` are 1280 unless given, and alpha times as many above alpha 1, as every
    publisher has them. There is no shallow v2.
    """

    published = PublishedSizes((1.4, 1.3, 1.0, 0.75, 0.5, 0.35), (224, 192, 160, 128, 96))

    def __post_init__(self) -> None:
        require(not self.shallow, f"shallow {self.family}", "only MobileNet v1 can be shallow")
        super().__post_init__()

    @property
    def width_rules(self) -> Rules:
        """How each publisher rounds."""
        return V2_RULES

    @property
    def taps(self) -> tuple[str, str]:
        """Names of the two rows that a detector looks at; the first is an expansion."""
        return "block13_expand", "conv_last"

    def rows(self) -> tuple[Row, ...]:
        """The 52 convolutions in order; fewer where the features end early."""
        network = self.builder()
        # keras/applications/mobilenet_v2.py does not cut what it rounds for the stem to a whole
        stem_rule = V2_RULES["slim" if self.width_rule == "keras" else self.width_rule]
        network.stem("conv0", stem_rule(STEM_CHANNELS * self.alpha))
        number = 0
        for expansion, outputs, repetitions, first_stride in BLOCKS:
            for repetition in range(repetitions):
                stride = 1 if repetition else first_stride
                self._add_block(network, f"block{number}", expansion, outputs, stride)
                number += 1
        if self.head != "deeplab":  # which stands on the last block
            network.add("conv_last", self._last_channels())
        return self.completed(network)

    def _add_block(
        self, network: RowBuilder, name: str, expansion: int, outputs: int, stride: int
    ) -> None:
        """Expand, filter, project; and the input added where its shape is that of the output.

        By shape and not by place: at some alphas the first block of a group has one, too.
        """
        source, width = network.last, self.channels(outputs)
        residual = source if stride == 1 and network.channels(source) == width else None
        if expansion > 1:
            network.add(f"{name}_expand", network.channels(source) * expansion)
        network.block_depthwise(f"{name}_depthwise", stride)
        network.add(f"{name}_project", width, linear=True, adds=residual)

    def _last_channels(self) -> int:
        if self.last_channels is not None:
            return self.last_channels
        return V2_RULES["slim"](LAST_CHANNELS * max(self.alpha, 1.0))

    def fitted(self, widths: Sequence[int], classes: int | None) -> Self:
        """With the alpha whose convolutions are so wide, in order.

        `classes` is None for features. Raises `CheckpointError` where no alpha gives the widths.
        """
        if self.head == "deeplab":
            return deeplab.fitted(replace(self, classes=widths[-1]), widths, LAST_BLOCK_CHANNELS)
        own = len(self.as_features().rows())
        if len(widths) != own:
            raise CheckpointError(
                f"{len(widths)} convolutions are in the file, {self.family} has {own}",
                f"is it a {self.family}?",
            )

        def fits(alpha: float) -> bool:
            rule = V2_RULES[self.width_rule]
            if alpha > MAX_ALPHA or rule(LAST_BLOCK_CHANNELS * alpha) != widths[-2]:
                return False
            rows = self._sized(alpha, widths[-1]).rows()
            return [row.out_channels for row in rows] == list(widths)

        alpha = roundest_alpha(widths[-2], LAST_BLOCK_CHANNELS, fits)
        if alpha is None:
            raise CheckpointError(
                f"the first layer is {widths[0]} channels wide and the last block "
                f"{widths[-2]}: no alpha gives these and all between",
                f"is it a {self.family}?",
            )
        sized = self._sized(alpha, widths[-1])
        return sized if classes is None else sized.with_classes(classes)

    def _sized(self, alpha: float, last_channels: int) -> Self:
        plain = replace(self.as_features(), alpha=alpha, last_channels=None)
        usual = plain.rows()[-1].out_channels == last_channels
        return plain if usual else replace(plain, last_channels=last_channels)

    @property
    def version(self) -> str:
        """What sets the family apart."""
        return "v2"
