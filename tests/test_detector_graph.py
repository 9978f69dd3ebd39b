"""Detectors are read off TF Object Detection's frozen graphs, or refused by what they are."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import saved_models
from detection_graphs import DetectionFile
from export.verify.file_answers import compared_at_own_size
from made_detector import detector
from mobilenet.checkpoint import Checkpoint
from mobilenet.common.errors import CheckpointError, VerificationError
from mobilenet.networks.ssdlite import Detection, priors
from mobilenet.preprocess import INCEPTION
from mobilenet.sources.recognise import read
from mobilenet.sources.tensorflow.pipeline_config import checked
from mobilenet.torch_module import from_checkpoint
from mobilenet.views.layer_list import read_layers

SIZE = 96


def written(folder: Path, network: str = "v2", **options: object) -> Path:
    path = folder / "frozen_inference_graph.pb"
    path.write_bytes(DetectionFile(detector(network, SIZE), **options).bytes())
    return path


@pytest.fixture(scope="module")
def right(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    return read(written(tmp_path_factory.mktemp("detector")))


@pytest.mark.parametrize(("network", "version"), [("v1", "V3"), ("v2", "V2"), ("v2", "V5")])
def test_what_is_written_is_read(network: str, version: str, tmp_path: Path) -> None:
    original = detector(network, SIZE)
    result = read(written(tmp_path, network, version=version, iou=0.5, confidence=0.2))
    assert result.config.title == original.config.title
    assert result.config.detection == Detection(iou=0.5, confidence=0.2)
    assert result.normalization.scale == pytest.approx(INCEPTION.scale)
    assert result.normalization.bias == pytest.approx(INCEPTION.bias)
    assert result.labels == ("class 1", "class 2", "class 3")
    x = torch.rand(1, 3, SIZE, SIZE) * 2 - 1
    torch.testing.assert_close(
        from_checkpoint(result)(x), from_checkpoint(original)(x), rtol=1e-4, atol=1e-4
    )
    assert compared_at_own_size(result).distance <= 1e-5


def started(**fields: object) -> np.ndarray:
    """Boxes that a detector of other settings moves, in our order."""
    readout = detector("v2", SIZE).config.readout
    settings = replace(Detection(), **fields)
    return np.array([*priors([each.size for each in readout.predictors], settings)])


@pytest.mark.parametrize(
    "settings",
    [{"ratios": (1.0, 2.0, 3.0, 0.5, 0.3333)}, {"lowest": 0.15, "highest": 0.9}],
    ids=["order of ratios", "scales"],
)
def test_boxes_start_where_the_file_says(settings: dict[str, object], tmp_path: Path) -> None:
    path = written(tmp_path, anchors=started(**settings), coder=(5.0, 10.0, 2.0, 4.0))
    result = read(path)
    settings |= {"coder": (5.0, 10.0, 2.0, 4.0)}
    assert result.config.detection == replace(Detection(), **settings)
    assert compared_at_own_size(result).distance <= 1e-5


def test_a_threshold_that_keeps_everything_is_not_taken(tmp_path: Path) -> None:
    result = read(written(tmp_path, confidence=1e-8))
    assert result.config.detection.confidence == Detection.confidence
    assert "score threshold: 0.3, since the file keeps boxes of 1e-08" in result.reading.assumed


def moved() -> np.ndarray:
    anchors = started()
    anchors[150, 0] += 2e-5
    return anchors


REFUSED = {
    "box 150 of the file starts at": {"anchors": moved()},
    "starts at y, x, height, width": {"swapped": True},
    "boxes that no scales of an SSD's coder give": {"crossed": True},
    "takes scores that are no class's sigmoid": {"converter": "Softmax"},
    "is no operation of boxes": {"converter": "Tanh"},
    "keeps boxes of 4 classes, its network has 3": {"first_class": 0},
    "keeps boxes of 2 classes, its network has 3": {"first_class": 2},
    "gives scores in another order": {"score_maps": (1, 0, 2, 3, 4, 5)},
    "has as input the value of": {"score_maps": (0, 1, 2, 4, 3, 5)},
    "an SSD with full predictors, no SSDLite": {"wide": "boxes2"},
    "an SSD with a pyramid of maps (FPN)": {"shared": True},
    "a MobileNet v3 (hard swish)": {"hard": True},
    "a Faster R-CNN: layer crop": {"cropped": True},
    "makes pictures of sides that depend on theirs": {"resizer": "keep_aspect_ratio"},
}


@pytest.mark.parametrize("message", REFUSED)
def test_refused_by_what_it_is(message: str, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError) as raised:
        read(written(tmp_path, **REFUSED[message]))
    assert message in raised.value.message
    assert raised.value.hint


def exchanged(right: Checkpoint, first: str, second: str) -> Checkpoint:
    layers = dict(right.layers)
    layers[first], layers[second] = right.layers[second], right.layers[first]
    return replace(right, layers=layers)


def reordered(right: Checkpoint, name: str) -> Checkpoint:
    """A predictor with its channels as the file has them."""
    layer = right.layers[name]
    order = np.arange(len(layer.bias)).reshape(-1, 6).ravel(order="F")
    turned = replace(layer, kernel=layer.kernel[order], bias=layer.bias[order])
    return replace(right, layers={**right.layers, name: turned})


def configured(right: Checkpoint, **fields: object) -> Checkpoint:
    detection = replace(right.config.detection, **fields)
    return replace(right, config=replace(right.config, detection=detection))


MISREAD = {
    "boxes in the file's order of channels": lambda right: reordered(right, "boxes1"),
    "scores in the file's order of channels": lambda right: reordered(right, "scores3"),
    "predictors of two maps": lambda right: exchanged(right, "scores3", "scores4"),
    "ratios in order": lambda right: configured(right, ratios=(1.0, 2.0, 3.0, 0.5, 0.3333)),
    "a ratio of a third": lambda right: configured(right, ratios=(1.0, 2.0, 0.5, 3.0, 1 / 3)),
    "scales": lambda right: configured(right, lowest=0.21),
    "coder": lambda right: configured(right, coder=(1.0, 1.0, 1.0, 1.0)),
    "epsilon": lambda right: replace(right, config=replace(right.config, bn_epsilon=1e-5)),
    "padding": lambda right: replace(right, config=replace(right.config, padding="symmetric")),
}


def test_the_file_s_own_graph_accepts_it(right: Checkpoint) -> None:
    assert 0 < compared_at_own_size(right).distance <= 1e-5


@pytest.mark.parametrize("fault", MISREAD)
def test_a_misread_detector_is_rejected_by_its_own_graph(fault: str, right: Checkpoint) -> None:
    with pytest.raises(VerificationError, match="file"):
        compared_at_own_size(MISREAD[fault](right))


PIPELINE = """
model { ssd {
  num_classes: 3  # and the background
  image_resizer { fixed_shape_resizer { height: 96 width: 96 } }
  feature_extractor { type: "ssd_mobilenet_v2" depth_multiplier: 0.25 use_depthwise: true }
  box_coder { faster_rcnn_box_coder { y_scale: 10.0 x_scale: 10.0 height_scale: 5.0 } }
  anchor_generator { ssd_anchor_generator {
    num_layers: 6 min_scale: 0.2 max_scale: 0.95
    aspect_ratios: 1.0 aspect_ratios: 2.0 aspect_ratios: 0.5 aspect_ratios: 3.0
    aspect_ratios: 0.3333
  } }
  post_processing {
    batch_non_max_suppression { score_threshold: 0.3 iou_threshold: 0.6
      max_detections_per_class: 100 max_total_detections: 100 }
    score_converter: SIGMOID
  }
} }
train_config { batch_size: 24 }
"""


@pytest.mark.parametrize("is_saved_model", [False, True])
def test_a_pipeline_config_beside_it_agrees(is_saved_model: bool, tmp_path: Path) -> None:
    path = written(tmp_path)
    if is_saved_model:
        ends = saved_models.signature("serving_default", "detection_boxes:0")
        path = saved_models.write(tmp_path / "saved_model", path.read_bytes(), ends)
    (tmp_path / "pipeline.config").write_text(PIPELINE)
    assert "pipeline.config agrees" in read(path).reading.found


@pytest.mark.parametrize(
    ("text", "other", "message"),
    [
        ("num_classes: 3", "num_classes: 4", "says num_classes 4, the graph has 3"),
        ("height: 96", "height: 300", "says height 300, the graph has 96"),
        ("ssd_mobilenet_v2", "ssd_mobilenet_v2_fpn", "says type ssd_mobilenet_v2_fpn"),
        ("max_scale: 0.95", "max_scale: 0.9", "says max_scale 0.9, the graph has 0.95"),
        ("height_scale: 5.0", "height_scale: 1", "says height_scale 1, the graph has 5"),
        ("ratios: 3.0", "ratios: 4.0", "says aspect_ratios 1, 2, 0.5, 4, 0.3333, the graph"),
        ("iou_threshold: 0.6", "iou_threshold: 0.5", "says iou_threshold 0.5"),
        ("model { ssd", "model { faster_rcnn", "is of no SSD"),
        ("model { ssd {", "model { ssd", "cannot be read"),
    ],
)
def test_a_pipeline_config_that_contradicts_is_an_error(
    text: str, other: str, message: str, right: Checkpoint, tmp_path: Path
) -> None:
    (tmp_path / "pipeline.config").write_text(PIPELINE.replace(text, other))
    with pytest.raises(CheckpointError, match=r"pipeline\.config") as raised:
        checked(right, tmp_path / "graph.pb")
    assert message in raised.value.message


def test_every_row_has_the_file_s_name(right: Checkpoint) -> None:
    layers = {layer.name: layer.file_name for layer in read_layers(right)}
    assert layers["boxes3"] == "boxes3/conv"
    assert all(file_name == f"{name}/conv" for name, file_name in layers.items())
