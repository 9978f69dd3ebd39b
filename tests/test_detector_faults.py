"""Deliberate faults of a detector, as real loaders and converters make them: each is rejected."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from export.formats.coreml.detector import DetectorWriter
from export.formats.registry import format_of
from export.prepared import prepare_checkpoint
from export.spec import ExportSpec
from export.verify.gates import verify_package
from faults import active_projections, builder, config, layer
from made_detector import detector
from mobilenet.checkpoint import Checkpoint
from mobilenet.common.errors import VerificationError
from mobilenet.networks.ssdlite import Detection
from mobilenet.untrained import untrained

Bend = Callable[[], AbstractContextManager[Any]]


def other(**fields: Any) -> Callable[[Checkpoint], Checkpoint]:
    return config(detection=replace(Detection(), **fields))


def shapes_of_all_maps() -> AbstractContextManager[Any]:
    """As if the first map's square box had the first scale."""
    return mock.patch("mobilenet.networks.ssdlite.LOWEST_SCALE", 0.2)


def axes_swapped() -> AbstractContextManager[Any]:
    decode = DetectorWriter._decoded

    def decoded(self: DetectorWriter, encodings: Any) -> Any:
        boxes = decode(self, encodings)
        y, x = (self.mb.slice_by_index(
            x=boxes, begin=[0, row, 0], end=[1, row + 1, 0], end_mask=[False, False, True],
            name=f"row{row}",
        ) for row in (1, 0))  # fmt: skip
        sides = self.mb.slice_by_index(
            x=boxes, begin=[0, 2, 0], end=[1, 4, 0], end_mask=[False, False, True], name="sides"
        )
        return self.mb.concat(values=[y, x, sides], axis=1, name="swapped")

    return mock.patch.object(DetectorWriter, "_decoded", decoded)


clipped = builder("sigmoid", lambda mb, _real, x, name: mb.relu6(x=x, name=name))
with_background = builder(
    "slice_by_size",
    lambda _mb, real, begin, **rest: real(begin=[0, 0, 0], **rest),
)

FAULTS: dict[str, tuple[Callable[[Checkpoint], Checkpoint], Bend, str]] = {
    "epsilon 1e-5": (config(bn_epsilon=1e-5), nullcontext, "structure"),
    "symmetric padding": (config(padding="symmetric"), nullcontext, "structure"),
    "ratios turned": (other(ratios=(1, 2, 3, 0.5, 0.3333)), nullcontext, "boxes are off"),
    "a third for 0.3333": (other(ratios=(1, 2, 0.5, 3, 1 / 3)), nullcontext, "boxes are off"),
    "no scale of 0.1": (lambda c: c, shapes_of_all_maps, "boxes are off"),
    "coder of ones": (other(coder=(1, 1, 1, 1)), nullcontext, "boxes are off"),
    "x and y swapped": (lambda c: c, axes_swapped, "boxes are off"),
    "no sigmoid": (lambda c: c, clipped, "scores are off"),
    "the background kept": (lambda c: c, with_background, "scores are off"),
    "anchors before values": (
        layer("boxes1", lambda x: replace(
            x, kernel=x.kernel.reshape(4, 6, *x.kernel.shape[1:]).swapaxes(0, 1)
            .reshape(x.kernel.shape).copy(),
        )), nullcontext, "structure",
    ),
}  # fmt: skip


def verify(
    change: Callable[[Checkpoint], Checkpoint], bend: Bend, path: Path, spec: ExportSpec,
    network: Checkpoint | None = None,
) -> None:  # fmt: skip
    """Of what is exported with a fault; by running it, since the weights may say it at once."""
    network = network or detector()
    with bend():
        changed = change(network)
        format_of(spec.resolved()).write(prepare_checkpoint(changed, spec), path)
    with mock.patch("export.verify.package_weights._check_weights"):
        verify_package(path, prepare_checkpoint(network, replace(spec, iou=None)))


@pytest.mark.parametrize("size", [97, 96], ids=["odd", "even"])
@pytest.mark.parametrize("name", FAULTS)
def test_every_deliberate_fault_is_rejected(name: str, size: int, tmp_path: Path) -> None:
    change, bend, problem = FAULTS[name]
    spec = ExportSpec(precision="fp32", outputs="boxes")
    with pytest.raises(VerificationError, match=problem):
        verify(change, bend, tmp_path / "net.mlpackage", spec, detector(size=size))


@pytest.mark.parametrize("size", [97, 96], ids=["odd", "even"])
def test_activated_projections_are_rejected(size: int, tmp_path: Path) -> None:
    spec = ExportSpec(precision="fp32", outputs="boxes")
    with pytest.raises(VerificationError, match="structure"):
        verify(
            lambda c: c, active_projections, tmp_path / "net.mlpackage", spec, detector("v2", size)
        )


@pytest.mark.parametrize("name", ["no scale of 0.1", "x and y swapped", "no sigmoid"])
def test_scores_too_alike_to_decide_hide_no_fault_of_boxes(name: str, tmp_path: Path) -> None:
    """An untrained detector as a pipeline in float16, few of whose detections are decided."""
    change, bend, problem = FAULTS[name]
    alike = untrained(replace(detector().config))
    alike = replace(alike, labels=detector().labels)
    with pytest.raises(VerificationError, match=problem):
        verify(change, bend, tmp_path / "net.mlpackage", ExportSpec(), alike)


def test_another_overlap_is_rejected(tmp_path: Path) -> None:
    spec = ExportSpec(precision="fp32", iou=0.2)
    with pytest.raises(VerificationError, match="boxes that stay"):
        verify(lambda c: c, nullcontext, tmp_path / "net.mlpackage", spec)


def test_labels_in_another_order_are_rejected(tmp_path: Path) -> None:
    def relabelled(network: Checkpoint) -> Checkpoint:
        return replace(network, labels=network.labels[::-1])

    with pytest.raises(VerificationError, match="label 0 of the package is 'owl'"):
        verify(relabelled, nullcontext, tmp_path / "n.mlpackage", ExportSpec(precision="fp32"))
