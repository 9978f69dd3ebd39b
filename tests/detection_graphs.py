"""Frozen graphs of detectors as TF Object Detection exports them, node by node, by hand.

object_detection/exporter.py and meta_architectures/ssd_meta_arch.py: pictures of any size are
resized in a loop over the batch, predictors are reshaped and joined, boxes decoded, and those of
each class suppressed in a second loop.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from detection_nodes import decoded, filtered, loop, sliced
from mobilenet.checkpoint import Checkpoint, Layer
from mobilenet.networks.rows import IMAGE, Row
from mobilenet.networks.ssdlite import priors
from tensorflow_graphs import FLOAT, INT, UINT8, Type, const, node, picture

T = Type(FLOAT)
RESIZED = "Preprocessor/map/resize"


@dataclass
class DetectionFile:
    """A detector to be written, and what a file may have otherwise than the authors'."""

    checkpoint: Checkpoint
    anchors: np.ndarray | None = None  # (boxes, 4) in our order, y, x, height, width
    coder: tuple[float, ...] = (10.0, 10.0, 5.0, 5.0)
    iou: float = 0.6
    confidence: float = 0.3
    swapped: bool = False  # decodes x as y
    crossed: bool = False  # moves boxes down by parts of their width
    converter: str = "Sigmoid"
    score_maps: tuple[int, ...] = (0, 1, 2, 3, 4, 5)  # in which order scores are joined
    first_class: int = 1  # of those that are suppressed
    version: str = "V3"  # of the suppression
    resizer: str = "fixed"
    wide: str = ""  # a predictor that is a full convolution of 3 x 3
    shared: bool = False  # the predictors of two maps are one
    hard: bool = False  # hard swish in place of the first clip
    cropped: bool = False  # proposals are cut out, of whatever

    def bytes(self) -> bytes:
        """The whole graph."""
        maps, encodings, scores = self._network()
        post = self._postprocessing(encodings, scores)
        if self.cropped:
            post.append(node("crop", "CropAndResize", "Preprocessor/sub"))
        return b"".join([*self._preprocessor(), *maps, *post])

    def _preprocessor(self) -> list[bytes]:
        size = tuple(self.checkpoint.config.size)
        nodes = [
            picture("image_tensor", -1, -1, -1, 3, dtype=UINT8),
            node("ToFloat", "Cast", "image_tensor", SrcT=Type(UINT8), DstT=T),
        ]
        target = [const("Preprocessor/size", size)]
        if self.resizer == "keep_aspect_ratio":
            target = [
                node("Preprocessor/shape", "Shape", "image_tensor", T=T, out_type=Type(INT)),
                const("Preprocessor/begin", [1]), const("Preprocessor/end", [3]),
                const("Preprocessor/step", [1]),
                node("Preprocessor/size", "StridedSlice", "Preprocessor/shape",
                     *(f"Preprocessor/{part}" for part in ("begin", "end", "step")), T=Type(INT)),
            ]  # fmt: skip

        def body(element: str) -> tuple[list[bytes], str]:
            axis = "Preprocessor/map/axis"
            return [
                const(axis, 0), node("Preprocessor/map/one", "ExpandDims", element, axis, T=T),
                node(RESIZED, "ResizeBilinear", "Preprocessor/map/one", "Preprocessor/size", T=T),
                node("Preprocessor/map/squeezed", "Squeeze", RESIZED, squeeze_dims=(0,), T=T),
            ], "Preprocessor/map/squeezed"  # fmt: skip

        looped, resized = loop("Preprocessor/map", "ToFloat", body)
        return [
            *nodes, *target, *looped, const("Preprocessor/by", 2 / 255), const("one", 1.0),
            node("Preprocessor/mul", "Mul", "Preprocessor/by", resized, T=T),
            node("Preprocessor/sub", "Sub", "Preprocessor/mul", "one", T=T),
        ]  # fmt: skip

    def _network(self) -> tuple[list[bytes], str, str]:
        config, layers = self.checkpoint.config, self.checkpoint.layers
        nodes, values = list[bytes](), {IMAGE: "Preprocessor/sub"}
        looking = config.readout.predictors
        columns = dict.fromkeys([each.boxes for each in looking], 4)
        columns |= dict.fromkeys([each.scores for each in looking], config.classes + 1)
        for row in config.rows():
            layer = layers[row.name]
            if row.name in columns:
                layer = _anchors_first(layer, columns[row.name])
                if row.name == self.wide:
                    layer = Layer(
                        np.pad(layer.kernel, ((0, 0), (0, 0), (1, 1), (1, 1))), layer.bias
                    )
            weights = "boxes3" if self.shared and row.name == "boxes4" else row.name
            nodes += _row(row, layer, values, weights)
            if self.hard and row.name in ("conv0", "block1_expand"):
                nodes += _hard(values, row.name)
        parts: dict[str, list[str]] = {"boxes": [], "scores": []}
        for each in looking:
            for kind, name, shape in (
                ("boxes", each.boxes, (1, -1, 1, 4)),
                ("scores", each.scores, (1, -1, config.classes + 1)),
            ):
                nodes += [
                    const(f"{name}/shape", shape),
                    node(f"{name}/Reshape", "Reshape", values[name], f"{name}/shape", T=T),
                ]
                parts[kind].append(f"{name}/Reshape")
        scores = [parts["scores"][number] for number in self.score_maps]
        nodes += [
            const("concat/axis", 1),
            node("concat", "ConcatV2", *parts["boxes"], "concat/axis", N=6, T=T),
            node("Squeeze", "Squeeze", "concat", squeeze_dims=(2,), T=T),
            node("concat_1", "ConcatV2", *scores, "concat/axis", N=6, T=T),
        ]
        return nodes, "Squeeze", "concat_1"

    def file_anchors(self) -> np.ndarray:
        """(boxes, 4) in the file's order: all boxes of a place side by side."""
        readout = self.checkpoint.config.readout
        anchors = self.anchors
        if anchors is None:
            anchors = np.array([*priors([p.size for p in readout.predictors], readout.detection)])
        counts = [p.anchors * p.size.area for p in readout.predictors]
        parts = [
            anchors[start:end].reshape(p.anchors, -1, 4).transpose(1, 0, 2).reshape(-1, 4)
            for p, (start, end) in zip(
                readout.predictors, pairwise(np.cumsum([0, *counts])), strict=True
            )
        ]
        return np.concatenate(parts)

    def _postprocessing(self, encodings: str, scores: str) -> list[bytes]:
        nodes, boxes = decoded(
            encodings, self.file_anchors(), self.coder, (self.swapped, self.crossed)
        )
        nodes += [
            const("scale", 1.0), node("scale_logits", "RealDiv", scores, "scale", T=T),
            node("convert_scores", self.converter, "scale_logits", T=T),
            node("stacked", "Pack", boxes, N=1, axis=0, T=T),
            *sliced("classes", "convert_scores", (0, 0, self.first_class), (-1, -1, -1)),
        ]  # fmt: skip
        count = self.checkpoint.config.classes + 1 - self.first_class

        def body(element: str) -> tuple[list[bytes], str]:
            return self._suppressions(element, count)

        looped, result = loop("Postprocessor/map", "stacked", body, "classes")
        return [*nodes, *looped, node("detection_boxes", "Identity", result, T=T)]

    def _suppressions(self, boxes: str, count: int) -> tuple[list[bytes], str]:
        scores, chosen = "Postprocessor/map/while/read_1", list[str]()
        nodes = [
            const("iou", self.iou), const("least", self.confidence), const("most", 100),
            const("flat", [-1]), const("axis", 0),
        ]  # fmt: skip
        for number in range(count):
            name = f"class{number}"
            nodes += [
                *sliced(name, scores, (0, number), (-1, 1)),
                node(f"{name}/flat", "Reshape", name, "flat", T=T),
            ]
            inputs = [boxes, f"{name}/flat", "most", "iou"]
            if self.version == "V2":
                made, inputs[:2] = filtered(name, boxes, f"{name}/flat")
                nodes += made
            else:
                inputs.append("least")
            kind = f"NonMaxSuppression{self.version}"
            nodes += [
                node(f"{name}/nms", kind, *inputs),
                node(f"{name}/chosen", "GatherV2", inputs[0], f"{name}/nms", "axis", T=T),
            ]
            chosen.append(f"{name}/chosen")
        return [*nodes, node("all", "ConcatV2", *chosen, "axis", N=count, T=T)], "all"


def _row(row: Row, layer: Layer, values: dict[str, str], weights: str) -> list[bytes]:
    """A convolution with its batch norm or bias; `values` learns its name."""
    name, is_depthwise = row.name, row.groups > 1
    kernel = layer.kernel.transpose((2, 3, 0, 1) if is_depthwise else (2, 3, 1, 0))
    settings: dict[str, Any] = {"strides": (1, row.stride, row.stride, 1), "padding": "SAME"}
    kind = "DepthwiseConv2dNative" if is_depthwise else "Conv2D"
    nodes = [
        const(f"{name}/weights", kernel),
        node(f"{name}/conv", kind, values[row.reads], f"{weights}/weights", **settings, T=T),
    ]
    last = f"{name}/conv"
    if layer.norm is None:
        nodes += [const(f"{name}/b", layer.bias),
                  node(f"{name}/BiasAdd", "BiasAdd", last, f"{name}/b", T=T)]  # fmt: skip
        last = f"{name}/BiasAdd"
    else:
        vectors = {f"{name}/{key}": value for key, value in vars(layer.norm).items()}
        nodes += [const(key, value) for key, value in vectors.items()]
        nodes.append(node(f"{name}/norm", "FusedBatchNorm", last, *vectors, epsilon=row.epsilon,
                          is_training=False, T=T))  # fmt: skip
        last = f"{name}/norm"
    if row.activation is not None:
        nodes.append(node(f"{name}/Relu6", "Relu6", last, T=T))
        last = f"{name}/Relu6"
    if row.adds is not None:
        nodes.append(node(f"{name}/add", "Add", values[row.adds], last, T=T))
        last = f"{name}/add"
    values[name] = last
    return nodes


def _hard(values: dict[str, str], name: str) -> list[bytes]:
    """x times the clip of x + 3 at 0 and 6."""
    last, values[name] = values[name], f"{name}/swish"
    return [
        const(f"{name}/three", 3.0), node(f"{name}/more", "Add", last, f"{name}/three", T=T),
        node(f"{name}/clip", "Relu6", f"{name}/more", T=T),
        node(f"{name}/swish", "Mul", last, f"{name}/clip", T=T),
    ]  # fmt: skip


def _anchors_first(layer: Layer, values: int) -> Layer:
    """Channels as files have them: anchors, each with all values."""
    assert layer.bias is not None
    order = np.arange(len(layer.bias)).reshape(values, -1).T.ravel()
    return Layer(layer.kernel[order], layer.bias[order])
