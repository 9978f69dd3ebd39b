"""Small ML Programs, written with coremltools' Builder, read and run by ourselves."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from export.coremltools_import import coremltools
from export.mil.program import Precision
from export.verify.agreement import run


def save(path: Path, *program: Any, **options: Any) -> Path:
    """A package at `path` of what `convert` makes of the other arguments."""
    convert(*program, **options).save(str(path))
    return path


def convert(
    build: Callable[..., Any], examples: Sequence[np.ndarray], opset: str = "iOS17", **options: Any
) -> Any:
    """An `MLModel` whose program is build(mb, *inputs), taken as it is written.

    Inputs have the shapes and types of `examples`, and are called x0, x1, ...
    """
    ct = coremltools()
    from coremltools.converters.mil import Builder as mb
    from coremltools.converters.mil.mil import Function, Program, types

    program = Program()
    names = [f"x{i}" for i in range(len(examples))]
    placeholders = {
        name: mb.placeholder(
            shape=value.shape, dtype=types.numpy_type_to_builtin_type(value.dtype)
        )
        for name, value in zip(names, examples, strict=True)
    }
    target = getattr(ct.target, opset)
    with Function(placeholders, opset_version=target) as function:
        result = build(mb, *function.inputs.values())
        function.set_outputs(list(result) if isinstance(result, (list, tuple)) else [result])
        program.add_function("main", function)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # coremltools' own, about numpy
        return ct.convert(
            program, source="milinternal", convert_to="mlprogram", skip_model_load=True,
            minimum_deployment_target=target, compute_precision=ct.precision.FLOAT32,
            pass_pipeline=ct.PassPipeline.EMPTY, **options,
        )  # fmt: skip


def run_package(
    package: Path,
    inputs: Mapping[str, Any],
    precision: Precision = "float32",
    outputs: Sequence[str] = (),
    function: str | None = None,
) -> dict[str, Any]:
    """One prediction of a package; `outputs` are intermediate values to be given as well."""
    return next(run(package, [inputs], precision, outputs, function))
