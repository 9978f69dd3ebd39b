"""Segmenters in every format: what they give, say, and refuse."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL.Image import Image

from export import pipeline
from export.calibration_options import CalibrationOptions
from export.compression.activations import calibrated
from export.compression.weights import expected_activation, with_corrected_biases
from export.mil.cost import cost
from export.mil.read.model import read
from export.package.metadata import listed_labels
from export.prepared import prepare_checkpoint
from export.runtimes.inputs import from_picture
from export.spec import ExportSpec
from export.verify.agreement import probe_pictures, run
from export.verify.diff import diff
from made_photographs import folder_of
from made_segmenter import LABELS, segmenter
from mobilenet import fold
from mobilenet.common.errors import ConfigError
from mobilenet.store import save
from mobilenet.torch_module import from_checkpoint

FORMATS = {
    "mlprogram": {},
    "float32": {"precision": "fp32"},
    "palettes": {"compress": "palette8"},
    "mlmodel": {"format": "neuralnetwork", "min_ios": 14},
    "coreai": {"format": "coreai"},
}


def spec_of(name: str, **options: str) -> ExportSpec:
    if name == "coreai":
        pytest.importorskip("coreai", reason="there is no wheel of coreai-core for this machine")
    return ExportSpec(**FORMATS[name], **options)


def answer(path: Path, spec: ExportSpec, size: int, precision: str = "declared") -> object:
    """What the package gives for a made picture."""
    function = read(path).function("pixels" if spec.format == "coreai" else None)
    feed = from_picture(function.description, probe_pictures(size)[1], segmenter().normalization)
    (output,) = run(path, [feed], precision, function=function.name)
    return output[spec.outputs or "labels"]


@pytest.mark.parametrize(
    ("name", "size", "outputs"),
    [
        ("mlprogram", 65, None), ("mlprogram", 64, "mask"), ("mlprogram", 64, "logits"),
        ("float32", 64, None), ("palettes", 65, "mask"),
        ("mlmodel", 64, None), ("mlmodel", 65, "mask"), ("mlmodel", 65, "logits"),
        ("coreai", 64, None), ("coreai", 65, "logits"),
    ],
)  # fmt: skip
def test_every_format_computes_them(
    name: str, size: int, outputs: str | None, tmp_path: Path
) -> None:
    spec = spec_of(name, outputs=outputs)
    network = segmenter("v1", size)
    path = tmp_path / f"net{spec.file_kind.suffix}"
    exported = pipeline.export(network, path, spec=spec)
    assert exported.verified is not None
    assert exported.verified.undecided is not None
    function = read(path).function()
    assert listed_labels(function.description.metadata) == LABELS
    assert cost(function).macs == network.config.cost().macs
    if name == "coreai":
        return
    picture = torch.from_numpy(network.normalization.apply(probe_pictures(size)[1]))
    scores = from_checkpoint(network)(picture)
    scores = F.interpolate(scores, (size, size), mode="bilinear", align_corners=True)[0].numpy()
    given = answer(path, spec, size, "float32")
    if outputs == "logits":
        limit = 0.03 * np.abs(scores).max()
        np.testing.assert_allclose(given[0], scores, atol=limit)
        return
    assert isinstance(given, Image) == (outputs == "mask")
    classes = np.asarray(given).reshape(size, size)
    assert (classes == scores.argmax(0)).mean() > 0.9


def test_v2_too(tmp_path: Path) -> None:
    exported = pipeline.export(segmenter("v2"), tmp_path / "net.mlpackage")
    assert exported.verified is not None
    assert exported.verified.structure <= exported.verified.structure_limit <= 1e-4
    assert exported.metadata.config == segmenter("v2").config


def test_it_has_a_name_of_its_own() -> None:
    names = {
        outputs: prepare_checkpoint(segmenter("v2"), ExportSpec(outputs=outputs)).name
        for outputs in (None, "labels", "mask")
    }
    assert names[None] == names["labels"] == "DeepLabV2_025_65_os16_untrained"
    assert names["mask"] == "DeepLabV2_025_65_os16_mask_untrained"


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"outputs": "classifier"}, "outputs classifier for a segmenter"),
        ({"outputs": "features"}, "outputs features of a segmenter"),
        ({"outputs": "features", "layer": "aspp0"}, "layer aspp0 of a segmenter"),
        ({"outputs": "probabilities"}, "outputs probabilities for a segmenter"),
        ({"format": "neuralnetwork"}, "a segmenter as .mlmodel needs iOS 14, min-ios is 13"),
        ({"format": "coreai", "outputs": "mask"}, "outputs mask in the coreai format"),
    ],
)
def test_what_a_segmenter_does_not_give_is_refused(
    options: dict[str, str], problem: str, tmp_path: Path
) -> None:
    spec = ExportSpec(**options)
    with pytest.raises(ConfigError, match=problem):
        pipeline.export(segmenter(), tmp_path / f"n{spec.file_kind.suffix}", spec=spec)


def test_only_a_segmenter_gives_classes_of_pixels(hot: object, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="outputs mask for a network that gives no classes"):
        pipeline.export(hot, tmp_path / "n.mlpackage", spec=ExportSpec(outputs="mask"))


def test_eight_bits_behind_the_mean_and_the_join(tmp_path: Path) -> None:
    """Both are seen on the pictures: neither is a map behind one clip."""
    for number, picture in enumerate(probe_pictures(65)):
        picture.save(tmp_path / f"{number}.png")
    network = segmenter()
    quantizers = calibrated(fold.fold(network), tmp_path)
    pictures = [network.geometry.apply(picture, 65) for picture in probe_pictures(65)]
    x = torch.from_numpy(np.concatenate([network.normalization.apply(p) for p in pictures]))
    seen = {}
    module = from_checkpoint(network)
    for name, unit in module.units():
        unit.register_forward_pre_hook(
            lambda _, arguments, name=name: seen.__setitem__(name, arguments[0].max().item())
        )
    module(x)
    for name in ("image_pooling", "concat_projection"):
        assert quantizers[name].scale * 255 == pytest.approx(seen[name], rel=0.05), name
    exported = pipeline.export(
        network,
        tmp_path / "n.mlpackage",
        spec=ExportSpec(compress="w8a8"),
        calibration=CalibrationOptions(calibrate=folder_of(tmp_path / "photographs")),
    )
    assert exported.verified is not None


def test_biases_behind_the_join_are_corrected_for_all_that_it_reads() -> None:
    """By the mean of each of its channels, for a kernel that is off everywhere."""
    network = segmenter()
    folded = fold.fold(network)
    layer = folded.layers["concat_projection"]
    stored = {**folded.layers, "concat_projection": fold.Layer(layer.kernel * 1.1, layer.bias)}
    corrected = with_corrected_biases(network, folded, stored).layers["concat_projection"]
    means = np.concatenate(
        [
            expected_activation(network.layers[name].norm, "relu")
            for name in ("image_pooling", "aspp0")
        ]
    )
    shift = 0.1 * layer.kernel[:, :, 0, 0] @ means
    np.testing.assert_allclose(corrected.bias, layer.bias - shift, rtol=1e-3, atol=1e-3)


def test_diff_pairs_the_head_with_its_weights(tmp_path: Path) -> None:
    path, weights = tmp_path / "net.mlpackage", tmp_path / "net.safetensors"
    network = segmenter()
    pipeline.export(network, path, verify=False)
    save(network, weights)
    difference = diff(path, weights, precision="float32")
    names = {layer.name for layer in difference.layers}
    assert {"image_pooling_mean", "concat_projection_joined", "large_scores"} <= names
    assert difference.first_difference is None
