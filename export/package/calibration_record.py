"""What a package's compressed weights were learned from, and how they did on other photographs."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from mobilenet.common.proportions import wilson

MAX_LAYERS = 10_000
MAX_COUNTED = 1 << 40
FORM = re.compile(r"[a-z]{1,9}[1-9][0-9]?(/[1-9][0-9]{0,5})?")  # as `LayerForm` says it
DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class StoredNumbers:
    """What tells the numbers of a package from all others, without them."""

    digest: str  # SHA-256 of every kernel and bias, as they are stored, in the network's order
    distance: float  # relative L2 of each layer from the original's, root of the sum of squares


@dataclass(frozen=True)
class CalibrationRecord:
    """Photographs, and what was learned from them, as a package says it."""

    photographs: int  # learned from
    held_back: int  # judged on
    digest: str  # of photographs and options: the same make the same weights
    forms: Mapping[str, str]  # of the compressed layers: {"conv3_pointwise": "int4/32"}
    loss: float  # relative L2 of logits on those held back, against the uncompressed network
    agreed: int | msgspec.UnsetType = msgspec.UNSET  # of a classifier: with the same top-1
    finetuned: float | msgspec.UnsetType = msgspec.UNSET  # minutes
    gained: bool | msgspec.UnsetType = msgspec.UNSET  # by finetuning; if not, its start was kept
    size: int | msgspec.UnsetType = msgspec.UNSET  # bytes that were allowed
    loss_limit: float | msgspec.UnsetType = msgspec.UNSET  # relative L2 that was allowed
    numbers: StoredNumbers | msgspec.UnsetType = msgspec.UNSET  # of learned kernels

    @property
    def agreement(self) -> tuple[float, tuple[float, float]] | None:
        """The share of pictures with the same top-1 as uncompressed, and its 95 % interval."""
        if self.agreed is msgspec.UNSET:
            return None
        return self.agreed / self.held_back, wilson(self.agreed, self.held_back)

    @property
    def summary(self) -> str:
        """How many layers have which form: "int4/32 x 9, int8 x 4"."""
        counts = Counter(self.forms.values()).most_common()
        return ", ".join(f"{form} x {count}" for form, count in counts)

    def check(self) -> None:
        """Raise `ValueError` for what no package of ours says."""
        if not all(FORM.fullmatch(form) for form in self.forms.values()):
            raise ValueError("a layer is in a form of which there is none")
        if self.numbers and not DIGEST.fullmatch(self.numbers.digest):
            raise ValueError("the SHA-256 of its numbers is none")
        if (
            not 0 < self.held_back <= self.photographs <= MAX_COUNTED
            or len(self.forms) > MAX_LAYERS
        ):
            raise ValueError(f"{self.photographs} and {self.held_back} photographs are counted")
        if self.agreed is not msgspec.UNSET and not 0 <= self.agreed <= self.held_back:
            raise ValueError(f"{self.agreed} of {self.held_back} photographs are counted")
