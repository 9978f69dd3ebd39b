"""Made annotations and detections: crowds, equal scores, classes without objects. Seeded."""

from typing import Any

import numpy as np

from bench.accuracy.matching import DetectedBoxes, Objects

Rows = list[dict[str, Any]]
WIDTH, HEIGHT = 640, 480


def made_coco(
    rng: np.random.Generator, pictures: int = 60, classes: int = 7, most: int = 12
) -> tuple[dict[str, Any], Rows]:
    """COCO's instances and results: the last class has no object, the one before no detection.

    Scores have two digits, so that many are equal; boxes lie on whole and half pixels.
    """
    annotations: Rows = []
    results: Rows = []
    for picture in range(pictures):
        for _ in range(int(rng.integers(0, most))):
            category, box = int(rng.integers(0, classes - 1)), made_box(rng)
            annotations.append({
                "id": len(annotations) + 1, "image_id": 3 * picture + 1,
                "category_id": 10 * category, "bbox": box, "iscrowd": int(rng.random() < 0.1),
                "area": box[2] * box[3] * float(rng.choice([1, 0.6])),
            })  # fmt: skip
            for _ in range(int(rng.integers(0, 4))):
                near = (np.array(box) + rng.integers(-3, 4, 4) * rng.choice([0, 1, 4])).clip(0.5)
                results.append(result(picture, category, near.tolist(), rng))
        for _ in range(int(rng.integers(0, most))):
            results.append(result(picture, int(rng.integers(0, classes)), made_box(rng), rng))
    results = [each for each in results if each["category_id"] != 10 * (classes - 2)]
    instances = {
        "images": [
            {"id": 3 * i + 1, "file_name": f"{i}.png", "width": WIDTH, "height": HEIGHT}
            for i in reversed(range(pictures))
        ],
        "annotations": annotations,
        "categories": [{"id": 10 * i, "name": f"class {i}"} for i in range(classes)],
    }
    return instances, results


def made_box(rng: np.random.Generator) -> list[float]:
    """Left, top, width, height, of all three of COCO's sizes."""
    width, height = (rng.integers(4, 2 ** rng.integers(4, 9), 2) / 2 + 2).tolist()
    left, top = rng.integers(0, [int(WIDTH - width), int(HEIGHT - height)]).tolist()
    return [left, top, width, height]


def result(picture: int, category: int, box: list[float], rng: np.random.Generator) -> dict:
    score = round(float(rng.random()), 2)
    return {
        "image_id": 3 * picture + 1, "category_id": 10 * category, "bbox": box, "score": score,
    }  # fmt: skip


def tables(instances: dict[str, Any], results: Rows) -> tuple[Objects, DetectedBoxes]:
    """The same as arrays: pictures by the order of their ids, classes by that of the list."""
    order = sorted(picture["id"] for picture in instances["images"])
    pictures = {number: i for i, number in enumerate(order)}
    classes = {category["id"]: i for i, category in enumerate(instances["categories"])}

    def column(rows: Rows, name: str) -> np.ndarray:
        return np.array([row[name] for row in rows], np.float64)

    def places(rows: Rows) -> tuple[np.ndarray, np.ndarray]:
        return (
            np.array([pictures[row["image_id"]] for row in rows], np.int64),
            np.array([classes[row["category_id"]] for row in rows], np.int64),
        )

    annotations = instances["annotations"]
    objects = Objects(
        column(annotations, "bbox").reshape(-1, 4), column(annotations, "area"),
        column(annotations, "iscrowd").astype(bool), *places(annotations),
    )  # fmt: skip
    boxes = column(results, "bbox").reshape(-1, 4)
    return objects, DetectedBoxes(boxes, column(results, "score"), *places(results))
