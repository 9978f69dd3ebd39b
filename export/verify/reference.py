"""What PyTorch answers to pictures, and what float32 itself loses of it.

A package that computes in float32 rounds in another order than PyTorch does. How far that moves
the logits depends on the network: batch norm that saw few pictures, or a head of few classes,
loses ten times what ImageNet's networks do. PyTorch's own float32 module, held against the same
module in float64, says how much of a distance is rounding. Two pictures may lose little by chance:
where it matters the same ones mirrored, and squares turned, are asked as well, and the one that
loses most counts.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from export.compression.quantizer import Quantizer
from export.evaluated import evaluated
from export.package.metadata import StoredLogits
from export.prepared import TracedModule
from export.verify.agreement import Array, digest, relative_l2, side_by_side
from mobilenet.checkpoint import Checkpoint
from mobilenet.common.decoding import decoding
from mobilenet.common.errors import PackageError

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

    from mobilenet.torch_module import MobileNet

TERMS_SHARE = 0.05
PICTURES_AT_ONCE = 2  # each takes memory


@dataclass(frozen=True, eq=False)
class Reference:
    """Logits (pictures, classes) in float32, or flat features where there is no classifier.

    Of a detector two rows a picture, the encoded boxes and the logits of all, (values, boxes)
    flat, as `side_by_side` has them.
    """

    logits: NDArray[np.float32]
    shortest: Array | float = 0.0
    """Per picture, the length of logits under which errors are no longer relative to them."""
    compute_exact: Callable[[], Array | None] = lambda: None
    compute_loss: Callable[[], float] = lambda: 0.0

    @cached_property
    def exact(self) -> Array | None:
        """The same in float64, computed when it is asked for; None where that cannot be had."""
        return self.compute_exact()

    @cached_property
    def float32_loss(self) -> float:
        """Relative L2 between the two, of the pictures as they are, mirrored and turned."""
        return self.compute_loss()

    @property
    def losses(self) -> Iterator[float]:
        """The same, first of the pictures as they are: never more, and an eighth of the work."""
        yield self.distance_of(self.logits)
        yield self.float32_loss

    def distance_of(self, logits: Array, *, exactly: bool = True) -> float:
        """Relative L2 of the worst picture, from float64 if it can be had, or from float32."""
        reference = self.exact if exactly else None
        return relative_l2(logits, self.logits if reference is None else reference, self.shortest)


def of_network(network: Checkpoint | TracedModule, pictures: Sequence["Image"]) -> Reference:
    """What the network answers as it was trained, unfolded."""
    if isinstance(network, Checkpoint):
        return of_checkpoint(network, pictures)
    return of_module(network, pictures)


def of_checkpoint(
    checkpoint: Checkpoint,
    pictures: Sequence["Image"],
    quantizers: Mapping[str, Quantizer] = MappingProxyType({}),
) -> Reference:
    """What our own module answers; `quantizers` round the inputs of layers."""
    from export.compression import activations
    from mobilenet.torch_module import from_checkpoint

    module = from_checkpoint(checkpoint)
    activations.quantize_inputs(module, quantizers)
    x = normalized(checkpoint, pictures)
    logits, shortest = _answer(module, x)

    def exact() -> Array:
        answer, _ = _answer(module.double(), x.double())
        return answer

    def loss() -> float:
        others = _mirrored_and_turned(x)
        rounded, shortest = _answer(module.float(), others)
        answer, _ = _answer(module.double(), others.double())
        return relative_l2(rounded, answer, shortest)

    return Reference(logits, shortest, exact, loss)


def _answer(module: "MobileNet", x: "Tensor") -> tuple[Array, Array | float]:
    """Logits, and the lengths under which errors are no longer relative to them."""
    head, shortest = module.logits, list[Array]()
    if head is None:
        maps = _picture_by_picture(module, x, at_once=PICTURES_AT_ONCE)
        if not module.readout.predictors:
            return maps.flatten(1).numpy(), 0.0
        both = maps.transpose(1, 2)  # of encodings and scores, each of all boxes
        return side_by_side([part.flatten(1).numpy() for part in both.tensor_split([4], 1)]), 0.0
    weight, bias = head.weight, head.bias

    def measure(_: object, inputs: tuple["Tensor"]) -> None:
        """A head of a few classes may sum hundreds of terms to almost nothing.

        The error of a sum is bounded by the size of its terms, not of its result (Higham,
        "Accuracy and Stability of Numerical Algorithms", section 4.2), so a share of that size
        is the least to compare with. The 1000 classes of a trained network are longer.
        """
        terms = inputs[0].abs() @ weight.abs().T + bias.abs()
        shortest.append(TERMS_SHARE * terms.norm(dim=1).numpy())

    watching = head.register_forward_pre_hook(measure)
    logits = _picture_by_picture(module, x, at_once=1).flatten(1).numpy()  # `shortest` in order
    watching.remove()
    return logits, np.concatenate(shortest)


def _picture_by_picture(module: "MobileNet", x: "Tensor", *, at_once: int) -> "Tensor":
    """What the module gives for pictures (B, C, H, W), each on a thread of its own.

    Threads that share one convolution of 64 bits mostly wait: a segmenter's took five times as
    long on two.
    """
    import torch

    from mobilenet.torch_module import on_one_thread

    with on_one_thread(), ThreadPoolExecutor(at_once) as pool:
        return torch.cat(list(pool.map(lambda picture: module(picture[None]), x)))


def _mirrored_and_turned(x: "Tensor") -> "Tensor":
    """Pictures (B, C, H, W) four times, (4 B, C, H, W); of equal sides eight times."""
    import torch

    x = torch.cat([x, x.flip(3)])
    x = torch.cat([x, x.flip(2)])
    return torch.cat([x, x.transpose(2, 3)]) if x.shape[2] == x.shape[3] else x


def of_module(traced: TracedModule, pictures: Sequence["Image"]) -> Reference:
    """What a module of any kind answers, picture by picture."""
    import torch

    arrays = [torch.from_numpy(traced.normalization.apply(picture)) for picture in pictures]
    with evaluated(traced.module) as module, torch.no_grad():
        logits = torch.cat([module(x).flatten(1) for x in arrays]).numpy()

    def loss() -> float:
        others = [other[None] for x in arrays for other in _mirrored_and_turned(x)]
        answer = _in_float64(traced, others)
        if answer is None:
            return 0.0
        with evaluated(traced.module) as module, torch.no_grad():
            rounded = torch.cat([module(x).flatten(1) for x in others]).numpy()
        return relative_l2(rounded, answer)

    return Reference(logits, 0.0, lambda: _in_float64(traced, arrays), loss)


def _in_float64(traced: TracedModule, arrays: Sequence["Tensor"]) -> Array | None:
    """None for a module that makes float32 of its own accord."""
    import torch

    values = [*traced.module.named_parameters(), *traced.module.named_buffers()]
    state = {name: value.double() for name, value in values if value.is_floating_point()}
    with evaluated(traced.module) as module, torch.no_grad():
        try:
            answers = [torch.func.functional_call(module, state, x.double()) for x in arrays]
        except RuntimeError:  # two types meet in one operation
            return None
    exact: Array = torch.cat([answer.flatten(1) for answer in answers]).numpy()
    return exact if exact.dtype == np.float64 else None


def normalized(checkpoint: Checkpoint, pictures: Sequence["Image"]) -> "Tensor":
    """What the PyTorch module takes: (pictures, 3, H, W)."""
    import torch

    x = np.concatenate([checkpoint.normalization.apply(picture) for picture in pictures])
    return torch.from_numpy(x)


def stored(reference: Reference, pictures: Sequence["Image"]) -> StoredLogits:
    """What a later verification needs where the weights cannot be found again."""
    logits = reference.logits
    return StoredLogits(digest(pictures), logits.shape[1], logits.astype("<f4").tobytes())


def of_stored(note: StoredLogits, pictures: Sequence["Image"]) -> Reference:
    """Raises `PackageError` for logits of other pictures than these."""
    if note.pictures != digest(pictures):
        raise PackageError(
            "the probe pictures made here are not those that the module answered",
            "use the version of Pillow that it was exported with",
        )
    with decoding("what the module answered", "export it again", PackageError):
        logits = np.frombuffer(note.logits, "<f4").reshape(len(pictures), note.values)
    return Reference(logits)
