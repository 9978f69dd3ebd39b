"""Made detectors and segmenters: packages whose answers are known from the colours."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import programs
from bench.accuracy.subjects import CompiledPackage
from bench.results.records import Model
from export.coremltools_import import coremltools
from export.mil.description import ImageInput, ModelDescription, ModelOutput

SIZE = 32
COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}
LABELS = tuple(COLOURS)
QUARTERS = np.array(  # centre x, centre y, width, height
    [[x, y, 0.5, 0.5] for y in (0.25, 0.75) for x in (0.25, 0.75)], np.float32
)


def detector(path: Path) -> Path:
    """`boxes` and `scores`: the four quarters, as red, green and blue as they are."""

    def build(mb: Any, picture: Any) -> tuple[Any, Any]:
        pooled = mb.avg_pool(x=picture, kernel_sizes=[16, 16], strides=[16, 16], pad_type="valid")
        scaled = mb.mul(x=pooled, y=np.float32(0.9 / 255))
        turned = mb.transpose(x=scaled, perm=[0, 2, 3, 1])
        scores = mb.reshape(x=turned, shape=[4, 3], name="scores")
        nothing = mb.mul(x=mb.slice_by_index(x=scores, begin=[0, 0], end=[4, 1]), y=np.float32(0))
        return mb.add(x=nothing, y=QUARTERS, name="boxes"), scores

    return _saved(path, build)


def segmenter(path: Path, output: str = "logits") -> Path:
    """`logits`: the colour of each pixel, or `labels`: the strongest of them."""

    def build(mb: Any, picture: Any) -> Any:
        if output == "logits":
            return mb.mul(x=picture, y=np.float32(1), name="logits")
        labels = mb.reduce_argmax(x=picture, axis=1, keep_dims=False)
        return mb.reshape(x=labels, shape=[SIZE, SIZE], name="labels")

    return _saved(path, build)


def _saved(path: Path, build: Callable[..., Any]) -> Path:
    ct = coremltools()
    shape = (1, 3, SIZE, SIZE)
    model = programs.convert(
        build, [np.zeros(shape, np.float32)], inputs=[ct.ImageType(name="x0", shape=shape)]
    )
    preview = json.dumps({"labels": LABELS, "colors": []})
    model.user_defined_metadata["com.apple.coreml.model.preview.params"] = preview
    model.save(str(path))
    return path


class FakeSession:
    """`LoadedModel` that answers as a function does."""

    def __init__(
        self, answer: Callable[[Image.Image], dict[str, Any]], labels: tuple[str, ...] = LABELS,
        metadata: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        self.description = ModelDescription(
            (ImageInput("image", SIZE, SIZE),),
            (ModelOutput("any", "array"),), labels, dict(metadata or {}),
        )  # fmt: skip
        self.answer, self.asked = answer, 0

    def predict(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        assert set(inputs) == {"image"}
        self.asked += 1
        return self.answer(inputs["image"])


def packaged(session: FakeSession, name: str = "net", **changes: Any) -> CompiledPackage:
    """As if `session` had been loaded from a package."""

    class Fake:
        name = "fake"

        def load(self, _path: Path, _unit: str) -> FakeSession:
            return session

    model = Model(name=name, identity=name * 3, size_bytes=1, trained=True, **changes)
    return CompiledPackage(model, Fake(), Path("nowhere"), "CPU")  # type: ignore[arg-type]


def quarters(colours: list[str], size: tuple[int, int] = (64, 48)) -> Image.Image:
    """A picture of four parts, black where no colour is named."""
    small = [COLOURS.get(colour, (0, 0, 0)) for colour in colours]
    pixels = np.array(small, np.uint8).reshape(2, 2, 3)
    return Image.fromarray(pixels).resize(size, Image.Resampling.NEAREST)


BOXES = [[0, 0, 32, 24], [32, 0, 32, 24], [0, 24, 32, 24], [32, 24, 32, 24]]  # of 64 x 48


def boxed_set(folder: Path, pictures: list[list[str]], **changes: Any) -> Path:
    """Pictures of four parts, each an object where it has a colour, and their JSON file."""
    folder.mkdir(parents=True, exist_ok=True)
    annotations: list[dict[str, Any]] = []
    for number, colours in enumerate(pictures):
        quarters(colours).save(folder / f"{number}.png")
        annotations += [
            {"image_id": number, "category_id": 5 * LABELS.index(colour), "bbox": box,
             "iscrowd": 0, "area": 768, "id": 4 * number + part}
            for part, (colour, box) in enumerate(zip(colours, BOXES, strict=True)) if colour
        ]  # fmt: skip
    instances = {
        "info": {"year": 2017}, "annotations": annotations,
        "images": [
            {"id": i, "file_name": f"{i}.png", "width": 64, "height": 48}
            for i in range(len(pictures))
        ],
        "categories": [{"id": 5 * i, "name": name} for i, name in enumerate(LABELS)],
    } | changes  # fmt: skip
    path = folder / "instances.json"
    path.write_text(json.dumps(instances))
    return path


def masked_set(folder: Path, pictures: list[list[str]], size: tuple[int, int] = (64, 48)) -> Path:
    """Pictures of four parts, and masks with the number of each colour, 255 for none."""
    (folder / "images").mkdir(parents=True)
    (folder / "masks").mkdir()
    for number, colours in enumerate(pictures):
        quarters(colours, size).save(folder / "images" / f"{number:02}.png")
        classes = [LABELS.index(colour) if colour else 255 for colour in colours]
        mask = Image.fromarray(np.array(classes, np.uint8).reshape(2, 2))
        mask.resize(size, Image.Resampling.NEAREST).save(folder / "masks" / f"{number:02}.png")
    return folder
