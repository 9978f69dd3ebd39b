"""The forms that a network is converted to, and what each has to agree with."""

import warnings
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch

from export.coremltools_import import coremltools
from export.mil.program import Precision

Model = Any  # coremltools' MLModel, which is untyped
INPUT, OUTPUT = "x", "y"  # the outputs are called y0, y1, ...


class Traced(NamedTuple):
    """A network as TorchScript, with the shape it takes and the number of arrays it gives."""

    program: torch.jit.ScriptModule
    shape: tuple[int, ...]
    outputs: int


def of_singles(lost: float) -> float:
    """The largest relative L2 for what loses `lost` in PyTorch's float32: at most 1e-4, and 1e-5
    for a network that is well conditioned."""
    return min(1e-4, max(1e-5, 10 * lost))


def of_halves(lost: float) -> float:
    """The same where each result is rounded to half, which loses 2**13 as much."""
    return min(0.3, max(5e-3, 2**13 * lost))


def of_the_same(_: float) -> float:
    """The same for two models that should not differ."""
    return 1e-6


class Form(NamedTuple):
    """`convert` makes it, and `limit` gives the largest relative L2.

    What `counterpart` makes of a model is what it is held against, instead of PyTorch.
    """

    convert: Callable[[Traced], Model]
    limit: Callable[[float], float] = of_singles
    precision: Precision = "float32"
    counterpart: Callable[[Model], Model] | None = None


def _converted(traced: Traced, **options: Any) -> Model:
    ct = coremltools()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of coremltools and torch, about each other
        return ct.convert(
            traced.program,
            inputs=[ct.TensorType(INPUT, traced.shape)],
            outputs=[ct.TensorType(f"{OUTPUT}{at}") for at in range(traced.outputs)],
            skip_model_load=True,
            **options,
        )


def _float32(traced: Traced) -> Model:
    ct = coremltools()
    return _converted(
        traced, convert_to="mlprogram", compute_precision=ct.precision.FLOAT32,
        minimum_deployment_target=ct.target.iOS15,
    )  # fmt: skip


def _float16(traced: Traced) -> Model:
    ct = coremltools()
    return _converted(
        traced, convert_to="mlprogram", compute_precision=ct.precision.FLOAT16,
        minimum_deployment_target=ct.target.iOS17,
    )  # fmt: skip


def _neuralnetwork(traced: Traced) -> Model:
    return _converted(traced, convert_to="neuralnetwork")


def _int8(traced: Traced) -> Model:
    optimize = coremltools().optimize.coreml
    weights = optimize.OpLinearQuantizerConfig(mode="linear_symmetric")
    config = optimize.OptimizationConfig(global_config=weights)
    return optimize.linear_quantize_weights(_float32(traced), config)


def _decompressed(model: Model) -> Model:
    return coremltools().optimize.coreml.decompress_weights(model)


FORMS: Mapping[str, Form] = {
    "float32": Form(_float32),  # ML Program of iOS 15
    "float16": Form(_float16, of_halves, "declared"),  # of iOS 17: each result rounded to half
    "neuralnetwork": Form(_neuralnetwork),  # the old format
    "int8": Form(_int8, of_the_same, counterpart=_decompressed),  # weights, of iOS 16
}
