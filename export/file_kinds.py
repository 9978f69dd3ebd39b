"""The kinds of file that are written. Stands behind `--help`: plain data."""

from typing import Literal, NamedTuple

FileFormat = Literal["mlprogram", "neuralnetwork", "coreai"]


class FileKind(NamedTuple):
    """One kind of file, as the options, the destination and the formats need to know it."""

    suffix: str
    is_folder: bool
    min_ios: tuple[int, ...]  # versions of iOS that brought a new opset; the first is the default


FILE_KINDS: dict[FileFormat, FileKind] = {
    # 15 is the last that an iPhone 6s runs; nothing a plain MobileNet needs came later
    "mlprogram": FileKind(".mlpackage", is_folder=True, min_ios=(15, 16, 17, 18, 26)),
    "neuralnetwork": FileKind(".mlmodel", is_folder=False, min_ios=(13, 14)),
    "coreai": FileKind(".aimodel", is_folder=True, min_ios=(27,)),
}
DEFAULT: FileFormat = "mlprogram"


def kind_for(min_ios: int | None) -> FileFormat:
    """The default kind, or the one that reaches back to `min_ios`: a newer one is asked for."""
    if min_ios is None or min_ios > FILE_KINDS[DEFAULT].min_ios[-1]:
        return DEFAULT
    return next((name for name, kind in FILE_KINDS.items() if min_ios in kind.min_ios), DEFAULT)


def kind_named(suffix: str) -> FileFormat | None:
    """The kind whose files end in `suffix`."""
    return next((name for name, kind in FILE_KINDS.items() if kind.suffix == suffix), None)
