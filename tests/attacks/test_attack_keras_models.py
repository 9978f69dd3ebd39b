"""Claims: a Keras model is understood or refused in one line, whatever its description says.

No code in it is run, no file outside of its folder is read, and nothing is taken that is larger
than any MobileNet, in memory or in time.
"""

import json
import tracemalloc
from collections.abc import Iterator
from copy import deepcopy
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import h5py
import numpy as np
import pytest

from keras_files import functional, layer, picture, sequential, tensorflow_js, write
from mobilenet.common.errors import CheckpointError, UserError
from mobilenet.graph import FileGraph
from mobilenet.sources.keras import model_graph

MUTANTS = 250
STRANGE = [
    None, True, -1, 0, 3, 1e308, -(2**70), "", "linear", "same", "x" * 5000, "\x1b[31m\n", [], {},
    [[]], [[["image", 0, 0, {}]]], ["image", 0, 0], [None, 8, 8, 3], {"class_name": "ReLU"},
    {"class_name": "__tensor__", "config": {"value": [[1], [2, 3]]}},
]  # fmt: skip
KERNELS = {
    "c": {"kernel": np.ones((3, 3, 3, 4), np.float32), "bias": np.ones(4, np.float32)},
    "n": dict.fromkeys(("gamma", "beta", "moving_mean", "moving_variance"), np.ones(4, "f4")),
    "top/d": {"kernel": np.ones((4, 2), np.float32), "bias": np.ones(2, np.float32)},
}
SLICE = [{"class_name": "__ellipsis__"}, {"start": None, "stop": None, "step": -1}]


def model() -> dict[str, Any]:
    top = sequential(layer("Dense", "d", units=2, activation="softmax"), name="top")["config"]
    return functional(
        picture(),
        layer("SlicingOpLambda", "s", "image", function="__operators__.getitem",
              keywords={"slice_spec": deepcopy(SLICE)}),
        layer("TFOpLambda", "t", "s", function="math.truediv", keywords={"y": [1.0, 2.0, 3.0]}),
        layer("Rescaling", "scaled", "t", scale=[0.1, 0.2, 0.3], offset=-1.0),
        layer("ZeroPadding2D", "pad", "scaled", padding=[[0, 1], [0, 1]]),
        layer("Conv2D", "c", "pad", filters=4, kernel_size=[3, 3], strides=[2, 2], groups=1,
              padding="valid", dilation_rate=[1, 1], activation="relu6"),
        layer("BatchNormalization", "n", "c", axis=[3], epsilon=0.001),
        layer("ReLU", "r", "n", max_value=6.0, negative_slope=0.0, threshold=0.0),
        layer("Add", "sum", ["r", "n"]),
        layer("Concatenate", "all", ["sum", "sum"], axis=-1),
        layer("AveragePooling2D", "mean", "sum", pool_size=2, strides=[1, 1], padding="same"),
        layer("Permute", "turned", "mean", dims=[2, 1, 3]),
        layer("Softmax", "soft", "turned", axis=-1),
        layer("Reshape", "rows", "soft", target_shape=[-1, 4, 4]),
        layer("GlobalAveragePooling2D", "pool", "rows", keepdims=False),
        {**layer("Sequential", "top", "pool"), "config": top},
        keras=2, ends=["top", "all"],
    )  # fmt: skip


def places(item: Any) -> Iterator[tuple[Any, Any]]:
    """Every list and object of a description, with every key."""
    for key in list(item) if isinstance(item, dict) else range(len(item)):
        yield item, key
        if isinstance(item[key], dict | list):
            yield from places(item[key])


def outcome(path: Path) -> str:
    """ "" where a graph was made, else the line; anything else is a failure."""
    refusal: UserError | None = None
    try:
        graph = model_graph.graph_of(path)
    except UserError as error:
        refusal = error
    if refusal is not None:
        assert refusal.hint
        assert refusal.message.isprintable()
        return refusal.message
    assert isinstance(graph, FileGraph)
    for constant in graph.constants.values():
        assert constant.load().shape == constant.shape
    return ""


def test_mutants_of_a_description(tmp_path: Path) -> None:
    random, outcomes = Random("keras"), set()
    path = write(tmp_path / "model", model(), KERNELS, "keras2.h5")
    assert outcome(path) == ""
    for number in range(MUTANTS):
        mutant = model()
        for _ in range(random.choice([1, 1, 1, 2, 4])):
            item, key = random.choice(list(places(mutant)))
            if isinstance(item, dict) and random.random() < 0.2:
                item[random.choice([f"new_{key}", "value", "axis"])] = item.pop(key)
            elif random.random() < 0.2:
                del item[key]
            else:
                item[key] = deepcopy(random.choice(STRANGE))
        with h5py.File(path, "r+") as file:
            file.attrs["model_config"] = json.dumps(mutant)
        try:
            outcomes.add(outcome(path))
        except Exception as error:
            error.add_note(f"mutant {number}: {json.dumps(mutant)}")
            raise
    assert "" in outcomes  # some are harmless
    assert len(outcomes) > 50  # and the others are refused for many reasons


def test_models_in_models_end(tmp_path: Path) -> None:
    described = sequential(picture(), layer("ReLU", "r"))
    for depth in range(50):
        described = {"class_name": "Sequential", "config": {
            "name": f"m{depth}", "layers": [described]}}  # fmt: skip
    path = write(tmp_path / "model", described, {}, "keras3.h5")
    with pytest.raises(CheckpointError, match="lies in"):
        model_graph.graph_of(path)


def test_long_chains_are_no_recursion(tmp_path: Path) -> None:
    names = ["image", *(f"r{number}" for number in range(1900))]
    layers = [layer("ReLU", name, before) for before, name in pairwise(names)]
    path = write(tmp_path / "model", functional(picture(), *layers), {}, "keras3.h5")
    assert len(model_graph.graph_of(path).nodes) == 1900


def test_claims_of_size_take_no_memory(tmp_path: Path) -> None:
    """Weights of 4 TB that the file does not hold, and a picture of as many pixels."""
    settings = {"filters": 2**20, "kernel_size": 1, "use_bias": False}
    described = sequential(picture(None, None), layer("Conv2D", "c", **settings))
    path = write(tmp_path / "model", described, {"c": {"kernel": np.ones(1, "f4")}}, "keras3.h5")
    with h5py.File(path, "r+") as file:
        del file["model_weights/c/c/kernel"]
        file["model_weights/c"].create_dataset("c/kernel", (2**10, 2**10, 2**10, 2**10), "f4")
    tracemalloc.start()
    with pytest.raises(CheckpointError, match="floats are in the file"):
        model_graph.graph_of(path)
    large = sequential(picture(2**40, 8), layer("Flatten", "f"))
    with pytest.raises(CheckpointError, match="takes shape"):
        model_graph.graph_of(write(tmp_path / "large", large, {}, "keras3.h5"))
    assert tracemalloc.get_traced_memory()[1] < 5e6
    tracemalloc.stop()


def test_code_in_a_file_is_not_run(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    code = f"__import__('pathlib').Path({str(victim)!r}).touch()"
    for kind, settings in (
        ("Lambda", {"function": [code, None, None], "function_type": "lambda"}),
        ("Activation", {"activation": code}),
        ("TFOpLambda", {"function": code}),
    ):
        described = functional(picture(), layer(kind, "x", "image", **settings), keras=2)
        path = write(tmp_path / kind, described, {}, "keras2.h5")
        with pytest.raises(CheckpointError, match="layer x"):
            model_graph.graph_of(path)
    assert not victim.exists()


def test_shards_and_links_stay_inside(tmp_path: Path) -> None:
    described = sequential(picture(), layer("Conv2D", "c", filters=4, kernel_size=3))
    folder = tensorflow_js(tmp_path / "js", described, {"c": KERNELS["c"]})
    (folder / "weights.bin").rename(tmp_path / "secret.bin")
    text = (folder / "model.json").read_text().replace("./weights.bin", "../secret.bin")
    (folder / "model.json").write_text(text)
    with pytest.raises(CheckpointError, match="outside"):
        model_graph.graph_of(folder)
    path = write(tmp_path / "model", described, {"c": KERNELS["c"]}, "keras3.h5")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["kernel"] = KERNELS["c"]["kernel"]
    with h5py.File(path, "r+") as file:
        del file["model_weights/c/c/kernel"]
        file["model_weights/c/c/kernel"] = h5py.ExternalLink(tmp_path / "other.h5", "kernel")
    with pytest.raises(CheckpointError, match="is missing"):
        model_graph.graph_of(path)
