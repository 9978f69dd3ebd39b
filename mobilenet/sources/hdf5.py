"""HDF5 files: their datasets and attributes, of which none may lie, or lead, elsewhere."""

from functools import partial
from pathlib import Path
from typing import IO, Any

from mobilenet.common.decoding import decoding
from mobilenet.common.errors import CheckpointError
from mobilenet.sources.stored import Stored

MAX_OBJECTS = 10_000  # groups and datasets; a whole MobileNet v1 with its optimizer has 1,000
MAX_ATTRIBUTE_BYTES = 1 << 24
SAVE_PLAIN = "save the weights in one file, uncompressed"


def opened(file: Path | IO[bytes]) -> Any:
    """The file, to be closed. Raises what h5py raises, as the others do."""
    import h5py

    return h5py.File(file, "r")


def datasets(file: Any) -> dict[str, Any]:
    """Datasets by path, but the optimizer's. Links to other files are not followed."""
    import h5py

    found: dict[str, Any] = {}
    count = 0

    def visit(key: str, item: Any) -> None:
        nonlocal count
        count += 1
        if count > MAX_OBJECTS:
            raise CheckpointError(
                f"the file holds over {MAX_OBJECTS:,} groups and datasets", "is it a MobileNet v1?"
            )
        if isinstance(item, h5py.Dataset) and not key.startswith("optimizer"):
            found[key] = item

    file.visititems(visit)
    return found


def attribute(item: Any, name: str) -> str | None:
    """One text that is kept beside an object, or None without it."""
    if name not in item.attrs:
        return None
    described = item.attrs.get_id(name)
    if described.shape != () or described.get_storage_size() > MAX_ATTRIBUTE_BYTES:
        raise CheckpointError(f"attribute {name} has shape {described.shape}", "is it one text?")
    value = item.attrs[name]
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)


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
