"""Core AI's graphs said in MIL: our runtime on what was read against Apple's on the asset."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

import coreai_networks
import coreai_operations
from export.compression.stored_weights import layers_of
from export.coreai.messages import ArrayType, CoreAIGraph, GraphOperation
from export.coreai.separate_process import CoreAIProcess
from export.inspect.input_scaling import input_scalings
from export.mil.cost import cost
from export.mil.description import ImageInput, ModelDescription, TensorInput
from export.mil.onnx import to_onnx
from export.mil.program import TensorType
from export.mil.read import aimodel_file
from export.mil.read.aimodel.graph_translation import GraphTranslation
from export.mil.read.aimodel.inlining import inlined
from export.mil.read.model import read
from export.verify.agreement import logits_name, probe_pictures, relative_l2, run
from mobilenet import fold
from mobilenet.checkpoint import Checkpoint
from mobilenet.common.errors import PackageError, UnsupportedError, UserError
from mobilenet.preprocess import IMAGENET

ca = pytest.importorskip(
    "coreai.authoring", reason="there is no wheel of coreai-core for this machine"
)
CHANGED = 200
CHANGES: list[Callable[[GraphOperation, tuple[int, ...]], dict[str, Any]]] = [
    lambda operation, operands: {"operands": (*operands, *operation.operands[2:])},
    lambda operation, operands: {"operands": operation.operands[:-1], "constant": None},
    lambda operation, operands: {"kind": ("conv2d", "slice", "pad", "invoke")[operands[0] % 4]},
    lambda operation, operands: {"types": (ArrayType("int32", (1, operands[0] - 9)),)},
]
FLOAT32_LIMIT = 1e-5  # relative L2
Array = np.ndarray[Any, np.dtype[Any]]


@pytest.fixture(scope="module")
def process() -> Iterator[CoreAIProcess]:
    with CoreAIProcess() as started:
        yield started


@pytest.fixture(scope="module")
def network() -> Checkpoint:
    return coreai_networks.folded_network(IMAGENET)


@pytest.fixture(scope="module")
def asset(tmp_path_factory: pytest.TempPathFactory, network: Checkpoint) -> Path:
    path = tmp_path_factory.mktemp("assets") / "network.aimodel"
    return coreai_networks.classifier(path, network)


def test_a_picture_is_what_core_ml_takes(asset: Path, network: Checkpoint) -> None:
    program = read(asset)
    assert program.kind == "coreai"
    assert program.default == "main"
    function = program.function()
    assert function.description.inputs == (ImageInput("image", 32, 32, "RGB"),)
    assert function.description.labels == network.labels
    assert logits_name(function) == "logits"
    (scaling,) = input_scalings(function)
    expected, _ = network.normalization.split()
    assert scaling.first is not None
    assert scaling.first.name == "conv0"
    assert np.allclose(scaling.scale, expected.scale)
    assert np.allclose(scaling.bias, expected.bias)
    pixels = program.function("pixels").description.inputs
    assert pixels == (TensorInput("image", (32, 32, 4), "uint8"),)


def test_layers_are_the_networks(asset: Path, network: Checkpoint) -> None:
    function = read(asset).function()
    folded = fold.fold_input_scaling(fold.fold(network))
    for name, layer in layers_of(function, network.config).items():
        assert np.array_equal(layer.kernel, folded.layers[name].kernel)
        assert np.array_equal(layer.bias, folded.layers[name].bias)
    rows = [name for row in network.config.rows() for name in row.operations]
    head = ["pool", "logits", "logits", "probabilities"]  # the second is a reshape
    assert [op.name for op in function.ops][3:] == [*rows, *head]
    costs = cost(function)
    assert costs.macs == network.config.cost().macs
    assert costs.parameters == sum(
        layer.kernel.size + layer.bias.size for layer in folded.layers.values()
    )


def test_our_runtime_agrees_with_apples(asset: Path, process: CoreAIProcess) -> None:
    process.load(asset, "pixels")
    for picture in probe_pictures(32):
        colors = np.asarray(picture)
        bgra = np.dstack([colors[..., ::-1], np.full((32, 32), 255, np.uint8)])
        apples = process.call({"image": bgra})
        for function, value in (("main", picture), ("pixels", bgra)):
            (ours,) = run(asset, [{"image": value}], function=function)
            for name, values in apples.items():
                assert relative_l2(ours[name], values) < FLOAT32_LIMIT


def test_every_operation_is_what_apples_runtime_computes(
    process: CoreAIProcess, tmp_path: Path
) -> None:
    cases = coreai_operations.cases()
    inputs = {
        f"{name}_{letter}": ca.TensorSpec(shape, np.float32)
        for name, case in cases.items()
        for letter, shape in zip("xy", case.shapes, strict=False)
    }

    def compute(*values: Any) -> Sequence[Any]:
        remaining = iter(values)
        return [
            case.compute(*itertools.islice(remaining, len(case.shapes))) for case in cases.values()
        ]

    path = coreai_networks.write(tmp_path / "all.aimodel", {"main": (inputs, [*cases], compute)})
    rng = np.random.default_rng(14)
    values = {
        item.name: 2 * rng.standard_normal(item.shape, np.float32)
        for item in read(path).description.inputs
    }
    stored = {each.op.name: each.stored_as for each in cost(read(path).function()).ops}
    assert (stored["conv"], stored["compressed"]) == ("float32", "int8")
    process.load(path, "main")
    apples = process.call(values)
    (ours,) = run(path, [values])
    for name in cases:
        assert ours[name].shape == apples[name].shape, name
        assert np.any(apples[name]), name
        assert (
            relative_l2(ours[name].reshape(1, -1), apples[name].reshape(1, -1)) < FLOAT32_LIMIT
        ), name


def test_what_has_no_translation_is_listed_and_refused_at_running(tmp_path: Path) -> None:
    def compute(x: Any) -> Sequence[Any]:
        doubled = ca.broadcasting_add(x, x)
        return (ca.broadcasting_add(ca.broadcasting_modulo(doubled, x), x),)

    inputs = {"x": ca.TensorSpec((1, 4), np.float32)}
    path = coreai_networks.write(tmp_path / "odd.aimodel", {"main": (inputs, ["y"], compute)})
    function = read(path).function()
    kinds = [op.type for op in function.ops]
    assert kinds == ["add", "coreai.decomposable.broadcasting_modulo", "add"]
    with pytest.raises(UnsupportedError, match="broadcasting_modulo"):
        list(run(path, [{"x": np.ones((1, 4), np.float32)}]))


def test_a_graph_that_makes_no_sense_is_refused(asset: Path, process: CoreAIProcess) -> None:
    graph = process.graphs(asset)[1]
    values = sum(len(each.results) for each in graph.operations)
    rng = np.random.default_rng(14)
    refused: list[str] = []
    for _ in range(CHANGED):
        operations = list(graph.operations)
        at = int(rng.integers(len(operations)))
        operand = tuple(int(value) for value in rng.integers(0, values, 2))
        operations[at] = msgspec.structs.replace(
            operations[at], **CHANGES[rng.integers(len(CHANGES))](operations[at], operand)
        )
        changed = msgspec.structs.replace(graph, operations=tuple(operations))
        try:
            translation = GraphTranslation(changed, {}, aimodel_file.RULES)
            translation.take(0, TensorType("image", "uint8", (32, 32, 4)))
            function = translation.translate((), ModelDescription((), ()))
            cost(function)
            to_onnx(function)
        except UserError as error:
            refused.append(str(error))
    assert len(refused) > CHANGED / 4
    assert not [message for message in refused if "\n" in message]


def test_private_graphs_stand_where_they_are_invoked() -> None:
    array = ArrayType("float32", (4,))

    def operation(kind: str, *operands: int, result: int, **attributes: str) -> GraphOperation:
        return GraphOperation(kind, operands, (result,), (array,), attributes)

    callee = "#param.constant<@twice> : !param.symbol"
    twice = CoreAIGraph(
        "twice", {"x": array}, {"0": array}, (operation("add", 0, 0, result=1),), (1,), True
    )
    calls = (
        operation("invoke", 0, result=1, callee=callee),
        operation("invoke", 1, result=2, callee=callee),
        operation("relu", 2, result=3),
    )
    main = CoreAIGraph("main", {"x": array}, {"y": array}, calls, (3,))
    flat = inlined(main, {"twice": twice})
    assert [each.kind for each in flat.operations] == ["add", "add", "relu"]
    first, second, last = flat.operations
    assert second.operands == first.results * 2
    assert last.operands == second.results == (2,)  # as the graph that invokes counts it
    circle = msgspec.structs.replace(
        twice, operations=(operation("invoke", 0, result=1, callee=callee),)
    )
    with pytest.raises(PackageError, match="invoked 8 deep"):
        inlined(main, {"twice": circle})
