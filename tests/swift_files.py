"""Generated Swift files, read by tree-sitter: whether they parse, and what their arithmetic gives.

And what Python takes from a photograph, to compare that with.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import tree_sitter_swift
from PIL import Image
from tree_sitter import Language, Node, Parser

from mobilenet.common.size import Sides
from mobilenet.preprocess import Geometry, center_crop

SWIFT = Parser(Language(tree_sitter_swift.language()))
SAME_IN_BOTH = {"min": min, "max": max, "rint": round, "Double": float}
"""What both languages compute alike."""
TERNARY = re.compile(r"(.+) \? (.+) : (.+)")


@dataclass
class SwiftFile:
    """A parsed Swift file, of which simple arithmetic can be evaluated."""

    root: Node

    def nodes(self, kind: str, inside: Node | None = None) -> Iterator[Node]:
        node = inside or self.root
        if node.type == kind:
            yield node
        for child in node.children:
            yield from self.nodes(kind, child)

    def named(self, kind: str, name: str) -> Node:
        (node,) = (node for node in self.nodes(kind) if text(node, "name") == name)
        return node

    def constant(self, name: str) -> float:
        """The number that `let name` holds."""
        return float(evaluate(self.named("property_declaration", name), {}))

    def arguments(self, call: Node, names: dict[str, Any]) -> dict[str, Any]:
        """What the one call within `call` is given, by label."""
        return {
            text(argument, "name"): evaluate(argument, names)
            for argument in self.nodes("value_argument", call)
            if argument.child_by_field_name("name")
        }

    def returned(self, function: str, /, **names: Any) -> dict[str, Any]:
        """What `function` returns, a structure by its parts: its lines, run as Python."""
        declaration = self.named("function_declaration", function)
        names |= SAME_IN_BOTH
        for line in self.nodes("property_declaration", declaration):
            names[text(line, "name")] = evaluate(line, names)
        (result,) = self.nodes("control_transfer_statement", declaration)
        return self.arguments(result, names)


def text(node: Node, field: str) -> str:
    part = node.child_by_field_name(field)
    assert part is not None
    assert part.text is not None
    return part.text.decode()


def evaluate(node: Node, names: dict[str, Any]) -> Any:
    """The value of a declaration or argument; this arithmetic reads the same in both languages."""
    python = TERNARY.sub(r"\2 if \1 else \3", text(node, "value"))
    return eval(python, {"__builtins__": {}}, names)


def parse(source: str) -> SwiftFile:
    root = SWIFT.parse(source.encode()).root_node
    assert not root.has_error, root
    return SwiftFile(root)


def taken(
    geometry: Geometry, size: Sides, photo: tuple[int, int], axis: int
) -> tuple[float, float]:
    """First and last coordinate of the photograph inside the part that `geometry` takes.

    Resizing a picture of its own coordinates shows where each pixel of the result came from.
    """
    along = np.arange(photo[axis], dtype=np.float32) + 0.5
    ramp = np.broadcast_to(along if axis == 0 else along[:, None], photo[::-1])
    image = center_crop(geometry.resize(Image.fromarray(ramp.copy()), size), size)
    pixels = np.asarray(image).mean(axis=axis)
    inner = slice(4, -4)  # at the photograph's border, resizing has no neighbours to average
    slope, start = np.polyfit(np.arange(len(pixels))[inner] + 0.5, pixels[inner], 1)
    return start, start + slope * len(pixels)
