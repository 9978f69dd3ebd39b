"""What others have published, with the source of every figure.

Accuracies are percent on ImageNet's validation set, as printed there. Multiply-accumulates and
parameters are not repeated: `MobileNetConfig.cost` gives them, and reproduces the paper's.
Imports neither numpy nor torch: reports use it.
"""

from dataclasses import dataclass
from typing import Literal

from mobilenet.common.size import Size
from mobilenet.networks.v1 import MobileNetConfig

PAPER = "Howard et al. 2017, arXiv 1704.04861"
SLIM = "tensorflow/models, research/slim/nets/mobilenet_v1.md"
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

    def is_of(self, config: MobileNetConfig) -> bool:
        """Whether the network has these three knobs; none is published for oblong pictures."""
        return (self.alpha, self.shallow) == (config.alpha, config.shallow) and (
            self.resolution is not None and config.size == Size.square(self.resolution)
        )


@dataclass(frozen=True)
class Latency:
    """A published time per image; `milliseconds` as stated there, p50 or mean unless noted."""

    model: str
    device: str
    engine: str
    milliseconds: float
    source: str
    note: str = ""


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

_ALPHAS, _SIZES = (1.0, 0.75, 0.5, 0.25), (224, 192, 160, 128)

# top-1 / top-5 of the checkpoints of 2018-08-02; a row per alpha, a column per size
_SLIM = (
    ((70.9, 89.9), (70.0, 89.2), (68.0, 87.7), (65.2, 85.8)),
    ((68.4, 88.2), (67.2, 87.3), (65.3, 86.0), (62.1, 83.9)),
    ((63.3, 84.9), (61.7, 83.6), (59.1, 81.9), (56.3, 79.4)),
    ((49.8, 74.2), (47.7, 72.3), (45.5, 70.3), (41.5, 66.3)),
)

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
)
SLIM_ACCURACIES = tuple(
    PublishedAccuracy(alpha, size, top1, SLIM, top5)
    for alpha, row in zip(_ALPHAS, _SLIM, strict=True)
    for size, (top1, top5) in zip(_SIZES, row, strict=True)
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
ACCURACIES = PAPER_ACCURACIES + SLIM_ACCURACIES + TIMM_ACCURACIES + OTHER_ACCURACIES

Table = Literal["paper", "slim", "timm"]
_TABLES = {"paper": PAPER_ACCURACIES, "slim": SLIM_ACCURACIES, "timm": TIMM_ACCURACIES}


def accuracy(config: MobileNetConfig, table: Table) -> PublishedAccuracy | None:
    """What `table` says of a network with these three knobs, or None."""
    rows = (row for row in _TABLES[table] if not row.note.startswith("full"))
    return next((row for row in rows if row.is_of(config)), None)


_MEASUREMENT = "tensorflow/tensorflow, tensorflow/lite/g3doc/performance/measurement.md"
_INTHEPOCKET = "inthepocket.com, post on the A12 (2018)"
_FORGE = "hollance/Forge, README"
_COREML_4 = "hollance/MobileNet-CoreML#4 (iOS 11 beta)"
_MLCOMMONS = "mlcommons/mobile_app_open#472"
_ERWIN = "erwinzhang7, results/mobilenet-b1-deep.json"
_STARNET = "StarNet paper, Table 19"
_COREML_CLI = "coreml-cli, README"
_MOBILEONE = "apple/ml-mobileone, README"
_FASTVIT = "apple/ml-fastvit, README"
_V2_PAPER = "Sandler et al. 2018, arXiv 1801.04381, Table 4"
_V1, _EDGE, _V2 = "MobileNet v1 1.0 224", "MobileNet-EdgeTPU", "MobileNet v2"

LATENCIES = (
    Latency(_V1, "iPhone XS", "TFLite, CPU, 2 threads", 14.8, _MEASUREMENT),
    Latency(_V1, "iPhone XS", "TFLite, GPU", 3.4, _MEASUREMENT),
    Latency(_V1, "iPhone XS", "TFLite, CPU, 2 threads", 11, _MEASUREMENT, "quantised"),
    Latency("MobileNet v1 classifier, 9 MB", "iPhone 8", "Core ML", 22.38, _INTHEPOCKET),
    Latency("MobileNet v1 classifier, 9 MB", "iPhone XS", "Core ML", 2.77, _INTHEPOCKET),
    Latency("MobileNet v1", "iPhone 6s", "Metal (Forge)", 50, _FORGE, "from 20 frames a second"),
    Latency("MobileNet v1", "iPhone 6", "Core ML", 200, _COREML_4, "about"),
    Latency("MobileNet v1", "iPhone 7", "Core ML", 70, _COREML_4),
    Latency(
        _EDGE, "not stated", "Core ML, LoadGen", 1.734, _MLCOMMONS, "p50; p90 1.790, p99 1.859"
    ),
    Latency(_EDGE, "M1", "Core ML, Neural Engine", 0.46, _MLCOMMONS, "about"),
    Latency(
        _EDGE, "iPhone 13", "Core ML, Neural Engine", 0.55, _MLCOMMONS, "0.5 to 0.6; also 1.2"
    ),
    Latency(f"{_V2}, features", "M5 Max", "Core ML, Neural Engine", 0.295, _ERWIN),
    Latency(f"{_V2}, features", "M5 Max", "Core ML, GPU", 0.665, _ERWIN),
    Latency(f"{_V2}, features", "M5 Max", "Core ML, all units", 0.294, _ERWIN),
    Latency(_V2, "iPhone 12", "Core ML", 0.9, _STARNET),
    Latency(_V2, "iPhone 12 Pro Max", "Core ML", 0.9, _STARNET),
    Latency(_V2, "iPhone 13", "Core ML", 1.0, _STARNET),
    Latency(_V2, "iPhone 14", "Core ML", 0.9, _STARNET),
    Latency(_V2, "a Mac, not stated", "Core ML, all units", 1.200, _COREML_CLI, "mean 1.279"),
    Latency("MobileOne S0", "iPhone 12 Pro", "Core ML (ModelBench)", 0.79, _MOBILEONE),
    Latency("MobileOne S1", "iPhone 12 Pro", "Core ML (ModelBench)", 0.89, _MOBILEONE),
    Latency("MobileOne S2", "iPhone 12 Pro", "Core ML (ModelBench)", 1.18, _MOBILEONE),
    Latency("MobileOne S3", "iPhone 12 Pro", "Core ML (ModelBench)", 1.53, _MOBILEONE),
    Latency("MobileOne S4", "iPhone 12 Pro", "Core ML (ModelBench)", 1.86, _MOBILEONE),
    Latency("FastViT T8", "iPhone 12 Pro", "Core ML (ModelBench)", 0.8, _FASTVIT),
    Latency(
        "MobileNet v1", "Pixel 1, a big core", "TFLite", 113, _V2_PAPER, "not Apple: a control"
    ),
    Latency(_V2, "Pixel 1, a big core", "TFLite", 75, _V2_PAPER, "not Apple: a control"),
)
