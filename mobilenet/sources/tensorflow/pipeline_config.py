"""TF Object Detection's `pipeline.config` beside a frozen graph, which must say what that does.

object_detection/protos/{pipeline,model,ssd,image_resizer,faster_rcnn_box_coder,
ssd_anchor_generator,post_processing}.proto. Of its text format, names and types count alone.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mobilenet.checkpoint import Checkpoint
from mobilenet.common.errors import CheckpointError
from mobilenet.common.files import open_regular
from mobilenet.common.text import one_line
from mobilenet.graph import FileDetection
from mobilenet.networks.base_config import BaseConfig
from mobilenet.sources import protobuf

NAME = "pipeline.config"
MAX_BYTES = 1 << 20  # they have 5 KB
NEAR = 1e-3  # of numbers that are written with few digits, such as .3333
_MESSAGES: dict[str, protobuf.Fields] = {
    "Pipeline": {"model": (1, "Model")},
    "Model": {"ssd": (1, "Ssd")},
    "Ssd": {
        "num_classes": (1, "int32"), "image_resizer": (2, "Resizer"),
        "feature_extractor": (3, "Extractor"), "box_coder": (4, "Coder"),
        "anchor_generator": (5, "Anchors"), "post_processing": (6, "PostProcessing"),
    },
    "Resizer": {"fixed_shape_resizer": (1, "Shape")},
    "Shape": {"height": (1, "int32"), "width": (2, "int32")},
    "Extractor": {"type": (1, "bytes"), "depth_multiplier": (2, "float")},
    "Coder": {"faster_rcnn_box_coder": (1, "Scales")},
    "Scales": {
        "y_scale": (1, "float"), "x_scale": (2, "float"), "height_scale": (3, "float"),
        "width_scale": (4, "float"),
    },
    "Anchors": {"ssd_anchor_generator": (1, "SsdAnchors")},
    "SsdAnchors": {
        "min_scale": (1, "float"), "max_scale": (2, "float"), "aspect_ratios": (3, "*float"),
    },
    "PostProcessing": {"batch_non_max_suppression": (1, "Suppression")},
    "Suppression": {
        "score_threshold": (1, "float"), "iou_threshold": (2, "float"),
        "max_detections_per_class": (3, "int32"),
    },
}  # fmt: skip
# In the messages, what is said; in a detector, what it has.
Fact = tuple[Any, str, object]


def checked(checkpoint: Checkpoint, path: Path) -> Checkpoint:
    """The checkpoint with a note that a `pipeline.config` beside its detector's file agrees.

    As it is where there is none. Raises `CheckpointError` for one that says something else.
    """
    reading, config = checkpoint.reading, checkpoint.config
    beside = path.with_name(NAME)
    detection = reading.graph.detection if reading is not None and reading.graph else None
    if detection is None or reading is None or not beside.is_file():
        return checkpoint
    assert isinstance(config, BaseConfig), "of the families here"
    with open_regular(beside, MAX_BYTES) as file:
        pipeline = protobuf.parse_text("pipeline_config", _MESSAGES, file.read(), NAME)
    if not pipeline.model.HasField("ssd"):
        raise CheckpointError(
            f"{NAME} beside {path.name} is of no SSD", "move it away: the graph says what it is"
        )
    for message, field, own in _facts(pipeline.model.ssd, config, detection):
        said = getattr(message, field)
        is_said = bool(len(said)) if isinstance(own, tuple) else message.HasField(field)
        if is_said and not _is_same(said, own):
            raise CheckpointError(
                f"{NAME} beside {path.name} says {field} {_shown(said)}, the graph has "
                f"{_shown(own)}",
                "give the file that the graph was exported with, or move it away",
            )
    return replace(checkpoint, reading=replace(reading, found=(*reading.found, f"{NAME} agrees")))


def _facts(ssd: Any, config: BaseConfig, file: FileDetection) -> Iterator[Fact]:
    """What both say; a detector has it from its graph."""
    yield ssd, "num_classes", config.classes
    size = ssd.image_resizer.fixed_shape_resizer
    yield size, "height", config.size.height
    yield size, "width", config.size.width
    yield ssd.feature_extractor, "type", f"ssd_mobilenet_{config.version}".encode()
    yield ssd.feature_extractor, "depth_multiplier", config.alpha
    scales = ("y_scale", "x_scale", "height_scale", "width_scale")
    for field, scale in zip(scales, file.coder, strict=True):
        yield ssd.box_coder.faster_rcnn_box_coder, field, scale
    anchors = ssd.anchor_generator.ssd_anchor_generator
    yield anchors, "min_scale", config.detection.lowest
    yield anchors, "max_scale", config.detection.highest
    yield anchors, "aspect_ratios", config.detection.ratios
    suppression = ssd.post_processing.batch_non_max_suppression
    yield suppression, "score_threshold", file.confidence
    yield suppression, "iou_threshold", file.iou
    if suppression.max_detections_per_class < len(file.anchors):
        yield suppression, "max_detections_per_class", file.most


def _is_same(said: Any, own: object) -> bool:
    if isinstance(own, tuple):
        return len(said) == len(own) and all(map(_is_same, said, own))
    if isinstance(own, int | float):
        return math.isclose(said, own, rel_tol=NEAR)
    return bool(said == own)


def _shown(value: Any) -> str:
    if isinstance(value, bytes):
        return one_line(value.decode("utf-8", "replace"), 60)
    if isinstance(value, Sequence):
        return ", ".join(f"{number:g}" for number in value[:8])
    return f"{value:g}"
