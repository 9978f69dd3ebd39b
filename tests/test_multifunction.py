"""One package with a function for each resolution."""

from pathlib import Path

import numpy as np
import pytest

from conftest import PHOTO
from export import pipeline
from export.__main__ import app
from export.inspect.inspect import inspect
from export.mil.description import ImageInput
from export.mil.read import specification
from export.mil.read.model import read
from export.package import metadata
from export.package.model_files import find
from export.prepared import prepare_checkpoint
from export.spec import ExportSpec, Variant
from export.verify.agreement import probe_pictures, relative_l2
from export.verify.gates import verify_package
from export.verify.reverify import reverify
from faults import layer, swapped
from mobilenet.checkpoint import Checkpoint
from mobilenet.common import terminal
from mobilenet.common.errors import ConfigError, VerificationError
from programs import run_package

SPEC = ExportSpec(resolutions="96,64")
FUNCTIONS = ("r64", "r96")


@pytest.fixture(scope="module")
def exported(hot: Checkpoint, tmp_path_factory: pytest.TempPathFactory) -> pipeline.Exported:
    return pipeline.export(hot, tmp_path_factory.mktemp("multi"), spec=SPEC)


def test_functions_share_one_set_of_weights(hot: Checkpoint, exported: pipeline.Exported) -> None:
    program = read(exported.path).functions
    assert tuple(program) == FUNCTIONS
    places = [
        {c.location for c in function.constants.values() if c.location}
        for function in program.values()
    ]
    assert places[0] == places[1]
    weights = find(exported.path).weights
    assert weights is not None
    stored = sum(file.stat().st_size for file in weights.iterdir())
    assert stored < 2.2 * exported.metadata.parameters  # float16, once


def test_a_card_lists_every_size_and_what_weights_are_used_at(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--alpha", "0.25", "--offline", "--resolutions", "64,224", "--no-verify"]
    assert terminal.run(app, [*arguments, "-o", f"{tmp_path}/"]) == 0
    printed = capsys.readouterr()
    assert "r64: 64 x 64, in the app shorter side to 73\n" in printed.out
    assert "r224: 224 x 224, in the app shorter side to 256; the one that runs" in printed.out
    assert "published for 224 pixels are used at 64: their accuracy" in printed.err
    (path,) = tmp_path.glob("*.mlpackage")
    sizes = {part.name: part.inputs[0].kind for part in inspect(path).parts}
    assert sizes == {"r64": "image, RGB, 64 x 64", "r224": "image, RGB, 224 x 224"}


def test_every_function_has_its_own_face_and_all_metadata(exported: pipeline.Exported) -> None:
    program = read(exported.path)
    assert program.default == "r96"
    for name, function in program.functions.items():
        (image,) = function.description.inputs
        assert isinstance(image, ImageInput)
        assert (image.width, image.height) == (int(name[1:]),) * 2
        assert f"{name[1:]} x {name[1:]} picture" in image.description
        assert len(function.description.labels) == 1000
        assert [o.name for o in function.description.outputs] == ["classLabel", "classLabel_probs"]
        assert function.description.outputs[0].description.startswith("Most likely class")
    assert program.author
    assert program.license
    assert program.short_description.startswith("MobileNet v1, alpha 0.25")
    facts = metadata.metadata_of(program.description.metadata)
    assert facts == exported.metadata
    assert facts.resolutions == (64, 96)
    assert facts.min_ios == 18
    message = specification.load(find(exported.path).specification)
    assert message.specificationVersion == 9
    assert message.description.metadata.userDefined["com.apple.coreml.model.preview.type"]


def test_every_function_computes_what_a_package_of_its_own_does(
    hot: Checkpoint, exported: pipeline.Exported, tmp_path: Path
) -> None:
    for name in FUNCTIONS:
        size = int(name[1:])
        path = tmp_path / f"{name}.mlpackage"
        alone = pipeline.export(hot.at(size), path, verify=False)
        given = {"image": probe_pictures(size)[1]}
        ours = run_package(exported.path, given, function=name)["classLabel_probs"]
        theirs = run_package(alone.path, given)["classLabel_probs"]
        assert ours == theirs


def test_all_functions_are_verified(
    hot: Checkpoint, exported: pipeline.Exported, tmp_path: Path
) -> None:
    assert exported.verified is not None
    assert exported.verified.identity == exported.identity
    wrong = layer("conv7_pointwise", lambda x: type(x)(swapped(x.kernel), x.bias, x.norm))(hot)
    with pytest.raises(VerificationError):
        verify_package(exported.path, prepare_checkpoint(wrong, SPEC))


def test_compressed_before_merging(
    hot: Checkpoint, exported: pipeline.Exported, tmp_path: Path
) -> None:
    spec = ExportSpec(resolutions="64,96", compress="int4")
    compressed = pipeline.export(hot, tmp_path, spec=spec)
    assert compressed.path.name == "MobileNetV1_025_96_64_int4_untrained.mlpackage"
    assert compressed.size_bytes < 0.5 * exported.size_bytes
    assert compressed.verified is not None
    assert compressed.verified.loss is not None
    places = [
        {
            leaf.location
            for c in function.constants.values()
            for leaf in c.stored()
            if leaf.location
        }
        for function in read(compressed.path).functions.values()
    ]
    assert places[0] == places[1]


def test_verifying_again_and_the_same_bytes(tmp_path: Path) -> None:
    variant = Variant(alpha=0.25, weights="untrained")
    spec = ExportSpec(resolutions="32,64")
    first = pipeline.export(variant, tmp_path / "a.mlpackage", spec=spec)
    second = pipeline.export(variant, tmp_path / "b.mlpackage", spec=spec, verify=False)
    assert first.identity == second.identity
    again = reverify(first.path, PHOTO)
    assert len(again.top5) == 5
    assert again.verified.images == 3


def test_arrays_of_several_sizes(hot: Checkpoint, tmp_path: Path) -> None:
    spec = ExportSpec(resolutions="64,96", input="tensor", outputs="logits", precision="fp32")
    exported = pipeline.export(hot, tmp_path, spec=spec)
    x = np.zeros((1, 3, 64, 64), np.float32)
    small = run_package(exported.path, {"input": x}, function="r64")["logits"]
    large = run_package(exported.path, {"input": np.zeros((1, 3, 96, 96), np.float32)})["logits"]
    assert small.shape == large.shape == (1, 1000)
    assert relative_l2(small, large) > 0


def test_one_resolution_or_several() -> None:
    with pytest.raises(ConfigError, match="resolution 96 and resolutions"):
        pipeline.export(Variant(resolution=96, weights="untrained"), spec=SPEC)
    for text in ("224", "224,224", "224,", "x,y", ""):
        with pytest.raises(ConfigError, match="resolutions is"):
            ExportSpec(resolutions=text)
    assert ExportSpec(resolutions="224, 128,160").sizes == (128, 160, 224)
