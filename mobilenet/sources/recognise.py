"""Which family a weight file belongs to: asked of its content, never of its name."""

import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from mobilenet.checkpoint import Checkpoint
from mobilenet.common import files
from mobilenet.common.decoding import MAX_REASON
from mobilenet.common.errors import CheckpointError, ConfigError
from mobilenet.common.temporary import owned_folder
from mobilenet.common.text import one_line
from mobilenet.reading import Reading
from mobilenet.sources import archive, slim, tensors
from mobilenet.sources.caffe import caffe_by_layers
from mobilenet.sources.keras import by_names
from mobilenet.sources.tflite import tflite_by_tensors

MAX_FILE_BYTES = 1 << 28  # alpha 4 with a thousand classes takes 222 million
HEAD_BYTES = 64
LFS_POINTER = b"version https://git-lfs.github.com/spec/"
KNOWN = (
    "TF-Slim graphs and their .tgz, Keras .h5, timm's and transformers' safetensors or .pth, "
    "Caffe models, .tflite, and our own safetensors"
)


def read(path: Path) -> Checkpoint:
    """The network in any weight file we know, with all that belongs to its use.

    Raises `CheckpointError` for a file of another kind, of another network, or damaged.
    """
    reader = _reader(path)
    try:
        with np.errstate(all="ignore"):  # what is beyond float32 turns inf, which is refused
            checkpoint = reader(path)
    except ConfigError as error:  # what the file says of itself, no network can be
        message = one_line(error.message, MAX_REASON)
        raise CheckpointError(f"the file's {message}", error.hint) from error
    provenance = checkpoint.provenance
    if path.is_file() and not provenance.sha256:
        provenance = replace(provenance, sha256=files.sha256(path))
    reading = checkpoint.reading or Reading("names")
    return replace(checkpoint, provenance=provenance, reading=reading)


def _reader(path: Path) -> Callable[[Path], Checkpoint]:
    if not path.exists():
        raise CheckpointError(f"{path} does not exist", "give a file or folder of weights")
    if path.is_dir():
        return _read_folder
    if not path.is_file():
        raise CheckpointError(f"{path} is a device or a pipe", "give a file of weights")
    if (size := path.stat().st_size) > MAX_FILE_BYTES:
        raise CheckpointError(
            f"{path.name} has {size:,} bytes, more than any MobileNet v1 that is read",
            "is it another network?",
        )
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if not head:
        raise CheckpointError(f"{path.name} is empty", "download or copy it again")
    if head.startswith(LFS_POINTER):
        raise CheckpointError(
            f"{path.name} is a pointer of Git LFS, not the weights", "fetch them: git lfs pull"
        )
    for offset, magic, reader in (
        (4, b"TFL3", tflite_by_tensors.read),
        (8, b"{", tensors.read_safetensors),  # behind the length of the JSON header
        (0, b"\x89HDF\r\n\x1a\n", by_names.read),
        (0, b"\x1f\x8b", _read_archive),
        (0, b"PK\x03\x04", by_names.read if _is_keras(path) else tensors.read_torch),
        (0, b"\x80\x02", tensors.read_torch),  # pickle's protocol 2, all that torch ever wrote
        (
            0,
            b"\xa2\x06",
            caffe_by_layers.read,
        ),  # NetParameter: its first layer, where it has no name
        (0, b"\n", slim.read if _is_graph(head) else caffe_by_layers.read),
    ):
        if head.startswith(magic, offset):
            return reader
    raise CheckpointError(f"{path.name} is no weight file that is known here", f"read are {KNOWN}")


def _is_graph(head: bytes) -> bool:
    """A GraphDef begins with a node, and that with its name: two fields number 1, nested.

    A Caffe model begins with a name, too, but a plain one.
    """
    length_ends = next((at for at in range(1, 6) if at < len(head) and head[at] < 0x80), 5)
    return head[length_ends + 1 : length_ends + 2] == b"\n"


def _is_keras(path: Path) -> bool:
    return zipfile.is_zipfile(path) and by_names.ARCHIVED in archive.check_zip(path)


def _read_archive(path: Path) -> Checkpoint:
    """A release: unpacked beside nothing of ours, read, and gone."""
    data = archive.model_bytes(path)
    with owned_folder() as folder:
        model = folder / path.stem
        model.write_bytes(data)
        del data
        return _reader(model)(model)


def _read_folder(folder: Path) -> Checkpoint:
    """A repository as Hugging Face lays it out: one weight file, its JSON beside it."""
    paths = sorted(
        path
        for suffix in (".safetensors", ".bin", ".pth", ".h5")
        for path in folder.glob(f"*{suffix}")
    )
    if not paths:
        raise CheckpointError(f"folder {folder} holds no weight file", f"read are {KNOWN}")
    return _reader(paths[0])(paths[0])
