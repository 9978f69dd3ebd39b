"""What a Core ML detector gives: encoded boxes and logits, or decoded boxes and their scores."""

from collections.abc import Mapping
from types import ModuleType
from typing import Any

import numpy as np

from export.compression.stored_weights import HALF
from export.formats.coreml.ml_model import MLModel
from export.head_outputs import BOXES, DETECTOR_OUTPUTS, SCORES, columns_of
from export.spec import ExportSpec
from mobilenet.networks.classifier import Readout
from mobilenet.networks.config import NetworkConfig
from mobilenet.networks.ssdlite import CLASS_SCORES, ENCODINGS, priors


class DetectorWriter:
    """Writes what stands on the predictors; `mb` is coremltools' Builder."""

    def __init__(self, mb: Any, readout: Readout, *, half: bool) -> None:
        assert readout.detection is not None, "of a detector"
        self.mb, self.half, self.dtype = mb, half, np.float16 if half else np.float32
        self.predictors, self.detection = readout.predictors, readout.detection

    def outputs(self, values: Mapping[str, Any], outputs: str, columns: int) -> list[Any]:
        """The program's results in the order of their names; `columns` of scores, see `padded`."""
        encodings = self._joined([(each.boxes, values[each.boxes]) for each in self.predictors],
                                 4, ENCODINGS)  # fmt: skip
        scores = [(each.scores, values[each.scores]) for each in self.predictors]
        logits = self._joined(scores, -1, CLASS_SCORES)
        pair = (encodings, logits)
        if outputs != "tensors":
            pair = (self._decoded(encodings), self._probabilities(logits, columns))
        names = DETECTOR_OUTPUTS[outputs]
        return [self._by_box(x, name, outputs) for x, name in zip(pair, names, strict=True)]

    def _joined(self, maps: list[tuple[str, Any]], rows: int, name: str) -> Any:
        """Of maps (1, values x anchors, h, w) of all sizes one array (1, values, boxes)."""
        flat = []
        for (row, x), each in zip(maps, self.predictors, strict=True):
            shape = [1, rows, each.anchors * each.size.area]
            flat.append(self.mb.reshape(x=x, shape=shape, name=f"{row}_flat"))
        return self.mb.concat(values=flat, axis=2, name=name)

    def _decoded(self, encodings: Any) -> Any:
        """x and y of the centre, width and height, in parts of the picture: (1, 4, boxes).

        In float32, since float16 would round the boxes that are moved as well. TF Object
        Detection, box_coders/faster_rcnn_box_coder.py, `_decode`.
        """
        if self.half:
            encodings = self.mb.cast(x=encodings, dtype="fp32", name=f"{ENCODINGS}_fp32")
        sizes = [each.size for each in self.predictors]
        y, x, height, width = np.array([*priors(sizes, self.detection)]).T
        parts = self.mb.split(x=encodings, num_splits=4, axis=1, name="encodings_by_side")
        steps = self.detection.coder
        return self.mb.concat(
            values=[
                self._moved(parts[1], width / steps[1], x, "x"),
                self._moved(parts[0], height / steps[0], y, "y"),
                self._stretched(parts[3], 1 / steps[3], width, "width"),
                self._stretched(parts[2], 1 / steps[2], height, "height"),
            ],
            axis=1, name=f"{BOXES}_by_side",
        )  # fmt: skip

    def _moved(self, x: Any, step: Any, centre: Any, name: str) -> Any:
        x = self.mb.mul(x=x, y=self._row(step), name=f"{name}_moved")
        return self.mb.add(x=x, y=self._row(centre), name=name)

    def _stretched(self, x: Any, step: float, side: Any, name: str) -> Any:
        x = self.mb.mul(x=x, y=np.float32(step), name=f"{name}_step")
        x = self.mb.exp(x=x, name=f"{name}_stretch")
        return self.mb.mul(x=x, y=self._row(side), name=name)

    def _row(self, values: Any) -> Any:
        return np.asarray(values, np.float32).reshape(1, 1, -1)

    def _probabilities(self, logits: Any, columns: int) -> Any:
        """Without the background's, and with zeros up to so many: (1, columns, boxes)."""
        classes, boxes = logits.shape[1] - 1, logits.shape[2]
        x = self.mb.slice_by_size(
            x=logits, begin=[0, 1, 0], size=[1, classes, boxes], name="without_background"
        )
        x = self.mb.sigmoid(x=x, name=f"{SCORES}_by_class")
        if columns == classes:
            return x
        zeros = np.zeros((1, columns - classes, boxes), self.dtype)
        return self.mb.concat(values=[x, zeros], axis=1, name=f"{SCORES}_padded")

    def _by_box(self, x: Any, name: str, outputs: str) -> Any:
        """(1, values, boxes) as the float32 array (boxes, values), with a batch for tensors."""
        half = self.half and name != BOXES
        made = f"{name}{HALF}" if half else name
        if outputs == "tensors":
            x = self.mb.transpose(x=x, perm=[0, 2, 1], name=made)
        else:
            x = self.mb.squeeze(x=x, axes=[0], name=f"{name}_rows")
            x = self.mb.transpose(x=x, perm=[1, 0], name=made)
        return self.mb.cast(x=x, dtype="fp32", name=name) if half else x


def shapes(spec: ExportSpec, config: NetworkConfig) -> dict[str, tuple[int, ...]]:
    """Of the network's outputs by their names."""
    boxes = sum(each.anchors * each.size.area for each in config.readout.predictors)
    names = DETECTOR_OUTPUTS[str(spec.outputs)]
    if spec.outputs == "tensors":
        return dict(zip(names, [(1, boxes, 4), (1, boxes, 1 + config.classes)], strict=True))
    widths = (4, columns_of(spec, config.classes))
    return {name: (boxes, width) for name, width in zip(names, widths, strict=True)}


def declared(ct: ModuleType, model: MLModel, sizes: Mapping[str, tuple[int, ...]]) -> MLModel:
    """The converted model with the shapes of its outputs, which a NeuralNetwork leaves out."""
    message = model.get_spec()
    for feature in message.description.output:
        feature.type.multiArrayType.shape[:] = sizes[feature.name]
    shaped: MLModel = ct.models.MLModel(
        message, weights_dir=model.weights_dir, skip_model_load=True
    )
    return shaped
