"""Shapes that an input may have beside its default, and how they are said.

Of an array they are its shape, of a picture (height, width). Format: coremltools,
`mlmodel/format/FeatureTypes.proto`.
"""

from collections.abc import Sequence

import msgspec

Shape = tuple[int, ...]  # -1 where a size is not fixed


class EnumeratedShapes(msgspec.Struct, frozen=True, tag=True):
    """These, each as a whole."""

    shapes: tuple[Shape, ...]

    def allows(self, shape: Shape) -> bool:
        """Whether `shape` is one of them."""
        return shape in self.shapes

    def problem(self, shape: Shape) -> str:
        """What is the matter with one that is none of them, in Core ML's words."""
        sizes = " x ".join(map(str, shape))
        return f"MultiArray Shape ({sizes}) was not in enumerated set of allowed shapes"


class ShapeRange(msgspec.Struct, frozen=True, tag=True):
    """Each size from `least` to `most`, both included; None is without a limit."""

    least: Shape
    most: tuple[int | None, ...]

    def allows(self, shape: Shape) -> bool:
        """Whether `shape` has as many sizes, each in its range."""
        return len(shape) == len(self.least) and all(
            low <= size and (high is None or size <= high)
            for low, size, high in zip(self.least, shape, self.most, strict=True)
        )

    def problem(self, shape: Shape) -> str:
        """What is the matter with one outside of it, in Core ML's words where there are some."""
        for axis, (low, size, high) in enumerate(zip(self.least, shape, self.most, strict=False)):
            if len(shape) == len(self.least) and not low <= size <= (
                size if high is None else high
            ):
                end = "" if high is None else high
                return (
                    f"Size ({size}) of dimension ({axis}) is not in allowed range ({low}..{end})"
                )
        return f"{len(self.least)} dimensions are needed, not {len(shape)}"

    def axes(self) -> list[str]:
        """Each range in words: "96 to 320", "96 or more", or the only size."""
        return [
            f"{low} or more" if high is None else str(low) if low == high else f"{low} to {high}"
            for low, high in zip(self.least, self.most, strict=True)
        ]


AllowedShapes = EnumeratedShapes | ShapeRange


def picture_sizes(size: Shape, allowed: AllowedShapes | None) -> str:
    """The default (height, width) and all others, in an order that cannot be mistaken.

    "224 x 224, or 128 x 128, 160 x 160", "96 high, 64 wide, or 96 or more high, 64 wide".
    """
    if isinstance(allowed, EnumeratedShapes):
        others = [shape for shape in allowed.shapes if shape != size]
        squares = all(height == width for height, width in others)
        said = (", " if squares else "; ").join(map(_pixels, others))
    else:
        said = "" if allowed is None else _pixels(allowed.axes())
    return _pixels(size) + (f", or {said}" if said else "")


def array_shapes(shape: Shape, allowed: AllowedShapes | None) -> str:
    """The default shape and all others: "(1, 3), or (1 to 8, 3)"."""
    if isinstance(allowed, EnumeratedShapes):
        said = ", ".join(_sizes(other) for other in allowed.shapes if other != shape)
    else:
        said = "" if allowed is None else _sizes(allowed.axes())
    return _sizes(shape) + (f", or {said}" if said else "")


def _pixels(size: Sequence[int | str]) -> str:
    height, width = size
    return f"{width} x {height}" if width == height else f"{height} high, {width} wide"


def _sizes(shape: Sequence[int | str]) -> str:
    return f"({', '.join('any' if size in (-1, '-1') else str(size) for size in shape)})"
