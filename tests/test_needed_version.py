"""The version that brought what a model holds: Apple's `Utils.cpp`, case by case."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export.coremltools_import import coremltools
from export.inspect.inspect import inspect
from export.inspect.rules.versions import version_findings
from export.mil.read.needed_version import needed_version
from export.mil.read.specification import load, proto
from export.package.model_files import find
from model_messages import ProgramMessage
from programs import convert
from small_models import classifier
from test_structure_rules import one_layer

Edit = Callable[[Any], object]


def layer(kind: str, **fields: Any) -> Edit:
    def add(model: Any) -> None:
        added = model.neuralNetwork.layers.add(name="added", input=["x"], output=["z"])
        content = getattr(added, kind)
        content.SetInParent()
        for field, value in fields.items():
            if isinstance(value, list):
                getattr(content, field).extend(value)
            elif isinstance(value, dict):
                for name, each in value.items():
                    setattr(getattr(content, field), name, each)
            else:
                setattr(content, field, value)

    return add


def array(**fields: Any) -> Edit:
    def change(model: Any) -> None:
        feature = model.description.input[0].type
        for field, value in fields.items():
            setattr(feature if field == "isOptional" else feature.multiArrayType, field, value)

    return change


def _flexible(model: Any) -> None:
    model.description.input[0].type.multiArrayType.enumeratedShapes.shapes.add(shape=[1, 2, 3])


def _halves(model: Any) -> None:
    image = model.description.input[0].type.imageType
    image.width, image.height, image.colorSpace = 3, 3, 40


def _quantized(model: Any) -> None:
    layer("innerProduct")(model)
    weights = model.neuralNetwork.layers[-1].innerProduct.weights
    weights.quantization.numberOfBits = 8


def _recurrent(model: Any) -> None:
    layer("uniDirectionalLSTM")(model)
    weights = model.neuralNetwork.layers[-1].uniDirectionalLSTM.weightParams
    weights.inputGateWeightMatrix.float16Value = b"ab"


OLD: list[tuple[Edit, int, str]] = [
    (lambda model: None, 1, ""),
    (layer("convolution", weights={"float16Value": b"ab"}), 2, "float16 weights of 'added'"),
    (_recurrent, 2, "float16 weights"),
    (layer("custom", className="Mine"), 2, "layer custom 'added'"),
    (_quantized, 3, "quantized weights"),
    (layer("resizeBilinear"), 3, "resizeBilinear"),
    (_flexible, 3, "a size that is not fixed ('x')"),
    (layer("gather"), 4, "layer gather 'added'"),
    (lambda model: setattr(model, "isUpdatable", True), 4, "trained further"),
    (lambda model: setattr(model.neuralNetwork, "arrayInputShapeMapping", 1), 4, "exact rank"),
    (layer("oneHot"), 5, "layer oneHot"),
    (layer("upsample", linearUpsampleMode=1), 5, "this form of layer upsample"),
    (layer("reorganizeData", mode=2), 5, "this form of layer reorganizeData"),
    (layer("concatND", interleave=True), 5, "this form of layer concatND"),
    (array(isOptional=True, floatDefaultValue=2.0), 5, "a default value ('x')"),
    (array(dataType=65552), 7, "a float16 array ('x')"),
    (_halves, 7, "GRAYSCALE_FLOAT16"),
]


@pytest.mark.parametrize(("edit", "version", "what"), OLD)
def test_of_the_old_format(edit: Edit, version: int, what: str, tmp_path: Path) -> None:
    path = one_layer(tmp_path, edit)
    model = load(path)
    model.specificationVersion = 1
    need = needed_version(model)
    assert need.version == version
    assert what in need.what
    assert not [*version_findings(version, need)]
    for finding in [*version_findings(1, need)] if version > 1 else []:
        assert finding.severity == "warning"
        assert f"it says version 1 (iOS 11), but holds {need.what}" in finding.message


def test_inspect_says_so(tmp_path: Path) -> None:
    def halves(model: Any) -> None:
        array(dataType=65552)(model)
        model.specificationVersion = 6

    (finding,) = inspect(one_layer(tmp_path, halves)).findings
    assert finding.rule == "specification-version"
    assert "a float16 array ('x'), which came with version 7 (iOS 16)" in finding.message


def test_the_layers_of_the_first_version_are_none_too_many(tmp_path: Path) -> None:
    for kind in ("pooling", "softmax", "reshape", "upsample", "reorganizeData", "concat", "slice"):
        assert needed_version(load(one_layer(tmp_path, layer(kind)))).version == 1


@pytest.mark.parametrize("opset", ["iOS15", "iOS16", "iOS17", "iOS18", "iOS26"])
def test_what_coremltools_writes_for_a_system_fits_its_version(opset: str, tmp_path: Path) -> None:
    made = convert(lambda mb, x: mb.relu(x=x), [np.zeros(3, np.float32)], opset).get_spec()
    assert needed_version(made).version == made.specificationVersion
    made.specificationVersion -= 1
    assert "opset" in needed_version(made).what or opset == "iOS15"


def test_functions_states_and_none_of_the_inputs() -> None:
    def need(edit: Edit) -> tuple[int, str]:
        program: ProgramMessage = classifier()
        edit(program.model.description)
        return needed_version(program.model)

    assert need(lambda declared: declared.functions.add(name="a").input.add()).version == 9
    assert need(lambda declared: declared.state.add(name="s")) == (9, "a state")
    assert need(lambda declared: declared.ClearField("input")).what == "a function without inputs"


def test_models_in_a_pipeline_count(tmp_path: Path) -> None:
    model = proto("Model_pb2").Model(specificationVersion=1)
    inner = model.pipeline.models.add()
    inner.CopyFrom(load(find(classifier().save(tmp_path / "c.mlpackage")).specification))
    assert needed_version(model).version >= 6
    inner.Clear()
    inner.nonMaximumSuppression.SetInParent()
    inner.description.input.add(name="x")
    model.description.input.add(name="x")
    assert needed_version(model).version == 3
    inner.description.output.add(name="y").type.multiArrayType.dataType = 65568
    assert needed_version(model).version == 5


def test_the_newest_version_is_that_of_coremltools() -> None:
    from export.inspect.declared import OLDEST
    from export.mil.read.needed_version import NEWEST, OPSETS

    ct = coremltools()
    assert max(ct._OPSET) == NEWEST == max(OLDEST)
    assert {opset: version for version, opset in ct._OPSET.items() if version > 5} == OPSETS
