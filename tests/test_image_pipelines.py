"""Pictures through a network into a model of a table, as Turi Create and Create ML ship them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from export import load
from export.coremltools_import import coremltools
from export.inspect.inspect import inspect
from export.verify.diff import diff
from programs import convert
from table_models import predict, table

PICTURE = Image.fromarray(np.arange(48, dtype=np.uint8).reshape(4, 4, 3))
WEIGHTS, OFFSET = (0.5, -0.25, 0.125), -2.0


def extractor(kind: str) -> Any:
    """An `MLModel` from a picture of 4 x 4 to the mean of each channel."""
    ct = coremltools()
    image = ct.ImageType("x0", (1, 3, 4, 4))
    model = convert(
        lambda mb, x: mb.reduce_mean(x=x, axes=[2, 3], keep_dims=True, name="features"),
        [np.zeros((1, 3, 4, 4), np.float32)], inputs=[image],
    )  # fmt: skip
    if kind == "neuralnetwork":
        model = ct.convert(model._mil_program, source="milinternal", convert_to=kind,
                           inputs=[image])  # fmt: skip
    return model


def whole(folder: Path, kind: str) -> Path:
    """A pipelineClassifier of the network, a scaler and a linear model."""
    ct = coremltools()
    network = extractor(kind)
    scaler = table("scaler", {"features": (3,)}, {"scaled": (3,)})
    scaler.scaler.shiftValue.extend([-20.0])
    scaler.scaler.scaleValue.extend([0.5, 1, 2])
    outputs = {"label": "string", "shares": "strings"}
    last = table("glmClassifier", {"scaled": (3,)}, outputs, ["no", "yes"])
    last.glmClassifier.weights.add().value.extend(WEIGHTS)
    last.glmClassifier.offset.append(OFFSET)
    parts = [ct.models.MLModel(each, skip_model_load=True) for each in (scaler, last)]
    joined = ct.utils.make_pipeline(network, *parts)
    spec = ct.proto.Model_pb2.Model()
    spec.CopyFrom(joined.get_spec())
    spec.pipelineClassifier.pipeline.CopyFrom(joined.get_spec().pipeline)
    spec.description.predictedFeatureName = "label"
    spec.description.predictedProbabilitiesName = "shares"
    model = ct.models.MLModel(spec, weights_dir=joined.weights_dir, skip_model_load=True)
    path = folder / f"{kind}.mlpackage"
    model.save(str(path))
    return path


@pytest.mark.parametrize("kind", ["mlprogram", "neuralnetwork"])
def test_a_picture_is_classified_by_a_table(kind: str, tmp_path: Path) -> None:
    path = whole(tmp_path, kind)
    means = np.asarray(PICTURE, np.float64).mean((0, 1))
    score = WEIGHTS @ ((means - 20) * [0.5, 1, 2]) + OFFSET
    given = load(path).predict({"x0": PICTURE})
    assert given["shares"]["yes"] == pytest.approx(1 / (1 + np.exp(-score)), rel=1e-5)
    assert given["label"] == ("yes" if score > 0 else "no")
    found = inspect(path)
    assert [part.contents for part in found.parts] == ["", "3 scales", "3 weights"]
    assert found.labels == ("no", "yes")
    assert found.parts[0].layers
    assert diff(path, path).first_difference is None


def test_the_number_of_a_regressor_is_a_number(tmp_path: Path) -> None:
    """As coremltools gives a double, alone and handed on in a pipeline."""
    from coremltools.models import datatypes
    from coremltools.models.neural_network import NeuralNetworkBuilder

    builder = NeuralNetworkBuilder(
        [("x", datatypes.Array(3))], [("y", datatypes.Double())], mode="regressor"
    )
    builder.add_inner_product("sum", np.ones((1, 3)), np.zeros(1), 3, 1, True, "x", "y")
    builder.spec.description.predictedFeatureName = "y"
    assert predict(builder.spec, tmp_path, {"x": np.arange(3.0)}) == {"y": 3.0}
    scaler = table("scaler", {"y": "double"}, {"z": "double"})
    scaler.scaler.shiftValue.append(1)
    whole = coremltools().proto.Model_pb2.Model(specificationVersion=4)
    whole.description.input.extend(builder.spec.description.input)
    whole.description.output.extend(scaler.description.output)
    whole.pipelineRegressor.pipeline.models.extend([builder.spec, scaler])
    assert predict(whole, tmp_path, {"x": np.arange(3.0)}) == {"z": 4.0}
