"""What the portable runtime's compiled forms are of models that are no networks."""

from pathlib import Path
from typing import TypeVar

import msgspec

from export.mil.suppression_model import SuppressionModel
from export.mil.tabular_model import TabularModel
from export.runtimes.base import LoadedModel
from export.runtimes.suppression_session import SuppressionSession
from export.runtimes.tabular_session import TabularSession
from mobilenet.common.decoding import decoding
from mobilenet.common.errors import PackageError

T = TypeVar("T")

SUPPRESSION, TABLE = ".suppression", ".table"
SUFFIXES = (SUPPRESSION, TABLE)


def write(model: SuppressionModel | TabularModel, path: Path) -> Path:
    """Write the compiled form of `model` beside `path`, which has no suffix; what `load` takes.

    Of a table it is the specification, which is read as quickly as anything made of it.
    """
    if isinstance(model, SuppressionModel):
        compiled, content = path.with_name(path.name + SUPPRESSION), msgspec.json.encode(model)
    else:
        compiled, content = path.with_name(path.name + TABLE), model.message.SerializeToString()
    compiled.write_bytes(content)
    return compiled


def load(compiled: Path) -> LoadedModel:
    """Load what `write` made. Raises `PackageError` for what is damaged."""
    if compiled.suffix == SUPPRESSION:
        return SuppressionSession(decoded(compiled, SuppressionModel))
    from export.mil.read import specification, tabular_file

    return TabularSession(tabular_file.read(specification.load(compiled)))


def decoded(path: Path, kind: type[T]) -> T:
    """A record of JSON. Raises `PackageError` for what is damaged."""
    with decoding(str(path), "compile it again", PackageError):
        return msgspec.json.decode(path.read_bytes(), type=kind)
