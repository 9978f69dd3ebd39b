"""Which pixels go into a file that does not say it: told by its own scaling, or assumed aloud."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import keras_networks
import weight_files
from file_graphs import GraphMaker, graph_of
from misreadings import CLASSES, UNIT, check, misnormalized, network
from mobilenet.common.errors import CheckpointError
from mobilenet.fold import fold
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.overrides import Overrides
from mobilenet.preprocess import INCEPTION, Normalization
from mobilenet.sources.recognise import read
from mobilenet.sources.walk.graph_checkpoint import Defaults
from mobilenet.sources.walk.graph_checkpoint import read as read_graph
from mobilenet.untrained import untrained
from tflite_files import TfliteFile, graph


@pytest.mark.parametrize("merged", [False, True])
def test_a_float_tflite_that_says_no_scaling_says_what_is_assumed(
    tmp_path: Path, *, merged: bool
) -> None:
    original = fold(untrained(MobileNetConfig(0.25, 64, classes=CLASSES), seed=3))
    stem = original.layers["conv0"]
    kernel = stem.kernel / np.float32(255 if merged else 1)  # as its converter merges Rescaling
    written = replace(original, layers={**original.layers, "conv0": replace(stem, kernel=kernel)})
    right = read(weight_files.tflite(written, tmp_path / "model.tflite"))
    assert right.reading is not None
    (assumed, *_) = right.reading.assumed
    assert ("a scaling is merged into the first kernel" in assumed) == merged
    fed = UNIT if merged else INCEPTION
    check(right, original, fed, "same", misnormalized(INCEPTION if merged else UNIT))


@pytest.mark.parametrize(
    ("before", "normalization"),
    [
        (lambda maker: (maker.add("Mul", 2.0), maker.add("Sub", 1.0)), INCEPTION),
        (lambda maker: maker.add("Sub", 0.5), replace(UNIT, bias=(-0.5,) * 3)),
        (
            lambda maker: (maker.add("Add", 1.0), maker.add("Mul", 127.5)),
            Normalization((1.0,) * 3, (0.0,) * 3),
        ),
    ],
    ids=["0 to 1", "0 to 1, moved", "-1 to 1"],
)
def test_a_scaling_inside_shows_which_pixels_go_in(
    before: Callable[[GraphMaker], object], normalization: Normalization
) -> None:
    original = untrained(MobileNetConfig(0.25, 64, classes=CLASSES), seed=3)
    right = read_graph(graph_of(original, before), Defaults("x"))
    np.testing.assert_allclose(right.normalization.scale, normalization.scale, rtol=1e-6)
    np.testing.assert_allclose(right.normalization.bias, normalization.bias, atol=1e-6)
    assert right.reading is not None
    assert "the graph's own scaling is for an input" in right.reading.assumed[0]
    check(right, original, normalization, "same", misnormalized(UNIT))


def test_whole_numbers_inside_the_graph_are_refused() -> None:
    def rounded(maker: GraphMaker) -> None:
        maker.add("Mul", 1 / 127.5)
        maker.add("Cast", to=7)

    with pytest.raises(CheckpointError, match="rounds what it is applied to"):
        read_graph(graph_of(network(), rounded), Defaults("x"))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (Overrides(scale=(0.01,), bias=(-1.0,)), Normalization((0.02,) * 3, (-3.0,) * 3)),
        (Overrides(mean=(0.5,), std=(0.25,)), Normalization((8 / 255,) * 3, (-5.0,) * 3)),
    ],
    ids=["scale and bias", "mean and std"],
)  # fmt: skip
def test_what_is_given_goes_into_the_graph_which_does_the_rest(
    given: Overrides, expected: Normalization, tmp_path: Path
) -> None:
    original, before = network(), {"Rescaling": {"scale": 2.0, "offset": -1.0}}
    path = keras_networks.whole(original, tmp_path / "model.h5", before=before)
    check(read(path, overrides=given), original, expected, "keras", misnormalized(INCEPTION))
    assert read(path).normalization == INCEPTION


def test_a_scaling_that_fits_no_pixels_is_refused() -> None:
    too_bright = graph_of(network(), lambda maker: maker.add("Mul", 1e6))
    with pytest.raises(CheckpointError, match=r"scales its input by 1e.06 .* what goes in"):
        read_graph(too_bright, Defaults("x"))


@pytest.mark.parametrize(
    ("scale", "zero", "expected"),
    [(1 / 255, 0, UNIT), (2 / 255, 128, INCEPTION), (1.0, 0, replace(UNIT, scale=(1.0,) * 3)),
     (0.02, 0, None)],
)  # fmt: skip
def test_floats_that_are_quantised_at_once_say_their_range(
    scale: float, zero: int, expected: Normalization | None, tmp_path: Path
) -> None:
    def write(file: TfliteFile, pixels: int) -> int:
        stored = {"dtype": "uint8", "scale": [scale], "zero": [zero]}
        return file.operate("QUANTIZE", [pixels], (1, 5, 6, 3), result=stored)

    made = graph(tmp_path, write)
    said = json.loads(made.said.get("normalization", "null"))
    assert (said is None) == (expected is None)
    if expected is not None:
        np.testing.assert_allclose(1 / np.array(said["std"][:1]), expected.scale[:1])
