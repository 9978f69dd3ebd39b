"""Writes small `.tflite` files by hand: tensors, operators, metadata.

Numbers of fields, operators and options are those of schema.fbs and metadata_schema.fbs.
"""

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mobilenet.common.errors import CheckpointError
from mobilenet.graph import FileGraph
from mobilenet.sources.tflite.tflite_graph import graph_of
from run_graph import run
from weight_files import FlatBuilder

MAP = (1, 5, 6, 3)

CODES = {
    "ADD": 0, "AVERAGE_POOL_2D": 1, "CONCATENATION": 2, "CONV_2D": 3, "DEPTHWISE_CONV_2D": 4,
    "DEQUANTIZE": 6, "FULLY_CONNECTED": 9, "LOGISTIC": 14, "MAX_POOL_2D": 17, "MUL": 18,
    "RELU": 19, "RELU6": 21, "RESHAPE": 22, "RESIZE_BILINEAR": 23, "SOFTMAX": 25, "TANH": 28,
    "PAD": 34, "GATHER": 36, "TRANSPOSE": 39, "MEAN": 40, "SUB": 41, "DIV": 42, "SQUEEZE": 43,
    "STRIDED_SLICE": 45, "CAST": 53, "ARG_MAX": 56, "PADV2": 60, "EXPAND_DIMS": 70, "SHAPE": 77,
    "PACK": 83, "REVERSE_V2": 105, "QUANTIZE": 114, "HARD_SWISH": 117,
}  # fmt: skip
OPTIONS = {
    "CONV_2D": 1, "DEPTHWISE_CONV_2D": 2, "AVERAGE_POOL_2D": 5, "MAX_POOL_2D": 5,
    "FULLY_CONNECTED": 8, "SOFTMAX": 9, "CONCATENATION": 10, "ADD": 11, "RESIZE_BILINEAR": 15,
    "RESHAPE": 17, "MUL": 21, "GATHER": 23, "MEAN": 27, "SUB": 28, "DIV": 29, "SQUEEZE": 30,
    "STRIDED_SLICE": 32, "CAST": 37, "ARG_MAX": 40, "SHAPE": 55, "PACK": 59,
}  # fmt: skip
DTYPES = {"float32": 0, "float16": 1, "int32": 2, "uint8": 3, "int64": 4, "int8": 9}


class TfliteFile:
    """A model of one graph."""

    def __init__(self) -> None:
        self.flat = FlatBuilder()
        self.tensors: list[int] = []
        self.buffers = [self.flat.table(1, at_0=self.flat.array(np.zeros(0, np.uint8)))]
        self.operators: list[int] = []
        self.codes: list[str] = []

    def tensor(
        self,
        shape: tuple[int, ...],
        array: Any = None,
        dtype: str = "float32",
        scale: Any = (),
        zero: Any = (),
        axis: int = 0,
        signature: tuple[int, ...] = (),
    ) -> int:
        """A tensor, a constant if `array` is given; its number."""
        flat, parts = self.flat, {}
        buffer = 0
        if array is not None:
            raw = np.frombuffer(np.asarray(array, dtype).tobytes(), np.uint8)
            self.buffers.append(flat.table(1, at_0=flat.array(raw)))
            buffer = len(self.buffers) - 1
        if np.size(scale):
            scales, zeros = flat.array(np.float32(scale)), flat.array(np.int64(zero))
            parts["at_4"] = flat.table(7, at_2=scales, at_3=zeros, i32_6=axis)
        if signature:
            parts["at_7"] = flat.array(np.int32(signature))
        name = flat.builder.CreateString(f"t{len(self.tensors)}")
        self.tensors.append(
            flat.table(
                8, at_0=flat.array(np.int32(shape)), i8_1=DTYPES[dtype], i32_2=buffer, at_3=name,
                **parts,
            )
        )  # fmt: skip
        return len(self.tensors) - 1

    def constant(self, array: Any, dtype: str = "float32") -> int:
        """A plain constant; its number."""
        return self.tensor(np.shape(array), array, dtype)

    def operate(
        self,
        kind: str,
        inputs: list[int],
        shape: tuple[int, ...],
        fields: int = 6,
        result: dict[str, Any] | None = None,
        **options: Any,
    ) -> int:
        """An operator with `options` as `FlatBuilder.table` takes them; its result's number."""
        output = self.tensor(shape, **(result or {}))
        made = {}
        if kind in OPTIONS:
            made = {"i8_3": OPTIONS[kind], "at_4": self.flat.table(fields, **options)}
        if kind not in self.codes:
            self.codes.append(kind)
        ins, outs = self.flat.array(np.int32(inputs)), self.flat.array(np.int32([output]))
        index = self.codes.index(kind)
        self.operators.append(self.flat.table(5, i32_0=index, at_1=ins, at_2=outs, **made))
        return output

    def write(
        self,
        path: Path,
        inputs: list[int],
        outputs: list[int],
        graphs: int = 1,
        metadata: bytes = b"",
        files: dict[str, str] | None = None,
    ) -> Path:
        """The file, with metadata and associated files."""
        flat = self.flat
        graph = flat.table(
            5, at_0=flat.tables(self.tensors), at_1=flat.array(np.int32(inputs)),
            at_2=flat.array(np.int32(outputs)), at_3=flat.tables(self.operators),
        )  # fmt: skip
        numbers = [CODES[kind] for kind in self.codes]
        codes = flat.tables([flat.table(4, i8_0=code, i32_2=1, i32_3=code) for code in numbers])
        subgraphs = flat.tables([graph] * graphs)
        entries = []
        if metadata:
            data = flat.array(np.frombuffer(metadata, np.uint8))
            self.buffers.append(flat.table(1, at_0=data))
            name = flat.builder.CreateString("TFLITE_METADATA")
            entries = [flat.table(2, at_0=name, i32_1=len(self.buffers) - 1)]
        model = flat.table(
            8, i32_0=3, at_1=codes, at_2=subgraphs, at_4=flat.tables(self.buffers),
            at_6=flat.tables(entries),
        )  # fmt: skip
        flat.builder.Finish(model, b"TFL3")
        path.write_bytes(bytes(flat.builder.Output()))
        if files:
            with zipfile.ZipFile(path, "a") as archive:
                for name, text in files.items():
                    archive.writestr(name, text)
        return path


def metadata(mean: list[float], std: list[float], labels: str = "", kind: int = 1) -> bytes:
    """TFLite's metadata: how the input is normalised, and the name of a file of labels."""
    flat = FlatBuilder()
    mean_at, std_at = flat.array(np.float32(mean)), flat.array(np.float32(std))
    unit = flat.table(2, i8_0=kind, at_1=flat.table(2, at_0=mean_at, at_1=std_at))
    source = flat.table(7, at_4=flat.tables([unit]))
    files = {}
    if labels:
        name = flat.builder.CreateString(labels)
        files = {"at_6": flat.tables([flat.table(4, at_0=name, i8_2=2)])}
    result = flat.table(7, **files)
    graph = flat.table(5, at_2=flat.tables([source]), at_3=flat.tables([result]))
    flat.builder.Finish(flat.table(8, at_3=flat.tables([graph])), b"M001")
    return bytes(flat.builder.Output())


# --- what is made of them

Write = Callable[[TfliteFile, int], int]


def result(graph: FileGraph, picture: np.ndarray) -> np.ndarray:
    """The one output, with its channels last as in the file."""
    (value,) = run(graph, {graph.input.name: picture.transpose(0, 3, 1, 2)}).values()
    return value.transpose(0, 2, 3, 1) if value.ndim == 4 else value


def graph(folder: Path, write: Write, **source: Any) -> FileGraph:
    file = TfliteFile()
    pixels = file.tensor(MAP, **source)
    return graph_of(file.write(folder / "x.tflite", [pixels], [write(file, pixels)]))


def refused(folder: Path, message: str, write: Write, **source: Any) -> None:
    with pytest.raises(CheckpointError, match=message) as caught:
        graph(folder, write, **source)
    assert caught.value.hint
