"""COCO's mAP over made pictures: ours against pycocotools (make peers), in turn.

    python tests/benchmark_average_precision.py [PICTURES]

Both begin with objects and detections in memory, in the form that each takes.
"""

import contextlib
import io
import statistics
import sys
import time
from typing import Any

import numpy as np

from bench.accuracy import average_precision, matching, resampling
from made_detections import made_coco, tables

ROUNDS = 5
PICTURES = 1000
CLASSES = 80


def main() -> None:
    from pycocotools.coco import COCO

    pictures = int(sys.argv[1]) if len(sys.argv) > 1 else PICTURES
    instances, results = made_coco(np.random.default_rng(0), pictures, CLASSES, most=15)
    objects, detections = tables(instances, results)
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = instances
        truth.createIndex()
        loaded = truth.loadRes(results)
    print(f"{pictures} pictures, {len(objects.areas)} objects, {len(results)} detections")
    ratios = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        first = ours(objects, detections)
        middle = time.perf_counter()
        second = theirs(truth, loaded)
        end = time.perf_counter()
        ratios.append((middle - begin) / (end - middle))
        print(f"ours {middle - begin:.2f} s, pycocotools {end - middle:.2f} s", first, second)
    print(f"ratio {statistics.median(ratios):.2f}  (to reach: 1)")
    begin = time.perf_counter()
    weights = resampling.weights(pictures)
    average_precision.resampled(matching.match(objects, detections), weights)
    print(f"interval, beside it: {time.perf_counter() - begin:.2f} s")


def ours(objects: matching.Objects, detections: matching.DetectedBoxes) -> float:
    matches = matching.match(objects, detections)
    return average_precision.metrics(average_precision.class_precisions(matches, CLASSES)).mAP


def theirs(truth: Any, results: Any) -> float:
    from pycocotools.cocoeval import COCOeval

    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = COCOeval(truth, results, "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return float(evaluation.stats[0])


if __name__ == "__main__":
    main()
