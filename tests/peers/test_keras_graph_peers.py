"""Models that Keras writes itself, as graphs: they answer as Keras does."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from mobilenet.sources.keras.model_graph import graph_of
from run_graph import run

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]
SIZE = (64, 96)


def network(keras: ModuleType, family: str = "MobileNet", **options: Any) -> Any:
    alpha = {"MobileNet": 0.25, "MobileNetV2": 0.35}[family]
    options = {"input_shape": (*SIZE, 3), "alpha": alpha, "weights": None} | options
    return getattr(keras.applications, family)(**options)


def whole(keras: ModuleType) -> Any:
    return network(keras, classes=7)


def second(keras: ModuleType) -> Any:
    return network(keras, "MobileNetV2", classes=7, classifier_activation=None)


def nested(keras: ModuleType) -> Any:
    """A tutorial's: augmentation, preprocessing as functions, a frozen base, a new head."""
    layers = keras.layers
    image = keras.Input((*SIZE, 3))
    value = keras.Sequential([layers.RandomFlip("horizontal"), layers.GaussianNoise(0.1)])(image)
    value = keras.applications.mobilenet.preprocess_input(value)
    base = network(keras, include_top=False)
    base.trainable = False
    value = layers.GlobalAveragePooling2D()(base(value, training=False))
    value = layers.Dense(8, activation="relu")(layers.Dropout(0.2)(value))
    return keras.Model(image, layers.Dense(3, activation="sigmoid")(value))


def extended(keras: ModuleType) -> Any:
    """Layers behind the base's own, and means of channels subtracted from BGR."""
    layers = keras.layers
    image = keras.Input((*SIZE, 3))
    value = keras.applications.imagenet_utils.preprocess_input(image, mode="caffe")
    value = network(keras, include_top=False)(layers.Rescaling(0.017)(value))
    value = layers.SeparableConv2D(8, 3, padding="same", dilation_rate=2)(value)
    value = layers.LeakyReLU()(layers.BatchNormalization(scale=False)(value))
    value = layers.Concatenate()(
        [layers.MaxPooling2D(2)(value), layers.AveragePooling2D(2)(value)]
    )
    return keras.Model(image, layers.Dense(2)(layers.Flatten()(value)))


def enliven(keras: ModuleType, model: Any, rng: np.random.Generator) -> None:
    """Weights under which no two layers compute alike."""
    for weight in model.weights:
        shape = tuple(weight.shape)
        if weight.path.endswith(("variance", "gamma")):
            weight.assign(rng.uniform(0.5, 1.5, shape))
        elif len(shape) == 1:
            weight.assign(rng.normal(0, 0.2, shape))
        else:
            weight.assign(
                weight + keras.ops.convert_to_tensor(rng.normal(0, 0.05, shape), "float32")
            )


@pytest.mark.parametrize("way", ["model.h5", "model.keras", "folder"])
@pytest.mark.parametrize("make", [whole, second, nested, extended])
def test_a_model_answers_as_keras_does(
    make: Callable[[ModuleType], Any], way: str, peer: Callable[[str], ModuleType],
    rng: np.random.Generator, tmp_path: Path,
) -> None:  # fmt: skip
    keras = peer("keras")
    model = make(keras)
    enliven(keras, model, rng)
    path = tmp_path / way
    if way == "folder":
        path.mkdir()
        (path / "config.json").write_text(model.to_json())
        model.save_weights(path / "model.weights.h5")
    else:
        model.save(path)
    pixels = rng.uniform(0, 255, (1, *SIZE, 3)).astype(np.float32)
    expected = keras.ops.convert_to_numpy(model(pixels, training=False))
    graph = graph_of(path)
    found = run(graph, {graph.input.name: np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))})
    np.testing.assert_allclose(found[graph.outputs[0]], expected, rtol=1e-4, atol=1e-5)
    assert np.ptp(expected) > 1e-3, "the network is dead"
