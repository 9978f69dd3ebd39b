"""How far from PyTorch is too far: relative L2 of logits, the worst picture.

Measured by tests/test_gates.py: right packages lie under 3e-6 in structure and 1.2e-2 in float16
(highest is the authors' alpha 1.0, whose folded weights reach 48). The least deliberate fault,
clip at 6.001 for 6, is 5e-4 in structure.
"""

from typing import NamedTuple

from export.targets import Precision
from export.verify.agreement import Array
from export.verify.reference import Reference
from mobilenet.common.errors import VerificationError

FACTOR = 4.0
"""Of what the arithmetic itself loses on the pictures at hand, so much passes.

Two right implementations lose about the same, each in its own direction: over 144 networks with
batch norm that saw few pictures, tests/benchmark_gates.py finds at most 3.1 times what the two
probe pictures lose as they are. Where that is not enough, the most that they lose mirrored and
turned counts, which is never less.
"""


class Limit(NamedTuple):
    """The largest distance that passes."""

    usual: float
    highest: float  # for networks on which the arithmetic itself loses more
    step: float = 1.0  # one rounding, in roundings of float32


class Judgement(NamedTuple):
    """A distance that passed, and the largest that would have."""

    distance: float
    limit: float


STRUCTURE = Limit(1e-5, 1e-4)
PRECISION = {"fp32": STRUCTURE, "fp16": Limit(3e-2, 2.5e-1, step=2.0**13)}
ROUNDED = Limit(2.5e-1, 2.5e-1)  # w8a8, where one rounding can move an activation by a step


def precision_limit(precision: Precision, compress: str | None) -> Limit:
    """Of a package as declared."""
    return ROUNDED if compress == "w8a8" else PRECISION[precision]


def judged(
    name: str, logits: Array, reference: Reference, limit: Limit, peer: str = "PyTorch"
) -> Judgement:
    """The distance of `logits` from the reference, which `peer` gave.

    Where it is over the usual limit, PyTorch in float64 is asked, and `FACTOR` times what its
    float32 loses there may be lost here. Raises `VerificationError` for more.
    """
    distance = reference.distance_of(logits, exactly=False)
    largest = limit.usual
    if not distance <= largest:
        distance = reference.distance_of(logits)
        for loss in reference.losses:
            largest = min(max(largest, FACTOR * limit.step * loss), limit.highest)
            if distance <= largest:
                break
    return passed(name, distance, largest, peer)


def passed(name: str, distance: float, limit: float, peer: str = "PyTorch") -> Judgement:
    """Raise `VerificationError` unless `distance` is a number within `limit`."""
    if not distance <= limit:
        raise VerificationError(
            f"{name}: relative L2 of logits against {peer} is {distance:.1e}, "
            f"the limit {limit:.2g}",
            "the package is not left behind; please report this with the command you ran",
        )
    return Judgement(distance, limit)
