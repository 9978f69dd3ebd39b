"""Folded layers to an ML Program, written with coremltools' Builder.

No trace: the block table in `mobilenet.config` drives this as it drives the PyTorch module, TF's
SAME padding becomes a padded convolution instead of a `pad` op, ReLU6 stays `relu6`, and no
version of torch can break it. `export.trace` is the independent route the tests compare with.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from export.quiet import coremltools
from export.spec import ExportSpec, Precision
from mobilenet import fold
from mobilenet.checkpoint import Checkpoint
from mobilenet.preprocess import Normalization

LOGITS = "logits"
CLASS_LABEL = "classLabel"


class Names(NamedTuple):
    """Names of the program's input and of its array of results."""

    input: str
    output: str


def names(spec: ExportSpec) -> Names:
    """What the parts of a program built for `spec` are called."""
    output = CLASS_LABEL + "_probs" if spec.outputs == "classifier" else spec.outputs
    return Names("image" if spec.input == "image" else "input", output)


def build(checkpoint: Checkpoint, spec: ExportSpec, *, precision: Precision | None = None) -> Any:
    """A `coremltools.models.MLModel` of the folded network, without metadata.

    BN is folded here if it is not yet. Image input: scalar scale and bias in the program, the
    rest in conv0's kernel. `precision` overrides the spec's: verification builds a float32 twin.
    """
    ct = coremltools(torch=False)
    spec = spec.resolved()
    dtype = np.float16 if (precision or spec.precision) == "fp16" else np.float32
    checkpoint = fold.fold(checkpoint)
    if spec.input == "image":
        _, gain = checkpoint.normalization.split()
        stem = fold.scale_input(checkpoint.layers["conv0"], gain)
        checkpoint = replace(checkpoint, layers={**checkpoint.layers, "conv0": stem})
    size = checkpoint.config.resolution
    return ct.convert(
        _program(ct, checkpoint, spec, dtype),
        source="milinternal",
        convert_to="mlprogram",
        inputs=[input_type(ct, spec, size, checkpoint.normalization)],
        classifier_config=classifier_config(ct, spec, checkpoint.labels),
        minimum_deployment_target=opset(ct, spec),
        compute_precision=ct.precision.FLOAT32,  # the program is typed already: no cast pass
        pass_pipeline=ct.PassPipeline.EMPTY,
        skip_model_load=True,
    )


def input_type(ct: Any, spec: ExportSpec, size: int, normalization: Normalization) -> Any:
    """coremltools' description of the input: a picture with scale and bias, or an array."""
    name, shape = names(spec).input, (1, 3, size, size)
    if spec.input == "tensor":
        return ct.TensorType(name=name, shape=shape, dtype=np.float32)
    scaling, _ = normalization.split()
    return ct.ImageType(
        name=name, shape=shape, scale=scaling.scale, bias=list(scaling.bias),
        color_layout=getattr(ct.colorlayout, normalization.order),
    )  # fmt: skip


def classifier_config(ct: Any, spec: ExportSpec, labels: Sequence[str]) -> Any:
    """coremltools' description of the classes; None where the output is an array."""
    if spec.outputs != "classifier":
        return None
    return ct.ClassifierConfig(list(labels), CLASS_LABEL)


def opset(ct: Any, spec: ExportSpec) -> Any:
    """coremltools' target for the oldest iOS of `spec`."""
    return getattr(ct.target, f"iOS{spec.resolved().min_ios}")


def _program(ct: Any, checkpoint: Checkpoint, spec: ExportSpec, dtype: Any) -> Any:
    from coremltools.converters.mil import Builder as mb
    from coremltools.converters.mil.mil import Function, Program

    name, size = names(spec), checkpoint.config.resolution
    placeholder = {name.input: mb.placeholder(shape=(1, 3, size, size))}
    program = Program()
    with Function(placeholder, opset_version=opset(ct, spec)) as main:
        x = main.inputs[name.input]
        if dtype is np.float16:
            x = mb.cast(x=x, dtype="fp16", name="image_fp16")
        x = _features(mb, x, checkpoint, dtype)
        x = _head(mb, x, checkpoint, spec, dtype)
        main.set_outputs([x])
        program.add_function("main", main)
    return program


def _features(mb: Any, x: Any, checkpoint: Checkpoint, dtype: Any) -> Any:
    activation = getattr(mb, checkpoint.config.activation)
    for spec in checkpoint.config.convolutions():
        layer = checkpoint.layers[spec.name]
        assert layer.bias is not None, "fold first"
        padding = (
            {"pad_type": "custom", "pad": list(spec.pads)}
            if any(spec.pads)
            else {"pad_type": "valid"}
        )
        x = mb.conv(
            x=x, weight=layer.kernel.astype(dtype), bias=layer.bias.astype(dtype),
            strides=[spec.stride] * 2, groups=spec.groups, name=spec.name, **padding,
        )  # fmt: skip
        x = activation(x=x, name=f"{spec.name}_{checkpoint.config.activation}")
    return x


def _head(mb: Any, x: Any, checkpoint: Checkpoint, spec: ExportSpec, dtype: Any) -> Any:
    half, conv = dtype is np.float16, spec.rule.head == "conv"
    as_output = {"dtype": "fp32"} if half else None

    def finish(value: Any, name: str) -> Any:
        return mb.cast(x=value, name=name, **as_output) if as_output else value

    def named(name: str, last: bool) -> str:
        return f"{name}_fp16" if last and half else name  # the cast that follows takes the name

    if spec.outputs == "features":
        x = mb.reduce_mean(x=x, axes=[2, 3], keep_dims=False, name=named("features", True))
        return finish(x, "features")
    logits = named(LOGITS, spec.outputs == "logits")
    layer = checkpoint.layers[LOGITS]
    assert layer.bias is not None, "checked when the checkpoint was made"
    kernel, bias = layer.kernel.astype(dtype), layer.bias.astype(dtype)
    x = mb.reduce_mean(x=x, axes=[2, 3], keep_dims=conv, name="pool")
    if conv:
        x = mb.conv(x=x, weight=kernel[:, :, None, None], bias=bias, pad_type="valid", name="fc")
        x = mb.reshape(x=x, shape=[1, len(bias)], name=logits)
    else:
        x = mb.linear(x=x, weight=kernel, bias=bias, name=logits)
    if spec.outputs == "logits":
        return finish(x, LOGITS)
    x = mb.softmax(x=x, axis=1, name=named("probabilities", True))
    return finish(x, "probabilities")
