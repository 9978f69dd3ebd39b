"""Deliberate faults of a fine-tuned head: verification must reject every one."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from export.formats.registry import format_of
from export.prepared import prepare_checkpoint
from export.spec import ExportSpec
from export.verify.gates import verify_package
from faults import builder
from fine_tuned import LABELS, fine_tuned
from mobilenet.checkpoint import Checkpoint
from mobilenet.common.errors import VerificationError
from mobilenet.networks.classifier import Hidden


def in_rows(network: Checkpoint) -> Checkpoint:
    """As if the matrix had been written for maps with the channels last."""
    layer = network.layers["dense1"]
    kernel = layer.kernel.reshape(-1, 2, 2, 256).transpose(0, 3, 1, 2)
    flat = replace(layer, kernel=np.ascontiguousarray(kernel).reshape(layer.kernel.shape))
    return replace(network, layers={**network.layers, "dense1": flat})


def without_activation(network: Checkpoint) -> Checkpoint:
    config = replace(network.config, hidden=(Hidden(network.config.hidden[0].units),))
    return replace(network, config=config)


def with_softmax(network: Checkpoint) -> Checkpoint:
    return replace(network, config=replace(network.config, scores="softmax"))


def relabelled(network: Checkpoint) -> Checkpoint:
    return replace(network, labels=network.labels[::-1])


@pytest.mark.parametrize(
    ("head", "change", "problem"),
    [
        ("flat", in_rows, "dense1.kernel"),
        ("flat", without_activation, "structure"),
        ("several", without_activation, "structure"),
        ("several", with_softmax, "label 0 of the package is None"),
        ("several", relabelled, "label 0 of the package is 'owl'"),
    ],
)
@pytest.mark.parametrize("format", ["mlprogram", "coreai"])
def test_verification_rejects_another_head(
    head: str, change: object, problem: str, format: str, tmp_path: Path
) -> None:
    network = fine_tuned(head, () if head == "one" else LABELS)
    spec = ExportSpec(precision="fp32", format=format, outputs="probabilities")
    if format == "coreai":
        pytest.importorskip("coreai", reason="there is no wheel of coreai-core for this machine")
    path = tmp_path / f"net{spec.file_kind.suffix}"
    format_of(spec).write(prepare_checkpoint(change(network), spec), path)
    with pytest.raises(VerificationError, match=problem):
        verify_package(path, prepare_checkpoint(network, spec))


def test_a_map_flattened_in_another_order_is_rejected(tmp_path: Path) -> None:
    """In the program rather than in the weights."""
    bend = builder(
        "reshape",
        lambda mb, real, x, **given: real(x=mb.transpose(x=x, perm=[0, 2, 3, 1]), **given),
    )
    network, spec = fine_tuned("flat"), ExportSpec(precision="fp32")
    path = tmp_path / "net.mlpackage"
    with bend():
        format_of(spec.resolved()).write(prepare_checkpoint(network, spec), path)
    with pytest.raises(VerificationError, match="structure"):
        verify_package(path, prepare_checkpoint(network, spec))
