"""The formats that networks are written in, and which of them writes a kind of file."""

from pathlib import Path
from typing import Protocol

from export.file_kinds import FileFormat
from export.formats.coreml.core_ml import CoreML
from export.prepared import Prepared
from export.spec import ExportSpec


class Format(Protocol):
    """One format. What its kinds of file serve, and to whom, is in `export.file_kinds`.

    Making it imports no framework: that waits until something is written.
    """

    @property
    def kinds(self) -> tuple[FileFormat, ...]:
        """The kinds of file it writes."""

    @property
    def runtime(self) -> str:
        """What runs its files on any machine, for verification: a name of `verify.agreement`."""

    def write(self, prepared: Prepared, path: Path) -> None:
        """Write the file or folder `path`, new, whose bytes depend on `prepared` alone.

        Raises `ConfigError` for what this format cannot hold.
        """


FORMATS: tuple[Format, ...] = (CoreML(),)


def format_of(spec: ExportSpec) -> Format:
    """The format that writes what `spec` asks for."""
    kind = spec.resolved().format
    (writer,) = (each for each in FORMATS if kind in each.kinds)
    return writer
