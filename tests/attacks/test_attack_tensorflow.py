"""Claims: a TensorFlow file costs no more memory or time than a network, whatever it says of
itself; nothing outside of its folder is read; nothing in it ends in a traceback.
"""

from contextlib import suppress
from pathlib import Path
from random import Random

import pytest

import saved_models
from mobilenet.common.errors import CheckpointError
from mobilenet.sources.tensorflow.tensorflow_files import frozen_graph, graph_of
from tensorflow_graphs import FLOAT, const, node, picture, shape, whole
from weight_files import chunk, integer, real

WORDS = [b"Relu", b"Mean", b"Pack", b"Shape", b"Const", b"Split", b"Conv2D", b"Switch", b"Squeeze"]
WORDS += [b"Reshape", b"Identity", b"BiasAdd", b"Softmax", b"MatMul", b"ExpandDims"]


def claimed(name: str, *sides: int) -> bytes:
    """A constant that says how large it is and holds one number, as equal ones are stored."""
    stored = chunk(8, integer(1, FLOAT) + chunk(2, shape(sides)) + real(5, 1.0))
    body = chunk(1, name.encode()) + chunk(2, b"Const")
    return chunk(1, body + chunk(5, chunk(1, b"value") + chunk(2, stored)))


def test_numbers_that_are_only_claimed_take_no_memory() -> None:
    for sides in ((1 << 40,), (1 << 20, 1 << 20), (1 << 31, 1, 1, 3), (-1, 3), (1,) * 9):
        with pytest.raises(CheckpointError):
            frozen_graph(whole(claimed("c", *sides), node("y", "Add", "map", "c")), "graph.pb")
    many = [claimed(f"c{i}", 1 << 24) for i in range(9)]
    sums = [node("y0", "Add", "c0", "c1")]
    sums += [node(f"y{i}", "Add", f"y{i - 1}", f"c{i}") for i in range(1, 9)]
    with pytest.raises(CheckpointError, match="floats are in the file"):
        frozen_graph(whole(*many, *sums, node("y", "Add", "map", "y8")), "graph.pb")


def test_long_chains_take_their_length_in_time() -> None:
    """Quadratic, they would take minutes; each is refused, or read, at once."""
    length = 5_000
    switches = [node("s0", "Switch", "map", "no")]
    switches += [node(f"s{i}", "Switch", f"s{i - 1}", "no") for i in range(1, length)]
    same = [node("i0", "Identity", "map")]
    same += [node(f"i{i}", "Identity", f"i{i - 1}") for i in range(1, length)]
    no = const("no", False)
    with pytest.raises(CheckpointError, match="Switch"):
        frozen_graph(whole(no, *switches, node("y", "Relu", f"s{length - 1}")), "graph.pb")
    assert len(frozen_graph(whole(*same), "graph.pb").nodes) == length + 1


def test_functions_that_double_are_refused(tmp_path: Path) -> None:
    """Each calls the next one twice: 2^40 operations out of forty functions."""
    library = []
    for number in range(40):
        call = saved_models.Function(f"f{number + 1}")
        body = [node(name, "PartitionedCall", read, f=call)
                for name, read in (("a", "x"), ("b", "a:output:0"))]  # fmt: skip
        library.append(saved_models.function(f"f{number}", "x", body, "b:output:0"))
    relu = [node("a", "Relu", "x")]
    library.append(saved_models.function("f40", "x", relu, "a:activations:0"))
    graph = picture("in") + node("y", "PartitionedCall", "in", f=saved_models.Function("f0"))
    folder = saved_models.write(
        tmp_path / "model", graph + chunk(2, b"".join(library)), saved_models.signature("s", "y:0")
    )
    with pytest.raises(CheckpointError, match="the graph has 20,"):
        graph_of(folder)


def test_mutants_of_a_saved_model(tmp_path: Path) -> None:
    """Bytes changed, operators exchanged: read, or one error of ours."""
    folder, random = saved_models.of_version_2(tmp_path / "model"), Random(0)
    for path in (folder / "saved_model.pb", folder / "variables" / "variables.index"):
        stored = path.read_bytes()
        for _ in range(150):
            data = bytearray(stored)
            word = random.choice(WORDS)
            place = data.find(word)
            if place >= 0 and random.random() < 0.5:
                data[place : place + len(word)] = random.choice(WORDS)[: len(word)].ljust(
                    len(word), b"D"
                )
            else:
                data[random.randrange(len(data))] = random.randrange(256)
            path.write_bytes(data)
            with suppress(CheckpointError):
                for constant in graph_of(folder).constants.values():
                    constant.load()
        path.write_bytes(stored)
