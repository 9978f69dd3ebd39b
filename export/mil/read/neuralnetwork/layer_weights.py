"""Weights of the old format: `WeightParams` messages as constants.

Floats lie in the message itself, as float32, float16 or quantized. Quantized numbers are packed
from the most significant bit on, unlike those of an ML Program (coremltools
`models/neural_network/quantization_utils.py`, `_convert_1bit_array_to_byte`).
"""

import math

import numpy as np
from numpy.typing import NDArray

from export.mil.program import Constant, Shape, TensorType, Value
from export.mil.read.plain_values import fixed
from export.mil.read.specification import Message
from mobilenet.common.errors import PackageError, UnsupportedError


def weight(message: Message, name: str, shape: Shape, axis: int = 0) -> Constant:
    """The weights in `message`, a `WeightParams`; scales of a channel each lie along `axis`.

    Raises `PackageError` when it does not hold as many numbers as `shape` takes.
    """
    if message.HasField("quantization") and message.int8RawValue:
        return _signed(message, name, shape, axis)
    if message.HasField("quantization"):
        return _quantized(message, name, shape, axis)
    if message.float16Value:
        _check(name, len(message.float16Value) / 2, shape)
        return Constant(
            TensorType(name, "float16", shape),
            lambda: np.frombuffer(message.float16Value, "<f2").reshape(shape),
        )
    if message.int8RawValue:
        raise UnsupportedError(
            f"{name!r} is multiplied in int8 without a scale", "quantize it with scale or table"
        )
    _check(name, len(message.floatValue), shape)
    return Constant(
        TensorType(name, "float32", shape),
        lambda: np.array(message.floatValue, np.float32).reshape(shape),
    )


def _quantized(message: Message, name: str, shape: Shape, axis: int) -> Constant:
    """The operands carry the names of MIL's decompressions, so that costs find them."""
    about, elements = message.quantization, math.prod(shape)
    bits = int(about.numberOfBits)
    if not 1 <= bits <= 8:
        raise PackageError(f"{name!r} is quantized to {bits} bits", "1 to 8 are possible")
    _check(name, len(message.rawValue), (-(-elements * bits // 8),))
    kind = TensorType(name, "float32", shape)
    if about.HasField("lookupTableQuantization"):
        table = np.array(about.lookupTableQuantization.floatValue, np.float32)
        _check(f"{name}.lut", table.size, (1 << bits,))
        raw = _stored(f"{name}.indices", message.rawValue, "uint8", (len(message.rawValue),))
        return Constant(
            kind,
            lambda: table[_unpack(message.rawValue, bits, elements)].reshape(shape),
            "constexpr_lut_to_dense",
            {"indices": raw, "lut": fixed(f"{name}.lut", table)},
        )
    scale = _per_channel(about.linearQuantization.scale, f"{name}.scale", shape, axis)
    bias = _per_channel(about.linearQuantization.bias, f"{name}.bias", shape, axis)
    dtype, stored = (
        (f"uint{bits}", shape) if bits not in (5, 7) else ("uint8", (len(message.rawValue),))
    )

    def load() -> Value:
        steps = _unpack(message.rawValue, bits, elements).reshape(shape)
        return steps.astype(np.float32) * scale + bias

    return Constant(
        kind, load, "constexpr_affine_dequantize",
        {
            "quantized_data": _stored(f"{name}.data", message.rawValue, dtype, stored),
            "scale": fixed(f"{name}.scale", scale),
            "bias": fixed(f"{name}.bias", bias),
        },
    )  # fmt: skip


def _signed(message: Message, name: str, shape: Shape, axis: int) -> Constant:
    """Of a product that a device computes in int8: the same numbers, without its rounding of x."""
    raw = message.int8RawValue
    _check(name, len(raw), shape)
    scale = _per_channel(message.quantization.linearQuantization.scale, name, shape, axis)
    return Constant(
        TensorType(name, "float32", shape),
        lambda: np.frombuffer(raw, np.int8).reshape(shape) * scale,
        "constexpr_affine_dequantize",
        {
            "quantized_data": _stored(f"{name}.data", raw, "int8", shape),
            "scale": fixed(f"{name}.scale", scale),
        },
    )


def _stored(name: str, raw: bytes, dtype: str, shape: Shape) -> Constant:
    return Constant(TensorType(name, dtype, shape), lambda: np.frombuffer(raw, np.uint8))


def _per_channel(values: Message, name: str, shape: Shape, axis: int) -> NDArray[np.float32]:
    """One number, or one for each channel, in a shape that broadcasts against the weights."""
    array = np.array(values or (0.0,), np.float32)
    if array.size == 1:
        return array
    _check(name, array.size, (shape[axis],))
    return array.reshape([-1 if at == axis else 1 for at in range(len(shape))])


def _unpack(raw: bytes, bits: int, count: int) -> NDArray[np.uint8]:
    numbers = np.frombuffer(raw, np.uint8)
    if bits == 8:
        return numbers[:count]
    single = np.unpackbits(numbers, count=count * bits).reshape(count, bits)
    return np.packbits(single, axis=1).reshape(-1) >> np.uint8(8 - bits)


def _check(name: str, count: float, shape: Shape) -> None:
    if count != math.prod(shape):
        raise PackageError(
            f"{name!r} holds {count:g} numbers, its layer needs {math.prod(shape)}",
            "the file is damaged: copy it again",
        )
