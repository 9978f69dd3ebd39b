"""What TensorFlow Lite's metadata says: how pixels become the input, and the labels.

tflite-support's metadata_schema.fbs, of which the few fields that are used are read by number;
labels are files of the zip archive that is appended to the model.
"""

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mobilenet.common.decoding import decoding
from mobilenet.common.errors import CheckpointError
from mobilenet.sources import archive
from mobilenet.sources.graph_writer import NOT_READ
from mobilenet.sources.tflite.flat_tables import FlatTable

IDENTIFIER = b"M001"
MAX_LABEL_BYTES = 1 << 22
_SUBGRAPHS, _INPUTS, _OUTPUTS = 3, 2, 3  # ModelMetadata, SubGraphMetadata
_UNITS, _FILES = 4, 6  # TensorMetadata
_UNIT_KIND, _UNIT = 0, 1  # ProcessUnit
_NORMALIZATION, _THRESHOLD = 1, 3  # ProcessUnitOptions
_MEAN, _STD = 0, 1  # NormalizationOptions
_FILE_NAME, _FILE_KIND = 0, 2  # AssociatedFile
_LABELS = (2, 3)  # AssociatedFileType: of an axis, or of values


def said_by(path: Path, metadata: memoryview, is_quantised: bool) -> dict[str, str]:
    """ "normalization" ({"mean": [...], "std": [...]} of (pixel - mean) / std) and "labels", JSON.

    An input that is quantised says by its scale what pixels mean, and no normalisation is told.
    Raises `CheckpointError` for metadata that is damaged, or asks for other preprocessing.
    """
    if not metadata:
        return {}
    with decoding(f"the metadata of {path.name}"):
        if bytes(metadata[4:8]) != IDENTIFIER:
            raise CheckpointError(f"{path.name} has metadata of an unknown kind", NOT_READ)
        graph = FlatTable.root(metadata).tables(_SUBGRAPHS)[0]
        inputs, outputs = graph.tables(_INPUTS), graph.tables(_OUTPUTS)
        normalization = list(_normalizations(inputs))
        names = [name for tensor in outputs for name in _label_files(tensor)]
        list(_normalizations(outputs, (_THRESHOLD,)))
    said = {}
    if normalization and not is_quantised:
        said["normalization"] = json.dumps(normalization[0])
    if names:
        said["labels"] = json.dumps(_labels(path, names[0]))
    return said


def _normalizations(
    tensors: list[FlatTable], others: tuple[int, ...] = ()
) -> Iterator[dict[str, list[float]]]:
    for unit in (unit for tensor in tensors for unit in tensor.tables(_UNITS)):
        kind = unit.number(_UNIT_KIND)
        options = unit.table_at(_UNIT)
        if kind in others:
            continue
        if kind != _NORMALIZATION or others or options is None:
            raise CheckpointError(
                f"the metadata has a process unit of kind {kind}, which is not read here", NOT_READ
            )
        parts = {"mean": options.floats(_MEAN), "std": options.floats(_STD)}
        sizes = [len(part) for part in parts.values()]
        if not set(sizes) <= {1, 3} or not _are_usable(**parts):
            raise CheckpointError(
                f"the metadata normalises by {sizes[0]} means and {sizes[1]} deviations", NOT_READ
            )
        yield {key: part * (3 // len(part)) for key, part in parts.items()}


def _are_usable(mean: list[float], std: list[float]) -> bool:
    return 0 not in std and bool(np.isfinite([*mean, *std]).all())


def _label_files(tensor: FlatTable) -> Iterator[str]:
    for file in tensor.tables(_FILES):
        if file.number(_FILE_KIND) in _LABELS:
            yield file.text(_FILE_NAME)


def _labels(path: Path, name: str) -> list[str]:
    """One label a line of the file `name` in the archive behind the model."""
    members = archive.check_zip(path) if zipfile.is_zipfile(path) else []
    if name not in members:
        raise CheckpointError(
            f"the metadata of {path.name} names labels in {name}, which is not there",
            "is the file complete?",
        )
    with decoding(f"{name} in {path.name}"), zipfile.ZipFile(path) as file:
        if (size := file.getinfo(name).file_size) > MAX_LABEL_BYTES:
            raise CheckpointError(f"{name} in {path.name} has {size:,} bytes", NOT_READ)
        text = file.read(name).decode("utf-8")
    return [line.strip() for line in text.rstrip().splitlines()]
