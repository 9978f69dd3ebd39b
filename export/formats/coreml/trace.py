"""Any PyTorch module to a Core ML model by tracing: baselines, users' own networks, cross-check.

The Builder route (`build`) knows MobileNet; this one knows nothing and converts what
`torch.jit.trace` sees. Two routes that agree are better evidence than one.
"""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from export.coremltools_import import coremltools
from export.evaluated import evaluated
from export.formats.coreml.interface import classifier_config, input_type, names, opset
from export.formats.coreml.kinds import KINDS
from export.formats.coreml.ml_model import MLModel
from export.prepared import TracedModule
from export.spec import ExportSpec
from export.targets import Precision
from mobilenet.networks.rows import COLORS


class _Wrapped(nn.Module):
    """Gain per channel before the network (what Core ML's scalar scale leaves), softmax behind."""

    def __init__(self, module: nn.Module, gain: Sequence[float], softmax: bool) -> None:
        super().__init__()
        self.module, self.softmax = module, softmax
        self.gain = None if set(gain) == {1.0} else torch.tensor(gain).view(1, 3, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.module(x if self.gain is None else x * self.gain)
        return y.softmax(1) if self.softmax else y


def trace(traced: TracedModule, spec: ExportSpec, precision: Precision) -> MLModel:
    """A model of the module, without metadata; preprocessing and softmax are added here.

    The module gives logits (with `outputs` features, any array).
    """
    ct = coremltools(torch=True)
    name, size, kind = names(spec), traced.size, KINDS[str(spec.resolved().format)]
    _, gain = traced.normalization.split()
    softmax = spec.outputs in ("classifier", "probabilities")
    dtype = {"dtype": np.float32} if kind.is_typed else {}
    arrays = [ct.TensorType(output, **dtype) for output in name.outputs]
    outputs = None if spec.outputs == "classifier" else arrays
    half = precision == "fp16"
    with _quietly(), evaluated(traced.module) as module:
        wrapped = _Wrapped(module, gain if spec.input == "image" else (1.0,), softmax).eval()
        example = torch.zeros(1, COLORS, *size)
        program = torch.jit.trace(wrapped, example, check_trace=False)  # type: ignore[no-untyped-call]
        model: MLModel = ct.convert(
            program,
            convert_to=kind.convert_to,
            inputs=[input_type(ct, spec, size, traced.normalization)],
            outputs=outputs,
            classifier_config=classifier_config(ct, spec, traced.labels),
            minimum_deployment_target=opset(ct, spec),
            compute_precision=(
                getattr(ct.precision, "FLOAT16" if half else "FLOAT32") if kind.is_typed else None
            ),
            skip_model_load=True,
        )
    return kind.finished(ct, model, name.outputs, half)


@contextmanager
def _quietly() -> Iterator[None]:
    """torch 2.13 deprecates tracing, and warns of sizes that become constants, as they should."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        warnings.filterwarnings("ignore", "Output, .* has been renamed", UserWarning)
        warnings.filterwarnings("ignore", category=torch.jit._trace.TracerWarning)
        yield
