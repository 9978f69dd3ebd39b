"""What came out of a model in files, and as JSON."""

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from export.answers.model_answer import ModelAnswer
from export.runtimes.base import Feature
from export.verify.picture_answer import DetectedObject
from mobilenet.common import files
from mobilenet.common.errors import ConfigError
from mobilenet.common.files import Folder
from mobilenet.common.text import json_text

JSON, ARRAYS = ".json", ".npz"
UNSAFE = re.compile(r"[^A-Za-z0-9_.-]")
LONGEST = 100  # characters of a file's name


@dataclass(frozen=True)
class OutputRecord:
    """An output, with all its values; of a picture, those of its pixels."""

    kind: str
    """ "float32", "string", "dictionary", "image RGBA", ..."""
    shape: tuple[int, ...] | None
    value: Any


@dataclass(frozen=True)
class AnswerRecord:
    """A model's answer as JSON has it."""

    model: str
    network: str
    inputs: tuple[str, ...]
    top5: tuple[tuple[str, float], ...]
    objects: tuple[DetectedObject, ...] | None
    shares: tuple[tuple[str, float], ...]
    outputs: dict[str, OutputRecord]


def record(answer: ModelAnswer) -> AnswerRecord:
    """All of it but what is drawn."""
    outputs = {name: _recorded(value) for name, value in answer.outputs.items()}
    said = answer.said
    return AnswerRecord(
        answer.model, answer.network, answer.inputs, said.top5, said.objects, said.shares, outputs
    )


def kind_of(value: Feature) -> str:
    """What it is, in a word or two."""
    if isinstance(value, np.ndarray):
        return str(value.dtype)
    if hasattr(value, "mode"):
        return f"image {value.mode}"
    if isinstance(value, str):
        return "string"
    return "dictionary" if isinstance(value, dict) else type(value).__name__


def check_place(place: Path | Folder | None, *inputs: Path) -> None:
    """Raise `ConfigError` unless the outputs can be written there and nothing else is lost."""
    if place is None:
        return
    path = place.path if isinstance(place, Folder) else place
    if _is_folder(place):
        if path.exists() and not path.is_dir():
            raise ConfigError(f"output {path} is no folder", "end its name in .json or .npz")
        if not isinstance(place, Folder) and path.suffix and not path.exists():
            raise ConfigError(
                f"output {path} would be of an unknown kind, {path.suffix}",
                f"end its name in .json or .npz, or in a slash for a folder: {path}/",
            )
    else:
        files.check_file(path, inputs)


def write(answer: ModelAnswer, place: Path | Folder) -> None:
    """A .json or .npz file, or a folder with a file for each output."""
    path = place.path if isinstance(place, Folder) else place
    if _is_folder(place):
        path.mkdir(parents=True, exist_ok=True)
        for name, content in _each(answer.outputs).items():
            files.write_atomically(path / name, content)
    elif path.suffix == JSON:
        files.write_atomically(path, json_text(record(answer)).encode())
    else:
        data = io.BytesIO()
        np.savez_compressed(data, **_arrays(answer.outputs))
        files.write_atomically(path, data.getvalue())


def _is_folder(place: Path | Folder) -> bool:
    return isinstance(place, Folder) or place.is_dir() or place.suffix not in (JSON, ARRAYS)


def _recorded(value: Feature) -> OutputRecord:
    if isinstance(value, np.ndarray) or hasattr(value, "mode"):
        array = np.asarray(value)
        return OutputRecord(kind_of(value), array.shape, array.tolist())
    return OutputRecord(kind_of(value), None, value)


def _arrays(outputs: Mapping[str, Feature]) -> dict[str, Any]:
    """A dictionary is two: its values under its own name, and the labels."""
    arrays: dict[str, Any] = {}
    for name, value in zip(_names(outputs), outputs.values(), strict=True):
        if isinstance(value, dict):
            arrays[name] = np.array([*value.values()])
            arrays[f"{name}.labels"] = np.array([*value])
        else:
            arrays[name] = np.asarray(value)
    return arrays


def _each(outputs: Mapping[str, Feature]) -> dict[str, bytes]:
    contents: dict[str, bytes] = {}
    for name, value in zip(_names(outputs), outputs.values(), strict=True):
        data = io.BytesIO()
        if getattr(value, "mode", "F") != "F":  # PNG has no floats
            value.save(data, "PNG")
            contents[f"{name}.png"] = data.getvalue()
        elif isinstance(value, np.ndarray) or hasattr(value, "mode"):
            np.save(data, np.asarray(value))
            contents[f"{name}.npy"] = data.getvalue()
        else:
            contents[f"{name}.json"] = json_text(value).encode()
    return contents


def _names(outputs: Mapping[str, Feature]) -> list[str]:
    """Of files, one for each output: those of the model come from a stranger."""
    names: list[str] = []
    for output in outputs:
        name = stem = UNSAFE.sub("_", output).strip(".")[:LONGEST] or "output"
        while name in names:
            name = f"{stem}_{len(names)}"
        names.append(name)
    return names
