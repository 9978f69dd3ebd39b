"""What a model is fed, checked before a runtime sees it."""

from collections.abc import Mapping

from export.mil.description import ImageInput, ModelDescription, TensorInput
from export.runtimes.base import Feature
from mobilenet.common.errors import UnsupportedError


def check(description: ModelDescription, inputs: Mapping[str, Feature]) -> None:
    """Raises `UnsupportedError` for inputs that the model does not take.

    `MLModel.predict` would look at names and image modes; `CompiledMLModel` leaves it to Apple,
    whose message does not name the input.
    """
    expected = {item.name: item for item in description.inputs}
    if missing := expected.keys() - inputs.keys():
        raise UnsupportedError(f"input {min(missing)!r} is missing", _names(expected))
    if unknown := inputs.keys() - expected.keys():
        raise UnsupportedError(f"input {min(unknown)!r} is unknown", _names(expected))
    for name, item in expected.items():
        value = inputs[name]
        if isinstance(item, ImageInput):
            _check_image(item, value)
        elif tuple(getattr(value, "shape", ())) != item.shape:
            raise UnsupportedError(
                f"input {name!r} has shape {getattr(value, 'shape', None)}", f"give {item.shape}"
            )


def _check_image(item: ImageInput, value: Feature) -> None:
    mode = "L" if item.color == "GRAYSCALE" else "RGB"
    wanted = f"give a PIL image of mode {mode} and {item.width} x {item.height} pixels"
    if not hasattr(value, "mode"):
        raise UnsupportedError(f"input {item.name!r} is a {type(value).__name__}", wanted)
    if value.mode != mode or value.size != (item.width, item.height):
        width, height = value.size
        raise UnsupportedError(
            f"input {item.name!r} is {value.mode}, {width} x {height} pixels", wanted
        )


def _names(expected: Mapping[str, ImageInput | TensorInput]) -> str:
    return f"the model takes {', '.join(map(repr, expected))}"
