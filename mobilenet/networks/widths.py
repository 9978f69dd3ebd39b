"""How a width multiplier becomes channels, in the code of each publisher; and the way back."""

import math
from collections.abc import Callable, Mapping
from typing import Literal

WidthRule = Literal["slim", "keras", "timm", "transformers", "deeplab"]
MAX_ALPHA = 8.0
MOST_ROUNDED = 8  # channels by which a rule moves a width, at most


def _floor8(channels: float) -> int:
    # tensorflow/models slim/nets/mobilenet_v1.py: max(int(depth * multiplier), min_depth=8)
    return max(int(channels), 8)


def _floor(channels: float) -> int:
    return max(int(channels), 1)  # keras/applications/mobilenet.py: int(filters * alpha)


def _multiple_of_8(channels: float) -> int:
    # timm/layers/helpers.py: make_divisible(v, divisor=8, round_limit=0.9)
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * channels else rounded


Rules = Mapping[WidthRule, Callable[[float], int]]
V1_RULES: Rules = {
    "slim": _floor8,
    "keras": _floor,
    "timm": _multiple_of_8,
    "deeplab": _floor8,
    "transformers": _floor8,  # modeling_mobilenet_v1.py: max(int(depth * multiplier), min_depth)
}
# All round to multiples of 8, and differ in what: for 47 of the 191 alphas from 0.10 to 2.00.
V2_RULES: Rules = {
    "slim": _multiple_of_8,
    "keras": lambda channels: _multiple_of_8(int(channels)),  # mobilenet_v2.py: int(filters * a)
    "timm": _multiple_of_8,
    "transformers": lambda channels: _multiple_of_8(round(channels)),  # int(round(c * a))
    # deeplab/core/feature_extractor.py: divisible_by 1 where the depth multiplier is not 1
    "deeplab": lambda channels: max(1, int(channels + 0.5)),
}


def roundest_alpha(width: int, whole: int, fits: Callable[[float], bool]) -> float | None:
    """The multiplier with the fewest digits that `fits`; None where none of five does.

    It is looked for where `whole` channels, rounded by any rule, become `width`.
    """
    exact = width / whole
    for digits in range(6):
        step = 10.0**-digits
        nearest = round(exact / step)
        reach = math.ceil(MOST_ROUNDED / whole / step)
        for distance in sorted(range(-reach, reach + 1), key=abs):
            alpha = round((nearest + distance) * step, digits)
            if alpha > 0 and fits(alpha):
                return alpha
    return None
