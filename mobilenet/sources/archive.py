"""Archives: the one model file inside a release, and what no archive may do to us."""

import tarfile
import zipfile
from pathlib import Path, PurePosixPath

from mobilenet.common.errors import CheckpointError

MAX_MEMBERS = 1000
MAX_MEMBER_BYTES = 1 << 30
MODEL_SUFFIXES = ("_frozen.pb", ".tflite")  # of the releases of 2018; others are not weights


def model_bytes(path: Path, member: str = "") -> bytes:
    """The contents of `member`, or of the only frozen graph, or else the only .tflite, inside.

    Raises `CheckpointError` for an archive that is damaged, escapes its folder or has no model.
    """
    try:
        with tarfile.open(path, "r:gz") as archive:
            return _read(archive, member, path.name)
    except (tarfile.TarError, EOFError, OSError) as error:  # gzip raises the latter two
        raise CheckpointError(
            f"{path.name} is a damaged archive: {error}", "download or copy it again"
        ) from error


def _read(archive: tarfile.TarFile, member: str, name: str) -> bytes:
    models = []
    for count, info in enumerate(archive):
        if count >= MAX_MEMBERS:
            raise CheckpointError(f"{name} has over {MAX_MEMBERS} members", "is it a release?")
        _check_inside(info.name, name)
        is_model = info.name == member if member else info.name.endswith(MODEL_SUFFIXES)
        if info.isfile() and is_model:
            models.append(info)
    models.sort(key=lambda info: not info.name.endswith(MODEL_SUFFIXES[0]))
    if not models:
        raise CheckpointError(
            f"{name} has no {member or 'frozen graph or .tflite'} inside", "is it a release?"
        )
    if models[0].size > MAX_MEMBER_BYTES:
        raise CheckpointError(
            f"member {models[0].name} of {name} has {models[0].size:,} bytes",
            "more than any MobileNet v1",
        )
    file = archive.extractfile(models[0])
    assert file is not None  # isfile() above
    return file.read()


def check_zip(path: Path) -> None:
    """Raise `CheckpointError` for a zip that escapes its folder or swells beyond any MobileNet."""
    try:
        with zipfile.ZipFile(path) as zipped:
            members = zipped.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError) as error:
        raise CheckpointError(
            f"{path.name} is a damaged archive: {error}", "download or copy it again"
        ) from error
    for info in members:
        _check_inside(info.filename, path.name)
    if (size := sum(info.file_size for info in members)) > MAX_MEMBER_BYTES:
        raise CheckpointError(
            f"{path.name} unpacks to {size:,} bytes", "more than any MobileNet v1"
        )


def _check_inside(member: str, name: str) -> None:
    inside = PurePosixPath(member.replace("\\", "/"))
    if inside.is_absolute() or ".." in inside.parts:
        raise CheckpointError(
            f"member {member} of {name} points outside of its folder", "do not trust this archive"
        )
