"""Archives: the one model file inside a release, and what no archive may do to us."""

import gzip
import tarfile
import zipfile
from collections import Counter
from pathlib import Path, PurePosixPath
from typing import Self

from mobilenet.common.decoding import decoding
from mobilenet.common.errors import CheckpointError
from mobilenet.common.text import one_line

MAX_MEMBERS = 1000
MAX_MEMBER_BYTES = 1 << 28
MAX_UNPACKED_BYTES = 1 << 30  # of a whole release: it holds training checkpoints, too
MAX_ENDS = 2  # tarfile asks twice before it takes an end for one
MAX_HEADER_BYTES = 1 << 12  # of a long name and the like
MODEL_SUFFIXES = ("_frozen.pb", ".tflite")  # of the releases of 2018; others are not weights
RELEASE, TOO_LARGE = "is it a release?", "more than any MobileNet v1"
_EXTENDED = (*tarfile.GNU_TYPES[:2], tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE)


def model_bytes(path: Path, member: str = "") -> bytes:
    """The contents of `member`, or of the first frozen graph, or else the first .tflite, inside.

    Raises `CheckpointError` for an archive that is damaged, escapes its folder or has no model.
    """
    # a stream is read from its beginning to its end: no header can send us elsewhere
    with (
        decoding(path.name),
        _BoundedGzip(path) as file,
        tarfile.open(fileobj=file, mode="r|", tarinfo=_headers(path.name)) as archive,
    ):
        return _model(archive, member, path.name)


def _model(archive: tarfile.TarFile, member: str, name: str) -> bytes:
    second_best = None
    for info in archive:
        _check_inside(info.name, name)
        is_model = info.name == member if member else info.name.endswith(MODEL_SUFFIXES)
        if not info.isreg() or not is_model:
            continue
        if info.size > MAX_MEMBER_BYTES:
            raise CheckpointError(
                f"member {one_line(info.name, 100)} of {name} has {info.size:,} bytes", TOO_LARGE
            )
        is_best = bool(member) or info.name.endswith(MODEL_SUFFIXES[0])
        if is_best or second_best is None:
            file = archive.extractfile(info)
            assert file is not None  # isreg() above
            second_best = file.read()
        if is_best:
            break
    if second_best is None:
        raise CheckpointError(
            f"{name} has no {member or 'frozen graph or .tflite'} inside", RELEASE
        )
    return second_best


class _BoundedGzip(gzip.GzipFile):
    """Unpacks up to a limit, and does not let tarfile seek beyond the end for ever."""

    left = MAX_UNPACKED_BYTES
    ends = 0  # reads beyond the end

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        self.ends += not data
        if self.ends > MAX_ENDS:
            raise EOFError("a member is longer than the archive")
        self.left -= len(data)
        if self.left < 0:
            raise CheckpointError(
                f"{Path(self.name).name} unpacks to over {MAX_UNPACKED_BYTES:,} bytes", RELEASE
            )
        return data


def _headers(name: str) -> type[tarfile.TarInfo]:
    """Headers of one archive: so many, and none that is itself a large file to be searched."""

    class BoundedHeader(tarfile.TarInfo):
        count = 0

        @classmethod
        def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
            info = super().frombuf(buf, encoding, errors)
            cls.count += 1
            if cls.count > MAX_MEMBERS:
                raise CheckpointError(f"{name} has over {MAX_MEMBERS} members", RELEASE)
            if info.type in _EXTENDED and info.size > MAX_HEADER_BYTES:
                raise CheckpointError(f"{name} has a header of {info.size:,} bytes", RELEASE)
            return info

    return BoundedHeader


def check_zip(path: Path) -> frozenset[str]:
    """Names in a zip that neither escapes its folder nor swells beyond any MobileNet.

    Raises `CheckpointError` for one that does.
    """
    with decoding(path.name), zipfile.ZipFile(path) as zipped:
        members = zipped.infolist()
    for name, count in Counter(info.filename for info in members).items():
        _check_inside(name, path.name)
        if count > 1:
            raise CheckpointError(
                f"{path.name} has {count} members {one_line(name, 100)}", "which one is meant?"
            )
    if (size := sum(info.file_size for info in members)) > MAX_MEMBER_BYTES:
        raise CheckpointError(f"{path.name} unpacks to {size:,} bytes", TOO_LARGE)
    return frozenset(info.filename for info in members)


def zipped_bytes(path: Path, member: str) -> bytes:
    """The contents of `member` of a zip. Raises `CheckpointError` as `check_zip`."""
    if member not in check_zip(path):
        raise CheckpointError(f"{path.name} has no {member} inside", RELEASE)
    with decoding(path.name), zipfile.ZipFile(path) as zipped:
        return zipped.read(member)


def _check_inside(member: str, name: str) -> None:
    inside = PurePosixPath(member.replace("\\", "/"))
    if inside.is_absolute() or ".." in inside.parts:
        raise CheckpointError(
            f"member {one_line(member, 100)} of {name} points outside of its folder",
            "do not trust this archive",
        )
