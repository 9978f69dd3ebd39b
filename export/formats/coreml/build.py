"""Folded layers to a Core ML model, written with coremltools' Builder: one program, two formats.

No trace: the network's rows drive this as they drive the PyTorch module, TF's SAME padding
becomes a padded convolution instead of a `pad` op, ReLU6 stays `relu6`, and no version of torch
can break it. `trace` is the independent route the tests compare with.
"""

from collections.abc import Mapping
from types import ModuleType
from typing import Any

import numpy as np

from export.compression.forms import check_forms
from export.compression.kernels import CompressedKernel
from export.compression.stored_weights import CONVOLUTIONAL_LOGITS, HALF, stored_shapes
from export.coremltools_import import coremltools
from export.formats.coreml import detector, segmenter
from export.formats.coreml.constexpr_kernels import compressed_weight
from export.formats.coreml.detector import DetectorWriter
from export.formats.coreml.interface import classifier_config, input_type, names, opset
from export.formats.coreml.kinds import KINDS
from export.formats.coreml.ml_model import MLModel
from export.head_outputs import columns_of
from export.prepared import Prepared
from export.targets import GROUPS_MIN_IOS
from mobilenet.checkpoint import Checkpoint
from mobilenet.common.size import Size
from mobilenet.networks.classifier import LOGITS, POOL, Dense, DenseActivation
from mobilenet.networks.rows import COLORS, IMAGE, Activation, Row


def build(prepared: Prepared, folded: Checkpoint | None = None, passes: Any = None) -> MLModel:
    """A model of the folded network, without metadata.

    Image input: scalar scale and bias in the program, the rest is in the folded kernels.
    `folded` are other numbers in place of the prepared ones; `passes` a coremltools pipeline
    that compresses weights. Raises `ConfigError` for compressed kernels that are of a newer iOS.
    """
    ct = coremltools(torch=False)
    spec, kind = prepared.spec, KINDS[prepared.metadata.format]
    folded = folded or prepared.written
    model = ct.convert(
        _Writer(ct, prepared, folded).program(),
        source="milinternal",
        convert_to=kind.convert_to,
        inputs=[input_type(ct, spec, folded.config.size, prepared.metadata.normalization)],
        classifier_config=classifier_config(ct, spec, folded.labels),
        minimum_deployment_target=opset(ct, spec),
        # typed values need no pass that adds casts; of the others coremltools takes None alone
        compute_precision=ct.precision.FLOAT32 if kind.is_typed else None,
        pass_pipeline=passes or ct.PassPipeline.EMPTY,
        skip_model_load=True,
    )
    outputs, readout = names(spec).outputs, folded.config.readout
    model = kind.finished(ct, model, outputs, prepared.precision == "fp16")
    if spec.outputs in ("labels", "mask"):
        return segmenter.declared(ct, model, outputs[0], folded.config.size)
    if readout.predictors:
        return detector.declared(ct, model, detector.shapes(spec, folded.config))
    return model


class _Writer:
    """Writes one program: what all of its parts need, once."""

    def __init__(self, ct: ModuleType, prepared: Prepared, folded: Checkpoint) -> None:
        from coremltools.converters.mil import Builder

        self.mb, self.opset = Builder, opset(ct, prepared.spec)
        self.checkpoint, self.spec = folded, prepared.spec
        self.quantizers, self.kind = prepared.quantizers, KINDS[prepared.metadata.format]
        self.shapes = stored_shapes(folded.config, prepared.spec)
        self.is_packed = (prepared.spec.min_ios or 0) < GROUPS_MIN_IOS
        self.kernels: Mapping[str, CompressedKernel] = {}
        if prepared.compressed is not None:
            self.kernels = prepared.compressed.kernels
            check_forms(prepared.compressed.forms, prepared.spec)
        self.half = prepared.precision == "fp16" and self.kind.is_typed
        self.dtype = np.float16 if self.half else np.float32

    def program(self) -> Any:
        from coremltools.converters.mil.mil import Function, Program

        name, size = names(self.spec), self.checkpoint.config.size
        placeholder = {name.input: self.mb.placeholder(shape=(1, COLORS, *size))}
        program = Program()
        with Function(placeholder, opset_version=self.opset) as main:
            x = main.inputs[name.input]
            if self.half:
                x = self.mb.cast(x=x, dtype="fp16", name="image_fp16")
            main.set_outputs(self._outputs(x))
            program.add_function("main", main)
        return program

    def _outputs(self, image: Any) -> list[Any]:
        """What the head makes of the rows' values."""
        config, readout = self.checkpoint.config, self.checkpoint.config.readout
        values = {IMAGE: image}
        for row in config.rows():
            values[row.name] = self._row(row, values)
        if readout.predictors:
            writer = DetectorWriter(self.mb, readout, half=self.half)
            columns = columns_of(self.spec, config.classes)
            return writer.outputs(values, str(self.spec.outputs), columns)
        return [self._head(values[readout.reads])]

    def _row(self, row: Row, values: Mapping[str, Any]) -> Any:
        pads = list(row.pads)
        options: dict[str, Any] = {"pad_type": "valid"}
        if any(pads):
            options = {"pad_type": "custom", "pad": pads}
        if row.dilation > 1:
            options["dilations"] = [row.dilation] * 2
        x = self._quantized(self._input(row, values), row.name)
        x = self.mb.conv(
            x=x, **self._weights(row.name), **options,
            strides=[row.stride] * 2, groups=row.groups, name=row.name,
        )  # fmt: skip
        if row.activation is not None:
            x = self._activated(x, row.activation, f"{row.name}_{row.activation}")
        if row.adds is not None:
            x = self.mb.add(x=x, y=values[row.adds], name=f"{row.name}_add")
        return x

    def _input(self, row: Row, values: Mapping[str, Any]) -> Any:
        """What the convolution of a row takes."""
        x = values[row.reads]
        if row.pooled:
            x = self.mb.reduce_mean(x=x, axes=[2, 3], keep_dims=True, name=f"{row.name}_mean")
        if row.joins is None:
            return x
        joined = values[row.joins]
        if tuple(x.shape[2:]) != row.in_size:
            x = self.mb.tile(x=x, reps=[1, 1, *row.in_size], name=f"{row.name}_spread")
        return self.mb.concat(values=[x, joined], axis=1, name=f"{row.name}_joined")

    def _activated(self, x: Any, kind: Activation | DenseActivation, name: str) -> Any:
        if kind == "relu6":
            return self.kind.relu6(self.mb, x, name)
        return getattr(self.mb, kind)(x=x, name=name)

    def _quantized(self, x: Any, layer: str) -> Any:
        """`x` through eight bits and back, where the layer that reads it has a quantizer."""
        if layer not in self.quantizers:
            return x
        scale, zero_point = self.quantizers[layer]
        step = {"scale": self.dtype(scale), "zero_point": np.uint8(zero_point)}
        name = f"{layer}_input"
        x = self.mb.quantize(input=x, output_dtype="uint8", **step, name=f"{name}_uint8")
        return self.mb.dequantize(input=x, **step, name=name)

    def _weights(self, layer: str) -> dict[str, Any]:
        weights = self.checkpoint.layers[layer]
        assert weights.bias is not None, "fold first"
        return {"weight": self._kernel(layer), "bias": weights.bias.astype(self.dtype)}

    def _kernel(self, layer: str) -> Any:
        shape = self.shapes[layer]
        if layer not in self.kernels:
            return self.checkpoint.layers[layer].kernel.astype(self.dtype).reshape(shape)
        kernel = self.kernels[layer].reshaped(shape)
        return compressed_weight(self.mb, kernel, f"{layer}_weight", packed=self.is_packed)

    def _head(self, x: Any) -> Any:
        outputs, readout = self.spec.outputs, self.checkpoint.config.readout
        if readout.picture is not None:
            return self._segmented(x, readout.picture)
        if not readout.pooled:
            return self._cast_or_identity(x, "features")
        if outputs == "features":
            name = self._named("features", last=True)
            return self._finished(
                self.mb.reduce_mean(x=x, axes=[2, 3], keep_dims=False, name=name)
            )
        conv = self.spec.rule.head == "conv"
        if readout.pool == "mean":
            x = self.mb.reduce_mean(x=x, axes=[2, 3], keep_dims=conv, name=POOL)
        elif not conv:
            x = self.mb.reshape(x=x, shape=[1, readout.dense[0].inputs], name=POOL)
        for layer in readout.dense:
            x = self._dense(x, layer, conv)
        if outputs == "logits":
            return self._finished(x)
        name = self._named("probabilities", last=True)
        if readout.scores == "sigmoid":
            return self._finished(self.mb.sigmoid(x=x, name=name))
        return self._finished(self.mb.softmax(x=x, axis=1, name=name))

    def _segmented(self, x: Any, picture: Size) -> Any:
        output = str(self.spec.outputs)
        name = segmenter.scores_name(output, half=self.half)
        x = segmenter.enlarged(self.mb, x, picture, name)
        if output == "logits":
            return self._finished(x)
        return segmenter.classes_of_pixels(self.mb, x, output, typed=self.kind.is_typed)

    def _dense(self, x: Any, layer: Dense, conv: bool) -> Any:
        """A matrix, or a convolution over the whole of the map that it reads."""
        x = self._quantized(x, layer.name)
        is_last = layer.name == LOGITS
        name = self._named(layer.name, last=is_last and self.spec.outputs == "logits")
        weights = self._weights(layer.name)
        if conv:
            conv_name = CONVOLUTIONAL_LOGITS if is_last else name
            x = self.mb.conv(x=x, **weights, pad_type="valid", name=conv_name)
            if is_last:
                x = self.mb.reshape(x=x, shape=[1, layer.outputs], name=name)
        else:
            x = self.mb.linear(x=x, **weights, name=name)
        if layer.activation is not None:
            x = self._activated(x, layer.activation, f"{layer.name}_{layer.activation}")
        return x

    def _cast_or_identity(self, x: Any, name: str) -> Any:
        """`x` as float32 under the name of an output."""
        if self.half:
            return self.mb.cast(x=x, dtype="fp32", name=name)
        return self.mb.identity(x=x, name=name)

    def _named(self, name: str, *, last: bool) -> str:
        """Name of a result; of the last one of halves, the cast that follows takes the name."""
        return f"{name}{HALF}" if last and self.half else name

    def _finished(self, x: Any) -> Any:
        if not self.half:
            return x
        return self.mb.cast(x=x, dtype="fp32", name=x.name.removesuffix(HALF))
