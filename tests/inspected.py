"""Models to look at: compact networks of several kinds, and packages with one fault each."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from detectors import suppression
from export.coremltools_import import coremltools


class Bottleneck(nn.Module):
    """Of ResNet-50 (He et al. 2016, Figure 5), stride in the 3x3."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        outputs = 4 * width
        self.body = nn.Sequential(
            nn.Conv2d(inputs, width, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(),
            nn.Conv2d(width, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(),
            nn.Conv2d(width, outputs, 1, bias=False), nn.BatchNorm2d(outputs),
        )  # fmt: skip
        self.down = (
            nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )
            if stride > 1 or inputs != outputs
            else nn.Identity()
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.body(x) + self.down(x))


class ResNet50(nn.Sequential):
    """All 53 convolutions; `width` is 64 in the paper."""

    def __init__(self, width: int = 64, classes: int = 1000) -> None:
        layers: list[nn.Module] = [
            nn.Conv2d(3, width, 7, 2, 3, bias=False), nn.BatchNorm2d(width), nn.ReLU(),
            nn.MaxPool2d(3, 2, 1),
        ]  # fmt: skip
        inputs = width
        for stage, blocks in enumerate((3, 4, 6, 3)):
            for block in range(blocks):
                layers.append(Bottleneck(inputs, width << stage, 2 if stage and not block else 1))
                inputs = 4 * (width << stage)
        super().__init__(
            *layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(1), nn.Linear(inputs, classes)
        )


class Detector(nn.Module):
    """An SSD in miniature: two maps, boxes and class scores of three anchors each."""

    def __init__(self, classes: int = 4) -> None:
        super().__init__()
        self.classes = classes
        self.first = nn.Sequential(nn.Conv2d(3, 8, 3, 4, 1), nn.ReLU())
        self.second = nn.Sequential(nn.Conv2d(8, 16, 3, 2, 1), nn.ReLU())
        self.boxes = nn.ModuleList(nn.Conv2d(c, 12, 3, padding=1) for c in (8, 16))
        self.scores = nn.ModuleList(nn.Conv2d(c, 3 * classes, 3, padding=1) for c in (8, 16))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        maps = [self.first(x)]
        maps.append(self.second(maps[0]))
        boxes = [h(m).permute(0, 2, 3, 1).reshape(-1, 4)
                 for h, m in zip(self.boxes, maps, strict=True)]  # fmt: skip
        scores = [h(m).permute(0, 2, 3, 1).reshape(-1, self.classes)
                  for h, m in zip(self.scores, maps, strict=True)]  # fmt: skip
        return torch.cat(scores).sigmoid(), torch.cat(boxes)


def traced(module: nn.Module, size: int, **options: Any) -> Any:
    """`module` as an `MLModel`, by trace; an image input unless `options` say otherwise."""
    ct = coremltools()
    example = torch.zeros(1, 3, size, size)
    options = {
        "inputs": [ct.ImageType("image", example.shape, scale=1 / 127.5, bias=[-1, -1, -1])],
        "minimum_deployment_target": ct.target.iOS16,
        "skip_model_load": True,
    } | options
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ct.convert(torch.jit.trace(module.eval(), example, check_trace=False), **options)


def detector_pipeline(path: Path) -> Detector:
    """A package as object detectors are shipped: the network, then non-maximum suppression."""
    ct = coremltools()
    module = Detector()
    outputs = [ct.TensorType("raw_confidence"), ct.TensorType("raw_coordinates")]
    network = traced(module, 64, outputs=outputs, minimum_deployment_target=ct.target.iOS15)
    boxes = network.get_spec().description.output[0].type.multiArrayType.shape[0]
    last = ct.models.MLModel(suppression(boxes, "abcd"), skip_model_load=True)
    ct.utils.make_pipeline(network, last).save(str(path))
    return module


def small(
    path: Path,
    *,
    scale: float | np.ndarray = 1 / 127.5,
    bias: Sequence[float] = (-1.0, -1.0, -1.0),
    color: str = "RGB",
    before: Any = None,
    after: Any = None,
    kernel: np.ndarray | None = None,
    labels: Sequence[str] | None = None,
    outputs: int = 10,
    half: bool = True,
    output_name: str = "",
) -> Path:
    """A package of one convolution and one matrix on a 16 x 16 picture.

    `before(mb, x)` comes between the image and the convolution, `after(mb, x)` behind the
    matrix: a softmax unless told otherwise.
    """
    ct = coremltools()
    from coremltools.converters.mil import Builder as mb
    from coremltools.converters.mil.mil import Function, Program

    rng = np.random.default_rng(4)
    dtype = np.float16 if half else np.float32
    kernel = rng.normal(size=(8, 3, 3, 3)) * 0.3 if kernel is None else kernel
    after = after or (lambda mb, x: mb.softmax(x=x, axis=1))
    program = Program()
    with Function({"image": mb.placeholder(shape=(1, 3, 16, 16))},
                  opset_version=ct.target.iOS16) as main:  # fmt: skip
        x = main.inputs["image"]
        x = before(mb, x) if before else x
        x = mb.cast(x=x, dtype="fp16") if half else x
        x = mb.conv(x=x, weight=kernel.astype(dtype), strides=[2, 2], name="conv")
        x = mb.reduce_mean(x=mb.relu(x=x, name="relu"), axes=[2, 3])
        x = mb.linear(x=x, weight=rng.normal(size=(outputs, 8)).astype(dtype), name="matrix")
        x = after(mb, x)
        x = mb.cast(x=x, dtype="fp32", name=output_name or "result") if half else x
        main.set_outputs([x])
        program.add_function("main", main)
    image = ct.ImageType(
        "image", (1, 3, 16, 16), scale=scale, bias=list(bias),
        color_layout=getattr(ct.colorlayout, color),
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = ct.convert(
            program, source="milinternal", convert_to="mlprogram", inputs=[image],
            classifier_config=None if labels is None else ct.ClassifierConfig(list(labels)),
            minimum_deployment_target=ct.target.iOS16, compute_precision=ct.precision.FLOAT32,
            pass_pipeline=ct.PassPipeline.EMPTY, skip_model_load=True,
        )  # fmt: skip
    model.save(str(path))
    return path
