"""What others have published, with the source of every figure.

Accuracies are percent on ImageNet's validation set, as printed there. Multiply-accumulates and
parameters are not repeated: the configs' `cost` gives them, and reproduces the papers'.
Imports neither numpy nor torch: reports use it.
"""

from dataclasses import dataclass
from typing import Literal

from mobilenet.common.size import Size
from mobilenet.networks.config import NetworkConfig
from mobilenet.networks.families import DEFAULT_NETWORK, NetworkName, name_of

PAPER = "Howard et al. 2017, arXiv 1704.04861"
V2_PAPER = "Sandler et al. 2018, arXiv 1801.04381"
SLIM = "tensorflow/models, research/slim/nets/mobilenet_v1.md"
SLIM_V2 = "tensorflow/models, research/slim/nets/mobilenet/README.md"
TORCHVISION = "pytorch/vision, torchvision/models/mobilenetv2.py"
TIMM = "huggingface/pytorch-image-models, results/results-imagenet.csv"
CAFFE = "shicai/MobileNet-Caffe, README.md"
PADDLE = "PaddlePaddle/PaddleClas, docs/zh_cn/models/Mobile.md"

NEVER_PUBLISHED = "weights of the shallow network were never published"


@dataclass(frozen=True)
class PublishedAccuracy:
    """One published result; `resolution` is that of the test, None where it is not stated."""

    alpha: float
    resolution: int | None  # side of a square
    top1: float
    source: str
    top5: float | None = None
    shallow: bool = False
    note: str = ""
    network: NetworkName = DEFAULT_NETWORK

    def is_of(self, config: NetworkConfig) -> bool:
        """Whether it is this network of these sizes; none is published for oblong pictures."""
        knobs = (name_of(config), config.alpha, config.shallow)
        return (self.network, self.alpha, self.shallow) == knobs and (
            self.resolution is not None and config.size == Size.square(self.resolution)
        )


@dataclass(frozen=True)
class PublishedMetric:
    """A published figure of a detector or a segmenter: its own metric, never an accuracy."""

    task: Literal["detection", "segmentation"]
    network: str
    metric: Literal["mAP", "mIOU"]
    percent: float
    data_set: str
    source: str
    note: str = ""


def _boxes(network: str, percent: float, source: str = "", note: str = "") -> PublishedMetric:
    """mAP as the zoo of TensorFlow's Object Detection API gives it, unless said otherwise."""
    return PublishedMetric(
        "detection", network, "mAP", percent, "COCO", source or _DETECTION_ZOO, note
    )


def _maps(network: str, percent: float, data_set: str, note: str) -> PublishedMetric:
    return PublishedMetric(
        "segmentation", network, "mIOU", percent, data_set, _SEGMENTATION_ZOO, note
    )


_DETECTION_ZOO = "tensorflow/models, research/object_detection/g3doc/tf1_detection_zoo.md"
_SEGMENTATION_ZOO = "tensorflow/models, research/deeplab/g3doc/model_zoo.md"
_PASCAL_VAL = "Pascal VOC 2012 val"

METRICS = (
    _boxes("ssd_mobilenet_v1_coco_2018_01_28", 21),
    _boxes("ssd_mobilenet_v1_0.75_depth_300x300_coco14_sync_2018_07_03", 18),
    _boxes("ssd_mobilenet_v1_quantized_300x300_coco14_sync_2018_07_18", 18, note="8 bits"),
    _boxes("ssd_mobilenet_v2_coco_2018_03_29", 22),
    _boxes("ssd_mobilenet_v2_quantized_300x300_coco_2019_01_03", 22, note="8 bits"),
    _boxes("ssdlite_mobilenet_v2_coco_2018_05_09", 22),
    _boxes(
        "ssdlite_mobilenet_v2_coco_2018_05_09", 24.29,
        "openvinotoolkit/open_model_zoo, ssdlite_mobilenet_v2", "measured anew by OpenVINO",
    ),
    _boxes("ssd_mobilenet_v3_large_coco_2020_01_14", 22.6),
    _boxes("ssd_mobilenet_v3_small_coco_2020_01_14", 15.4),
    _maps("deeplabv3_mnv2_pascal_train_aug_2018_01_29", 75.32, _PASCAL_VAL, "output stride 16"),
    _maps(
        "deeplabv3_mnv2_pascal_train_aug_2018_01_29", 77.33, _PASCAL_VAL,
        "output stride 8, several scales",
    ),
    _maps("deeplabv3_mnv2_pascal_trainval_2018_01_29", 80.25, "Pascal VOC 2012 test", ""),
    _maps("deeplabv3_mnv2_cityscapes_train_2018_02_05", 70.71, "Cityscapes val", ""),
)  # fmt: skip

_SIZES = (224, 192, 160, 128, 96)

# top-1 / top-5 of the checkpoints by alpha; a column per size, as far as there are
_SLIM = {
    1.0: ((70.9, 89.9), (70.0, 89.2), (68.0, 87.7), (65.2, 85.8)),
    0.75: ((68.4, 88.2), (67.2, 87.3), (65.3, 86.0), (62.1, 83.9)),
    0.5: ((63.3, 84.9), (61.7, 83.6), (59.1, 81.9), (56.3, 79.4)),
    0.25: ((49.8, 74.2), (47.7, 72.3), (45.5, 70.3), (41.5, 66.3)),
}
_SLIM_V2 = {
    1.4: ((75.0, 92.5),),
    1.3: ((74.4, 92.1),),
    1.0: ((71.8, 91.0), (70.7, 90.1), (68.8, 89.0), (65.3, 86.9), (60.3, 83.2)),
    0.75: ((69.8, 89.6), (68.7, 88.9), (66.4, 87.3), (63.2, 85.3), (58.8, 81.6)),
    0.5: ((65.4, 86.4), (63.9, 85.4), (61.0, 83.2), (57.7, 80.8), (51.2, 75.8)),
    0.35: ((60.3, 82.9), (58.2, 81.2), (55.7, 79.1), (50.8, 75.0), (45.5, 70.4)),
}

PAPER_ACCURACIES = (
    PublishedAccuracy(1.0, 224, 70.6, f"{PAPER}, Table 4"),
    PublishedAccuracy(
        1.0, 224, 71.7, f"{PAPER}, Table 4", note="full convolutions, not separable"
    ),
    PublishedAccuracy(0.75, 224, 68.4, f"{PAPER}, Table 5"),
    PublishedAccuracy(1.0, 224, 65.3, f"{PAPER}, Table 5", shallow=True),
    PublishedAccuracy(0.5, 224, 63.7, f"{PAPER}, Table 6"),
    PublishedAccuracy(0.25, 224, 50.6, f"{PAPER}, Table 6"),
    PublishedAccuracy(1.0, 192, 69.1, f"{PAPER}, Table 7"),
    PublishedAccuracy(1.0, 160, 67.2, f"{PAPER}, Table 7"),
    PublishedAccuracy(1.0, 128, 64.4, f"{PAPER}, Table 7"),
    PublishedAccuracy(0.5, 160, 60.2, f"{PAPER}, Table 9"),
    PublishedAccuracy(1.0, 224, 72.0, f"{V2_PAPER}, Table 4", network="v2"),
    PublishedAccuracy(1.4, 224, 74.7, f"{V2_PAPER}, Table 4", network="v2"),
)
SLIM_ACCURACIES = (
    *(
        PublishedAccuracy(alpha, size, top1, SLIM, top5)
        for alpha, row in _SLIM.items()
        for size, (top1, top5) in zip(_SIZES, row, strict=False)
    ),
    *(
        PublishedAccuracy(alpha, size, top1, SLIM_V2, top5, network="v2")
        for alpha, row in _SLIM_V2.items()
        for size, (top1, top5) in zip(_SIZES, row, strict=False)
    ),
)
TIMM_ACCURACIES = (
    PublishedAccuracy(1.0, 224, 75.388, TIMM, 92.310, note="mobilenetv1_100.ra4_e3600_r224_in1k"),
    PublishedAccuracy(
        1.0, 256, 76.088, TIMM, note="mobilenetv1_100.ra4_e3600_r224_in1k, crop 0.95"
    ),
    PublishedAccuracy(
        1.25, 224, 76.920, TIMM, note="mobilenetv1_125.ra4_e3600_r224_in1k, crop 0.9"
    ),
    PublishedAccuracy(
        1.25, 256, 77.612, TIMM, note="mobilenetv1_125.ra4_e3600_r224_in1k, crop 1.0"
    ),
    PublishedAccuracy(
        0.5, 224, 65.950, TIMM, 86.088, note="mobilenetv2_050.lamb_in1k", network="v2"
    ),
    PublishedAccuracy(
        1.0, 224, 72.976, TIMM, 91.010, note="mobilenetv2_100.ra_in1k", network="v2"
    ),
    PublishedAccuracy(
        1.4, 224, 76.520, TIMM, 92.986, note="mobilenetv2_140.ra_in1k", network="v2"
    ),
)
TORCHVISION_ACCURACIES = (
    PublishedAccuracy(1.0, 224, 72.154, TORCHVISION, 90.822, note="IMAGENET1K_V2", network="v2"),
    PublishedAccuracy(1.0, 224, 71.878, TORCHVISION, 90.286, note="IMAGENET1K_V1", network="v2"),
)
OTHER_ACCURACIES = (
    PublishedAccuracy(1.0, 224, 69.7, SLIM, 89.5, note="quantised to 8 bits"),
    PublishedAccuracy(1.0, 224, 70.81, CAFFE, 89.85, note="ReLU, BGR, symmetric padding"),
    PublishedAccuracy(1.0, 224, 71.0, PADDLE),
    PublishedAccuracy(0.75, 224, 68.8, PADDLE),
    PublishedAccuracy(0.5, 224, 63.5, PADDLE),
    PublishedAccuracy(0.25, 224, 51.4, PADDLE),
    PublishedAccuracy(1.0, 224, 77.9, PADDLE, note="distilled (SSLD)"),
)
ACCURACIES = (
    PAPER_ACCURACIES
    + SLIM_ACCURACIES
    + TIMM_ACCURACIES
    + TORCHVISION_ACCURACIES
    + OTHER_ACCURACIES
)

Table = Literal["paper", "slim", "timm", "torchvision"]
_TABLES = {
    "paper": PAPER_ACCURACIES, "slim": SLIM_ACCURACIES, "timm": TIMM_ACCURACIES,
    "torchvision": TORCHVISION_ACCURACIES,
}  # fmt: skip


def accuracy(config: NetworkConfig, table: Table, weights: str = "") -> PublishedAccuracy | None:
    """What `table` says of a network with these knobs, or None.

    Of several, the one whose note `weights` names, the words for where they are from.
    """
    rows = [row for row in _TABLES[table] if row.is_of(config) and not row.note.startswith("full")]
    return min(rows, key=lambda row: row.note not in weights, default=None)
