"""Core ML models written message by message: small, quick, and as wrong as a test wants them."""

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np

from export.mil.read.specification import Message, proto

OPSET = "CoreML6"
ROOT = "Data/com.apple.CoreML"
FLOAT, INT, TEXT = "FLOAT32", "INT32", "STRING"


def image(name: str = "image", size: int = 8) -> Message:
    """A model that takes a picture, and as yet does nothing."""
    model = proto("Model_pb2").Model(specificationVersion=7)
    feature = model.description.input.add(name=name)
    feature.type.imageType.width = feature.type.imageType.height = size
    feature.type.imageType.colorSpace = 20  # RGB
    return model


class ProgramMessage:
    """An ML Program on a picture of 8 x 8; each method adds an operation, and gives its name."""

    def __init__(self) -> None:
        self.model = image()
        self.function = self.model.mlProgram.functions["main"]
        self.function.opset = OPSET
        given = self.function.inputs.add(name="image")
        _declare(given.type, (1, 3, 8, 8), FLOAT)
        self.block = self.function.block_specializations[OPSET]
        self.weights = bytearray(64)

    def op(
        self, kind: str, name: str, shape: tuple[int, ...], /, **inputs: str | list[str]
    ) -> str:
        """An operation on values by name."""
        added = self.block.operations.add(type=kind)
        for parameter, names in inputs.items():
            for value in [names] if isinstance(names, str) else names:
                added.inputs[parameter].arguments.add(name=value)
        _declare(added.outputs.add(name=name).type, shape, FLOAT)
        return name

    def const(self, name: str, value: Any) -> str:
        """A constant that is written in place."""
        added = self.block.operations.add(type="const")
        array = np.asarray(value)
        kind = {"U": TEXT, "i": INT, "b": "BOOL", "f": FLOAT}[array.dtype.kind]
        field = {TEXT: "strings", INT: "ints", "BOOL": "bools", FLOAT: "floats"}[kind]
        _declare(added.outputs.add(name=name).type, array.shape, kind)
        stored = added.attributes["val"]
        _declare(stored.type, array.shape, kind)
        getattr(stored.immediateValue.tensor, field).values.extend(array.reshape(-1).tolist())
        return name

    def blob(self, name: str, value: np.ndarray) -> str:
        """A constant in the weight file."""
        added = self.block.operations.add(type="const")
        _declare(added.outputs.add(name=name).type, value.shape, FLOAT)
        stored = added.attributes["val"]
        _declare(stored.type, value.shape, FLOAT)
        stored.blobFileValue.fileName = "@model_path/weights/weight.bin"
        stored.blobFileValue.offset = start = len(self.weights)
        raw = value.astype("<f4").tobytes()
        self.weights += struct.pack("<IIQQ", 0xDEADBEEF, 2, len(raw), start + 64).ljust(64, b"\0")
        self.weights += raw + bytes(-len(raw) % 64)
        return name

    def gives(self, *names: str) -> "ProgramMessage":
        """Declare outputs."""
        for name in names:
            self.block.outputs.append(name)
            feature = self.model.description.output.add(name=name)
            feature.type.multiArrayType.dataType = 65568  # float32
        return self

    def save(self, path: Path) -> Path:
        """Write the package."""
        return save(path, self.model, bytes(self.weights))


def save(path: Path, model: Message, weights: bytes = b"") -> Path:
    """Write a package of any model."""
    folder = path / ROOT
    (folder / "weights").mkdir(parents=True, exist_ok=True)
    (folder / "model.mlmodel").write_bytes(model.SerializeToString())
    (folder / "weights/weight.bin").write_bytes(weights)
    items = {"model": {"path": "com.apple.CoreML/model.mlmodel"}}
    manifest = {"itemInfoEntries": items, "rootModelIdentifier": "model"}
    (path / "Manifest.json").write_text(json.dumps(manifest))
    return path


def _declare(message: Message, shape: tuple[int, ...], kind: str) -> None:
    message.tensorType.dataType = proto("MIL_pb2").DataType.Value(kind)
    message.tensorType.rank = len(shape)
    for size in shape:
        message.tensorType.dimensions.add().constant.size = size
