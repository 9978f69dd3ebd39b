"""Any model on disk as a `Program`."""

from pathlib import Path

from export import package
from export.mil import read_mlprogram, specification
from export.mil.program import Program
from mobilenet.errors import UnsupportedError


def read(path: Path) -> Program:
    """The program of the package or .mlmodel at `path`.

    Raises `PackageError` for a damaged or unsafe model, `UnsupportedError` for a kind of model
    that is not a program, such as a tree ensemble.
    """
    files = package.find(path)
    model = specification.load(files.specification)
    kind = model.WhichOneof("Type")
    if kind == "mlProgram":
        return read_mlprogram.read(files, model)
    raise UnsupportedError(f"{path} is a {kind}", "ML Programs (.mlpackage) can be read")
