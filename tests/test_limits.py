"""Networks on which float32 loses digits are judged by what it loses; all others as before."""

from pathlib import Path

import numpy as np
import pytest

from export import pipeline
from export.formats.registry import format_of
from export.prepared import prepare_checkpoint
from export.spec import ExportSpec, Variant
from export.verify.gates import verify_package
from export.verify.limits import FACTOR, PRECISION, STRUCTURE, judged
from export.verify.reference import Reference
from faults import FAULTS, Fault
from lightly_trained import Training
from mobilenet.checkpoint import Checkpoint
from mobilenet.common.errors import VerificationError

LOGITS = np.ones((1, 4))


def reference(float32_loss: float) -> Reference:
    """PyTorch's float32 is off by so much from its float64."""
    rounded = (LOGITS * (1 + float32_loss)).astype(np.float32)
    return Reference(rounded, 0.0, lambda: LOGITS, lambda: float32_loss)


def test_a_network_without_excuse_keeps_the_usual_limit() -> None:
    exact = Reference(LOGITS.astype(np.float32), 0.0, lambda: LOGITS)
    assert judged("structure", LOGITS * (1 + 9e-6), exact, STRUCTURE).limit == STRUCTURE.usual
    with pytest.raises(VerificationError, match="the limit 1e-05"):
        judged("structure", LOGITS * (1 + 1.1e-5), exact, STRUCTURE)
    unknown = Reference(LOGITS.astype(np.float32))  # no float64 can be had
    with pytest.raises(VerificationError, match="the limit 1e-05"):
        judged("structure", LOGITS * (1 + 1.1e-5), unknown, STRUCTURE)


def test_the_limit_follows_what_float32_loses_up_to_a_bound() -> None:
    lossy = reference(1e-5)
    judgement = judged("structure", LOGITS * (1 - 3e-5), lossy, STRUCTURE)
    assert judgement.distance == pytest.approx(3e-5, rel=1e-3)
    assert judgement.limit == pytest.approx(FACTOR * 1e-5, rel=0.02)
    with pytest.raises(VerificationError):
        judged("structure", LOGITS * (1 - 5e-5), lossy, STRUCTURE)
    with pytest.raises(VerificationError, match=r"the limit 0\.0001"):
        judged("structure", LOGITS * 0.999, reference(1e-3), STRUCTURE)
    half = judged("precision", LOGITS * 1.1, reference(5e-6), PRECISION["fp16"])
    assert half.limit == pytest.approx(FACTOR * 2**13 * 5e-6, rel=0.02)
    for wrong in (np.nan, np.inf):
        with pytest.raises(VerificationError):
            judged("structure", LOGITS * wrong, reference(1e-3), STRUCTURE)


def test_other_pictures_are_asked_only_where_those_at_hand_lose_too_little() -> None:
    def more() -> float:
        raise AssertionError("asked")

    own = (LOGITS * (1 + 1e-5)).astype(np.float32)
    enough = Reference(own, 0.0, lambda: LOGITS, more)
    assert judged("structure", LOGITS * (1 - 3e-5), enough, STRUCTURE).distance < 4e-5
    little = Reference(LOGITS.astype(np.float32), 0.0, lambda: LOGITS, lambda: 1e-5)
    judgement = judged("structure", LOGITS * (1 - 3e-5), little, STRUCTURE)
    assert judgement.limit == pytest.approx(FACTOR * 1e-5)


def test_the_smallest_network_passes_its_own_gate(tmp_path: Path) -> None:
    """Its float32 loses about 1e-5: the package was refused for that."""
    variant = Variant(alpha=0.25, resolution=32, weights="untrained")
    assert pipeline.export(variant, tmp_path).verified is not None


TRAININGS = (
    Training(0.25, 64, 2, seed=12, steps=30, momentum=0.1, alive=False),
    Training(0.5, 96, 3, seed=2, steps=30, momentum=0.1, alive=False),
    Training(0.5, 64, 3, seed=3, steps=5, momentum=0.1, alive=True),
)


@pytest.fixture(scope="module", params=TRAININGS, ids=lambda training: training.name)
def lightly_trained(request: pytest.FixtureRequest) -> Checkpoint:
    return request.param.run()


@pytest.mark.parametrize("precision", PRECISION)
def test_lightly_trained_networks_pass(
    lightly_trained: Checkpoint, precision: str, tmp_path: Path
) -> None:
    spec = ExportSpec(precision=precision)
    exported = pipeline.export(lightly_trained, tmp_path, spec=spec)
    assert exported.verified is not None
    lossy = exported.verified.agreement_limit > PRECISION["fp16"].usual
    assert lossy == any("--precision fp32" in note for note in exported.notes)


AT_THE_CLIP = ("relu for relu6", "clip at 6.05", "clip at 6.01", "clip at 6.001", "no upper clip")
ANYWHERE = [fault for fault in FAULTS if fault.name not in AT_THE_CLIP]


@pytest.mark.parametrize("fault", ANYWHERE, ids=lambda fault: fault.name)
def test_faults_show_on_them(lightly_trained: Checkpoint, fault: Fault, tmp_path: Path) -> None:
    """Those of the upper clip do where something is above it: tests/benchmark_gates.py."""
    spec, path = ExportSpec(), tmp_path / "m.mlpackage"
    with fault.bend():
        wrong = prepare_checkpoint(fault.change(lightly_trained), spec)
        format_of(spec).write(wrong, path)
    with pytest.raises(VerificationError):
        verify_package(path, prepare_checkpoint(lightly_trained, spec))
