"""Deliberate faults of a segmenter, as real loaders and converters make them: each is rejected."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest

from export.formats.registry import format_of
from export.prepared import prepare_checkpoint
from export.spec import ExportSpec
from export.verify.gates import verify_package
from export.verify.pixel_classes import PixelClasses
from export.verify.reference import Reference
from faults import active_projections, builder, config
from made_segmenter import segmenter
from mobilenet.checkpoint import Checkpoint
from mobilenet.common.errors import VerificationError
from mobilenet.common.size import Size
from mobilenet.networks.row_builder import RowBuilder

Bend = Callable[[], AbstractContextManager[Any]]


def dilated_a_block_early() -> AbstractContextManager[Any]:
    """As if the block whose stride is left out were dilated itself."""
    real = RowBuilder.block_depthwise

    def early(self: RowBuilder, name: str, stride: int) -> str:
        if self._output_stride is not None and self._reached * stride > self._output_stride:
            self._dilation *= stride
            stride = 1
        return real(self, name, stride)

    return mock.patch.object(RowBuilder, "block_depthwise", early)


def head_epsilon() -> AbstractContextManager[Any]:
    return mock.patch("mobilenet.networks.deeplab.EPSILON", 1e-3)


resized = builder(
    "resize_bilinear",
    lambda _mb, real, sampling_mode, **rest: real(sampling_mode="DEFAULT", **rest),
)
centred = builder(
    "resize_bilinear",
    lambda _mb, real, sampling_mode, **rest: real(sampling_mode="UNALIGN_CORNERS", **rest),
)
turned = builder("concat", lambda _mb, real, values, **rest: real(values=values[::-1], **rest))
clipped = builder("relu", lambda mb, _real, **given: mb.relu6(**given))
lowest = builder("reduce_argmax", lambda mb, _real, **given: mb.reduce_argmin(**given))
turned_map = builder(
    "reduce_argmax",
    lambda mb, real, x, **given: real(x=mb.transpose(x=x, perm=[0, 1, 3, 2]), **given),
)

FAULTS: dict[str, tuple[Callable[[Checkpoint], Checkpoint], Bend, str]] = {
    "corners not aligned": (lambda c: c, resized, "enlarged scores"),
    "pixels by their centres": (lambda c: c, centred, "enlarged scores"),
    "stride 32": (config(output_stride=32), nullcontext, "values, the network"),
    "stride 8": (config(output_stride=8), nullcontext, "values, the network"),
    "a block early": (lambda c: c, dilated_a_block_early, "structure"),
    "concat the other way": (lambda c: c, turned, "structure"),
    "ReLU6 in the head": (lambda c: c, clipped, "structure"),
    "epsilon of the backbone": (lambda c: c, head_epsilon, "structure"),
    "the lowest score": (lambda c: c, lowest, "values, the network"),
    "rows for columns": (lambda c: c, turned_map, "values, the network"),
}


def verify(
    network: Checkpoint, change: Callable[[Checkpoint], Checkpoint], bend: Bend, path: Path
) -> None:
    """Of what is exported with a fault; by running it, since the weights may say it at once."""
    spec = ExportSpec(precision="fp32")
    with bend():
        changed = change(replace(network))
        format_of(spec.resolved()).write(prepare_checkpoint(changed, spec), path)
    with mock.patch("export.verify.package_weights._check_weights"):
        verify_package(path, prepare_checkpoint(network, spec))


@pytest.mark.parametrize("size", [65, 64], ids=["odd", "even"])
@pytest.mark.parametrize("name", FAULTS)
def test_every_deliberate_fault_is_rejected(name: str, size: int, tmp_path: Path) -> None:
    change, bend, problem = FAULTS[name]
    with pytest.raises(VerificationError, match=problem):
        verify(segmenter("v1", size), change, bend, tmp_path / "net.mlpackage")


@pytest.mark.parametrize("size", [65, 64], ids=["odd", "even"])
def test_activated_projections_are_rejected(size: int, tmp_path: Path) -> None:
    with pytest.raises(VerificationError, match="structure"):
        verify(segmenter("v2", size), lambda c: c, active_projections, tmp_path / "n.mlpackage")


def test_symmetric_padding_is_rejected_where_it_differs(tmp_path: Path) -> None:
    """At an odd size, TensorFlow's SAME is symmetric."""
    with pytest.raises(VerificationError, match="structure"):
        verify(
            segmenter("v1", 64), config(padding="symmetric"), nullcontext, tmp_path / "n.mlpackage"
        )


def outputs(margin: float) -> tuple[PixelClasses, dict[str, np.ndarray], Reference]:
    """Two classes, the first ahead by `margin` everywhere; a score of one pixel is off by 0.1."""
    small = np.zeros((1, 2, 2, 2), np.float32)
    small[:, 0] = margin
    large = np.repeat(np.repeat(small, 2, 2), 2, 3)
    large[0, 1, 2, 1] = 0.1
    reading = PixelClasses("small", "large", "labels", 2, Size(2, 2), Size(4, 4))
    given = {"small": small, "large": large, "labels": np.zeros((1, 4, 4), np.int32)}
    return reading, given, Reference(small.reshape(1, -1))


def test_a_class_that_is_not_the_highest_score_s_is_rejected() -> None:
    reading, given, answers = outputs(margin=0.3)
    assert reading.check_labels([given], answers) == 0
    given["labels"][0, 2, 1] = 1
    with pytest.raises(VerificationError, match="class 1 at row 2, column 1, of the highest"):
        reading.check_labels([given], answers)


def test_classes_nearer_than_the_error_may_change_places_and_are_counted() -> None:
    reading, given, answers = outputs(margin=0.15)
    given["labels"][0, 2, 1] = 1
    assert reading.check_labels([given], answers) == 1 / 16
    given["labels"][0, 3, 3] = 1
    with pytest.raises(VerificationError, match="class 1 at row 3, column 3"):
        reading.check_labels([given], answers)


def test_labels_in_another_order_are_rejected(tmp_path: Path) -> None:
    def relabelled(network: Checkpoint) -> Checkpoint:
        return replace(network, labels=network.labels[::-1])

    with pytest.raises(VerificationError, match="label 0 of the package is 'tree'"):
        verify(segmenter(), relabelled, nullcontext, tmp_path / "net.mlpackage")
