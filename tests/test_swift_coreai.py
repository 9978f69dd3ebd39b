"""The Swift file of a Core AI asset: it parses, takes the pixels Python does, names what there is.

With a Swift compiler at hand it is also type-checked against stand-ins of Apple's frameworks,
which are as their documentation says, and the part that needs none of them is run.
"""

import json
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from export import pipeline
from export.app import swift
from export.coreai.messages import ImageType
from export.coreai.separate_process import CoreAIProcess
from export.package.metadata import PackageMetadata
from export.prepared import prepare_checkpoint
from export.spec import ExportSpec
from fine_tuned import fine_tuned
from mobilenet.checkpoint import Checkpoint
from mobilenet.common.errors import ConfigError
from mobilenet.common.size import Sides
from mobilenet.preprocess import Geometry
from swift_compiler import compile_swift, needs_swiftc
from swift_files import SwiftFile, parse, taken

PHOTOS = [(640, 480), (480, 640), (1280, 720), (500, 375), (97, 4000)]
HOSTILE = ('a"b', "a\\", "a\nb", "\\(exit(1))", "class", "*/", '"""', "\u202e")
PROBABILITIES = (0.125, 0.5, 0.0, 0.25, 0.125, 0.0)


def metadata(checkpoint: Checkpoint, **options: object) -> PackageMetadata:
    return prepare_checkpoint(checkpoint, ExportSpec(format="coreai", **options)).metadata


def with_crop(checkpoint: Checkpoint, size: Sides, crop: float) -> Checkpoint:
    return replace(checkpoint.at(size), geometry=Geometry(crop))


def inputs(file: SwiftFile) -> dict[str, dict]:
    """The functions that the file knows, by the name it has for each."""
    calls = (
        (node, node.child_by_field_name("value"))
        for node in file.nodes("property_declaration")
        if b"= Input(" in node.text
    )
    return {
        node.child_by_field_name("name").text.decode(): file.arguments(call, {})
        for node, call in calls
    }


@pytest.fixture(scope="module")
def several(hot: Checkpoint) -> str:
    return swift.source("Net", metadata(hot, resolutions="96,128,224"))


@pytest.fixture(scope="module")
def oblong(hot: Checkpoint) -> str:
    return swift.source("Net", metadata(with_crop(hot, (96, 160), 0.875)))


def test_an_asset_of_one_resolution_has_one_function(hot: Checkpoint) -> None:
    source = swift.source("MyNet", metadata(with_crop(hot, 224, 0.875)))
    assert inputs(parse(source)) == {
        "main": {"function": "main", "width": 224, "height": 224, "shorter": 256}
    }
    assert "struct MyNetClassifier {" in source
    assert 'Bundle.main.url(forResource: "MyNet", withExtension: "aimodel")' in source
    assert "_ input: Input = .main, options" in source
    assert "@available(iOS 27.0, macOS 27.0, tvOS 27.0, *)" in source
    assert "UNTRAINED" in source


def test_of_several_resolutions_one_is_chosen_and_the_largest_is_the_default(several: str) -> None:
    assert inputs(parse(several)) == {
        "r96": {"function": "r96", "width": 96, "height": 96, "shorter": 109},
        "r128": {"function": "r128", "width": 128, "height": 128, "shorter": 146},
        "r224": {"function": "r224", "width": 224, "height": 224, "shorter": 256},
    }
    assert several.count("Input = .r224,") == 2


@pytest.mark.parametrize("crop", [0.875, 0.9, 1.0])
@pytest.mark.parametrize("photo", PHOTOS[:4])
@pytest.mark.parametrize("size", [160, (96, 160)])
def test_the_region_is_what_python_takes_from_a_photograph(
    hot: Checkpoint, crop: float, photo: tuple[int, int], size: Sides
) -> None:
    """Within a pixel of the network's input, which is all that rounding can move."""
    geometry = Geometry(crop)
    file = parse(swift.source("Net", metadata(with_crop(hot, size, crop))))
    region = file.returned("region", across=photo[0], down=photo[1], **inputs(file)["main"])
    left, right = taken(geometry, size, photo, axis=0)
    top, bottom = taken(geometry, size, photo, axis=1)
    x, y, wide, high = region.values()
    file_takes = [x, x + wide, photo[1] - y - high, photo[1] - y]
    np.testing.assert_allclose(file_takes, [left, right, top, bottom], atol=wide / 160)


def test_no_label_is_in_the_file_whatever_it_is(hot: Checkpoint) -> None:
    """They are the asset's, where the weights are; as data, a label cannot become code."""
    hostile = replace(hot, labels=(*HOSTILE, *hot.labels[len(HOSTILE) :]))
    assert swift.source("Net", metadata(hostile)) == swift.source("Net", metadata(hot))
    assert 'creatorDefinedMetadata["labels"]' in swift.source("Net", metadata(hot))


def test_it_asks_for_what_the_asset_has(hot: Checkpoint, tmp_path: Path) -> None:
    """Functions, the image that each takes, its output, and the labels, of a written asset."""
    pytest.importorskip("coreai", reason="there is no wheel of coreai-core for this machine")
    network = replace(hot, labels=(*HOSTILE, *hot.labels[len(HOSTILE) :]))
    spec = ExportSpec(resolutions="64,96")
    exported = pipeline.export(
        network, tmp_path / "Net.aimodel", spec=spec, verify=False, swift=True
    )
    assert exported.swift == tmp_path / "NetClassifier.swift"
    source = exported.swift.read_text()
    with CoreAIProcess() as process:
        graphs = {graph.name: graph for graph in process.graphs(exported.path)}
    for known in inputs(parse(source)).values():
        graph = graphs[known["function"]]
        assert graph.inputs == {"image": ImageType("32BGRA", known["width"], known["height"])}
        assert [*graph.outputs] == ["probabilities"]
    for name in ("image", "probabilities", "labels"):
        assert f'"{name}"' in source
    about = json.loads((exported.path / "metadata.json").read_bytes())
    assert about["creatorDefinedMetadata"]["labels"] == [*network.labels]


@pytest.mark.parametrize("text", HOSTILE)
def test_what_the_file_says_of_the_asset_stays_a_comment(hot: Checkpoint, text: str) -> None:
    made = metadata(hot)
    lines = swift.source("Net", replace(made, tool=text)).splitlines()
    expected = swift.source("Net", made).splitlines()
    assert lines[0].startswith(swift.MARK)
    assert lines[1:] == expected[1:]


@pytest.mark.parametrize("options", [{"outputs": "logits"}, {"input": "tensor"}])
def test_what_is_no_classifier_of_pictures_is_refused(options: dict) -> None:
    with pytest.raises(ConfigError, match="classifier of pictures"):
        swift.check_spec(ExportSpec(format="coreai", **options))


@needs_swiftc
@pytest.mark.parametrize("language", ["5", "6"])
def test_it_is_correct_against_what_apple_documents(
    frameworks: Path, several: str, language: str
) -> None:
    (frameworks / "NetClassifier.swift").write_text(several)
    compile_swift(
        frameworks, "-typecheck", "-swift-version", language, "-I.", "NetClassifier.swift"
    )


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory, oblong: str) -> Sequence[str]:
    """What the part without frameworks gives: regions, the best classes, two failures."""
    folder = tmp_path_factory.mktemp("arithmetic")
    (folder / "NetClassifier.swift").write_text(oblong)
    (folder / "main.swift").write_text(
        f"""
        typealias Net = NetClassifier
        for (across, down) in {PHOTOS} as [(Double, Double)] {{
            let part = Net.Input.main.region(across: across, down: down)
            print(part.x, part.y, part.width, part.height)
        }}
        let values: [Float] = {[*PROBABILITIES]}
        let labels = values.indices.map {{ index in "label \\(index)" }}
        for count in [-1, 0, 4, 99] {{
            let best = try Net.ranked(values, labels: labels, top: count)
            print(best.map {{ each in "\\(each.label): \\(each.probability)" }})
        }}
        for (wrong, names) in [(values, ["a"]), ([.nan], ["a"])] {{
            do {{ print(try Net.ranked(wrong, labels: names, top: 1)) }} catch {{ print(error) }}
        }}
        """
    )
    compile_swift(folder, "-Onone", "NetClassifier.swift", "main.swift", "-o", "arithmetic")
    done = subprocess.run(
        [folder / "arithmetic"], check=True, capture_output=True, text=True, timeout=60
    )
    return done.stdout.splitlines()


@needs_swiftc
def test_its_arithmetic_gives_what_it_gives_in_python(printed: Sequence[str], oblong: str) -> None:
    file = parse(oblong)
    size = inputs(file)["main"]
    for line, (across, down) in zip(printed, PHOTOS, strict=False):
        region = file.returned("region", across=across, down=down, **size)
        assert [float(value) for value in line.split()] == [*region.values()]


@needs_swiftc
def test_the_best_classes_come_first_and_equal_ones_in_their_order(
    printed: Sequence[str],
) -> None:
    order = np.argsort(-np.array(PROBABILITIES), kind="stable")
    lines = [f'"label {index}: {PROBABILITIES[index]}"' for index in order]
    expected = [f"[{', '.join(lines[:count])}]" for count in (0, 0, 4, 99)]
    assert [*printed[len(PHOTOS) : -2]] == expected
    assert printed[-2] == "labelsDoNotFit(labels: 1, probabilities: 6)"
    assert printed[-1] == "outputIsNotProbabilities"


@needs_swiftc
def test_the_file_of_independent_classes_is_correct_too(frameworks: Path) -> None:
    source = swift.source("Net", metadata(fine_tuned("several")))
    (frameworks / "NetClassifier.swift").write_text(source)
    compile_swift(frameworks, "-typecheck", "-I.", "NetClassifier.swift")
