"""Made-up results of detectors and segmenters."""

import msgspec

from bench.results.metrics import (
    ClassMetric,
    Drawing,
    Metric,
    MetricComparison,
    PictureDifference,
)
from bench.results.records import Metrics, Model, Photographs
from made_results import JPEG, SVG, model
from mobilenet.networks.v1 import MobileNetConfig


def metrics() -> list[Metrics | MetricComparison]:
    """Two detectors and a segmenter that is untrained; the annotations and a pair."""
    whole = model(MobileNetConfig(), name="SSDLite", identity="a" * 64)
    small = model(MobileNetConfig(), name="SSDLite_palette2", identity="b" * 64)
    maps = model(MobileNetConfig(shallow=True), name="DeepLab", identity="c" * 64, trained=False)
    records = [
        measured(whole, "detection", mAP=0.22, AP50=0.35, APl=None),
        measured(small, "detection", mAP=0.2, AP50=0.31, APl=None, broken=("a.jpg: cut off",)),
        measured(maps, "segmentation", mIOU=0.03),
    ]
    names = [record.name for record in records]
    differences = tuple(
        PictureDifference(
            image=f"{number}.jpg", alike=0.25,
            drawings=(Drawing(caption="ground truth", thumbnail=thumbnail),),
        )
        for number, thumbnail in enumerate((JPEG, SVG, ""))
    )  # fmt: skip
    return [
        *records,
        comparison("detection", names[0], names[1], differences=differences),
        comparison("segmentation", "ground truth", names[2], difference=None, interval=None),
    ]


def measured(of: Model, task: str, *, broken: tuple[str, ...] = (), **values: object) -> Metrics:
    return Metrics(
        name=f"{of.name} | portable | CPU | float32 | squash", model=of, runtime="portable",
        unit="CPU", precision="float32", recipe="squash", geometry="squashed to 300 x 300",
        photographs=Photographs(name="val2017", digest="cd", images=90, classes=80),
        started="2026-01-02T03:04:05Z", tool="0.1.0", images=90, broken=broken, task=task,
        metrics=tuple(
            Metric(name=name, value=value, interval=value and (value - 0.02, value + 0.02))
            for name, value in values.items()
        ),
        classes=(ClassMetric(label="tabby", value=0.4, count=7),), method="bootstrap",
    )  # fmt: skip


def comparison(task: str, reference: str, other: str, **changes: object) -> MetricComparison:
    made = MetricComparison(
        task=task, reference=reference, other=other, images=90,
        metric="mAP" if task == "detection" else "mIOU", difference=-0.02,
        interval=(-0.03, -0.01), alike=0.9, alike_of="boxes",
    )  # fmt: skip
    return msgspec.structs.replace(made, **changes)
