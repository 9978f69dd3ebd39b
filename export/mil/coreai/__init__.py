"""A MIL function as a Core AI graph, so that Apple's own runtime runs what a Core ML package says.

The modules enter what they know in one table when they are imported: a part of `export.mil.ops`.
Loads nothing of Apple's before something is lowered.
"""

from export.mil.coreai import (
    lowered_activations,
    lowered_elements,
    lowered_moves,
    lowered_reductions,
    lowered_resizing,
    lowered_windows,
)
from export.mil.coreai.lowered_call import CORE_AI

__all__ = [
    "CORE_AI",
    "lowered_activations",
    "lowered_elements",
    "lowered_moves",
    "lowered_reductions",
    "lowered_resizing",
    "lowered_windows",
]
