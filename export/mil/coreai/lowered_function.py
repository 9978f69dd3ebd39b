"""A MIL function, operation by operation, as a Core AI asset."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from export.coreai import construction, library
from export.mil.coreai import CORE_AI
from export.mil.coreai.lowered_call import CoreAICall
from export.mil.program import Function, TensorType
from mobilenet.common.errors import UnsupportedError

if TYPE_CHECKING:
    from coreai.authoring import Value

WITHOUT_VALUES = ("classify",)  # Core AI has no labels: an app looks them up
MAIN = "main"


def write_asset(function: Function, outputs: Sequence[str], path: Path) -> None:
    """Write the new asset `path` that computes the values called `outputs`, any of the function's.

    Its function is called "main"; inputs have MIL's names, shapes and types, pictures too: the
    array (1, C, H, W) of their channels' values, in the order that the model declares.

    Raises `UnsupportedError` naming all operations that cannot be written, and where Core AI's
    library is not installed.
    """
    library.require()
    ops = [op for op in function.ops if op.type not in WITHOUT_VALUES]
    missing = sorted({op.type for op in ops} - CORE_AI.keys())
    if missing:
        raise UnsupportedError(
            f"operations that are not written for Core AI: {', '.join(missing)}",
            "the portable runtime may know them",
        )
    types = function.types()

    def body(*arguments: "Value") -> "list[Value]":
        names = (value.name for value in function.inputs)
        values = dict(zip(names, arguments, strict=True))
        shapes = {name: kind.shape for name, kind in types.items()}
        for op in ops:
            results = CORE_AI[op.type](CoreAICall(op, shapes, function.constants, values, types))
            listed = results if isinstance(results, (list, tuple)) else [results]
            values |= {
                output.name: value for output, value in zip(op.outputs, listed, strict=True)
            }
        return [values[name] for name in outputs]

    with construction.program() as program:
        construction.add_function(
            MAIN,
            {value.name: _spec(value) for value in function.inputs},
            {name: _spec(types[name]) for name in outputs},
            body,
        )
    program.save_asset(path)


def _spec(value: TensorType) -> Any:
    from coreai.authoring import TensorSpec

    return TensorSpec(value.shape, np.dtype(value.dtype).type)
