"""Small Core AI assets, written by Apple's authoring library."""

from pathlib import Path
from typing import Annotated, Any

import numpy as np

from export.coreai import library


def write(path: Path, size: int = 4) -> Path:
    """Of one function: "twice" and "scaled" of an array "x" (1, size)."""
    import coreai.authoring as ca

    weights = np.arange(size, dtype=np.float32).reshape(1, size)

    def main(x: ca.Value) -> Any:
        scaled = ca.broadcasting_mul(x, library.named_constant("weights", weights))
        return ca.broadcasting_add(x, x), scaled

    def result(name: str) -> Any:
        return Annotated[ca.Value, ca.TensorSpec((1, size), np.float32, name=name)]

    main.__annotations__ = {
        "x": Annotated[ca.Value, ca.TensorSpec((1, size), np.float32)],
        "return": tuple[(result("twice"), result("scaled"))],  # type: ignore[misc]
    }
    module = ca.Module.create()
    with module:
        ca.graph(main)
    ca.AIProgram(module).save_asset(path)
    return path
