"""Whatever a graph says, the walk ends in a checkpoint or in one error of ours."""

from dataclasses import replace

import numpy as np
import pytest

from file_graphs import GraphMaker, graph_of
from mobilenet.checkpoint import Checkpoint
from mobilenet.common.errors import CheckpointError, UserError
from mobilenet.graph import Attribute, FileConstant, FileGraph, Node
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.sources.walk.graph_checkpoint import Defaults, read
from weight_files import random_checkpoint

NETWORK = random_checkpoint(MobileNetConfig(0.25, 64, classes=7))
MUTANTS = 250
OPS = (
    "Add", "Sub", "Mul", "Div", "Neg", "Sqrt", "Pad", "Conv", "Relu", "Clip", "Max", "MatMul",
    "Gemm", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Gather", "Slice",
    "Softmax", "Sigmoid", "AveragePool", "ReduceMean", "GlobalAveragePool", "Cast", "Concat",
    "BatchNormalization",
)  # fmt: skip
NUMBERS: tuple[Attribute, ...] = (
    -1, 0, 1, 2, 3, 1 << 40, (0, 0), (1, 1), (2, 2), (-1, 5), (1 << 40, 1), (), (7, 7), "VALID",
    "SAME_UPPER", 0.0, float("nan"), (0, 3, 1, 2), (0, 0, 1, 1), (1, 2), (-9, 9),
)  # fmt: skip
KEYS = ("strides", "group", "pads", "dilations", "auto_pad", "axis", "axes", "perm", "epsilon",
        "kernel_shape", "keepdims", "mode", "transB", "allowzero")  # fmt: skip
ARRAYS = tuple(
    np.asarray(each, np.float32)
    for each in (0, 1, np.nan, np.inf, -1, [], [2, 1, 0], [[1, 2], [3, 4]], np.ones((1, 32, 1, 1)),
                 [0, -1], [1 << 40, 2], np.ones(64), np.ones((3, 64, 64)), [-1, -1])
)  # fmt: skip


def refused(graph: FileGraph) -> str:
    with pytest.raises(CheckpointError) as caught:
        read(graph, Defaults("x"))
    return caught.value.message


def mutated(graph: FileGraph, rng: np.random.Generator) -> FileGraph:
    """One to three nodes or constants are another's."""
    nodes, constants = list(graph.nodes), dict(graph.constants)
    values = [graph.input.name, *constants, *(node.output for node in nodes)]
    for _ in range(rng.integers(1, 4)):
        # half of them at the ends, where preprocessing and head are
        place = int(rng.choice([rng.integers(len(nodes)), rng.choice([0, 1, -1, -2, -3, -4])]))
        node = nodes[place]
        match rng.integers(5):
            case 0:
                node = node._replace(op=str(rng.choice(OPS)))
            case 1:
                key, value = str(rng.choice(KEYS)), NUMBERS[rng.integers(len(NUMBERS))]
                node = node._replace(attributes={**node.attributes, key: value})
            case 2:
                node = node._replace(inputs=node.inputs[: rng.integers(len(node.inputs) + 1)])
            case 3:
                chosen = str(rng.choice(values))
                node = node._replace(inputs=(*node.inputs[:-1], chosen))
            case _:
                array = ARRAYS[rng.integers(len(ARRAYS))]
                name = str(rng.choice(node.inputs)) if node.inputs else "none"
                if name in constants:
                    constants[name] = FileConstant(array.shape, lambda array=array: array)
        nodes[place] = Node(*node)
    return replace(graph, nodes=tuple(nodes), constants=constants)


def test_every_mutant_ends_in_a_checkpoint_or_in_one_error() -> None:
    graphs = [
        graph_of(NETWORK, plain_norm=plain,
                 before=lambda maker: maker.add("Mul", np.ones((1, 3, 1, 1))))
        for plain in (False, True)
    ]  # fmt: skip
    refusals = 0
    for seed in range(MUTANTS):
        rng = np.random.default_rng(seed)
        try:
            with np.errstate(all="ignore"):  # as `recognise.read` calls it
                checkpoint = read(mutated(graphs[seed % 2], rng), Defaults("x"))
        except UserError as error:
            refusals += bool(error.hint)
        else:
            assert isinstance(checkpoint, Checkpoint)
    assert refusals > MUTANTS / 4


@pytest.mark.parametrize("size", [(64, 5000), (64, -1)])
def test_an_input_beyond_all_bounds_is_refused(size: tuple[int, int]) -> None:
    graph = graph_of(NETWORK)
    height, width = size
    assert "the input is" in refused(
        replace(graph, input=graph.input._replace(height=height, width=width))
    )


def test_numbers_that_are_none_are_refused() -> None:
    graph = graph_of(NETWORK, lambda maker: maker.add("Mul", float("nan"), name="scaled"))
    assert "layer scaled (FileMul) has a constant that is no number" in refused(graph)


def test_a_constant_larger_than_its_parts_is_not_computed() -> None:
    def before(maker: GraphMaker) -> None:
        side = np.ones((1 << 16, 1), np.float32)
        maker.add("Mul", maker.computed("Add", side, side.T), name="scaled")

    assert "computes a constant of shapes" in refused(graph_of(NETWORK, before))


def test_constants_of_constants_without_end_are_refused() -> None:
    def before(maker: GraphMaker) -> None:
        value = maker.constant(1.0)
        for _ in range(5000):
            value = maker.computed("Neg", value)
        maker.add("Mul", value)

    assert "computes a constant in a way that is not read" in refused(graph_of(NETWORK, before))


def test_results_and_operations_have_a_bound() -> None:
    graph = graph_of(NETWORK)
    names = tuple(node.output for node in graph.nodes[-20:])
    assert "20 results" in refused(replace(graph, outputs=names))
    assert "operations" in refused(replace(graph, nodes=graph.nodes * 300))
