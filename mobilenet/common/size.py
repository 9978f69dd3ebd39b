"""The size of a picture or a map: height before width, as arrays have it."""

from typing import NamedTuple

Sides = int | tuple[int, int]  # of a square in pixels, or (height, width)


class Size(NamedTuple):
    """Of a picture or a map, in pixels."""

    height: int
    width: int

    @classmethod
    def square(cls, side: int) -> "Size":
        """Of equal sides."""
        return cls(side, side)

    @classmethod
    def of(cls, sides: Sides) -> "Size":
        """Of a square's side, or of (height, width)."""
        return cls.square(sides) if isinstance(sides, int) else cls(*sides)

    @property
    def is_square(self) -> bool:
        """Whether both sides are equal."""
        return self.height == self.width

    @property
    def area(self) -> int:
        """How many pixels."""
        return self.height * self.width

    @property
    def slug(self) -> str:
        """For names of files: "224", or "64x96"."""
        return str(self.height) if self.is_square else f"{self.height}x{self.width}"

    def __str__(self) -> str:
        return f"{self.height} x {self.width}"
