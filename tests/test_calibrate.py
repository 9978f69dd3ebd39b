"""Exports that learn from photographs: what is chosen, what is said of it, what is made anew."""

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from torch import nn

from export import pipeline
from export.__main__ import app
from export.calibration_options import CalibrationOptions
from export.compression import forms
from export.compression.compressed_network import CompressedNetwork
from export.compression.learning import finetuning
from export.pipeline import Exported
from export.spec import ExportSpec
from export.views import export_card
from learned_networks import small_network
from made_photographs import folder_of
from mobilenet.checkpoint import Checkpoint
from mobilenet.common import terminal
from mobilenet.common.errors import ConfigError


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folder_of(tmp_path_factory.mktemp("calibrate") / "photographs", 45)


@pytest.fixture(scope="module")
def network() -> Checkpoint:
    return small_network()


def exported(
    network: Checkpoint, output: Path, spec: ExportSpec, reuse: bool = False, **options: object
) -> Exported:
    calibration = CalibrationOptions(**options)
    return pipeline.export(network, output, spec=spec, calibration=calibration, reuse=reuse)


@pytest.fixture(scope="module")
def mixed(
    network: Checkpoint, photographs: Path, tmp_path_factory: pytest.TempPathFactory
) -> Exported:
    folder = tmp_path_factory.mktemp("mixed")
    return exported(network, folder, ExportSpec(), calibrate=photographs, size=160_000)


def test_a_package_is_as_small_as_was_asked_for(mixed: Exported) -> None:
    record = mixed.metadata.calibration
    assert mixed.path.stem.endswith("_mixed_160kB_untrained")
    assert 140_000 < mixed.size_bytes <= 160_000
    assert (record.photographs, record.held_back, record.size) == (36, 9, 160_000)
    assert len(set(record.forms.values())) > 1
    assert 0 < record.loss < 0.5
    assert mixed.verified.agreement < 0.03
    assert mixed.metadata.min_ios == 18


def test_the_card_says_what_became_of_it(
    mixed: Exported, capsys: pytest.CaptureFixture[str]
) -> None:
    export_card.remark_on(mixed, ExportSpec())
    export_card.show(mixed, json=False)
    printed = " ".join("".join(capsys.readouterr()).split())
    record = mixed.metadata.calibration
    for text in (
        f"mixed: {record.summary}", "36 learned from", "of 9 photographs held back (95 % interval",
        f"relative L2 of logits {record.loss:.2g}", "python -m bench accuracy",
        "groups of channels need iOS 18",
    ):  # fmt: skip
        assert text in printed
    export_card.show(mixed, json=True)
    assert msgspec.json.decode(capsys.readouterr().out)["metadata"]["calibration"]["forms"]


@pytest.mark.parametrize(
    ("gained", "said"), [(True, ""), (False, ", which gained nothing and was left out")]
)
def test_the_cards_say_whether_training_gained_anything(
    gained: bool, said: str, network: Checkpoint, photographs: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    def finetuned(start: CompressedNetwork, *_: object, **__: object) -> CompressedNetwork:
        return replace(start) if gained else start

    monkeypatch.setattr(finetuning, "finetuned", finetuned)
    result = exported(
        network, tmp_path, ExportSpec(compress="int4"), calibrate=photographs, finetune=10
    )
    assert result.metadata.calibration.gained is gained
    export_card.show(result, json=False)
    shown = " ".join(capsys.readouterr().out.split())
    assert f"36 learned from, then 10 minutes of training{said} answers" in shown
    assert terminal.run(app, ["inspect", str(result.path)]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert f"then 10 minutes of training{said} the same top-1" in shown


def test_only_what_others_would_be_learned_from_is_made_anew(
    network: Checkpoint, mixed: Exported, photographs: Path, tmp_path: Path
) -> None:
    options = {"calibrate": photographs, "size": 160_000}
    again = exported(network, mixed.path, ExportSpec(), reuse=True, **options)
    assert again.unchanged
    assert (again.identity, again.metadata) == (mixed.identity, mixed.metadata)
    there = replace(mixed.metadata, calibration=msgspec.UNSET)
    assert again.metadata.without_calibration == there
    folder_of(tmp_path / "others", 46)
    other = exported(
        network, mixed.path, ExportSpec(), reuse=True, calibrate=tmp_path / "others", size=160_000
    )
    assert not other.unchanged
    assert other.metadata.calibration.digest != mixed.metadata.calibration.digest


def test_a_loss_that_is_allowed_is_kept(
    network: Checkpoint, photographs: Path, tmp_path: Path
) -> None:
    result = exported(network, tmp_path, ExportSpec(), calibrate=photographs, loss=0.15)
    assert 0 < result.metadata.calibration.loss <= 0.15
    assert result.path.stem.endswith("_mixed_loss015_untrained")


def test_functions_share_what_was_learned(
    network: Checkpoint, photographs: Path, tmp_path: Path
) -> None:
    spec = ExportSpec(compress="int4", resolutions="32,64")
    result = exported(network, tmp_path, spec, calibrate=photographs)
    assert set(result.metadata.calibration.forms.values()) == {"int4/32"}
    assert result.size_bytes < 190_000  # twice 130 kB are more


def test_older_systems_get_forms_without_groups(
    network: Checkpoint, photographs: Path, tmp_path: Path
) -> None:
    spec = ExportSpec(compress="palette4", min_ios=16)
    result = exported(network, tmp_path, spec, calibrate=photographs)
    assert set(result.metadata.calibration.forms.values()) == {"palette4"}
    assert result.path.stem.endswith("_palette4_learned_untrained")
    with pytest.raises(ConfigError, match="int4 needs iOS 18, min-ios is 16"):
        exported(network, tmp_path, ExportSpec(compress="int4", min_ios=16), calibrate=photographs)


@pytest.mark.parametrize(("method", "of_small"), [("int4", {"logits": "int8"}), ("prune50", {})])
def test_the_smallest_layers_keep_more(
    method: str,
    of_small: dict[str, str],
    network: Checkpoint,
    photographs: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(forms, "SMALL_SHARE", 0.2)  # the logits are 12 % of this network's
    result = exported(network, tmp_path, ExportSpec(compress=method), calibrate=photographs)
    learned = dict(result.metadata.calibration.forms)
    assert {name: learned.pop(name) for name in ("logits",) if name in learned} == of_small
    assert {form.partition("/")[0] for form in learned.values()} == {method}


def test_a_traced_module_does_not_learn(photographs: Path, tmp_path: Path) -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    with pytest.raises(ConfigError, match="for a traced module"):
        pipeline.export(
            module, tmp_path, spec=ExportSpec(compress="int8", outputs="probabilities"),
            resolution=32, calibration=CalibrationOptions(calibrate=photographs),
        )  # fmt: skip
