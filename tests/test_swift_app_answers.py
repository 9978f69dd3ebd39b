"""What the app makes of answers and frames, run where there is a Swift compiler."""

import json
import subprocess
from typing import Any

import numpy as np
import pytest

from bench.runtimes.swift_runner import SOURCE
from swift_compiler import compile_swift, needs_swiftc

pytestmark = needs_swiftc

FILES = ("Answer", "FilledView", "FrameRate")
SCRIPT = """
import Foundation

let map = ClassMap(
    [0, 1, 1, 9, 2, 1, 0, 9, 9, 9, 9, 9], rowLength: 4, width: 3, height: 2,
    labels: ["background", "cat", "dog", "bird"])
let wide = ClassMap(
    [UInt8](repeating: 3, count: 199) + [2], rowLength: 200, width: 200, height: 1,
    labels: map.labels)
let many = (0..<1000).map { number in (label: "class \\(number)", probability: Float(0)) }
let tied: [(label: String, probability: Float)] = [("b", 0.25), ("a", 0.5), ("c", 0.25)]
var rate = FrameRate()
let before = rate.words
for number in 0..<90 {  // three seconds at 30 frames, every third in time
    let now = number * 33_333_334
    rate.cameFrame(at: now)
    if number % 3 == 0 { rate.ended(at: now + 1, tookNs: number < 60 ? 99_000_000 : 12_349_999) }
}
let size = CGSize(width: 100, height: 300)
let view = FilledView(size: size, frame: CGSize(width: 720, height: 1280))
let place = view.place(of: CGRect(x: 0.5, y: 0, width: 0.25, height: 0.5))
let empty = FilledView(size: size, frame: .zero).shown
let answers: [String: Any] = [
    "colors": (0..<256).map { ClassMap.color(of: $0).map(Int.init) },
    "colored": map.colored(alpha: 128).map(Int.init),
    "present": [map.present, wide.present],
    "best": [tied, many].map { RankedClass.best($0).map(\\.label) },
    "speed": [before, rate.words],
    "place": [place, empty].map { [$0.minX, $0.minY, $0.width, $0.height].map(Double.init) },
]
print(String(decoding: try! JSONSerialization.data(withJSONObject: answers), as: UTF8.self))
"""


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("answers")
    (folder / "main.swift").write_text(SCRIPT)
    sources = [str(SOURCE / "App" / f"{name}.swift") for name in FILES]
    compile_swift(folder, "-o", "answers", "main.swift", *sources)
    done = subprocess.run([folder / "answers"], capture_output=True, check=True, timeout=60)
    return json.loads(done.stdout)


def test_colours_are_pascal_vocs(answers: dict[str, Any]) -> None:
    """VOCdevkit's VOClabelcolormap.m, whose first are known by heart."""
    numbers = np.arange(256)
    colors = np.zeros((256, 3), int)
    for place in range(8):
        for channel in range(3):
            colors[:, channel] |= (numbers >> (3 * place + channel) & 1) << (7 - place)
    assert answers["colors"] == colors.tolist()
    assert answers["colors"][:4] == [[0, 0, 0], [128, 0, 0], [0, 128, 0], [128, 128, 0]]


def test_a_map_is_cut_and_coloured_row_by_row(answers: dict[str, Any]) -> None:
    shown = [0, 1, 1, 2, 1, 0]
    colors = {0: [0, 0, 0, 0], 1: [64, 0, 0, 128], 2: [0, 64, 0, 128]}
    assert answers["colored"] == [share for number in shown for share in colors[number]]


def test_classes_are_named_from_a_hundredth_of_the_frame_on(answers: dict[str, Any]) -> None:
    assert answers["present"] == [["cat", "dog"], ["bird"]]


def test_the_five_best_are_shown_and_of_equal_ones_the_first(answers: dict[str, Any]) -> None:
    assert answers["best"] == [["a", "b", "c"], [f"class {number}" for number in range(5)]]


def test_speed_is_of_the_last_second(answers: dict[str, Any]) -> None:
    assert answers["speed"] == ["", "12.3 ms, 10 of 30 frames a second"]


def test_boxes_lie_where_the_preview_shows_the_frame(answers: dict[str, Any]) -> None:
    """300 of 1280 rows: 168.75 columns, of which 34.375 are cut at each side."""
    assert answers["place"][0] == pytest.approx([50, 0, 42.1875, 150])
    assert all(np.isfinite(answers["place"][1]))
