"""Programs with other declarations than were written: without shapes, or in half precision."""

from dataclasses import replace

import numpy as np

from export.mil.program import Constant, Function, Op, TensorType


def blank(function: Function) -> Function:
    """The same without the shapes of what operations give."""
    ops = [
        replace(op, outputs=tuple(TensorType(o.name, o.dtype, (-1,)) for o in op.outputs))
        for op in function.ops
    ]
    return replace(function, ops=tuple(ops))


def halved(function: Function) -> Function:
    """The same program, every float32 of it a float16."""

    def half(kind: TensorType) -> TensorType:
        return replace(kind, dtype="float16") if kind.dtype == "float32" else kind

    def constant(stored: Constant) -> Constant:
        if stored.type.dtype != "float32":
            return stored
        return replace(
            stored, type=half(stored.type), read=lambda: np.asarray(stored.load()).astype("f2")
        )

    def op(written: Op) -> Op:
        inputs = {
            name: tuple(constant(a) if isinstance(a, Constant) else a for a in arguments)
            for name, arguments in written.inputs.items()
        }
        target = function.argument(written, "dtype")
        if written.type == "cast" and target is not None and target.load() == "fp32":
            inputs["dtype"] = (replace(target, read=lambda: "fp16"),)
        return replace(written, inputs=inputs, outputs=tuple(map(half, written.outputs)))

    return replace(
        function,
        inputs=tuple(map(half, function.inputs)),
        ops=tuple(map(op, function.ops)),
        constants={name: constant(stored) for name, stored in function.constants.items()},
    )
