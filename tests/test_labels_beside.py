"""Labels that lie beside the weights are found, where they fit, and never where they do not."""

import json
import os
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

import weight_files
from detection_graphs import DetectionFile
from export.package.metadata import metadata_of
from export.pipeline import export
from export.source import Published
from export.spec import ExportSpec, Variant
from export.verify.reverify import reverify
from made_detector import detector
from mobilenet import store
from mobilenet.checkpoint import Checkpoint, Provenance, known_labels
from mobilenet.common.errors import CheckpointError
from mobilenet.labels import imagenet_labels, labels_of_boxes, read_labels
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.untrained import untrained
from mobilenet.weights.resolve import LoadedWeights, load_weights
from weight_files import random_checkpoint

FLOWERS = ("daisy", "rose", "violet")
LISTS = {
    "labels.txt": "daisy\nrose\nviolet\n",
    "output_labels.txt": "0 daisy\n1 rose\n2 violet",
    "retrained_labels.txt": "daisy\nrose\nviolet\n",
    "flowers_labels.txt": "\ufeffdaisy\r\nrose\r\nviolet\r\n",
    "class_indices.json": '{"violet": 2, "daisy": 0, "rose": 1}',
    "metadata.json": '{"tfjsVersion": "1.3.1", "labels": ["daisy", "rose", "violet"]}',
    "config.json": '{"model_type": "x", "id2label": {"2": "violet", "0": "daisy", "1": "rose"}}',
}


@pytest.fixture(scope="module")
def nameless() -> Checkpoint:
    """Three classes without names."""
    checkpoint = untrained(MobileNetConfig(0.25, 64, classes=3))
    return replace(checkpoint, provenance=Provenance("made", trained=True))


@pytest.fixture
def weights(nameless: Checkpoint, tmp_path: Path) -> Path:
    store.save(nameless, tmp_path / "flowers.x")
    return tmp_path / "flowers.x"


def loaded(path: Path, name: str, text: str) -> LoadedWeights:
    (path.parent / name).write_text(text, "utf-8")
    return load_weights(path)


@pytest.mark.parametrize("name", LISTS)
def test_a_list_beside_the_weights_names_their_classes(name: str, weights: Path) -> None:
    checkpoint, notes = loaded(weights, name, LISTS[name])
    assert (checkpoint.labels, notes) == (FLOWERS, ())
    assert checkpoint.labels_from == f"{name} beside the weights"


def test_lists_that_agree_are_one(weights: Path) -> None:
    for name, text in LISTS.items():
        (weights.parent / name).write_text(text, "utf-8")
    assert load_weights(weights).checkpoint.labels == FLOWERS


def test_lists_that_disagree_are_both_named(weights: Path) -> None:
    (weights.parent / "labels.txt").write_text("daisy\nrose\nviolet")
    with pytest.raises(CheckpointError) as refused:
        loaded(weights, "class_indices.json", '["rose", "daisy", "violet"]')
    for name in ("labels.txt", "class_indices.json"):
        assert name in refused.value.message
    assert "--classes" in refused.value.hint
    chosen = load_weights(weights, classes=weights.parent / "class_indices.json").checkpoint
    assert chosen.labels == ("rose", "daisy", "violet")
    assert chosen.labels_from == "class_indices.json, given with --classes"


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("labels.txt", "daisy\nrose", "2 labels for 3 classes"),
        ("labels.txt", "daisy\n\nrose", "line 2 of labels.txt is empty"),
        ("class_indices.json", '{"daisy": 0, "rose": 2, "violet": 3}', "none of index 1"),
        ("class_indices.json", '{"daisy": 0, "rose": 0, "violet": 1}', "two classes of one index"),
        ("class_indices.json", '{"daisy": 0', "class_indices.json cannot be read"),
        ("metadata.json", '{"labels": ["daisy", " ", "rose"]}', "label 2 of metadata.json"),
        ("metadata.json", "[" * 100_000, "metadata.json cannot be read"),
    ],
)
def test_a_list_that_does_not_fit_is_said_and_not_used(
    name: str, text: str, why: str, weights: Path
) -> None:
    checkpoint, (note,) = loaded(weights, name, text)
    assert checkpoint.labels == ()
    assert note.startswith(f"{name} beside the weights is not used: ")
    assert why in note


@pytest.mark.parametrize(
    "text", ['{"alpha": 0.25, "layers": []}', "[]", "{}", "3", '{"1": "one"}', '{"labels": 3}',
             '{"id2label": {"0": "LABEL_0", "1": "LABEL_1", "2": "LABEL_2"}}'],
)  # fmt: skip
def test_what_lists_no_labels_is_passed_over(text: str, weights: Path) -> None:
    checkpoint, notes = loaded(weights, "config.json", text)
    assert (checkpoint.labels, notes) == ((), ())
    named = loaded(weights, "labels.txt", LISTS["labels.txt"]).checkpoint
    assert named.labels == FLOWERS


def test_a_pipe_is_not_waited_for(weights: Path) -> None:
    os.mkfifo(weights.parent / "labels.txt")
    assert load_weights(weights).checkpoint.labels == ()


def test_labels_in_the_weights_come_first(weights: Path, tmp_path: Path) -> None:
    named = replace(store.load(weights), labels=("a", "b", "c"))
    store.save(named, tmp_path / "named.safetensors")
    checkpoint, notes = loaded(tmp_path / "named.safetensors", "labels.txt", LISTS["labels.txt"])
    assert (checkpoint.labels, checkpoint.labels_from, notes) == (("a", "b", "c"), "", ())


@pytest.fixture
def imagenet(tmp_path: Path) -> Path:
    """A folder of 1001 classes, which are taken for ImageNet's."""
    checkpoint = random_checkpoint(MobileNetConfig(0.25, 32, classes=1001))
    return weight_files.transformers(checkpoint, tmp_path / "model")


def test_imagenet_is_taken_only_where_nothing_else_is_said(imagenet: Path) -> None:
    things = [f"thing {index}" for index in range(1000)]
    for lines, kept in (
        (things, False), (["background", *things], False), (["Dummy", *things], False),
        (["nothing", *things], True),
    ):  # fmt: skip
        checkpoint, notes = loaded(imagenet, "labels.txt", "\n".join(lines))
        assert notes == ()
        assert list(checkpoint.labels) == (lines if kept else things)
    kept_all = load_weights(imagenet, keep_background=True).checkpoint
    assert kept_all.labels[:2] == ("nothing", "thing 0")


def test_imagenet_with_synonyms_is_imagenet(imagenet: Path) -> None:
    synonyms = [f"{label}, of some kind" for label in imagenet_labels()]
    checkpoint, notes = loaded(imagenet, "labels.txt", "\n".join(["background", *synonyms]))
    assert (checkpoint.labels, checkpoint.labels_from, notes) == (imagenet_labels(), "", ())


def test_a_list_of_another_network_leaves_imagenet(imagenet: Path) -> None:
    checkpoint, (note,) = loaded(imagenet, "labels.txt", LISTS["labels.txt"])
    assert checkpoint.labels == imagenet_labels()
    assert "3 labels for 1001 classes" in note


def test_labels_of_a_folder_lie_in_it_or_beside_it(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    original = random_checkpoint(MobileNetConfig(0.25, 32, classes=3))
    weight_files.transformers(original, folder)
    assert loaded(folder, "labels.txt", LISTS["labels.txt"]).checkpoint.labels == FLOWERS
    with pytest.raises(CheckpointError, match="differently"):
        loaded(folder, "model/labels.txt", "rose\ndaisy\nviolet")


@pytest.mark.parametrize("given", [False, True])
def test_a_package_says_where_its_labels_are_from(given: bool, weights: Path) -> None:
    """So that verifying it again looks for none, whatever lies beside the weights by then."""
    folder = weights.parent
    (folder / "labels.txt").write_text(LISTS["labels.txt"])
    (folder / "mine.json").write_text('{"0": "a", "1": "b", "2": "c"}')
    classes = folder / "mine.json" if given else None
    done = export(Published(Variant(weights=str(weights)), classes=classes), folder, verify=False)
    where = "mine.json, given with --classes" if given else "labels.txt beside the weights"
    assert done.metadata.labels_from == where
    assert metadata_of({"mobilenet": done.metadata.encode()}) == done.metadata
    (folder / "labels.txt").write_text("other\nlabels\nnow")
    assert reverify(done.path, weights=str(weights)).against == "weights"


def test_a_package_without_labels_says_nothing_of_them(weights: Path) -> None:
    (weights.parent / "labels.txt").write_text(LISTS["labels.txt"])
    spec = ExportSpec(outputs="logits")
    done = export(Variant(weights=str(weights)), weights.parent, spec=spec, verify=False)
    assert done.metadata.labels_from is msgspec.UNSET
    assert "labels_from" not in json.loads(done.metadata.encode())


def test_classes_are_given_as_json_too(tmp_path: Path) -> None:
    path = tmp_path / "mine.JSON"
    path.write_text('{"rose": 1, "daisy": 0}')
    assert read_labels(path) == ("daisy", "rose")
    path.write_text('{"size": 224}')
    with pytest.raises(CheckpointError, match="holds no label"):
        read_labels(path)


MAP = """
item { id: 3 name: '/m/0bt9lr' display_name: 'owl' }  # out of order
item {
  name: "/m/01yrx"
  id: 1
  display_name: "cat"
}
"""


def test_a_label_map_names_the_classes_of_boxes(tmp_path: Path) -> None:
    path = tmp_path / "label_map.pbtxt"
    path.write_text(MAP)
    assert read_labels(path) == ("cat", "unused 2", "owl")
    path.write_text('item { id: 1 name: "cat" } item { id: 1 name: "dog" }')
    with pytest.raises(CheckpointError, match="has the id 1 twice"):
        read_labels(path)
    path.write_text("node { name: 'x' }")
    with pytest.raises(CheckpointError, match="holds no label"):
        read_labels(path)


@pytest.mark.parametrize(
    ("name", "text", "labels"),
    [
        ("a_label_map.pbtxt", MAP, ("cat", "unused 2", "owl")),
        ("labels.txt", "???\ncat\ndog\nowl", ("cat", "dog", "owl")),
        ("graph.pbtxt", "node { name: 'x' }", ("class 1", "class 2", "class 3")),
    ],
)
def test_a_detector_has_the_labels_beside_it(
    name: str, text: str, labels: tuple[str, ...], tmp_path: Path
) -> None:
    path = tmp_path / "frozen.pb"
    path.write_bytes(DetectionFile(detector("v2", 96)).bytes())
    (tmp_path / name).write_text(text)
    checkpoint, notes = load_weights(path, head="ssdlite")
    assert (checkpoint.labels, notes) == (labels, ())
    is_assumed = "labels: numbers, since the file names no class" in checkpoint.reading.assumed
    assert is_assumed == (labels[0] == "class 1")


def test_classes_of_a_data_set_are_taken_for_as_many_and_said() -> None:
    ninety = labels_of_boxes(90)
    assert (ninety[0], ninety[11], ninety[12], ninety[89]) == (
        "person", "unused 12", "stop sign", "toothbrush",
    )  # fmt: skip
    config = MobileNetConfig(0.25, 64, classes=21, head="deeplab", output_stride=16)
    assert known_labels(config).whose == "Pascal VOC's"
    assert known_labels(replace(config, head="ssdlite", classes=90)).labels == ninety
