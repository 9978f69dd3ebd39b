"""Any PyTorch module to a Core AI program, by Apple's converter, coreai-torch.

It exports the module at a normalized array; what stands before that is written here.
"""

import contextlib
import copy
import importlib.util
import os
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from export.coreai import construction
from export.evaluated import evaluated
from export.formats.coreai.entry_points import EntryPoints
from export.prepared import MAIN, Prepared, TracedModule
from mobilenet.common.errors import UnsupportedError
from mobilenet.common.size import Size
from mobilenet.networks.rows import COLORS

if TYPE_CHECKING:
    from coreai.authoring import AIProgram
    from torch import Tensor, nn

CONVERTER = "coreai-torch==0.4.3"  # wants the very version of coreai-core that we have
NETWORK = "network"


def require() -> None:
    """Raise `UnsupportedError` unless the converter is installed."""
    if importlib.util.find_spec("coreai_torch") is None:
        raise UnsupportedError(
            "coreai-torch, which converts modules of other kinds to Core AI, is not installed",
            f"pip install {CONVERTER}",
        )


def converted(prepared: Prepared, traced: TracedModule) -> "AIProgram":
    """A program of the module; preprocessing and softmax are added here.

    The module gives logits (with `outputs` features, any array). Raises `UnsupportedError` for
    one that cannot be exported, or has operations that the converter does not know.
    """
    require()
    half = prepared.precision == "fp16"
    softmax = prepared.spec.outputs in ("classifier", "probabilities")
    with _quietly(), evaluated(traced.module) as module:
        program = _program(module, traced.size, half, softmax)
    with construction.around(program, NETWORK) as (network, output_shape):
        dtype = np.float16 if half else np.float32
        entry = EntryPoints(network, traced.size, dtype, traced.normalization)
        entry.add(MAIN, prepared.spec, output_shape)
    return program


def _program(module: "nn.Module", size: Size, half: bool, softmax: bool) -> "AIProgram":
    """Of one function that gives float32."""
    import torch
    from coreai_torch import TorchConverter, get_decomp_table

    class Finished(torch.nn.Module):
        """The module with what follows it."""

        def __init__(self) -> None:
            super().__init__()
            self.module = copy.deepcopy(module).half() if half else module

        def forward(self, x: "Tensor") -> "Tensor":
            y: Tensor = self.module(x)
            return (y.softmax(1) if softmax else y).float()

    example = torch.zeros(1, COLORS, *size, dtype=torch.half if half else torch.float)
    try:
        exported = torch.export.export(Finished().eval(), args=(example,))
        exported = exported.run_decompositions(get_decomp_table())
        converter = TorchConverter(mode=TorchConverter.Mode.RELEASE)
        converter.add_exported_program(
            exported, input_names=["x"], output_names=["y"], entrypoint_name=NETWORK
        )
        program: AIProgram = converter.to_coreai()
    except Exception as error:  # torch's and the converter's have no common kind
        raise UnsupportedError(
            f"coreai-torch cannot convert the module: {' '.join(str(error).split())[:200]}",
            "export it to Core ML, or change what it computes with",
        ) from error
    return program


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """The converter prints what it does, and warns of versions."""
    with (
        open(os.devnull, "w", encoding="utf-8") as nowhere,  # noqa: PTH123
        contextlib.redirect_stderr(nowhere),
        contextlib.redirect_stdout(nowhere),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        yield
