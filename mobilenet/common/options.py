"""Options that commands share."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter, Token

from mobilenet.common.errors import ConfigError
from mobilenet.common.files import Folder
from mobilenet.common.progress import Progress


def _output_file(_type: object, tokens: Sequence[Token]) -> Path:
    text = tokens[0].value
    if text.endswith("/"):
        raise ConfigError(f"output {text} is a folder", "name a file in it")
    return Path(text)


def _output_package(_type: object, tokens: Sequence[Token]) -> Path | Folder:
    """A package is a folder: the shell completes its name with a slash, too."""
    text, path = tokens[0].value, Path(tokens[0].value)
    is_package = path.suffix in (".mlpackage", ".aimodel")
    return Folder(path) if text.endswith("/") and not is_package else path


OutputFile = Annotated[Path, Parameter(alias="-o", converter=_output_file)]
"""An option that names a file to write. pathlib drops the slash that says "folder"."""
OutputPackage = Annotated[Path | Folder, Parameter(alias="-o", converter=_output_package)]
"""An option that names a package to write, or a folder for it."""
SEVERAL = Parameter(consume_multiple=True, negative="")
"""Several values after one name."""
FLAG = Parameter(negative="", show_default=False)
"""A switch without an opposite."""
Handed = Annotated[Progress, Parameter(parse=False)]
"""Who a command tells of its work: handed over by the caller, never an option."""
