"""Git LFS: where a file was not fetched, a few lines of text stand in its place."""

from mobilenet.common.errors import CheckpointError, UserError

POINTER = b"version https://git-lfs.github.com/spec/"  # git-lfs/docs/spec.md


def refuse_pointer(
    data: bytes | memoryview, what: str, error: type[UserError] = CheckpointError
) -> None:
    """Raise `error` for the beginning of a file that is such a pointer."""
    if bytes(data[: len(POINTER)]) == POINTER:
        raise error(
            f"{what} is a pointer of Git LFS, not the file itself", "fetch it: git lfs pull"
        )
