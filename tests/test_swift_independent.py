"""The Swift file of independent classes: it parses, takes a threshold, and names no winner."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from export import pipeline
from export.app import swift
from export.prepared import prepare_checkpoint
from export.spec import ExportSpec
from fine_tuned import LABELS, fine_tuned
from mobilenet.common.errors import ConfigError
from swift_files import parse

FORMATS = ("mlprogram", "neuralnetwork", "coreai")


def source(head: str, format: str) -> str:
    spec = ExportSpec(format=format)
    return swift.source("Net", prepare_checkpoint(fine_tuned(head), spec).metadata)


@pytest.mark.parametrize("format", FORMATS)
def test_it_gives_what_is_above_a_threshold(format: str) -> None:
    text = source("several", format)
    file = parse(text)
    assert text.count("over threshold: Float = 0.5") == 3
    assert "classes are independent" in text
    assert ".filter { each in each.element.1 > threshold }" in text
    for word in ("top", "VNClassificationObservation", "ranked", "most probable classes"):
        assert not re.search(rf"\b{word}\b", text), word
    assert "$" not in text
    calls = [node.text.decode() for node in file.nodes("call_expression")]
    (holding,) = (call for call in calls if call.startswith("Self.holding("))
    assert holding.endswith("labels: labels, over: threshold)")
    declared = {node.child_by_field_name("name").text.decode()
                for node in file.nodes("function_declaration")}  # fmt: skip
    assert {"classify", "holding", "labels"} <= declared


@pytest.mark.parametrize("format", FORMATS)
def test_what_cuts_the_picture_is_the_classifiers(format: str) -> None:
    """Only what the answer is made of differs."""
    cut = "region" if format == "coreai" else "regionOfInterest"
    ours, classifiers = (
        parse(source(head, format)).named("function_declaration", cut).text
        for head in ("several", "stack")
    )
    assert ours == classifiers


def test_core_mls_reads_the_array_and_the_labels_that_the_package_has(tmp_path: Path) -> None:
    exported = pipeline.export(
        fine_tuned("several"), tmp_path / "Net.mlpackage", verify=False, swift=True
    )
    assert exported.swift == tmp_path / "NetClassifier.swift"
    text = exported.swift.read_text()
    assert 'result.featureName == "probabilities"' in text
    assert "featureValue.multiArrayValue" in text
    assert 'about?["labels"]' in text
    assert not any(label in text for label in LABELS[:1])


@pytest.mark.parametrize(
    ("labels", "options", "problem"),
    [
        ((), {}, "independent classes without labels"),
        (LABELS, {"outputs": "logits"}, "outputs logits: it is for"),
        (LABELS, {"outputs": "classifier"}, "outputs classifier for independent classes"),
    ],
)
def test_what_would_name_nothing_is_refused(
    labels: tuple[str, ...], options: dict, problem: str, tmp_path: Path
) -> None:
    network, spec = fine_tuned("several", labels), ExportSpec(**options)
    with pytest.raises(ConfigError, match=problem):
        pipeline.export(network, tmp_path / "Net.mlpackage", spec=spec, swift=True)
    assert not [*tmp_path.iterdir()]


def test_a_softmax_array_has_no_file(tmp_path: Path) -> None:
    network, spec = fine_tuned("stack"), ExportSpec(outputs="probabilities")
    with pytest.raises(ConfigError, match="--swift with outputs probabilities"):
        pipeline.export(network, tmp_path / "Net.mlpackage", spec=spec, swift=True)


@pytest.mark.parametrize("name", ["holding", "threshold", "VNCoreMLFeatureValueObservation"])
def test_a_name_that_the_file_uses_itself_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="in Swift that means something else"):
        swift.check_destination(tmp_path / f"{name}.mlpackage")


def test_a_classifier_of_one_sigmoid_ranks() -> None:
    network = fine_tuned("one", ("cats", "dogs")).as_two_classes()
    metadata = prepare_checkpoint(replace(network, labels=("cats", "dogs")), ExportSpec()).metadata
    assert "VNClassificationObservation" in swift.source("Net", metadata)
