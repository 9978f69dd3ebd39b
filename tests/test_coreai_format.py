"""Networks as Core AI assets: what Apple's own runtime computes of them is what PyTorch does."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from export import pipeline
from export.coreai import library, pictures
from export.coreai.separate_process import CoreAIProcess
from export.formats.coreai import torch_program
from export.formats.registry import format_of
from export.mil.read.model import read
from export.package.metadata import metadata_of
from export.source import Loaded, TrainedModule
from export.spec import ExportSpec, Variant
from export.verify import reference
from export.verify.agreement import probe_pictures
from export.verify.limits import PRECISION, STRUCTURE
from mobilenet import store
from mobilenet.checkpoint import Checkpoint
from mobilenet.common.errors import ConfigError, PackageError, UnsupportedError
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.preprocess import CAFFE, IMAGENET
from mobilenet.untrained import untrained

pytest.importorskip("coreai", reason="there is no wheel of coreai-core for this machine")
CLASSES = ("ant", "bee", "cat", "dog", "eel", "fox", "gnu")


def made(alpha: float = 0.25, resolution: int = 33, **fields: Any) -> Checkpoint:
    config = MobileNetConfig(alpha, resolution, classes=len(CLASSES), **fields)
    return replace(untrained(config, seed=1), labels=CLASSES)


def written(checkpoint: Checkpoint, spec: ExportSpec, folder: Path) -> Path:
    prepared = Loaded(checkpoint).prepare(spec.resolved())
    path = folder / "n.aimodel"
    format_of(spec).write(prepared, path)
    return path


@pytest.fixture(scope="module")
def process() -> Iterator[CoreAIProcess]:
    with CoreAIProcess() as started:
        yield started


GRID = {
    "alpha .5, 50 pixels": (made(0.5, 50), {}),
    "shallow": (made(shallow=True), {}),
    "tensor, fp32": (made(), {"input": "tensor", "precision": "fp32", "outputs": "logits"}),
    "tensor, fp16": (made(), {"input": "tensor", "outputs": "logits"}),
    "probabilities, fp32": (made(), {"precision": "fp32", "outputs": "probabilities"}),
    "pooled": (made(), {"outputs": "features"}),
    "a row's map": (made(), {"outputs": "features", "layer": "conv3_depthwise"}),
    "std per channel": (replace(made(), normalization=IMAGENET), {"precision": "fp32"}),
    "BGR": (replace(made(padding="symmetric"), normalization=CAFFE), {"precision": "fp32"}),
    "relu": (made(activation="relu", resolution=32), {"precision": "fp32"}),
}


@pytest.mark.parametrize("case", GRID)
def test_apples_runtime_agrees_with_pytorch(
    process: CoreAIProcess, case: str, tmp_path: Path
) -> None:
    checkpoint, options = GRID[case]
    spec = ExportSpec(format="coreai", **options)
    path = written(checkpoint, spec, tmp_path)
    prepared = Loaded(checkpoint).prepare(spec.resolved())
    network, asked = prepared.network, prepared.spec.outputs
    shown = probe_pictures(checkpoint.config.resolution)
    expected = reference.of_network(network, shown)
    process.load(path, "main" if spec.input == "tensor" else "pixels")
    outputs = []
    for picture in shown:
        normalized = checkpoint.normalization.apply(picture)
        feed = {"input": normalized, "image": pictures.to_bytes(picture)}
        name = "input" if spec.input == "tensor" else "image"
        ((output, values),) = process.call({name: feed[name]}).items()
        outputs.append(values.ravel())
    assert output == ("probabilities" if asked == "classifier" else asked)
    assert outputs[0].dtype == np.float32
    got = np.stack(outputs)
    if output == "probabilities":  # logits up to a constant
        got = np.log(got.astype(np.float64))
        got += expected.logits.mean(1, keepdims=True) - got.mean(1, keepdims=True)
    limit = {"fp16": PRECISION["fp16"], "fp32": STRUCTURE}[str(spec.resolved().precision)]
    assert expected.distance_of(got) <= limit.usual


AGAIN = """
import sys
from pathlib import Path
from export import pipeline
from export.spec import ExportSpec
from mobilenet import store
spec = ExportSpec(format="coreai", resolutions="32,64")
pipeline.export(store.load(Path("w.safetensors")), Path("n.aimodel"), spec=spec, verify=False)
"""


def test_two_processes_in_two_folders_write_the_same_bytes(tmp_path: Path) -> None:
    digests = []
    root = str(Path(pipeline.__file__).parents[1])
    for name in ("here", "there"):
        folder = tmp_path / name
        folder.mkdir()
        store.save(made(), folder / "w.safetensors")
        (folder / "run.py").write_text(AGAIN)
        environment = {**os.environ, "PYTHONPATH": root, "PYTHONHASHSEED": str(len(name))}
        command = [sys.executable, "run.py"]
        subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
        files = sorted((folder / "n.aimodel").iterdir())
        content = b"".join(file.read_bytes() for file in files)
        assert [file.name for file in files] == ["main.hash", "main.mlirb", "metadata.json"]
        digests.append(hashlib.sha256(content).hexdigest())
        for word in (str(tmp_path), "run.py", "functions.py", root):
            assert word.encode() not in content
    assert digests[0] == digests[1]


def test_metadata_holds_what_an_app_needs(tmp_path: Path) -> None:
    checkpoint = made()
    licensed = replace(checkpoint.provenance, licence="CC-BY-4.0")
    spec = ExportSpec(format="coreai", target="ane")
    path = written(replace(checkpoint, provenance=licensed), spec, tmp_path)
    content = json.loads((path / "metadata.json").read_text("utf-8"))
    assert content["license"] == "CC-BY-4.0"
    assert "creationDate" not in content
    assert content["creatorDefinedMetadata"]["labels"] == list(CLASSES)
    about = metadata_of(content["creatorDefinedMetadata"])
    assert about is not None
    assert (about.format, about.min_ios, about.target) == ("coreai", 27, "ane")
    assert (about.compute_units, about.geometry) == ("cpuAndNeuralEngine", checkpoint.geometry)


def test_several_resolutions_share_their_weights_and_are_verified(tmp_path: Path) -> None:
    checkpoint = made()
    spec = ExportSpec(format="coreai", resolutions="33,50")
    exported = pipeline.export(checkpoint, tmp_path, spec=spec)
    assert exported.verified is not None
    assert exported.verified.runtime == "coreai"
    assert exported.verified.stand_ins == ("r33_pixels", "r50_pixels")
    assert exported.verified.structure <= STRUCTURE.usual
    assert exported.verified.agreement <= PRECISION["fp16"].usual
    assert read(exported.path).default == "r50"
    assert exported.size_bytes < 2.4 * exported.metadata.parameters  # float16, once


def test_a_single_one_is_a_function_main(tmp_path: Path) -> None:
    path = written(made(), ExportSpec(format="coreai"), tmp_path)
    program = read(path)
    assert program.functions.keys() == {"main", "pixels"}
    description = program.description
    assert description.labels == CLASSES
    assert [output.name for output in description.outputs] == ["probabilities"]


def test_equal_layers_are_not_mistaken_for_each_other(tmp_path: Path) -> None:
    checkpoint = made()
    twins = {f"conv{number}_pointwise": checkpoint.layers["conv7_pointwise"] for number in (8, 9)}
    alike = replace(checkpoint, layers=checkpoint.layers | twins)
    spec = ExportSpec(format="coreai", precision="fp32", input="tensor")
    assert pipeline.export(alike, tmp_path, spec=spec).verified is not None


def test_what_is_there_is_replaced_only_if_it_is_a_package(tmp_path: Path) -> None:
    spec = ExportSpec(format="coreai", input="tensor")
    path = tmp_path / "n.aimodel"
    for _ in range(2):
        pipeline.export(made(), path, spec=spec, verify=False)
    (tmp_path / "other.aimodel").mkdir()
    (tmp_path / "other.aimodel" / "metadata.json").write_text("{}")
    with pytest.raises(PackageError, match="is not a model package"):
        pipeline.export(made(), tmp_path / "other.aimodel", spec=spec, verify=False)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"format": "coreai", "compress": "prune50"}, "compress prune50 with format coreai"),
        ({"format": "coreai", "min_ios": 18}, "format coreai with min-ios 18"),
        ({"min_ios": 27}, "format mlprogram with min-ios 27"),
    ],
)
def test_what_the_format_cannot_hold_is_refused(
    options: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=message):
        pipeline.export(Variant(weights="none"), tmp_path, spec=ExportSpec(**options))


def test_without_the_library_one_line_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(library.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(UnsupportedError, match="coreai-core is not installed"):
        pipeline.export(Variant(weights="none"), tmp_path / "n.aimodel")


def module_of_another_kind() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.BatchNorm2d(8), nn.Hardswish(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, len(CLASSES)),
    ).eval()  # fmt: skip


def test_a_module_of_another_kind_needs_apples_converter(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(torch_program.importlib.util, "find_spec", lambda _: None)
    source = TrainedModule(module_of_another_kind(), CLASSES, 32)
    monkeypatch.setattr(library, "missing", lambda: None)
    with pytest.raises(UnsupportedError, match="coreai-torch") as caught:
        pipeline.export(source, tmp_path, spec=ExportSpec(format="coreai"))
    assert "pip install coreai-torch" in caught.value.hint


@pytest.mark.parametrize("precision", ["fp16", "fp32"])
def test_a_module_of_another_kind_is_converted(precision: Any, tmp_path: Path) -> None:
    pytest.importorskip("coreai_torch", reason="coreai-torch is not among the tests' packages")
    module = module_of_another_kind()
    source = TrainedModule(module, CLASSES, 32, IMAGENET)
    spec = ExportSpec(format="coreai", precision=precision)
    exported = pipeline.export(source, tmp_path, spec=spec)
    assert exported.verified is not None
    assert exported.verified.stand_ins == ("pixels",)
    content = (exported.path / "main.mlirb").read_bytes()
    assert b"site-packages" not in content
    assert b".py" not in content
