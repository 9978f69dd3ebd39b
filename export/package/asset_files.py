"""A Core AI asset on disk: the folder `NAME.aimodel`, checked as Apple's loader does not.

Format: coreai-core 1.0.0b3 (`AIModelAsset`). Its program is read elsewhere: by Apple's library.
"""

import hashlib
from pathlib import Path
from typing import Any

import msgspec

from mobilenet.common.errors import PackageError

PROGRAM, HASH, METADATA = "main.mlirb", "main.hash", "metadata.json"
FILES = (PROGRAM, HASH, METADATA)
MAX_PROGRAM_BYTES = 1 << 30  # read whole, and printed as text, by Apple's library
MAX_METADATA_BYTES = 1 << 24
AGAIN = "copy the asset again"


class AssetMetadata(msgspec.Struct, frozen=True, rename="camel"):
    """What `metadata.json` says; the rest of it is not read."""

    asset_version: str
    author: str = ""
    license: str = ""
    description: str = ""
    creator_defined_metadata: dict[str, Any] = {}  # msgspec copies it

    def user_defined(self) -> dict[str, str]:
        """The creator's own entries as text, as Core ML has them; what is no text as JSON."""
        return {
            name: value if isinstance(value, str) else msgspec.json.encode(value).decode()
            for name, value in self.creator_defined_metadata.items()
        }


def check(path: Path) -> None:
    """Raise `PackageError` unless the asset at `path` is whole: sizes, and the program's hash."""
    for name, limit in ((PROGRAM, MAX_PROGRAM_BYTES), (METADATA, MAX_METADATA_BYTES)):
        size = (path / name).stat().st_size
        if size > limit:
            raise PackageError(f"{path / name} has {size} bytes", f"at most {limit} are read")
    stored, actual = digest(path), _digest_of_program(path)
    if stored != actual:
        raise PackageError(
            f"{path} is damaged: {PROGRAM} has SHA-256 {actual.hex()[:12]}, "
            f"{HASH} says {stored.hex()[:12] or 'nothing'}",
            AGAIN,
        )


def digest(path: Path) -> bytes:
    """What the asset at `path` says is its program's SHA-256."""
    with (path / HASH).open("rb") as stream:
        return stream.read(hashlib.sha256().digest_size + 1)


def _digest_of_program(path: Path) -> bytes:
    with (path / PROGRAM).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").digest()


def metadata(path: Path) -> AssetMetadata:
    """What the asset at `path` says about itself. Raises `PackageError`."""
    try:
        return msgspec.json.decode((path / METADATA).read_bytes(), type=AssetMetadata)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise PackageError(f"{path / METADATA} cannot be read: {error}", AGAIN) from error
