"""A model run on what it is given: all that comes out, and what that says of a photograph."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from export.answers.given_inputs import given_inputs
from export.head_outputs import DETECTION_OUTPUTS
from export.mil.chosen_sizes import chosen_sizes
from export.mil.description import ModelDescription
from export.mil.program import Precision
from export.package.metadata import metadata_of
from export.runtimes.base import Feature
from export.runtimes.in_pictures import of_labels
from export.runtimes.portable_model import load
from export.verify.picture_answer import (
    PictureAnswer,
    check_kind,
    detected_objects,
    painted,
    read_answer,
)
from mobilenet.common import files
from mobilenet.common.decoding import decode_json
from mobilenet.common.errors import CheckpointError, ConfigError
from mobilenet.common.options import OWN_SIZE, SizeOptions

if TYPE_CHECKING:
    from PIL.Image import Image

Outputs = Mapping[str, Feature]

PREVIEW = "com.apple.coreml.model.preview.params"  # what Xcode shows a segmenter's answer with
MAX_CLASSES = 255  # that a map of pixels tells apart
WHOLE = 0.0, 0.0, 1.0, 1.0  # of the input: a photograph that was squashed


class PreviewParameters(msgspec.Struct):
    """Of them, the names of a segmenter's classes."""

    labels: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class ModelAnswer:
    """What came out of a model."""

    model: str
    network: str
    """In one line, of a package that this tool made; "" of others."""
    untrained: bool
    inputs: tuple[str, ...]
    """How each photograph became an input."""
    said: PictureAnswer
    """Of the photograph, where there is one, or of the classes."""
    outputs: Outputs
    """As `MLModel.predict` gives them."""


def answer(
    path: Path,
    images: Sequence[str] = (),
    values: Sequence[str] = (),
    *,
    function: str | None = None,
    precision: Precision = "declared",
    sizes: SizeOptions = OWN_SIZE,
    drawing: Path | None = None,
) -> ModelAnswer:
    """Run the model at `path`, of any maker, on `images` and `values` as `given_inputs` has them.

    Of a flexible model `sizes` are asked for: its own by default, and arrays in any that it
    allows. `drawing` is a file for the photograph with boxes or classes of pixels over it.

    Raises `PackageError` for a damaged model, `UnsupportedError` for one that cannot be run here,
    `ConfigError` for inputs that it does not take.
    """
    if drawing is not None:
        check_kind(drawing)
        files.check_regular_file(drawing, [path])
    model = load(path, function, precision=precision)
    description, about = model.description, metadata_of(model.description.metadata)
    chosen = description.at(chosen_sizes(description, sizes.size, sizes.batch))
    given = given_inputs(chosen, images, values)
    outputs = model.predict(given.features)
    photograph = next(iter(given.photographs.values()), None) if len(images) == 1 else None
    if about is not None and photograph is not None:
        said = read_answer(description, about, outputs, photograph)
    else:
        said = foreign_answer(description, outputs, photograph)
    if drawing is not None:
        _draw(said, photograph, drawing, "" if about is None else about.provenance.mark)
    return ModelAnswer(
        str(path), "" if about is None else about.summary,
        about is not None and not about.provenance.trained, given.remarks, said, outputs,
    )  # fmt: skip


def _draw(said: PictureAnswer, photograph: "Image | None", drawing: Path, mark: str) -> None:
    """Raise `ConfigError` where there is nothing to draw."""
    if photograph is None or (said.objects is None and said.classes is None):
        raise ConfigError(
            f"drawing {drawing}: there are no boxes and no classes of pixels in a photograph",
            "leave --drawing out; --output keeps pictures that come out",
        )
    said.draw(photograph, drawing, mark)


def foreign_answer(
    description: ModelDescription, outputs: Outputs, photograph: "Image | None"
) -> PictureAnswer:
    """What the outputs of a model say by Core ML's own conventions, empty where there are none.

    A dictionary has the chances of classes; `confidence` and `coordinates` are what Vision takes
    for objects; an array of whole numbers, as wide and high as a picture, is a map of classes.
    """
    chances = [value for value in outputs.values() if isinstance(value, dict)]
    if len(chances) == 1:
        best = sorted(chances[0].items(), key=lambda item: -item[1])
        return PictureAnswer(top5=tuple((str(label), value) for label, value in best[:5]))
    if photograph is None:
        return PictureAnswer()
    labels = description.labels
    scores, boxes = (np.asarray(outputs.get(name)) for name in DETECTION_OUTPUTS)
    if scores.ndim == 2 and boxes.shape == (len(scores), 4):
        rows = scores.max(1, initial=0) > 0
        return PictureAnswer(
            objects=detected_objects(boxes[rows], scores[rows], labels, WHOLE, photograph.size)
        )
    maps = [value for value in outputs.values() if _is_map(value)]
    if len(maps) == 1:
        classes = of_labels(maps[0], MAX_CLASSES)
        return painted(classes, labels or _previewed(description), WHOLE, photograph.size)
    return PictureAnswer()


def _is_map(value: Feature) -> bool:
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "iu" or value.ndim < 2:
        return False
    height, width = map(int, value.shape[-2:])
    return min(height, width) > 1 and value.size == height * width


def _previewed(description: ModelDescription) -> tuple[str, ...]:
    """Labels that are there for Xcode's preview; none where they cannot be read."""
    try:
        text = description.metadata.get(PREVIEW, "{}")
        return decode_json(text, PreviewParameters, PREVIEW).labels
    except CheckpointError:
        return ()
