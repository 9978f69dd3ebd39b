"""What a whole network loses when one of its layers alone is compressed, for each form.

As in HAWQ (Dong et al. 2019, arXiv 1905.03696), layers differ by far in what their rounding does
to the network. Here it is measured: with the layer in the form that rounds it most, the network
answers photographs anew. For its other forms, which round by less, that is scaled by the error of
the layer's own outputs, since small errors of logits grow with it. Kernels are rounded here
without making up for what is lost: by a covariance of so few pictures, nothing would seem lost.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from export.compression.calibration import Calibration
from export.compression.form_choice import FormCandidate
from export.compression.forms import LayerForm
from export.compression.learning.kernel_groups import KernelGroups
from export.compression.learning.learned_kernel import learned_kernel
from export.compression.learning.second_order import damped
from mobilenet.checkpoint import Checkpoint
from mobilenet.common.progress import SILENT, Progress, tracked

if TYPE_CHECKING:
    from torch import Tensor, nn

Array = NDArray[Any]
PICTURES = 16  # spread over those that are learned from
DAMPING = 0.01  # of the variances, as in learning
BATCH = 8
TINY = float(np.finfo(np.float64).tiny)


def layer_candidates(
    folded: Checkpoint,
    forms: Mapping[str, Sequence[LayerForm]],
    photographs: Calibration,
    *,
    dtype: type[np.floating],
    progress: Progress = SILENT,
) -> dict[str, list[FormCandidate]]:
    """Every form of `forms`, by layer, with its bytes in a file and what it costs the network.

    `dtype` is that of scales and tables.
    """
    probe = _Probe(folded, forms, photographs)
    candidates = {}
    for name in tracked(list(forms), lambda _: 1.0, "Weighing layers", progress):
        kernel = probe.kernel(name)
        covariance = damped(probe.inputs[name].variances, DAMPING)
        groups = probe.inputs[name].groups
        rounded = [
            learned_kernel(kernel, covariance, groups, form, dtype).dense().reshape(kernel.shape)
            for form in forms[name]
        ]
        errors = [_output_error(each - kernel, covariance, groups) for each in rounded]
        worst = int(np.argmax(errors))
        lost = probe.error_with(name, rounded[worst])
        candidates[name] = [
            FormCandidate(
                form,
                form.size_bytes(kernel.shape, np.dtype(dtype).itemsize),
                lost * error / max(errors[worst], TINY),
            )
            for form, error in zip(forms[name], errors, strict=True)
        ]
    return candidates


class _Moments:
    """Of a layer's inputs: their mean and variance."""

    def __init__(self, groups: KernelGroups) -> None:
        self.groups = groups
        self._count, self._sum, self._squares = 0, np.zeros(1), np.zeros(1)

    def add(self, x: "Tensor") -> None:
        """Take in inputs (pictures, all channels and taps, positions)."""
        matrices = max(self.groups.groups, self.groups.parts)
        x = x.reshape(len(x), matrices, -1, x.shape[2]).permute(1, 2, 0, 3).flatten(2).contiguous()
        self._count += x.shape[2]
        self._sum = self._sum + x.sum(2).double().numpy()
        self._squares = self._squares + (x**2).sum(2).double().numpy()

    @property
    def mean(self) -> Array:
        """(groups, in)."""
        return self._sum / self._count

    @property
    def variances(self) -> Array:
        """As a covariance (groups, in, in) without what so few pictures do not tell for sure."""
        variances: Array = (self._squares / self._count - self.mean**2).clip(0)
        return np.asarray(variances[:, :, None] * np.eye(variances.shape[1]))


class _Probe:
    """The network on some photographs, with one layer at a time changed."""

    def __init__(
        self, folded: Checkpoint, names: Collection[str], photographs: Calibration
    ) -> None:
        import torch

        from mobilenet.torch_module import from_checkpoint

        self._folded, self._module = folded, from_checkpoint(folded)
        self._layers: dict[str, Any] = {
            name: unit.conv for name, unit in self._module.units() if name in names
        }
        readout = folded.config.readout
        self._layers |= {
            layer.name: self._module.dense(layer.name)
            for layer in readout.dense
            if layer.name in names
        }
        pixels = photographs.learned_from
        spread = pixels[:: -(-len(pixels) // PICTURES)]
        self._x = torch.from_numpy(photographs.inputs(photographs.views(spread)))
        self.inputs = {
            name: _Moments(KernelGroups(self.kernel(name).shape, getattr(layer, "groups", 1)))
            for name, layer in self._layers.items()
        }
        hooks = [
            layer.register_forward_pre_hook(self._watch(name))
            for name, layer in self._layers.items()
        ]
        self._right = self._answer()
        for hook in hooks:
            hook.remove()

    def kernel(self, name: str) -> Array:
        """Of a layer, (out, in / groups, kH, kW)."""
        kernel = self._folded.layers[name].kernel
        return kernel.reshape(*kernel.shape[:2], *(kernel.shape[2:] or (1, 1)))

    def error_with(self, name: str, kernel: Array) -> float:
        """Relative L2 of logits, squared, with another kernel and a bias that keeps the mean."""
        import torch

        layer, moments = self._layers[name], self.inputs[name]
        change = moments.groups.split(kernel - self.kernel(name))
        shift = np.einsum("goi,gi->go", change, moments.mean)
        before = layer.weight.data, layer.bias.data
        shift = shift.sum(0) if moments.groups.groups == 1 else shift.reshape(-1)
        layer.weight.data = torch.from_numpy(kernel.astype(np.float32)).reshape(before[0].shape)
        layer.bias.data = before[1] - torch.from_numpy(shift.astype(np.float32))
        given = self._answer()
        layer.weight.data, layer.bias.data = before
        return float(((given - self._right) ** 2).sum() / (self._right**2).sum())

    def _answer(self) -> Array:
        starts = range(0, len(self._x), BATCH)
        batches = (self._x[start : start + BATCH] for start in starts)
        return np.concatenate([self._module(x).flatten(1).numpy() for x in batches])

    def _watch(self, name: str) -> Any:
        def hook(layer: "nn.Module", arguments: tuple["Tensor", ...]) -> None:
            self.inputs[name].add(_inputs_of(layer, arguments[0]))

        return hook


def _inputs_of(layer: Any, x: "Tensor") -> "Tensor":
    """What each output of a layer is summed from: (pictures, inputs, positions)."""
    from torch import nn
    from torch.nn.functional import unfold

    if isinstance(layer, nn.Linear):
        return x[:, :, None]
    return unfold(x, layer.kernel_size, dilation=layer.dilation, stride=layer.stride)


def _output_error(change: Array, covariance: Array, groups: KernelGroups) -> float:
    """Mean squared error of the layer's outputs, summed over them."""
    matrices = groups.split(change).astype(np.float64)
    return float(np.einsum("goi,gij,goj->", matrices, covariance, matrices, optimize=True))
