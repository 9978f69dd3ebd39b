"""Apple's own runtime as an oracle for Core ML packages.

A package's operations are written for Core AI, one by one, and run by Apple's runtime: a third
execution beside PyTorch's and the portable runtime's, which shares neither's arithmetic. What it
shares with the portable one is our reading of the file.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from export.coreai import idle_processes
from export.mil.coreai.lowered_function import MAIN, write_asset
from export.mil.description import ImageInput
from export.mil.program import Function
from export.runtimes.base import Feature
from export.runtimes.inputs import from_picture
from export.verify.agreement import logits_name, relative_l2, run, stacked
from mobilenet.common.errors import VerificationError
from mobilenet.common.temporary import owned_folder
from mobilenet.preprocess import Normalization

if TYPE_CHECKING:
    from PIL.Image import Image


class SecondOpinion(NamedTuple):
    """How far Apple's logits are from others', as declared: relative L2, the worst picture."""

    portable: float
    """From the portable runtime's: the same program, run by two."""
    network: float
    """From PyTorch's, of the original network; of a compressed one, the loss."""
    limit: float
    """The largest distance from the portable runtime's that passes."""


def second_opinion(
    path: Path,
    function: Function,
    pictures: Sequence["Image"],
    normalization: Normalization,
    *,
    network: NDArray[np.float32],
    limit: float,
) -> SecondOpinion:
    """Apple's answer to `pictures` of the network's size, beside two others'.

    `network` are PyTorch's logits (pictures, values). Raises `VerificationError` beyond `limit`,
    `UnsupportedError` where Core AI is not installed or an operation is not written for it.
    """
    name = logits_name(function)
    inputs = [from_picture(function.description, each, normalization) for each in pictures]
    with owned_folder() as folder, idle_processes.borrowed() as process:
        asset = folder / "oracle.aimodel"
        write_asset(function, [name], asset)
        process.load(asset, MAIN)
        outputs = [process.call(_arrays(function, feed)) for feed in inputs]
    logits = stacked(outputs, name).astype(np.float32)
    portable = stacked(run(path, inputs, "declared", [name], function.name), name)
    opinion = SecondOpinion(relative_l2(logits, portable), relative_l2(logits, network), limit)
    if not opinion.portable <= limit:
        raise VerificationError(
            f"Apple's Core AI runtime and the portable runtime differ on this program: relative "
            f"L2 of logits is {opinion.portable:.1e}, the limit {limit:.2g}",
            "one of them is wrong: please report this with the package",
        )
    return opinion


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
