"""`export verify --oracle coreai`: three executions of one package, and a fault in one of them."""

from pathlib import Path
from typing import Any

import pytest

from export.mil.coreai import CORE_AI
from export.mil.coreai.lowered_call import CoreAICall
from export.pipeline import export
from export.spec import ExportSpec
from export.verify.reverify import reverify
from export.verify.second_opinion import SecondOpinion
from mobilenet import store
from mobilenet.checkpoint import Checkpoint
from mobilenet.common.errors import ConfigError, VerificationError
from mobilenet.weights.resolve import load_weights

pytest.importorskip("coreai", reason="there is no wheel of coreai-core for this machine")


@pytest.fixture(scope="module")
def weights(hot: Checkpoint, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "hot.safetensors"
    store.save(hot, path)
    return path


def exported(weights: Path, path: Path, **options: Any) -> Path:
    checkpoint = load_weights(str(weights), offline=True).checkpoint
    return export(checkpoint, path, spec=ExportSpec(**options), verify=False).path


def opinion_on(package: Path, weights: Path) -> SecondOpinion:
    opinion = reverify(package, weights=str(weights), offline=True, oracle="coreai").opinion
    assert opinion is not None
    return opinion


@pytest.mark.parametrize(
    ("name", "options", "limit"),
    [
        ("fp32.mlpackage", {"precision": "fp32"}, 1e-5),
        ("fp16.mlpackage", {}, 3e-2),
        ("int8.mlpackage", {"compress": "int8"}, 3e-2),
        ("old.mlmodel", {}, 1e-5),  # the old format stores halves and computes in float32
        ("tensor.mlpackage", {"input": "tensor", "outputs": "logits"}, 3e-2),
    ],
)
def test_apple_agrees_with_the_portable_runtime(
    name: str, options: dict[str, str], limit: float, weights: Path, tmp_path: Path
) -> None:
    opinion = opinion_on(exported(weights, tmp_path / name, **options), weights)
    assert 0 < opinion.portable < limit
    assert opinion.network > 0


def test_a_fault_on_either_side_is_a_failed_verification(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def clipped_at_5(call: CoreAICall) -> Any:
        above = call.core_ai.broadcasting_maximum(call["x"], call.like(0))
        return call.core_ai.broadcasting_minimum(above, call.like(5))

    package = exported(weights, tmp_path / "net.mlpackage", precision="fp32")
    monkeypatch.setitem(CORE_AI, "relu6", clipped_at_5)
    with pytest.raises(VerificationError, match="and the portable runtime differ"):
        opinion_on(package, weights)


def test_an_asset_needs_no_oracle(weights: Path, tmp_path: Path) -> None:
    asset = exported(weights, tmp_path / "net.aimodel")
    with pytest.raises(ConfigError, match="oracle coreai"):
        opinion_on(asset, weights)
