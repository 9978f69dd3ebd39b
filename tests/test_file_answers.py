"""The weight file's own graph rejects every misreading, and nothing else need see it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from export import pipeline
from export.formats.registry import format_of
from export.package.metadata import Verified
from export.prepared import prepare_checkpoint
from export.spec import ExportSpec
from export.verify.file_answers import compared_at_own_size
from export.verify.gates import verify_package
from file_graphs import GraphMaker, changed, graph_of
from mobilenet.checkpoint import Checkpoint, Layer
from mobilenet.common.errors import VerificationError
from mobilenet.common.size import Size
from mobilenet.graph import FileGraph
from mobilenet.networks.classifier import Hidden
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.preprocess import CAFFE, INCEPTION
from mobilenet.sources.walk.graph_checkpoint import Defaults, read
from mobilenet.untrained import untrained

CLASSES, FEATURES, MAP = 5, 256, (2, 3)
LABELS = '["ant", "bee", "cat", "dog", "eel"]'
RNG = np.random.default_rng(11)
Misread = Callable[[Checkpoint], Checkpoint]


@pytest.fixture(scope="module")
def alive() -> Checkpoint:
    return untrained(MobileNetConfig(0.25, 64, input_width=96, classes=CLASSES), seed=3)


@pytest.fixture(scope="module")
def file(alive: Checkpoint) -> FileGraph:
    """With preprocessing inside, a flip, and softmax."""

    def before(maker: GraphMaker) -> None:
        maker.add("Mul", 1 / 255)
        maker.add("Gather", np.array([2, 1, 0]), axis=1)

    return graph_of(alive, before)


def matrix(units: int, inputs: int) -> Layer:
    kernel = RNG.standard_normal((units, inputs), np.float32) / np.float32(inputs**0.5)
    return Layer(kernel, RNG.standard_normal(units, np.float32))


def two_matrices(maker: GraphMaker) -> None:
    maker.add("GlobalAveragePool")
    maker.add("Flatten")
    first = matrix(6, FEATURES)
    maker.dense(replace(first, kernel=first.kernel * 10), "first")  # beyond 6
    maker.add("Relu")
    maker.dense(matrix(CLASSES, 6), "second")
    maker.add("Sigmoid")


def flat(maker: GraphMaker) -> None:
    maker.add("Transpose", perm=(0, 2, 3, 1))
    maker.add("Flatten")
    maker.dense(matrix(CLASSES, FEATURES * 6), "logits")


def configured(**fields: object) -> Misread:
    return lambda right: replace(right, config=replace(right.config, **fields))


def with_matrix(right: Checkpoint, kernel: np.ndarray) -> Checkpoint:
    layers = {**right.layers, "logits": replace(right.layers["logits"], kernel=kernel)}
    return replace(right, layers=layers)


def as_square(right: Checkpoint) -> Checkpoint:
    return replace(right.at(64), reading=replace(right.reading, size=Size.square(64)))


def turned(right: Checkpoint) -> Checkpoint:
    size = Size(96, 64)
    return replace(right.at(size), reading=replace(right.reading, size=size))


def with_first_row(right: Checkpoint, **fields: object) -> Checkpoint:
    layer = right.layers["conv0"]
    return replace(right, layers={**right.layers, "conv0": replace(layer, **fields)})


def without_shift(right: Checkpoint) -> Checkpoint:
    norm = right.layers["conv0"].norm
    return with_first_row(right, norm=replace(norm, mean=norm.mean * 0))


MISREAD: dict[str, Misread] = {
    "preprocessing inside is skipped": lambda right: replace(right, normalization=INCEPTION),
    "preprocessing of another publisher": lambda right: replace(right, normalization=CAFFE),
    "the flip is skipped": lambda right: replace(
        right, normalization=replace(right.normalization, order="RGB")
    ),
    "other scaling": lambda right: replace(
        right, normalization=replace(right.normalization, scale=(1 / 256,) * 3)
    ),
    "sigmoid for softmax": configured(scores="sigmoid"),
    "relu for relu6": configured(activation="relu"),
    "other epsilon": configured(bn_epsilon=1.1e-3),
    "other padding": configured(padding="symmetric"),
    "64 x 64 for 64 x 96": as_square,
    "96 x 64 for 64 x 96": turned,
    "another head": lambda right: with_matrix(right, matrix(CLASSES, FEATURES).kernel),
    "classes in another order": lambda right: with_matrix(
        right, right.layers["logits"].kernel[::-1].copy()
    ),
    "a norm without its mean": without_shift,
}


def test_what_is_read_rightly_passes(file: FileGraph) -> None:
    judgement = compared_at_own_size(read(file, Defaults("x")))
    assert 0 < judgement.distance < judgement.limit


@pytest.mark.parametrize("fault", MISREAD)
def test_a_misread_file_is_rejected_by_its_own_graph(file: FileGraph, fault: str) -> None:
    wrong = MISREAD[fault](read(file, Defaults("x")))
    with pytest.raises(VerificationError, match="file"):
        compared_at_own_size(wrong)


@pytest.mark.parametrize(
    "misread",
    [
        configured(hidden=(Hidden(6),)),
        configured(hidden=(Hidden(6, "relu6"),)),
        configured(scores="softmax"),
    ],
    ids=["no activation", "relu6 for relu", "softmax for sigmoid"],
)
def test_a_misread_head_is_rejected(alive: Checkpoint, misread: Misread) -> None:
    right = read(graph_of(alive, head=two_matrices), Defaults("x"))
    compared_at_own_size(right)
    with pytest.raises(VerificationError, match="file"):
        compared_at_own_size(misread(right))


def test_a_flat_map_in_the_files_order_is_rejected(alive: Checkpoint) -> None:
    right = read(graph_of(alive, head=flat), Defaults("x"))
    compared_at_own_size(right)
    kernel = right.layers["logits"].kernel.reshape(CLASSES, FEATURES, *MAP)
    as_in_file = kernel.transpose(0, 2, 3, 1).reshape(CLASSES, -1)
    with pytest.raises(VerificationError, match="file"):
        compared_at_own_size(with_matrix(right, np.ascontiguousarray(as_in_file)))


@pytest.mark.parametrize("stride", [(1, 1), (1, 2)])
def test_another_stride_in_the_file_is_rejected(
    alive: Checkpoint, file: FileGraph, stride: tuple[int, int]
) -> None:
    right = read(file, Defaults("x"))
    other = changed(file, "conv2_depthwise", strides=stride)
    with pytest.raises(VerificationError, match="file"):
        compared_at_own_size(replace(right, reading=replace(right.reading, graph=other)))


def test_features_are_compared_where_they_are_read(file: FileGraph) -> None:
    right = read(file, Defaults("x"))
    for until in ("", "conv5_pointwise"):
        features = right.as_features(until)
        assert compared_at_own_size(features).distance < 1e-5
        with pytest.raises(VerificationError, match="file"):
            compared_at_own_size(configured(activation="relu")(features))


def test_a_background_class_that_was_dropped_is_left_out_of_the_files_answers() -> None:
    network = untrained(MobileNetConfig(0.25, 32, classes=1001), seed=4)
    right = read(graph_of(network), Defaults("x"))
    judgement = compared_at_own_size(right.without_background())
    assert judgement.distance < judgement.limit


@pytest.fixture(scope="module")
def square() -> Checkpoint:
    network = untrained(MobileNetConfig(0.25, 64, classes=CLASSES), seed=3)
    return read(
        graph_of(network, lambda maker: maker.add("Mul", 1 / 255), labels=LABELS), Defaults("x")
    )


@pytest.mark.parametrize("size", [64, 96])
def test_a_package_is_held_against_the_file_at_either_size(
    square: Checkpoint, size: int, tmp_path: Path
) -> None:
    exported = pipeline.export(square.at(size), tmp_path)
    assert isinstance(exported.verified, Verified)
    assert 0 < exported.verified.file < exported.verified.file_limit
    wrong = replace(square.at(size), normalization=INCEPTION)
    with pytest.raises(VerificationError, match=r"^file"):
        pipeline.export(wrong, tmp_path / "wrong.mlpackage")
    assert not (tmp_path / "wrong.mlpackage").exists()


def test_a_network_without_a_graph_is_verified_as_ever(square: Checkpoint, tmp_path: Path) -> None:
    spec = ExportSpec(precision="fp32")
    prepared = prepare_checkpoint(replace(square, reading=None), spec)
    path = tmp_path / "m.mlpackage"
    format_of(spec).write(prepared, path)
    assert verify_package(path, prepared).file is None
