"""Names that Apple added after what the worker is built for, which no stand-in shows.

They may stand only behind `guard #available`, or in what is marked `@available`. First macOS and
iOS of each, by Apple's documentation: developer.apple.com/documentation.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from tree_sitter import Node

from swift_files import parse

NEWER = {
    "float16": (12, 16), "cpuAndNeuralEngine": (13, 16), "outputBackings": (13, 16),
    "ContinuousClock": (13, 16), "SuspendingClock": (13, 16), "Regex": (13, 16),
    "filePath": (13, 16), "appending": (13, 16), "MLComputeDevice": (14, 17),
    "allComputeDevices": (14, 17), "availableComputeDevices": (14, 17), "Observable": (14, 17),
    "MLComputePlan": (14.4, 17.4), "MLModelStructure": (14.4, 17.4),
    "optimizationHints": (14.4, 17.4), "MLState": (15, 18), "functionName": (15, 18),
    "specializationStrategy": (15, 18), "MLTensor": (15, 18), "Mutex": (15, 18),
}  # fmt: skip
CONDITION = re.compile(r"(?:guard #|@)available\(macOS ([\d.]+), iOS ([\d.]+), \*\)")


class Systems(NamedTuple):
    macos: float
    ios: float


OF_SCREENS = {
    "ShareLink": (13, 16), "NavigationStack": (13, 16), "LabeledContent": (13, 16),
    "ViewThatFits": (13, 16), "Grid": (13, 16), "Gauge": (13, 16), "Chart": (13, 16),
    "presentationDetents": (13, 16), "toolbarBackground": (13, 16), "contentTransition": (13, 16),
    "scrollContentBackground": (13, 16), "documentsDirectory": (13, 16), "Bindable": (14, 17),
    "ContentUnavailableView": (14, 17), "sensoryFeedback": (14, 17), "symbolEffect": (14, 17),
    "videoRotationAngle": (14, 17), "RotationCoordinator": (14, 17), "CoreMLRequest": (15, 18),
    "ImageRequestHandler": (15, 18), "CoreMLModelContainer": (15, 18), "MeshGradient": (15, 18),
}  # fmt: skip


def unguarded(source: str, oldest: Systems) -> list[str]:
    """The names in a file that `oldest` does not have, where nothing has asked for more."""
    return list(_unguarded(parse(source).root, oldest))


def _unguarded(node: Node, least: Systems) -> Iterator[str]:
    if node.type in ("simple_identifier", "type_identifier"):
        assert node.text
        name = node.text.decode()
        macos, ios = (NEWER | OF_SCREENS).get(name, (0, 0))
        if macos > least.macos or ios > least.ios:
            yield f"line {node.start_point[0] + 1}: {name} takes macOS {macos} and iOS {ios}"
    for child in node.children:
        yield from _unguarded(child, least)
        if child.type in ("guard_statement", "modifiers"):  # what follows it in its block
            assert child.text
            if asked := CONDITION.match(child.text.decode()):
                least = Systems(float(asked[1]), float(asked[2]))
