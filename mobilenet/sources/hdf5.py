"""HDF5 files: their datasets and attributes, of which none may lie, or lead, elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any

from mobilenet.common.decoding import decoding
from mobilenet.common.errors import CheckpointError
from mobilenet.sources.stored import Stored

MAX_OBJECTS = 10_000  # groups and datasets; a whole MobileNet v1 with its optimizer has 1,000
MAX_ATTRIBUTE_BYTES = 1 << 24
SAVE_PLAIN = "save the weights in one file, uncompressed"


@contextmanager
def opened(file: Path | IO[bytes], name: str) -> Iterator[Any]:
    """The file, until the end. Raises `CheckpointError` for one that is not HDF5."""
    import h5py

    with decoding(name):
        h5 = h5py.File(file, "r")
    try:
        yield h5
    finally:
        with decoding(name):
            h5.close()


def datasets(file: Any) -> dict[str, Any]:
    """Datasets by path, but the optimizer's. Links to other files are not followed.

    Raises `CheckpointError` for a file that is damaged, or holds too many.
    """
    import h5py

    by_path: dict[str, Any] = {}
    count = 0

    def visit(key: str, item: Any) -> None:
        nonlocal count
        count += 1
        if count > MAX_OBJECTS:
            raise CheckpointError(
                f"the file holds over {MAX_OBJECTS:,} groups and datasets", "is it a MobileNet v1?"
            )
        if isinstance(item, h5py.Dataset) and not key.startswith("optimizer"):
            by_path[key] = item

    with decoding("its list of datasets"):
        file.visititems(visit)
    return by_path


def attribute(item: Any, name: str) -> str | None:
    """One text that is kept beside an object, or None. Raises `CheckpointError` for no text."""
    with decoding(f"attribute {name}"):
        if name not in item.attrs:
            return None
        described = item.attrs.get_id(name)
        if described.shape != () or described.get_storage_size() > MAX_ATTRIBUTE_BYTES:
            raise CheckpointError(f"attribute {name} has shape {described.shape}", "is it a text?")
        value = item.attrs[name]
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)


def texts(item: Any, name: str) -> list[str] | None:
    """A list of texts that is kept beside an object, or None.

    Keras cuts one that is long into `name` + "0", `name` + "1" and so on. Raises
    `CheckpointError` for no list of texts.
    """
    with decoding(f"attribute {name}"):
        present = frozenset(item.attrs)
    if name in present:
        return _texts(item, name)
    if f"{name}0" not in present:
        return None
    parts = (f"{name}{part}" for part in range(len(present)))
    return [text for part in parts if part in present for text in _texts(item, part)]


def _texts(item: Any, name: str) -> list[str]:
    with decoding(f"attribute {name}"):
        described = item.attrs.get_id(name)
        shape = described.shape
        if shape == (0,):  # has no storage size
            return []
        is_large = described.get_storage_size() > MAX_ATTRIBUTE_BYTES
        if len(shape or ()) != 1 or is_large or shape[0] > MAX_OBJECTS:
            raise CheckpointError(f"attribute {name} has shape {shape}", "is it a list of texts?")
        values = list(item.attrs[name])
        if not all(isinstance(value, bytes | str) for value in values):
            raise CheckpointError(f"attribute {name} holds {described.dtype}", "are they texts?")
    return [
        value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)
        for value in values
    ]


def attribute_of_group(dataset: Any, name: str) -> str | None:
    """The same of the group that a dataset lies in."""
    with decoding(f"attribute {name}"):
        group = dataset.parent
    return attribute(group, name)


def stored(key: str, dataset: Any) -> Stored:
    """What a dataset is said to be. Raises `CheckpointError` for one that lies elsewhere."""
    with decoding(f"tensor {key}"):
        if dataset.is_virtual or dataset.external:
            raise CheckpointError(f"tensor {key} lies in another file", SAVE_PLAIN)
        if dataset.id.get_create_plist().get_nfilters():  # inflating knows no limit
            raise CheckpointError(f"tensor {key} is compressed", SAVE_PLAIN)
        if (shape := dataset.shape) is None:
            raise CheckpointError(f"tensor {key} is empty", "is the file complete?")
        dtype = dataset.dtype
    is_float = dtype.kind == "f" and dtype.itemsize <= 8  # of 64 bits
    return Stored(shape, str(dtype), is_float, partial(dataset.__getitem__, ()))
