"""The formats that networks are written in, and which of them writes a kind of file."""

from pathlib import Path
from typing import Protocol

from export.file_kinds import FileFormat
from export.formats.coreai.core_ai import CoreAI
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
        """What runs its files as declared, for verification: a name of `verify.agreement`."""

    def stand_in(self, function: str, spec: ExportSpec) -> str:
        """The function that is run for `function`: itself, or one with the same graph."""

    def check(self, spec: ExportSpec) -> None:
        """Raise `UserError` for what this format cannot hold, or cannot write on this machine."""

    def write(self, prepared: Prepared, path: Path) -> None:
        """Write the file or folder `path`, new, whose bytes depend on `prepared` alone."""


FORMATS: tuple[Format, ...] = (CoreML(), CoreAI())


def format_of(spec: ExportSpec) -> Format:
    """The format that writes what `spec` asks for."""
    kind = spec.resolved().format
    assert kind is not None, "resolved"
    return format_named(kind)


def format_named(kind: FileFormat) -> Format:
    """The format that writes files of `kind`."""
    (writer,) = (each for each in FORMATS if kind in each.kinds)
    return writer
