"""Options that commands share."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter, Token, validators

from mobilenet.common import ci_report, files
from mobilenet.common.ci_report import CheckedCase, Outcome
from mobilenet.common.errors import ConfigError, UserError
from mobilenet.common.files import Folder
from mobilenet.common.progress import Progress
from mobilenet.common.size import Size
from mobilenet.common.text import json_text

SIDES = re.compile(r"(\d{1,6})x(\d{1,6})")


def _output_file(_type: object, tokens: Sequence[Token]) -> Path:
    text = tokens[0].value
    if text.endswith("/"):
        raise ConfigError(f"output {text} is a folder", "name a file in it")
    return Path(text)


def _output_place(_type: object, tokens: Sequence[Token]) -> Path | Folder:
    """A package is a folder: the shell completes its name with a slash, too."""
    text, path = tokens[0].value, Path(tokens[0].value)
    is_package = path.suffix in (".mlpackage", ".aimodel")
    return Folder(path) if text.endswith("/") and not is_package else path


def _picture_size(_type: object, tokens: Sequence[Token]) -> Size:
    text = tokens[0].value
    sides = SIDES.fullmatch(text)
    if sides is None:
        raise ConfigError(f"size {text!r} is no width and height", "give them as in 320x240")
    width, height = map(int, sides.groups())
    return Size(height, width)


FurtherFile = Annotated[Path, Parameter(converter=_output_file)]
"""An option that names a file to write. pathlib drops the slash that says "folder"."""
OutputFile = Annotated[FurtherFile, Parameter(alias="-o")]
"""The same, of the command's own result."""
OutputFileOrFolder = Annotated[
    Path | Folder, Parameter(alias="-o", converter=_output_place, accepts_keys=False)
]
"""An option that names a file to write, or a folder/ for several."""
OutputFolder = Annotated[Path, Parameter(alias="-o")]
"""An option that names a folder to write."""
OutputPackage = OutputFileOrFolder
"""An option that names a package to write, or a folder/ for it."""
PictureSize = Annotated[Size, Parameter(converter=_picture_size, accepts_keys=False, n_tokens=1)]
"""An option that is a width and a height, as in 320x240."""
AsJson = Annotated[bool, Parameter(help="Print the result as JSON.")]
"""The switch of a command whose `--output` is something else."""
SEVERAL = Parameter(consume_multiple=True)
"""Several values after one name."""
ON = Parameter(negative_bool="no-")
"""A switch that is on unless `--no-...` turns it off."""
Handed = Annotated[Progress, Parameter(parse=False)]
"""Who a command tells of its work: handed over by the caller, never an option."""


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class ResultOptions:
    """Where a result goes, besides the terminal."""

    output: OutputFile | None = None
    """Write the result as JSON to this file."""
    json: bool = False
    """Print the result as JSON."""

    def check(self, *inputs: Path) -> None:
        """Raise `ConfigError` unless files can be written without the loss of anything."""
        if self.output is not None:
            files.check_file(self.output, inputs)

    def save(self, result: object) -> None:
        """Write the file, if one was asked for."""
        if self.output is not None:
            files.write_atomically(self.output, json_text(result).encode())


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class CheckOptions(ResultOptions):
    """Where the result of a check goes, and what continuous integration shows of it."""

    junit: FurtherFile | None = None
    """Write what was checked as JUnit XML to this file."""
    summary: FurtherFile | None = None
    """Append what was checked, in Markdown, to this file. Default: GitHub's step summary."""

    def check(self, *inputs: Path) -> None:
        """As of results."""
        super().check(*inputs)
        ci_report.check_files(self.junit, self.summary, *inputs)

    def publish(self, suite: str, cases: Sequence[CheckedCase]) -> None:
        """Write the files that were asked for."""
        ci_report.publish(suite, cases, self.junit, self.summary)

    @contextmanager
    def watching(self, suite: str, name: str) -> Iterator[None]:
        """Publish an error as well: that of a check which failed, or one that kept it from it."""
        try:
            yield
        except UserError as error:
            outcome: Outcome = "failed" if error.exit_code == 1 else "error"
            message = f"{error.message} ({error.hint})" if error.hint else error.message
            self.publish(suite, [CheckedCase(name, outcome, message)])
            raise
        except OSError as error:
            self.publish(suite, [CheckedCase(name, "error", str(error))])
            raise


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class SizeOptions:
    """Of a model whose inputs may have several sizes, the one to take."""

    size: PictureSize | None = None
    """Width x height of its picture, as in 320x240. Default: the model's own."""
    batch: Annotated[int, Parameter(validator=validators.Number(gte=1))] | None = None
    """How many at once. Default: the model's own."""


NO_FILES, NO_REPORT, OWN_SIZE = ResultOptions(), CheckOptions(), SizeOptions()
