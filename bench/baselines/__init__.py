"""The networks MobileNet is compared with, defined here and exported by the same tool.

Their weights are drawn, not trained: a latency does not ask what a network knows. They take the
same preprocessing as MobileNet, so that the programs differ in the networks alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from mobilenet.common.decoding import decode_json
from mobilenet.common.errors import PackageError

KEY = "mobilenet.baseline"  # of the user-defined metadata
SEED = 0


class Baseline(NamedTuple):
    """A network by name. Multiply-accumulates are those of convolutions and classifier."""

    factory: str  # "module:function"
    size: int  # side of the square input in pixels
    macs: int
    parameters: int


BASELINES = {
    "VGG16": Baseline("bench.baselines.vgg:vgg16", 224, 15_470_264_320, 138_357_544),
    "InceptionV3": Baseline(
        "bench.baselines.inception:inception_v3", 299, 5_713_216_096, 23_834_568
    ),
    "SqueezeNet11": Baseline(
        "bench.baselines.squeezenet:squeezenet1_1", 224, 349_151_936, 1_235_496
    ),
}


@dataclass(frozen=True)
class BaselineMetadata:
    """What a baseline's package says beside `PackageMetadata`: how to make its weights again."""

    name: str
    seed: int
    precision: str

    @property
    def baseline(self) -> Baseline:
        """The network of that name. Raises `PackageError` for one that is unknown."""
        if self.name not in BASELINES:
            raise PackageError(
                f"baseline {self.name!r} is unknown", f"one of {', '.join(BASELINES)}"
            )
        return BASELINES[self.name]


def metadata_of(user_defined: Mapping[str, str]) -> BaselineMetadata | None:
    """What a package's user-defined metadata say; None for any other package."""
    text = user_defined.get(KEY)
    if text is None:
        return None
    return decode_json(
        text, BaselineMetadata, "the package's own metadata", "export it again",
        error=PackageError,
    )  # fmt: skip
