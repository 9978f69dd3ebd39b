"""pycocotools, the evaluation that COCO's figures are made with, on made data."""

import contextlib
import io
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from bench.accuracy import average_precision, matching
from made_detections import made_coco, tables

pytestmark = pytest.mark.peers
Peer = Callable[[str], ModuleType]


def ours(instances: dict[str, Any], results: list[dict[str, Any]]) -> np.ndarray:
    matches = matching.match(*tables(instances, results))
    table = average_precision.class_precisions(matches, len(instances["categories"]))
    return np.nan_to_num(np.array(average_precision.metrics(table)), nan=-1)


def theirs(peer: Peer, instances: dict[str, Any], results: list[dict[str, Any]]) -> np.ndarray:
    coco, cocoeval = peer("pycocotools.coco"), peer("pycocotools.cocoeval")
    with contextlib.redirect_stdout(io.StringIO()):
        truth = coco.COCO()
        truth.dataset = instances
        truth.createIndex()
        evaluation = cocoeval.COCOeval(truth, truth.loadRes(results), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation.stats[:6]  # of twelve


@pytest.mark.parametrize("seed", range(6))
def test_average_precision_is_pycocotools(seed: int, peer: Peer) -> None:
    """Crowds, equal scores, a class without objects, another without detections."""
    instances, results = made_coco(np.random.default_rng(seed), most=(3, 12, 25)[seed % 3])
    expected = theirs(peer, instances, results)
    assert 0.02 < expected[0] < 0.9
    np.testing.assert_allclose(ours(instances, results), expected, rtol=0, atol=1e-9)


def test_the_best_hundred_of_a_picture_count(peer: Peer) -> None:
    instances, results = made_coco(np.random.default_rng(7), pictures=3, classes=3, most=250)
    np.testing.assert_allclose(
        ours(instances, results), theirs(peer, instances, results), rtol=0, atol=1e-9
    )


def test_nothing_to_find_of_a_size(peer: Peer) -> None:
    instances, results = made_coco(np.random.default_rng(8))
    for annotation in instances["annotations"]:
        annotation["area"] = 50.0
    expected = theirs(peer, instances, results)
    assert expected[4] == expected[5] == -1
    np.testing.assert_allclose(ours(instances, results), expected, rtol=0, atol=1e-9)
