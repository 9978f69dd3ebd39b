"""MobileNet v1: its three knobs, its block table, and its rows.

Howard et al. 2017, "MobileNets" (arXiv 1704.04861), Table 1 and section 3.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

from mobilenet.common.errors import CheckpointError
from mobilenet.networks import deeplab
from mobilenet.networks.base_config import BaseConfig, PublishedSizes, require
from mobilenet.networks.rows import Row
from mobilenet.networks.widths import MAX_ALPHA, V1_RULES, Rules, roundest_alpha

STEM_CHANNELS = 32
# (output channels, stride) of the 13 depthwise separable blocks: Table 1. Block 13 is printed
# there with stride 2 on both 7x7 rows; the authors' code, and the sizes in the table, say 1.
BLOCKS = (
    (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2),
    (512, 1), (512, 1), (512, 1), (512, 1), (512, 1),
    (1024, 2), (1024, 1),
)  # fmt: skip
SHALLOW_LEAVES_OUT = range(7, 12)  # blocks 7 to 11: the five of 14x14x512 (section 4.1, Table 5)
ROWS, SHALLOW_ROWS = 1 + 2 * len(BLOCKS), 1 + 2 * (len(BLOCKS) - len(SHALLOW_LEAVES_OUT))


@dataclass(frozen=True)
class MobileNetConfig(BaseConfig):
    """Everything that fixes the shape and arithmetic of one MobileNet v1.

    `shallow` leaves out the five 14x14x512 blocks; `last_channels` are those of timm's
    `conv_head`, a 1x1 layer behind the blocks that the paper's network lacks.
    """

    published = PublishedSizes((1.0, 0.75, 0.5, 0.25), (224, 192, 160, 128))

    @property
    def width_rules(self) -> Rules:
        """How each publisher rounds."""
        return V1_RULES

    @property
    def taps(self) -> tuple[str, str]:
        """Names of the two rows that a detector looks at."""
        require(
            not self.shallow,
            "a shallow MobileNet with SSDLite",
            "leave shallow out: SSDLite looks at one of the blocks that it leaves out",
        )
        return "conv11_pointwise", "conv13_pointwise"

    def rows(self) -> tuple[Row, ...]:
        """The 27 (shallow: 17) convolutions in order; fewer where the features end early."""
        network = self.builder()
        network.stem("conv0", self.channels(STEM_CHANNELS))
        for number, (outputs, stride) in enumerate(BLOCKS, start=1):
            if self.shallow and number in SHALLOW_LEAVES_OUT:
                continue
            network.block_depthwise(f"conv{number}_depthwise", stride)
            network.add(f"conv{number}_pointwise", self.channels(outputs))
        if self.last_channels is not None:
            network.add("conv_head", self.last_channels)
        return self.completed(network)

    def fitted(self, widths: Sequence[int], classes: int | None) -> Self:
        """With the alpha and the depth whose convolutions are so wide, in order.

        `classes` is None for features. Raises `CheckpointError` where no alpha gives the widths.
        """
        if self.head == "deeplab":
            return deeplab.fitted(replace(self, classes=widths[-1]), widths, BLOCKS[-1][0])
        last_channels = widths[-1] if len(widths) in (ROWS + 1, SHALLOW_ROWS + 1) else None
        blocks = widths if last_channels is None else widths[:-1]
        if len(blocks) not in (ROWS, SHALLOW_ROWS):
            raise CheckpointError(
                f"{len(widths)} convolutions are in the file, {self.family} has {ROWS} "
                f"(shallow: {SHALLOW_ROWS})",
                f"is it a {self.family}?",
            )
        alpha, shallow = self._alpha_of(blocks[0], blocks[-1]), len(blocks) == SHALLOW_ROWS
        sized = replace(self, alpha=alpha, shallow=shallow, last_channels=last_channels)
        return sized.as_features() if classes is None else sized.with_classes(classes)

    def _alpha_of(self, first: int, last: int) -> float:
        rule, widest = V1_RULES[self.width_rule], BLOCKS[-1][0]

        def fits(alpha: float) -> bool:
            widths = (rule(STEM_CHANNELS * alpha), rule(widest * alpha))
            return alpha <= MAX_ALPHA and widths == (first, last)

        alpha = roundest_alpha(last, widest, fits)
        if alpha is None:
            raise CheckpointError(
                f"the first layer is {first} channels wide and the last {last}: "
                "no alpha gives both",
                f"is it a {self.family}?",
            )
        return alpha

    @property
    def version(self) -> str:
        """What sets the family apart."""
        return "v1"


def resolution_of(rho: float) -> int:
    """Input side for a resolution multiplier: 224 x rho, to the nearest multiple of 32.

    >>> resolution_of(0.857)
    192
    """
    require(
        math.isfinite(rho) and 0 < rho <= 1,
        f"rho is {rho}",
        "a resolution multiplier above 0, at most 1; 0.857 gives 192",
    )
    return max(32, round(224 * rho / 32) * 32)
