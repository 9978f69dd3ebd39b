"""Core ML's `nonMaximumSuppression` model as data: the last part of a detector."""

from collections.abc import Iterator
from typing import ClassVar

import msgspec

from export.mil.description import ModelDescription, TensorInput
from export.mil.program import Program


class SuppressionModel(msgspec.Struct, frozen=True, kw_only=True):
    """What `NonMaximumSuppression.proto` says, by the names of the features.

    Takes confidences (boxes, classes) and coordinates (boxes, 4), x, y, width and height with x
    and y in the middle; gives those of the boxes that stay. The labels of its description are the
    classes, empty where they have no names.
    """

    kind: ClassVar[str] = "nonMaximumSuppression"
    description: ModelDescription
    confidence_input: str
    coordinates_input: str
    confidence_output: str
    coordinates_output: str
    iou_input: str  # names of numbers that take the place of the thresholds; "" without one
    confidence_threshold_input: str
    iou: float  # above this overlap, intersection over union, the weaker of two boxes goes
    confidence_threshold: float  # below this the best class of a box is none
    per_class: bool  # only boxes of the same best class are held against each other
    least: int = 0  # rows that are given: zeros fill what is missing
    most: int | None = None

    def programs(self) -> Iterator[Program]:
        """None."""
        return iter(())

    @property
    def shape(self) -> tuple[int, int] | None:
        """Boxes and classes that are taken; None where neither shape nor labels say so."""
        shapes = {item.name: item.shape for item in self.description.inputs
                  if isinstance(item, TensorInput)}  # fmt: skip
        boxes, classes = (*shapes.get(self.confidence_input, ()), -1, -1)[:2]
        classes = len(self.description.labels) or classes
        return None if classes < 1 else (boxes, classes)
