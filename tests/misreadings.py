"""Checks of what is read of a file: by torch's functions, and by the file's own graph.

The answers that are expected are torch's on the network's own table of strides.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from torch.nn import functional as F

import weight_files
from export.verify.agreement import probe_pictures
from export.verify.file_answers import answers, compared_at_own_size
from mobilenet.checkpoint import Checkpoint
from mobilenet.common.errors import VerificationError
from mobilenet.common.size import Size
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.preprocess import Normalization
from mobilenet.untrained import untrained

CLASSES = 5
UNIT = Normalization((1 / 255,) * 3, (0.0,) * 3)
Misread = Callable[[Checkpoint], Checkpoint]


def network(**config: Any) -> Checkpoint:
    """Untrained, with living activations."""
    return untrained(MobileNetConfig(0.25, 64, padding="keras", classes=CLASSES, **config), seed=3)


def feeds(size: Size, normalization: Normalization) -> np.ndarray:
    """The probe pictures as a network takes them."""
    pixels = np.stack([np.asarray(picture, np.float32) for picture in probe_pictures(size)])
    scaled = pixels * np.float32(normalization.scale) + np.float32(normalization.bias)
    return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2))


def torchs(original: Checkpoint, normalization: Normalization, padding: str) -> np.ndarray:
    """Logits of the network that a file was written of, for the probe pictures."""
    x = feeds(original.config.size, normalization)
    return weight_files.plain_forward(
        original, x, padding=padding, epsilon=original.config.bn_epsilon, activation=F.relu6
    )


def configured(**fields: object) -> Misread:
    """A head or a size that is not the file's."""
    return lambda right: replace(right, config=replace(right.config, **fields))


def misnormalized(normalization: Normalization) -> Misread:
    """Preprocessing that is not the file's."""
    return lambda right: replace(right, normalization=normalization)


def check(
    right: Checkpoint, original: Checkpoint, normalization: Normalization, padding: str,
    misread: Misread,
) -> None:  # fmt: skip
    """Read as it is, by torch's answer and by the file's own; misread, the file rejects it."""
    expected = torchs(original, normalization, padding)
    np.testing.assert_allclose(
        answers(right, probe_pictures(right.config.size)).logits, expected, rtol=1e-3, atol=1e-4
    )
    compared_at_own_size(right)
    with pytest.raises(VerificationError, match="file"):
        compared_at_own_size(misread(right))
