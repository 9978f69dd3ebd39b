"""`make conformance` on the one network of its list that needs neither torchvision nor timm."""

import pytest
import torch

from conformance import one_network
from conformance.forms import FORMS
from conformance.networks import NETWORKS, made
from conformance.small_yolo import SmallYolo
from conformance.table_row import Row, decoded, encoded

NAME = "small_yolo"


def rows(*forms: str) -> list[Row]:
    told: list[Row] = []
    one_network.rows(NAME, NETWORKS[NAME], list(forms), told.append)
    return told


def test_a_network_runs_in_every_form() -> None:
    assert [row.form for row in rows(*FORMS) if not row.failed] == list(FORMS)


def test_what_is_wrong_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that answers otherwise than it was converted, and MACs that are not counted."""
    forward = SmallYolo.forward

    def other(self: SmallYolo, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        boxes, scores = forward(self, x)
        return (boxes, scores) if x.dtype == torch.float32 else (boxes * 1.001, scores)

    with monkeypatch.context() as patch:
        patch.setattr(SmallYolo, "forward", other)
        (row,) = rows("float32")
    assert row.failed
    assert row.relative_l2 == pytest.approx(1e-3, rel=0.01)
    monkeypatch.setattr(one_network, "_macs", lambda *_: 1)
    (row,) = rows("neuralnetwork")
    assert row.failed
    assert row.relative_l2 <= row.limit


def test_what_cannot_be_converted_is_a_row_with_its_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(one_network, "read", lambda _: {}["not there"])
    (row,) = rows("float32")
    assert row.failed
    assert row.reason == "KeyError: 'not there'"
    assert decoded(encoded(row)) == row


def test_no_part_of_a_network_is_dead() -> None:
    """Noise on any parameter shows in what the network gives."""
    module, picture = made(NETWORKS[NAME])
    before = module(picture)
    for name, parameter in module.named_parameters():
        kept = parameter.data.clone()
        parameter.data += 0.1 * torch.randn_like(kept)
        assert not all(map(torch.equal, module(picture), before)), name
        parameter.data = kept
