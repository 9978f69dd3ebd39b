"""Deliberate faults, as real tools have made them. Verification must reject every one.

A fault of the weights is a changed checkpoint that gets exported in place of the right one; a
fault of the program is a changed Builder operation while it is exported.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any
from unittest import mock

import numpy as np

from mobilenet.checkpoint import BatchNorm, Checkpoint, Layer
from mobilenet.networks.row_builder import RowBuilder
from mobilenet.preprocess import IMAGENET

Change = Callable[[Checkpoint], Checkpoint]


@dataclass(frozen=True)
class Fault:
    """One fault: what is exported instead, and how the Builder is bent meanwhile."""

    name: str
    change: Change = lambda checkpoint: checkpoint
    bend: Callable[[], AbstractContextManager[Any]] = nullcontext
    precisions: tuple[str, ...] = ("fp16", "fp32")  # of the packages in which it is a fault


def config(**fields: Any) -> Change:
    return lambda c: replace(c, config=replace(c.config, **fields))


def layer(name: str, change: Callable[[Layer], Layer]) -> Change:
    return lambda c: replace(c, layers={**c.layers, name: change(c.layers[name])})


def norm(change: Callable[[BatchNorm], BatchNorm]) -> Change:
    """The fault in every batch norm."""

    def apply(checkpoint: Checkpoint) -> Checkpoint:
        layers = {
            name: each if each.norm is None else replace(each, norm=change(each.norm))
            for name, each in checkpoint.layers.items()
        }
        return replace(checkpoint, layers=layers)

    return apply


def pixels(**fields: Any) -> Change:
    return lambda c: replace(c, normalization=replace(c.normalization, **fields))


def builder(op: str, bent: Callable[..., Any]) -> Callable[[], AbstractContextManager[Any]]:
    """While it lasts, `mb.<op>` is `bent(mb, **arguments)`."""

    def bend() -> AbstractContextManager[Any]:
        from export.coremltools_import import coremltools

        coremltools(torch=True)
        from coremltools.converters.mil import Builder as mb

        real = getattr(mb, op)
        return mock.patch.object(
            mb, op, staticmethod(lambda **arguments: bent(mb, real, **arguments)), create=True
        )

    return bend


def clip_at(limit: float) -> Callable[[], AbstractContextManager[Any]]:
    def bent(mb: Any, _real: Any, x: Any, name: str) -> Any:
        from coremltools.converters.mil.mil import types

        kind = types.nptype_from_builtin(x.dtype)
        return mb.clip(x=x, alpha=kind(0), beta=kind(limit), name=name)

    return builder("relu6", bent)


def swapped(kernel: np.ndarray) -> np.ndarray:
    kernel = kernel.copy()
    kernel[[0, 1]] = kernel[[1, 0]]
    return kernel


def nudged(kernel: np.ndarray) -> np.ndarray:
    kernel = kernel.copy()
    kernel.flat[np.abs(kernel).argmax()] *= 1.01
    return kernel


def active_projections() -> AbstractContextManager[Any]:
    """As if a v2's projections were activated like all other rows."""
    real = RowBuilder.add

    def add(self: RowBuilder, name: str, *widths: int, linear: bool = False, **rest: Any) -> str:
        linear = linear and not name.endswith("_project")
        return real(self, name, *widths, linear=linear, **rest)

    return mock.patch.object(RowBuilder, "add", add)


FAULTS = (
    Fault("epsilon 1e-5 for 1e-3", config(bn_epsilon=1e-5)),
    Fault("symmetric padding", config(padding="symmetric")),
    Fault("relu for relu6", config(activation="relu")),
    Fault("ImageNet mean and std", lambda c: replace(c, normalization=IMAGENET)),
    Fault("BGR", pixels(order="BGR")),
    Fault("pixels divided by 255", pixels(scale=(1 / 255,) * 3)),
    Fault("no bias on pixels", pixels(bias=(0.0,) * 3)),
    Fault("gamma off by 0.1 %", norm(lambda n: replace(n, gamma=n.gamma * np.float32(0.999)))),
    Fault("mean ignored", norm(lambda n: replace(n, mean=n.mean * 0))),
    Fault("beta ignored", norm(lambda n: replace(n, beta=n.beta * 0))),
    Fault(
        "two filters swapped",
        layer("conv7_pointwise", lambda x: replace(x, kernel=swapped(x.kernel))),
    ),
    Fault(
        "depthwise kernel flipped",
        layer("conv3_depthwise", lambda x: replace(x, kernel=x.kernel[..., ::-1].copy())),
    ),
    Fault(
        "one weight off by 1 %",
        layer("conv0", lambda x: replace(x, kernel=nudged(x.kernel))),
    ),
    Fault("labels off by one", lambda c: replace(c, labels=c.labels[1:] + c.labels[:1])),
    Fault("clip at 6.05", bend=clip_at(6.05)),
    Fault("clip at 6.01", bend=clip_at(6.01)),  # the next float16 after 6 is 6.004
    Fault("clip at 6.001", bend=clip_at(6.001), precisions=("fp32",)),
    Fault("no upper clip", bend=builder("relu6", lambda mb, _, x, name: mb.relu(x=x, name=name))),
    Fault(
        "max pooled",
        bend=builder("reduce_mean", lambda mb, _, **given: mb.reduce_max(**given)),
    ),
    Fault(
        "no softmax",
        bend=builder("softmax", lambda mb, _, x, name, **given: mb.identity(x=x, name=name)),
    ),
    Fault(
        "padded at the top left",
        bend=builder(
            "conv",
            lambda mb, real, **given: real(
                **{**given, "pad": given["pad"][::-1]} if given.get("pad") else given
            ),
        ),
    ),
)
