"""What is found about models whose parts do not fit together, or are not there."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conftest import PHOTO
from export.__main__ import app
from export.coremltools_import import coremltools
from export.inspect.inspect import Inspection, inspect
from export.mil.read.model import read
from export.mil.read.specification import proto
from export.package.model_files import find
from inspected import small
from mobilenet.common import terminal
from mobilenet.common.errors import UnsupportedError
from model_messages import ProgramMessage, save
from programs import save as save_program
from small_models import classifier, network
from test_control_flow import choosing

WEIGHTS = "Data/com.apple.CoreML/weights/weight.bin"
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 88359174\n"

Edit = Callable[[Any], object]


def found(path: Path) -> dict[str, tuple[str, str]]:
    """Severity and message of each finding, by its rule."""
    return {each.rule: (each.severity, each.message) for each in inspect(path).findings}


def edited(program: ProgramMessage, *edits: Edit) -> ProgramMessage:
    for edit in edits:
        edit(program.model)
    return program


def one_layer(folder: Path, edit: Edit = lambda model: None) -> Path:
    """The old format: an activation on (4, 3, 3)."""
    ct = coremltools()
    array = ct.models.datatypes.Array(4, 3, 3)
    builder = ct.models.neural_network.NeuralNetworkBuilder([("x", array)], [("y", array)])
    builder.add_activation("l", "RELU", "x", "y")
    edit(builder.spec)
    path = folder / "n.mlmodel"
    path.write_bytes(builder.spec.SerializeToString())
    return path


LEFT: dict[str, Callable[[Path], object]] = {
    "nothing": Path.unlink,
    "half": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "a pointer": lambda path: path.write_text(POINTER),
    "zeros": lambda path: path.write_bytes(bytes(path.stat().st_size)),
}


def structure(inspection: Inspection) -> list[Any]:
    return [
        (layer.name, layer.type, layer.output_shape, layer.macs, layer.parameters, layer.stored_as)
        for part in inspection.parts
        for layer in part.layers
    ]


@pytest.mark.parametrize("left", LEFT)
@pytest.mark.parametrize("compressed", [False, True])
def test_without_weights_the_structure_is_told(
    left: str, compressed: bool, tmp_path: Path, capsys: Any
) -> None:
    path = small(tmp_path / "m.mlpackage", outputs=300)
    if compressed:
        path = palettized(path, tmp_path / "p.mlpackage")
    before = inspect(path)
    assert not before.findings
    LEFT[left](path / WEIGHTS)
    after = inspect(path)
    assert structure(after) == structure(before)
    assert after.inputs == before.inputs
    (finding,) = after.findings
    assert (finding.rule, finding.severity) == ("weights-unreadable", "error")
    said = {"nothing": "is missing", "a pointer": "Git LFS pointer, not the file itself of "
            "88,359,174 bytes", "half": "damaged at", "zeros": "no blob begins"}  # fmt: skip
    assert said[left] in finding.message
    assert terminal.run(app, ["inspect", str(path), "--junit", str(tmp_path / "j.xml")]) == 0
    assert "weights-unreadable" in capsys.readouterr().out
    assert 'failures="1"' in (tmp_path / "j.xml").read_text()
    assert terminal.run(app, ["inspect", str(path), "--strict"]) == 1


def test_weights_inside_of_branches_are_weights(tmp_path: Path) -> None:
    path = save_program(tmp_path / "m.mlpackage", choosing, [np.zeros((1, 3), np.float32)])
    before = inspect(path)
    (path / WEIGHTS).unlink()
    assert "weights-unreadable" in found(path)
    assert structure(inspect(path)) == structure(before)


def palettized(path: Path, to: Path) -> Path:
    import coremltools.optimize.coreml as cto

    model = coremltools().models.MLModel(str(path), skip_model_load=True)
    options = cto.OpPalettizerConfig(mode="uniform", nbits=4, weight_threshold=512)
    cto.palettize_weights(model, cto.OptimizationConfig(global_config=options)).save(str(to))
    return to


def test_a_model_that_is_a_pointer_is_named_with_its_size(tmp_path: Path, capsys: Any) -> None:
    package = classifier().save(tmp_path / "m.mlpackage")
    (tmp_path / "m.mlmodel").write_text(POINTER)
    find(package).specification.write_text(POINTER)
    for path in (package, tmp_path / "m.mlmodel"):
        assert terminal.run(app, ["inspect", str(path)]) == 2
        assert "pointer, not the file itself of 88,359,174 bytes" in capsys.readouterr().err


def test_a_version_that_is_not_known_is_shown_and_not_run(tmp_path: Path, capsys: Any) -> None:
    for version, said in (
        (99, "1 to 10 are known: what it means may be new"),
        (0, "none below 1"),
    ):
        path = one_layer(tmp_path, lambda model: setattr(model, "specificationVersion", version))  # noqa: B023
        severity, message = found(path)["specification-version"]
        assert severity == "error"
        assert said in message
    path = one_layer(tmp_path, lambda model: setattr(model, "specificationVersion", 99))
    with pytest.raises(UnsupportedError, match="version 99, newer than any that is known here"):
        read(path)
    assert terminal.run(app, ["inspect", str(path)]) == 0
    assert "specification 99: unknown\n" in capsys.readouterr().out


def test_elements_that_change_across_a_reshape(tmp_path: Path) -> None:
    program = ProgramMessage()
    program.const("shape", [1, 5])
    program.gives(program.op("reshape", "r", (1, 5), x="image", shape="shape"))
    severity, message = found(program.save(tmp_path / "m.mlpackage"))["reshape-elements"]
    assert severity == "error"
    assert "reshape 'r' makes 5 elements (1 x 5) out of 192 (1 x 3 x 8 x 8)" in message


def test_a_shape_that_holds_nothing(tmp_path: Path) -> None:
    program = ProgramMessage()
    program.gives(program.op("relu", "r", (1, 0, 8), x="image"))
    severity, message = found(program.save(tmp_path / "m.mlpackage"))["impossible-shape"]
    assert severity == "error"
    assert "'r' has shape 1 x 0 x 8" in message


def test_names_that_are_there_twice(tmp_path: Path) -> None:
    program = ProgramMessage()
    program.op("relu", "r", (1, 3, 8, 8), x="image")
    program.gives(program.op("relu", "r", (1, 3, 8, 8), x="image"))
    output = program.model.description.output
    output.add().CopyFrom(output[0])
    said = found(program.save(tmp_path / "m.mlpackage"))
    assert "2 values are called 'r'" in said["duplicate-value"][1]
    assert "2 outputs are called 'r'" in said["duplicate-output"][1]


def test_what_cannot_be_run_is_a_finding_and_the_report_goes_on(
    tmp_path: Path, capsys: Any
) -> None:
    program = ProgramMessage()
    program.gives(program.op("fold_proteins", "r", (1, 3, 8, 8), x="image"))
    path = program.save(tmp_path / "m.mlpackage")
    assert found(path)["not-run-here"] == (
        "note", "operations that the portable runtime does not have: fold_proteins (1)"
    )  # fmt: skip
    words = ["inspect", str(path), "--image", str(PHOTO)]
    assert terminal.run(app, [*words, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert [part["layers"][0]["type"] for part in printed["parts"]] == ["fold_proteins"]
    unrun = next(each for each in printed["findings"] if each["rule"] == "not-run")
    assert unrun["severity"] == "warning"
    assert "fold_proteins (1)" in unrun["message"]
    assert terminal.run(app, [*words, "--strict"]) == 1


def test_a_kind_that_is_not_read_is_a_finding(tmp_path: Path) -> None:
    model = proto("Model_pb2").Model(specificationVersion=3)
    model.description.input.add(name="text").type.stringType.SetInParent()
    model.wordTagger.revision = 1
    (tmp_path / "w.mlmodel").write_bytes(model.SerializeToString())
    inspection = inspect(tmp_path / "w.mlmodel")
    (finding,) = inspection.findings
    assert (finding.rule, finding.severity) == ("not-read", "note")
    assert "wordTagger" in finding.message
    assert inspection.inputs[0].name == "text"


def test_sound_models_are_left_in_peace(tmp_path: Path) -> None:
    values = [np.zeros((2, 6), np.float32)]
    rules = {"not-run-here", "specification-version", "reshape-elements", "impossible-shape",
             "duplicate-input", "duplicate-value", "duplicate-output", "not-read"}  # fmt: skip
    paths = [
        one_layer(tmp_path),
        save(tmp_path / "old.mlpackage", network()),
        classifier().save(tmp_path / "c.mlpackage"),
        save_program(
            tmp_path / "a.mlpackage", lambda mb, x: mb.reshape(x=x, shape=[3, 4]), values
        ),
    ]
    for path in paths:
        assert not rules & found(path).keys()
