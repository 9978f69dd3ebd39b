"""Small ML Programs, written with coremltools' Builder and read by our own reader."""

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from export.quiet import coremltools


def save(
    path: Path, build: Callable[..., Any], inputs: Sequence[np.ndarray], opset: str = "iOS17",
    **options: Any,
) -> Path:  # fmt: skip
    """A package at `path` whose program is build(mb, *inputs), taken as it is written."""
    ct = coremltools()
    from coremltools.converters.mil import Builder as mb
    from coremltools.converters.mil.mil import Function, Program, types

    program = Program()
    names = [f"x{i}" for i in range(len(inputs))]
    placeholders = {
        name: mb.placeholder(
            shape=value.shape, dtype=types.numpy_type_to_builtin_type(value.dtype)
        )
        for name, value in zip(names, inputs, strict=True)
    }
    target = getattr(ct.target, opset)
    with Function(placeholders, opset_version=target) as function:
        result = build(mb, *function.inputs.values())
        function.set_outputs(list(result) if isinstance(result, (list, tuple)) else [result])
        program.add_function("main", function)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # coremltools' own, about numpy
        model = ct.convert(
            program, source="milinternal", convert_to="mlprogram", skip_model_load=True,
            minimum_deployment_target=target, compute_precision=ct.precision.FLOAT32,
            pass_pipeline=ct.PassPipeline.EMPTY, **options,
        )  # fmt: skip
    model.save(str(path))
    return path
