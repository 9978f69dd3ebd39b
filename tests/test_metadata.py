"""What packages say about themselves: of this version and of the last, ours and of modules."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from export.package.calibration_record import CalibrationRecord, StoredNumbers
from export.package.metadata import (
    KEY,
    Verified,
    metadata_of,
    verified,
    verified_path,
)
from export.prepared import prepare_checkpoint
from export.spec import ExportSpec
from export.views.learned_rows import training_words
from mobilenet.checkpoint import Checkpoint
from mobilenet.common.errors import PackageError
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.preprocess import INCEPTION, STANDARD_CROP

# Stored by the first version, in a package and beside it.
SCHEMA_1 = (
    '{"schema":1,"tool":"0.1.0","config":{"alpha":0.75,"resolution":192,"shallow":false,'
    '"classes":1000,"head":"classifier","activation":"relu6","padding":"same","bn_epsilon":0.001,'
    '"width_rule":"slim","until":""},"normalization":{"scale":[0.00784313725490196,'
    '0.00784313725490196,0.00784313725490196],"bias":[-1.0,-1.0,-1.0],"order":"RGB"},'
    '"geometry":{"crop":0.875,"interpolation":"bilinear"},"provenance":{"source":"untrained, '
    'seed 0","trained":false,"licence":"none needed","url":"","sha256":"","published_top1":null,'
    '"published_top5":null},"format":"mlprogram","precision":"fp16","target":"all",'
    '"compute_units":"all","min_ios":15,"compression":"","macs":233324544,"parameters":2569640,'
    '"resolutions":[]}'
)
VERIFIED_1 = (
    '{"identity":"abc","structure":1.8e-6,"agreement":0.0071,"images":2,"runtime":"portable",'
    '"loss":null}'
)


def test_metadata_of_the_first_version_are_read_and_written_as_they_were() -> None:
    about = metadata_of({KEY: SCHEMA_1})
    assert about is not None
    assert about.config == MobileNetConfig(0.75, 192)
    assert (about.normalization, about.geometry) == (INCEPTION, STANDARD_CROP)
    assert (about.size, about.min_ios, about.macs) == ((192, 192), 15, 233_324_544)
    assert about.title == "MobileNet v1, alpha 0.75, 192 x 192, 1000 classes"
    assert about.summary.endswith("UNTRAINED: its answers mean nothing")
    assert about.encode() == SCHEMA_1


def test_a_verification_of_the_first_version_still_counts(tmp_path: Path) -> None:
    package = tmp_path / "m.mlpackage"
    verified_path(package).write_text(VERIFIED_1)
    assert verified(package, "abc") == Verified("abc", 1.8e-6, 0.0071, 2, "portable")
    assert verified(package, "another") is None


def test_metadata_survive_the_package(hot: Checkpoint) -> None:
    metadata = prepare_checkpoint(hot, ExportSpec(target="ane")).metadata
    assert metadata_of({KEY: metadata.encode()}) == metadata
    assert metadata_of({}) is None
    assert msgspec.json.decode(metadata.encode())["provenance"]["trained"] is False


@pytest.mark.parametrize("change", [{"config": None}, {"macs": "many"}, {"module": {}}])
def test_metadata_that_cannot_be_read_are_one_line(change: dict[str, object]) -> None:
    with pytest.raises(PackageError, match="metadata cannot be read"):
        metadata_of({KEY: json.dumps(json.loads(SCHEMA_1) | change)})
    with pytest.raises(PackageError, match="metadata cannot be read"):
        metadata_of({KEY: "{"})


def test_what_weights_were_learned_from_is_kept(hot: Checkpoint) -> None:
    plain = prepare_checkpoint(hot, ExportSpec()).metadata
    assert "calibration" not in plain.encode()
    forms = {"conv1_pointwise": "int4/32", "conv2_pointwise": "int8", "conv3_pointwise": "int8"}
    record = CalibrationRecord(256, 64, "ab", forms, loss=0.2, agreed=60)
    told = replace(plain, calibration=record)
    assert metadata_of({KEY: told.encode()}) == told
    assert record.summary == "int8 x 2, int4/32 x 1"
    share, (low, high) = record.agreement
    assert low < share == 60 / 64 < high
    assert replace(record, agreed=msgspec.UNSET).agreement is None
    trained = replace(record, finetuned=10.0)  # packages did not always tell whether it gained
    assert training_words(trained) == "10 minutes of training"
    told = replace(plain, calibration=replace(trained, gained=False))
    assert metadata_of({KEY: told.encode()}) == told


@pytest.mark.parametrize(
    "wrong",
    [
        {"forms": {"conv0": "int4\n"}}, {"forms": {"conv0": "int4/0"}},
        {"numbers": StoredNumbers("ab", 0.1)}, {"numbers": StoredNumbers("[b]" * 21 + "a", 0.1)},
    ],
)  # fmt: skip
def test_forms_and_digests_are_checked(hot: Checkpoint, wrong: dict[str, Any]) -> None:
    record = replace(CalibrationRecord(256, 64, "ab", {}, loss=0.2), **wrong)
    about = replace(prepare_checkpoint(hot, ExportSpec()).metadata, calibration=record)
    with pytest.raises(PackageError, match=r"own metadata .*(in a form|is none)"):
        metadata_of({KEY: about.encode()})


@pytest.mark.parametrize("wrong", [{"held_back": 0}, {"held_back": 300}, {"agreed": 65}])
def test_photographs_that_are_miscounted(hot: Checkpoint, wrong: dict[str, int]) -> None:
    record = CalibrationRecord(256, 64, "ab", {}, loss=0.2, agreed=60)
    about = prepare_checkpoint(hot, ExportSpec()).metadata
    about = replace(about, calibration=replace(record, **wrong))
    with pytest.raises(PackageError, match="photographs are counted"):
        metadata_of({KEY: about.encode()})
