"""Core ML's models of tables, written message by message, and run; ONNX's own beside them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from export.coremltools_import import coremltools
from export.runtimes.onnx_session import open_session
from export.runtimes.portable import UNIT, PortableRuntime

Array = np.ndarray
TYPES = {
    "double": "doubleType", "int": "int64Type", "string": "stringType",
    "strings": "dictionaryType.stringKeyType", "ints": "dictionaryType.int64KeyType",
    "list": "sequenceType.stringType", "places": "sequenceType.int64Type",
}  # fmt: skip


def table(
    kind: str, inputs: Mapping[str, Any], outputs: Mapping[str, Any], labels: Sequence[Any] = ()
) -> Any:
    """A `Model` message of a kind, its contents to be filled in: features are words of `TYPES` or
    shapes. A classifier's first output is the class, a second one its probabilities."""
    model = coremltools().proto.Model_pb2.Model(specificationVersion=4)
    for side, features in (("input", inputs), ("output", outputs)):
        for name, what in features.items():
            declare(getattr(model.description, side).add(name=name), what)
    contents = getattr(model, kind)
    contents.SetInParent()
    if labels:
        field = "stringClassLabels" if isinstance(labels[0], str) else "int64ClassLabels"
        getattr(contents, field).vector.extend(labels)
        names = [*outputs, ""]
        model.description.predictedFeatureName = names[0]
        model.description.predictedProbabilitiesName = names[1]
    return model


def declare(feature: Any, what: str | tuple[int, ...]) -> None:
    """Give a feature its type."""
    if isinstance(what, tuple):
        feature.type.multiArrayType.shape.extend(what)
        feature.type.multiArrayType.dataType = 65600  # DOUBLE
        return
    message = feature.type
    for word in TYPES[what].split("."):
        message = getattr(message, word)
    message.SetInParent()


def loaded(model: Any, folder: Path) -> Any:
    """The model as the portable runtime loads it from a file."""
    path = folder / "m.mlmodel"
    path.write_bytes(model.SerializeToString())
    runtime = PortableRuntime()
    return runtime.load(runtime.compile(path, folder), UNIT)


def predict(model: Any, folder: Path, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """One prediction."""
    return loaded(model, folder).predict(inputs)


def forest(
    rng: np.random.Generator, trees: int, depth: int, features: int, sums: int, behavior: int = 0
) -> list[list[dict[str, Any]]]:
    """Trees of nodes that are full; every second one takes NaN to its true child. Thresholds and
    values are sixteenths, which float32 has exactly."""
    return [
        [
            {
                "feature": int(rng.integers(features)), "threshold": rng.integers(-16, 16) / 16,
                "behavior": behavior, "missing": bool(node % 2),
                "children": (2 * node + 1, 2 * node + 2),
            }
            if node < 2**depth - 1
            else {"values": (rng.integers(-16, 16, sums) / 16).tolist()}
            for node in range(2 ** (depth + 1) - 1)
        ]
        for _ in range(trees)
    ]  # fmt: skip


def write_forest(message: Any, trees: Sequence[Sequence[Mapping[str, Any]]], base: Any) -> None:
    """Into a `TreeEnsembleParameters` message, the nodes in another order than the trees'."""
    message.numPredictionDimensions = len(base)
    message.basePredictionValue.extend(base)
    for tree in reversed(range(len(trees))):
        for node, what in reversed([*enumerate(trees[tree])]):
            added = message.nodes.add(treeId=tree + 7, nodeId=3 * node)
            if "values" in what:
                added.nodeBehavior = 6
                for index, value in enumerate(what["values"]):
                    added.evaluationInfo.add(evaluationIndex=index, evaluationValue=value)
                continue
            added.nodeBehavior = what["behavior"]
            added.branchFeatureIndex = what["feature"]
            added.branchFeatureValue = what["threshold"]
            added.trueChildNodeId, added.falseChildNodeId = (3 * each for each in what["children"])
            added.missingValueTracksTrueChild = what["missing"]


def run_node(kind: str, x: Array, outputs: int, **attributes: Any) -> list[Array]:
    """One operation of ai.onnx.ml on one row."""
    from onnx import TensorProto, helper

    names = [f"y{number}" for number in range(outputs)]
    types = [TensorProto.INT64, TensorProto.FLOAT] if outputs == 2 else [TensorProto.FLOAT]
    node = helper.make_node(kind, ["x"], names, domain="ai.onnx.ml", **attributes)
    graph = helper.make_graph(
        [node], "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, len(x)])],
        [helper.make_tensor_value_info(name, kind, None)
         for name, kind in zip(names, types, strict=True)],
    )  # fmt: skip
    imports = [helper.make_opsetid("ai.onnx.ml", 3), helper.make_opsetid("", 17)]
    model = helper.make_model(graph, opset_imports=imports, ir_version=8)
    return open_session(model.SerializeToString()).run(None, {"x": x[None].astype(np.float32)})
