"""Apple's own runtime as an oracle for Core ML packages.

A package's operations are written for Core AI, one by one, and run by Apple's runtime: a third
execution beside PyTorch's and the portable runtime's, which shares neither's arithmetic. What it
shares with the portable one is our reading of the file.
"""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from export.coreai.separate_process import CoreAIProcess
from export.mil.coreai.lowered_function import MAIN, write_asset
from export.mil.description import ImageInput
from export.mil.program import Function
from export.runtimes.base import Feature
from export.verify.agreement import logits_name, relative_l2, stacked

RUNTIME = "Apple's Core AI runtime"


class SecondOpinion(NamedTuple):
    """How far the logits are from one another, as declared: relative L2, the worst picture."""

    portable: float
    """Apple's runtime from the portable one: the same program, run by two."""
    network: float
    """Apple's runtime from PyTorch's original network; of a compressed one, the loss."""
    runtime: str = RUNTIME


def second_opinion(
    function: Function,
    inputs: Sequence[Mapping[str, Feature]],
    portable: Sequence[Mapping[str, Feature]],
    network: NDArray[np.float32],
) -> SecondOpinion:
    """Apple's answer to `inputs`, against the portable runtime's outputs and PyTorch's logits.

    `network` has shape (pictures, values). Raises `UnsupportedError` where Core AI is not
    installed or an operation is not written for it.
    """
    name = logits_name(function)
    with tempfile.TemporaryDirectory() as folder, CoreAIProcess() as process:
        asset = Path(folder, "oracle.aimodel")
        write_asset(function, [name], asset)
        process.load(asset, MAIN)
        outputs = [process.call(_arrays(function, feed)) for feed in inputs]
    logits = stacked(outputs, name).astype(np.float32)
    return SecondOpinion(
        relative_l2(logits, stacked(portable, name)), relative_l2(logits, network)
    )


def _arrays(function: Function, feed: Mapping[str, Feature]) -> "dict[str, NDArray[np.generic]]":
    """What MIL's own inputs are: of a picture, the values (1, C, H, W) of its channels."""
    arrays = {}
    for described, value in zip(function.description.inputs, function.inputs, strict=True):
        values = np.asarray(feed[described.name])
        if isinstance(described, ImageInput):
            values = values.reshape(*values.shape[:2], -1).transpose(2, 0, 1)[None]
            if described.color == "BGR":
                values = values[:, ::-1]
        arrays[value.name] = np.ascontiguousarray(values, np.dtype(value.dtype))
    return arrays
