"""What every classifier gives: the class, and how probable each is."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from export.mil.tabular.values import Floats, Key


@dataclass(frozen=True)
class ClassOutputs:
    """The classes of a model, and the names of its outputs; "" where there is none of a kind."""

    labels: tuple[Key, ...]
    label_name: str
    probabilities_name: str

    def answer(self, probabilities: Floats, best: int | None = None) -> dict[str, Any]:
        """Both outputs, of probabilities (classes,); `best` unless it is the first of the most
        probable classes."""
        chosen = int(np.argmax(probabilities)) if best is None else best
        return {
            self.label_name: self.labels[chosen],
            self.probabilities_name: dict(zip(self.labels, probabilities.tolist(), strict=True)),
        }
