"""A table of LevelDB as checkpoints have it: sorted keys and values in blocks.

github.com/google/leveldb, doc/table_format.md; tensorflow/core/lib/io/{format,block}.cc. An entry
says how much of its key is that of the entry before.
"""

from collections.abc import Iterator

from mobilenet.common.errors import CheckpointError
from mobilenet.sources.protobuf import varint

MAX_INDEX_BYTES = 1 << 25
MAX_ENTRIES = 50_000
MAX_KEY = 1 << 12  # bytes
_FOOTER, _MAGIC = 48, (0xDB4775248B80FB57).to_bytes(8, "little")
_HINT = "is the file complete?"


def entries(data: bytes, name: str) -> dict[bytes, bytes]:
    """Values by key. Raises `CheckpointError` for a table that is damaged, large or compressed."""
    if len(data) < _FOOTER or not data.endswith(_MAGIC):
        raise CheckpointError(f"{name} is no index of a checkpoint", _HINT)
    at = len(data) - _FOOTER
    for _ in range(2):  # the place of an unused block
        _, at = varint(data, at)
    values: dict[bytes, bytes] = {}
    for _, handle in _block(data, *_place(data, at), name):
        for key, value in _block(data, *_place(handle, 0), name):
            values[key] = value
            if len(values) > MAX_ENTRIES:
                raise CheckpointError(f"{name} has over {MAX_ENTRIES:,} entries", _HINT)
    return values


def _place(data: bytes, at: int) -> tuple[int, int]:
    """(first byte, number of bytes) of a block."""
    start, at = varint(data, at)
    size, _ = varint(data, at)
    return start, size


def _block(data: bytes, start: int, size: int, name: str) -> Iterator[tuple[bytes, bytes]]:
    if size < 4 or start + size >= len(data):
        raise CheckpointError(f"{name} has a block of {size:,} bytes at byte {start:,}", _HINT)
    if data[start + size]:  # its type
        raise CheckpointError(f"{name} is compressed", "save the checkpoint uncompressed")
    block = data[start : start + size]
    restarts = int.from_bytes(block[-4:], "little")
    end, at, key = size - 4 * (restarts + 1), 0, b""
    while at < end:
        shared, at = varint(block, at)
        rest, at = varint(block, at)
        length, at = varint(block, at)
        if shared > len(key) or shared + rest > MAX_KEY or at + rest + length > end:
            raise CheckpointError(f"{name} has a damaged entry at byte {start + at:,}", _HINT)
        key = key[:shared] + block[at : at + rest]
        at += rest + length
        yield key, block[at - length : at]
