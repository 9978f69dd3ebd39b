"""Options against each other: what is chosen, and what is refused with the reason."""

import pytest

from export.file_kinds import FILE_KINDS
from export.spec import ExportSpec, Variant
from export.targets import TARGETS
from mobilenet.common.errors import ConfigError


@pytest.mark.parametrize(
    ("given", "precision", "min_ios", "form"),
    [
        ({}, "fp16", 15, "mlprogram"),
        ({"target": "ane"}, "fp16", 16, "mlprogram"),
        ({"target": "gpu"}, "fp16", 15, "mlprogram"),
        ({"target": "cpu"}, "fp32", 15, "mlprogram"),
        ({"format": "neuralnetwork"}, "fp16", 13, "neuralnetwork"),
        ({"min_ios": 14, "target": "cpu"}, "fp32", 14, "neuralnetwork"),
        ({"compress": "int8"}, "fp16", 16, "mlprogram"),
        ({"compress": "int4"}, "fp16", 18, "mlprogram"),
        ({"compress": "w8a8", "target": "ane"}, "fp16", 17, "mlprogram"),
        ({"compress": "prune30", "min_ios": 26}, "fp16", 26, "mlprogram"),
        ({"resolutions": "128,224", "compress": "palette4"}, "fp16", 18, "mlprogram"),
    ],
)
def test_defaults_follow_the_other_options(
    given: dict[str, object], precision: str, min_ios: int, form: str
) -> None:
    spec = ExportSpec(**given).resolved()
    assert (spec.precision, spec.min_ios, spec.format) == (precision, min_ios, form)
    assert spec.resolved() == spec


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"compress": "int4", "min_ios": 16}, "compress int4 needs iOS 18, min-ios is 16"),
        ({"compress": "w8a8", "min_ios": 16}, "compress w8a8 needs iOS 17"),
        ({"compress": "int5"}, "compress is 'int5'"),
        ({"compress": "prune0"}, "compress is 'prune0'"),
        ({"compress": "prune100"}, "compress is 'prune100'"),
        ({"compress": "palette4", "target": "cpu"}, "float32"),
        ({"resolutions": "128,224", "format": "neuralnetwork"}, "needs iOS 18, an .mlmodel"),
        ({"resolutions": "128,224", "min_ios": 17}, "resolutions 128,224 needs iOS 18"),
        ({"target": "ane", "min_ios": 15}, "target ane needs iOS 16"),
        ({"target": "ane", "min_ios": 13}, "target ane needs iOS 16"),
        ({"target": "ane", "precision": "fp32"}, "float16 alone"),
        ({"min_ios": 12}, "min-ios is 12"),
        ({"min_ios": 27}, "format mlprogram with min-ios 27"),
        ({"min_ios": 26, "format": "coreai"}, "format coreai with min-ios 26"),
        ({"min_ios": 15, "format": "neuralnetwork"}, "format neuralnetwork with min-ios 15"),
        ({"min_ios": 14, "format": "mlprogram"}, "format mlprogram with min-ios 14"),
    ],
)
def test_contradictions_are_one_line_and_a_hint(given: dict[str, object], says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        ExportSpec(**given)
    assert says in caught.value.message
    assert caught.value.hint
    assert "\n" not in caught.value.message


def test_names_of_files_differ_with_the_options() -> None:
    specs = [
        ExportSpec(),
        ExportSpec(target="ane"),
        ExportSpec(precision="fp32"),
        ExportSpec(format="neuralnetwork"),
        ExportSpec(compress="int8"),
        ExportSpec(resolutions="128,224"),
        ExportSpec(outputs="logits", input="tensor"),
    ]
    suffixes = [spec.suffix for spec in specs]
    assert len(set(suffixes)) == len(specs)
    assert suffixes[0] == ""
    assert not any("." in suffix for suffix in suffixes)


def test_every_target_recommends_units_of_coreml() -> None:
    units = {rule.compute_units for rule in TARGETS.values()}
    assert units == {"all", "cpuAndNeuralEngine", "cpuAndGPU", "cpuOnly"}
    assert all(rule.min_ios in FILE_KINDS["mlprogram"].min_ios for rule in TARGETS.values())


def test_rho_or_resolution() -> None:
    assert Variant(rho=0.857).pixels == Variant(resolution=192).pixels == 192
    with pytest.raises(ConfigError, match="rho"):
        Variant(rho=0.5, resolution=192).pixels  # noqa: B018  # reading it raises
