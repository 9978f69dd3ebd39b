"""Models whose inputs may have several sizes, and what PyTorch makes of the same."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from export.coremltools_import import coremltools

KERNEL = np.random.default_rng(3).normal(size=(4, 3, 3, 3)).astype(np.float32)
POSITIONS = np.random.default_rng(4).normal(size=(20, 4)).astype(np.float32)


def flexible(path: Path, build: Callable[..., Any], *inputs: Any, opset: str = "iOS16") -> Path:
    """An .mlpackage or .mlmodel at `path`: build(mb, *inputs) of coremltools' input types,
    whose shapes have ranges or are enumerated; named x0, x1, ..."""
    ct = coremltools()
    from coremltools.converters.mil import Builder as mb
    from coremltools.converters.mil.mil import Function, Program, get_new_symbol, types

    old, names = path.suffix == ".mlmodel", [f"x{number}" for number in range(len(inputs))]
    placeholders = {}
    for name, kind in zip(names, inputs, strict=True):
        kind.name = name
        shape = kind.shape.symbolic_shape
        sizes = [get_new_symbol() if not isinstance(size, int | np.integer) else int(size)
                 for size in shape]  # fmt: skip
        placeholders[name] = mb.placeholder(shape=tuple(sizes), dtype=kind.dtype or types.fp32)
    target = ct.target.iOS14 if old else getattr(ct.target, opset)
    with Function(placeholders, opset_version=target) as function:
        function.set_outputs([build(mb, *(function.inputs[name] for name in names))])
    program = Program()
    program.add_function("main", function)
    model = ct.convert(
        program, convert_to="neuralnetwork" if old else "mlprogram", inputs=[*inputs],
        minimum_deployment_target=target, skip_model_load=True,
        pass_pipeline=ct.PassPipeline.DEFAULT if old else ct.PassPipeline.EMPTY,
    )  # fmt: skip
    model.save(str(path))
    return path


def ranged(*sizes: int | tuple[int, int, int], **options: Any) -> Any:
    """An array of sizes that are fixed, or (least, most, default)."""
    ct = coremltools()
    shape = [
        size if isinstance(size, int) else ct.RangeDim(size[0], size[1], default=size[2])
        for size in sizes
    ]
    return ct.TensorType(shape=ct.Shape(tuple(shape)), **options)


def pictures(*sizes: tuple[int, int], **options: Any) -> Any:
    """A picture of one of these (height, width); the first is the default."""
    ct = coremltools()
    shapes = [(1, 3, *size) for size in sizes]
    return ct.ImageType(shape=ct.EnumeratedShapes(shapes=shapes, default=shapes[0]), **options)


@dataclass(frozen=True)
class FlexibleCase:
    build: Callable[..., Any]
    oracle: Callable[..., Any]
    sizes: tuple[tuple[int, int, int] | int, ...]
    shapes: tuple[tuple[int, ...], ...]  # to try, the default first


def _shuffled(mb: Any, x: Any) -> Any:
    """Channels in turns, with a shape that is computed."""
    shape = mb.shape(x=x)
    height, width = (mb.gather(x=shape, indices=axis, axis=0) for axis in (2, 3))
    parts = mb.concat(values=[1, 2, 3, height, width], axis=0)
    turned = mb.transpose(x=mb.reshape(x=x, shape=parts), perm=[0, 2, 1, 3, 4])
    return mb.reshape(x=turned, shape=mb.concat(values=[1, 6, height, width], axis=0))


def _placed(mb: Any, x: Any) -> Any:
    """Rows of a table, as many as there are words."""
    length = mb.gather(x=mb.shape(x=x), indices=[1], axis=0)
    end = mb.concat(values=[length, [4]], axis=0)
    return mb.add(x=x, y=mb.slice_by_index(x=POSITIONS, begin=[0, 0], end=end))


MAP = (1, 3, (8, 64, 16), (8, 90, 16))
MAPS = ((1, 3, 16, 16), (1, 3, 9, 40), (1, 3, 8, 8))
CASES = {
    "convolution": FlexibleCase(
        lambda mb, x: mb.reduce_mean(
            x=mb.conv(x=x, weight=KERNEL, strides=[2, 2], pad_type="same"), axes=[2, 3]
        ),
        lambda x: _same(x).mean((2, 3)), MAP, MAPS,
    ),
    "twice as large": FlexibleCase(
        lambda mb, x: mb.upsample_bilinear(
            x=mb.conv(x=x, weight=KERNEL, pad_type="valid"), align_corners=False,
            scale_factor_height=2.0, scale_factor_width=2.0,
        ),
        lambda x: F.interpolate(F.conv2d(x, torch.from_numpy(KERNEL)), scale_factor=2,
                                mode="bilinear"),
        MAP, MAPS,
    ),
    "pooled to the edge": FlexibleCase(
        lambda mb, x: mb.max_pool(x=x, kernel_sizes=[3, 3], strides=[2, 2], pad_type="custom",
                                  pad=[1, 1, 1, 1], ceil_mode=True),
        lambda x: F.max_pool2d(x, 3, 2, 1, ceil_mode=True), MAP, MAPS,
    ),
    "flat": FlexibleCase(
        lambda mb, x: mb.transpose(x=mb.reshape(x=x, shape=[1, 3, -1]), perm=[0, 2, 1]),
        lambda x: x.flatten(2).transpose(1, 2), MAP, MAPS,
    ),
    "shuffled": FlexibleCase(
        _shuffled, lambda x: F.channel_shuffle(x, 2), (1, 6, (4, 9, 4), (4, 9, 4)),
        ((1, 6, 4, 4), (1, 6, 9, 5)),
    ),
    "placed": FlexibleCase(
        _placed, lambda x: x + torch.from_numpy(POSITIONS)[: x.shape[1]], (1, (1, 20, 7), 4),
        ((1, 7, 4), (1, 20, 4), (1, 1, 4)),
    ),
    "batch": FlexibleCase(
        lambda mb, x: mb.reduce_sum(x=mb.conv(x=x, weight=KERNEL), axes=[1], keep_dims=True),
        lambda x: F.conv2d(x, torch.from_numpy(KERNEL)).sum(1, keepdim=True),
        ((1, 5, 1), 3, 6, 7), ((1, 3, 6, 7), (5, 3, 6, 7)),
    ),
}  # fmt: skip


def _same(x: torch.Tensor) -> torch.Tensor:
    """TensorFlow's padding, at a stride of 2."""
    extra = [max(0, (-(-size // 2) - 1) * 2 + 3 - size) for size in x.shape[2:]]
    pads = [(each // 2, each - each // 2) for each in reversed(extra)]
    return F.conv2d(F.pad(x, [*pads[0], *pads[1]]), torch.from_numpy(KERNEL), stride=2)
