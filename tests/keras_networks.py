"""Keras Applications' MobileNet as a whole model, described layer by layer, by hand.

keras/applications/mobilenet.py.
"""

from pathlib import Path
from typing import Any

from keras_files import functional, layer, write
from mobilenet.checkpoint import Checkpoint, Layer
from weight_files import STRIDES, blocks


def whole(
    checkpoint: Checkpoint, path: Path, way: str = "keras3.h5", *,
    before: dict[str, dict[str, Any]] = {},  # noqa: B006  # only read
    scores: str = "softmax", **changed: Any,
) -> Path:  # fmt: skip
    """The model with its weights, in one of `keras_files.WAYS` that are one file.

    `before` are settings of layers that the picture goes through first, by their class; `changed`
    are settings of other layers, by their name.
    """
    layers = [layer("InputLayer", "input", batch_shape=[None, *checkpoint.config.size, 3])]
    weights: dict[str, dict[str, Any]] = {}

    def add(kind: str, name: str, **settings: Any) -> None:
        settings |= changed.get(name, {})
        layers.append(layer(kind, name, layers[-1]["name"], **settings))

    def unit(name: str, given: Layer, stride: int, depthwise: bool = False) -> None:
        norm, same = given.norm, stride == 1 or not depthwise
        assert norm is not None
        if not same:
            add("ZeroPadding2D", f"{name}_pad", padding=[[0, 1], [0, 1]])
        side = given.kernel.shape[-1]
        settings: dict[str, Any] = {
            "kernel_size": [side, side], "strides": [stride, stride], "use_bias": False,
            "padding": "same" if same else "valid", "activation": "linear",
        }  # fmt: skip
        if depthwise:
            add("DepthwiseConv2D", name, depth_multiplier=1, **settings)
        else:
            add("Conv2D", name, filters=len(given.kernel), **settings)
        axes = (2, 3, 0, 1) if depthwise else (2, 3, 1, 0)
        weights[name] = {"kernel": given.kernel.transpose(axes)}
        add(
            "BatchNormalization", f"{name}_bn", axis=-1, center=True, scale=True,
            epsilon=checkpoint.config.bn_epsilon,
        )  # fmt: skip
        weights[f"{name}_bn"] = {
            "gamma": norm.gamma, "beta": norm.beta,
            "moving_mean": norm.mean, "moving_variance": norm.variance,
        }  # fmt: skip
        add("ReLU", f"{name}_relu", max_value=6.0, negative_slope=0.0, threshold=0.0)

    for kind, settings in before.items():
        add(kind, kind.lower(), **settings)
    unit("conv1", checkpoint.layers["conv0"], 2)
    places = [name for name in checkpoint.layers if name.endswith("depthwise")]
    for (number, depthwise, pointwise), place in zip(blocks(checkpoint), places, strict=True):
        stride = STRIDES[int(place.removeprefix("conv").split("_")[0])]
        unit(f"conv_dw_{number}", depthwise, stride, depthwise=True)
        unit(f"conv_pw_{number}", pointwise, 1)
    head = checkpoint.layers["logits"]
    add("GlobalAveragePooling2D", "pool", keepdims=True)
    add("Dropout", "dropout", rate=0.001)
    add(
        "Conv2D", "conv_preds", filters=len(head.kernel), kernel_size=[1, 1], strides=[1, 1],
        padding="same", use_bias=True, activation="linear",
    )  # fmt: skip
    weights["conv_preds"] = {"kernel": head.kernel.T[None, None], "bias": head.bias}
    add("Reshape", "reshape", target_shape=[len(head.kernel)])
    add("Activation", "predictions", activation=scores)
    kinds = [item["class_name"] for item in layers if item["name"] in weights]
    return write(path, functional(*layers), weights, way, _places(kinds)).rename(path)


def _places(kinds: list[str]) -> list[str]:
    """Where Keras 3 keeps the weights of layers of these classes, in order."""
    names = {
        "Conv2D": "conv2d", "DepthwiseConv2D": "depthwise_conv2d",
        "BatchNormalization": "batch_normalization",
    }  # fmt: skip
    numbers = [kinds[:index].count(kind) for index, kind in enumerate(kinds)]
    return [
        f"layers/{names[kind]}" + (f"_{number}" if number else "")
        for kind, number in zip(kinds, numbers, strict=True)
    ]
