"""What decides a package's precision, head, units and oldest system: its target, its compression.

Stands behind `--help`, as the options do.
"""

import re
from typing import Literal, NamedTuple

from mobilenet.common.errors import ConfigError

Target = Literal["all", "ane", "gpu", "cpu"]
Precision = Literal["fp16", "fp32"]
HeadForm = Literal["linear", "conv"]


class TargetRule(NamedTuple):
    """What a target decides. Sources stand beside `TARGETS`."""

    compute_units: str  # a case of Swift's MLComputeUnits
    precision: Precision
    head: HeadForm
    min_ios: int


# - The Neural Engine computes in float16 alone; the CPU and GPU in both
#   (coremltools guide, "Typed Execution": float 32 rules the Neural Engine out).
# - The head as a 1x1 convolution keeps the (B, C, 1, S) layout the Neural Engine works in
#   (apple/ml-ane-transformers, Principle 1).
# - MLComputeUnits.cpuAndNeuralEngine exists from iOS 16 (Apple, MLComputeUnits).
# - float32 on the CPU is exact; ask for fp16 to halve the file.
TARGETS: dict[Target, TargetRule] = {
    "all": TargetRule("all", "fp16", "linear", 15),
    "ane": TargetRule("cpuAndNeuralEngine", "fp16", "conv", 16),
    "gpu": TargetRule("cpuAndGPU", "fp16", "linear", 15),
    "cpu": TargetRule("cpuOnly", "fp32", "linear", 15),
}

# The iOS whose opset brought what the program needs (coremltools, `mil/ops/defs/iOS16/
# constexpr_ops.py`, `iOS17/quantization_ops.py`, `iOS18/compression.py`). Joint forms are read,
# not written.
COMPRESSIONS = {
    "int8": 16, "int4": 18, "palette2": 16, "palette4": 16, "palette6": 16, "palette8": 16,
    "w8a8": 17,
}  # fmt: skip
MIXED = {
    "mixed": ("int8", "palette6", "palette4"),
    "mixed_int": ("int8", "int4"),
    "mixed_palette": ("palette8", "palette6", "palette4"),
}
"""What each layer may have in forms that differ from layer to layer."""
GROUPS_MIN_IOS = 18  # several scales of an output channel, or tables of a kernel
PRUNED = re.compile(r"prune([1-9][0-9]?)")  # percent of weights set to zero
PRUNED_MIN_IOS = 16
MIXED_MIN_IOS = 16  # of its oldest forms


def compression_min_ios(name: str) -> int:
    """The oldest iOS that reads such weights. Raises `ConfigError` for a name that is none."""
    if PRUNED.fullmatch(name):
        return PRUNED_MIN_IOS
    if name in MIXED:
        return MIXED_MIN_IOS
    if name not in COMPRESSIONS:
        raise ConfigError(
            f"compress is {name!r}",
            f"one of {', '.join((*COMPRESSIONS, *MIXED))}, or prune50 (1 to 99)",
        )
    return COMPRESSIONS[name]
