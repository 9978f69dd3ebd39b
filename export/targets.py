"""Where a package will run, and what that decides: precision, head, units, oldest system.

Stands behind `--help`, as the options do.
"""

from typing import Literal, NamedTuple

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
