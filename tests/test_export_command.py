"""The command that makes exactly a package: read off it, parsed again, and run again."""

import shlex
from dataclasses import replace
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import msgspec
import pytest

import weight_files
from export import pipeline
from export.__main__ import app
from export.head_outputs import for_head, named_columns
from export.inspect.export_command import ExportCommand, command_of
from export.mil.description import ImageInput, ModelDescription, ModelOutput, TensorInput
from export.mil.read.model import read_any
from export.package import model_files
from export.package.calibration_record import CalibrationRecord
from export.package.metadata import KEY, LABELS_KEY, PackageMetadata, metadata_of
from export.prepared import metadata_about
from export.source import Published, Variant
from export.spec import ExportSpec
from export.sweep.export_options import MakingOptions
from made_detector import detector
from mobilenet import store
from mobilenet.checkpoint import Checkpoint, Provenance
from mobilenet.labels import labels_for
from mobilenet.networks.base_config import BaseConfig
from mobilenet.networks.families import config_type
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.untrained import untrained
from mobilenet.weights import heads, releases
from mobilenet.weights.releases import BY_NAME, Release

SPECS = {
    "plain": {}, "ane": {"target": "ane"}, "cpu": {"target": "cpu"}, "gpu": {"target": "gpu"},
    "halved on the CPU": {"target": "cpu", "precision": "fp16"}, "exact": {"precision": "fp32"},
    "iOS 17": {"min_ios": 17}, "iOS 13": {"min_ios": 13}, "mlmodel": {"format": "neuralnetwork"},
    "iOS 14": {"min_ios": 14}, "coreai": {"format": "coreai"}, "tensor": {"input": "tensor"},
    "logits": {"outputs": "logits"}, "features": {"outputs": "features"},
    "probabilities": {"outputs": "probabilities", "input": "tensor"},
    "layer": {"outputs": "features", "layer": "conv3_depthwise"}, "int4": {"compress": "int4"},
    "palette on ane": {"compress": "palette4", "target": "ane"}, "pruned": {"compress": "prune35"},
    "newer than it needs": {"compress": "int8", "min_ios": 18},
    "w8a8": {"compress": "w8a8"}, "sizes": {"resolutions": "32,64,96"},
    "sizes, palette": {"resolutions": "32,64", "compress": "palette6", "target": "ane"},
}  # fmt: skip
DETECTORS = {
    "detections": {}, "boxes": {"outputs": "boxes", "iou": 0.45},
    "tensors": {"outputs": "tensors"}, "few": {"confidence": 0.05, "agnostic": True},
    "mlmodel": {"format": "neuralnetwork"},
}  # fmt: skip
SEGMENTERS = {"labels": {}, "mask": {"outputs": "mask"}, "logits": {"outputs": "logits"}}


def described(spec: ExportSpec, config: BaseConfig, labels: tuple[str, ...]) -> ModelDescription:
    """As the formats write it."""
    side = config.resolution
    first = (
        ImageInput("image", side, side)
        if spec.input == "image"
        else TensorInput("input", (1, 3, side, side))
    )
    names, said = {
        "classifier": ("classLabel_probs", "classLabel"),
        "detections": ("confidence", "coordinates"), "boxes": ("boxes", "scores"),
        "tensors": ("box_encodings", "class_logits"),
    }.get(str(spec.outputs), (str(spec.outputs),)), {}  # fmt: skip
    if spec.outputs in ("detections", "boxes"):
        said = {"iouThreshold": f"{spec.iou}", "confidenceThreshold": f"{spec.confidence}"}
        said |= {"agnostic": "true"} if spec.agnostic else {}
        labels = named_columns(spec, labels)
    elif spec.outputs != "classifier":
        said, labels = {KEY: "", LABELS_KEY: msgspec.json.encode(labels).decode()}, ()
    outputs = tuple(ModelOutput(name, "array") for name in names)
    return ModelDescription((first,), outputs, labels, said)


def made(checkpoint: Checkpoint, spec: ExportSpec) -> tuple[PackageMetadata, ModelDescription]:
    """What a package of these options says, without its weights."""
    spec = for_head(spec.resolved(), checkpoint.config.readout)
    if spec.outputs == "features":
        checkpoint = checkpoint.as_features(spec.layer or "")
    if spec.sizes:
        checkpoint = checkpoint.at(spec.sizes[-1])
    config = checkpoint.config
    assert isinstance(config, BaseConfig)
    return metadata_about(checkpoint, spec), described(spec, config, checkpoint.labels)


def parsed(command: ExportCommand) -> dict[str, Any]:
    """By the command line's own parser."""
    words = shlex.split(command.text)
    assert words[:3] == ["python", "-m", "export"]
    _, bound, _ = app.parse_args(words[3:], exit_on_error=False, print_error=False)
    return {
        "variant": Variant(), "spec": ExportSpec(), "making": MakingOptions(), **bound.arguments
    }  # fmt: skip


def released(release: Release, resolution: int) -> Checkpoint:
    config = config_type(release.network)(release.alpha, resolution)
    origin = Provenance(release.source, True, url=release.url, sha256="ab" * 32)
    checkpoint = weight_files.random_checkpoint(config)
    return replace(checkpoint, provenance=origin, labels=labels_for(1000))


@pytest.mark.parametrize("options", SPECS.values(), ids=SPECS)
@pytest.mark.parametrize("name", ["keras_0.25_224", "slim_v2_0.35_96"])
def test_options_come_back_as_they_were(name: str, options: dict[str, Any]) -> None:
    spec, release = ExportSpec(**options), BY_NAME[name]
    if (spec.layer, release.network) == ("conv3_depthwise", "v2"):
        spec = replace(spec, layer="block3_project")
    checkpoint = released(release, 96)
    about, description = made(checkpoint, spec)
    again = parsed(command_of(about, description))
    readout = checkpoint.config.readout
    assert for_head(again["spec"].resolved(), readout) == for_head(spec.resolved(), readout)
    assert bool(again["making"].calibration.calibrate) == (spec.compress == "w8a8")
    variant = again["variant"]
    assert (variant.network or "v1", variant.alpha) == (release.network, release.alpha)
    assert variant.pixels == (None if spec.sizes else 96)
    config = config_type(variant.network)(variant.alpha, spec.sizes[-1] if spec.sizes else 96)
    exact = releases.named(variant.weights, config)
    assert release == (exact or releases.find((variant.weights,), config))


@pytest.mark.parametrize(
    ("aims", "words"),
    [
        ({}, ""),
        ({"finetuned": 10.0}, " --finetune 10"),
        ({"size": 2_500_000}, " --size 2500kB"),
        ({"size": 2_299_999, "finetuned": 0.5}, " --finetune 0.5 --size 2299999B"),
        ({"loss_limit": 0.05}, " --loss 0.05"),
    ],
)
def test_what_was_learned_comes_back(aims: dict[str, Any], words: str) -> None:
    about, description = made(
        released(BY_NAME["keras_0.25_224"], 224), ExportSpec(compress="palette4", min_ios=16)
    )
    record = CalibrationRecord(256, 64, "ab", {"logits": "palette4"}, loss=0.2, **aims)
    command = command_of(replace(about, calibration=record), description)
    assert command.text.endswith(
        f"--compress palette4 --min-ios 16 --calibrate PHOTOGRAPHS{words}"
    )
    assert "PHOTOGRAPHS: the photographs that it was calibrated with" in command.note


@cache
def drawn(head: str) -> Checkpoint:
    return untrained(heads.on(config_type("v2")(0.35).at(96), head, None, None))


@pytest.mark.parametrize(
    ("head", "name"),
    [*product(["ssdlite"], DETECTORS), *product(["deeplab"], SEGMENTERS)],
)  # fmt: skip
def test_other_heads_come_back(head: str, name: str) -> None:
    spec = ExportSpec(**(DETECTORS if head == "ssdlite" else SEGMENTERS)[name])
    checkpoint = drawn(head)
    again = parsed(command_of(*made(checkpoint, spec)))
    variant, readout = again["variant"], checkpoint.config.readout
    assert (variant.head, variant.weights, variant.pixels) == (head, "untrained", 96)
    assert for_head(again["spec"].resolved(), readout) == for_head(spec.resolved(), readout)
    assert again["making"].classes is None


def test_a_list_of_labels_is_named() -> None:
    command = command_of(*made(detector("v2"), ExportSpec()))
    assert "--classes LABELS" in command.text
    assert command.note == "LABELS: your own labels"


def test_nothing_makes_what_no_options_make() -> None:
    config = MobileNetConfig(0.25, 32, classes=7)
    checkpoint = replace(weight_files.random_checkpoint(config), labels=tuple("abcdefg"))
    for origin in (
        Provenance("trained by the user", True), Provenance.drawn(), Provenance.drawn(3),
        Provenance("another", True, url="https://example.org/x"),
    ):  # fmt: skip
        about, description = made(replace(checkpoint, provenance=origin), ExportSpec())
        assert command_of(about, description) == ("", "")
    square = released(BY_NAME["keras_0.25_224"], 96)
    few = replace(checkpoint, provenance=square.provenance)
    for other in (square.at((96, 64)), few):
        assert command_of(*made(other, ExportSpec())) == ("", "")


EXPORTED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "bundled, palette": ({"alpha": 0.25, "resolution": 64, "weights": "keras_0.25_224"},
                         {"compress": "palette4", "target": "ane"}),
    "untrained features": ({"alpha": 0.25, "resolution": 32, "weights": "untrained"},
                           {"outputs": "features", "layer": "conv2_depthwise"}),
    "two sizes": ({"alpha": 0.25, "weights": "untrained"}, {"resolutions": "32,64"}),
}  # fmt: skip


@pytest.mark.parametrize("name", EXPORTED)
def test_the_command_makes_the_same_package(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    knobs, options = EXPORTED[name]
    variant, spec = Variant(**knobs), ExportSpec(**options)
    first = pipeline.export(
        Published(variant, offline=True), tmp_path / "a.mlpackage", spec=spec, verify=False
    )
    command = read_command(first.path)
    words = [*shlex.split(command.text)[3:], "--offline", "--no-verify"]
    app([*words, "--output", str(tmp_path / "b.mlpackage")], result_action="return_value")
    assert read_command(tmp_path / "b.mlpackage") == command
    assert model_files.find(tmp_path / "b.mlpackage").identity() == first.identity


def read_command(path: Path) -> ExportCommand:
    description = read_any(path).description
    about = metadata_of(description.metadata)
    assert about is not None
    return command_of(about, description)


def test_a_file_is_the_users_own(tmp_path: Path) -> None:
    config = MobileNetConfig(0.25, 64, classes=3)
    checkpoint = weight_files.random_checkpoint(config)
    own = Provenance("my flowers", True)
    store.save(replace(checkpoint, labels=("a", "b", "c"), provenance=own), tmp_path / "x")
    done = pipeline.export(
        Variant(weights=str(tmp_path / "x")), tmp_path, spec=ExportSpec(target="cpu"), verify=False
    )
    command = read_command(done.path)
    assert command.text == "python -m export --resolution 64 --weights FILE --target cpu"
    sha256 = done.metadata.provenance.sha256[:12]
    assert command.note == (
        f"FILE: your own weights (my flowers, sha256 {sha256}), with the options that they needed"
    )
