"""PyTorch itself, eager and in float32, as a further runtime for packages of this project.

The numbers are taken out of the package (decompressed where it is compressed), so that the same
network is measured as everywhere else. Foreign packages have no module to put them into.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from bench import baselines
from bench.baselines import BaselineMetadata
from export.compression.stored_weights import layers_of
from export.mil.description import ImageInput, ModelDescription
from export.package.metadata import metadata_of
from export.runtimes.base import Feature
from export.runtimes.inputs import check
from mobilenet.checkpoint import Array, Checkpoint, Provenance
from mobilenet.common.errors import UnsupportedError
from mobilenet.networks import families
from mobilenet.networks.config import NetworkConfig
from mobilenet.preprocess import ImageScaling

if TYPE_CHECKING:
    import torch
    from torch import nn

    from export.mil.program import Function

RAW_OUTPUTS = ("logits", "features")  # names of outputs that are not probabilities


@dataclass(frozen=True)
class TorchRecipe:
    """What `load` needs beside the weights."""

    description: ModelDescription
    scaling: ImageScaling  # of pixels, ahead of the module
    config: NetworkConfig | None = None  # one of these two
    baseline: BaselineMetadata | None = None


class TorchRuntime:
    """`Runtime` on the CPU."""

    name, device, unit = "torch", "cpu", "CPU"

    def __init__(self, threads: int = 1) -> None:
        self.threads = threads

    def unavailable(self) -> str | None:
        """Never, once the number of threads is set."""
        import torch

        torch.set_num_threads(self.threads)
        return None

    def units(self) -> tuple[str, ...]:
        """The one that its device is."""
        return (self.unit,)

    def compile(self, package: Path, folder: Path) -> Path:
        """The package's numbers as safetensors, and what the module is beside them.

        Raises `UnsupportedError` for a package of another tool, and for a segmenter or detector.
        """
        from safetensors.torch import save_file

        from export.mil.read.model import read

        function = read(package).function()
        recipe = _recipe(function.description, package)
        compiled = folder / f"{package.stem}.safetensors"
        save_file(_state(recipe, function), compiled)
        compiled.with_suffix(".json").write_bytes(families.encode(recipe))
        return compiled

    def load(self, compiled: Path, unit: str) -> "TorchSession":  # noqa: ARG002  # there is but one
        """The module with these numbers, on the device."""
        from safetensors.torch import load_file

        described = compiled.with_suffix(".json").read_bytes()
        recipe = msgspec.json.decode(described, type=TorchRecipe, dec_hook=families.decode)
        module = _skeleton(recipe)
        module.load_state_dict(load_file(compiled), assign=True)
        return TorchSession(recipe, module.eval().to(self.device), self.device)


class MpsRuntime(TorchRuntime):
    """`Runtime` on Apple's GPU through Metal Performance Shaders."""

    name, device, unit = "torch-mps", "mps", "GPU"

    def unavailable(self) -> str | None:
        """On anything but a Mac with a Metal device."""
        import torch

        available = torch.backends.mps.is_available()
        return None if available else "PyTorch finds no Metal device (macOS with a GPU has one)"


class TorchSession:
    """`LoadedModel` on a module."""

    def __init__(self, recipe: TorchRecipe, module: "nn.Module", device: str) -> None:
        import torch

        self.description, self.device, self.module = recipe.description, device, module
        self.independent = recipe.config is not None and recipe.config.readout.scores == "sigmoid"
        self.scale = float(recipe.scaling.scale)
        self.bias = torch.tensor(recipe.scaling.bias, device=device).view(1, 3, 1, 1)

    def predict(self, inputs: Mapping[str, Feature]) -> dict[str, Feature]:
        """As `LoadedModel`: preprocessing, the module in float32, and its probabilities."""
        import torch

        check(self.description, inputs)
        with torch.inference_mode():
            y = self.module(self._tensor(inputs))
            if self.description.outputs[-1].name not in RAW_OUTPUTS:
                y = y.sigmoid() if self.independent else y.softmax(1)
            values = y.cpu().numpy()  # waits for the device
        return dict(self._outputs(values))

    def _tensor(self, inputs: Mapping[str, Feature]) -> "torch.Tensor":
        import torch

        (item,) = self.description.inputs
        if not isinstance(item, ImageInput):
            return torch.as_tensor(inputs[item.name]).to(self.device)
        pixels = torch.from_numpy(np.array(inputs[item.name])).to(self.device)  # (H, W, 3)
        if item.color == "BGR":
            pixels = pixels.flip(2)
        return pixels.permute(2, 0, 1)[None].float() * self.scale + self.bias

    def _outputs(self, values: Array) -> Iterator[tuple[str, Feature]]:
        labels = self.description.labels
        for output in self.description.outputs:
            if output.kind == "string":
                yield output.name, labels[int(values.argmax())]
            elif output.kind == "dictionary":
                yield output.name, dict(zip(labels, values.ravel().tolist(), strict=True))
            else:
                yield output.name, values


def _recipe(description: ModelDescription, package: Path) -> TorchRecipe:
    metadata = metadata_of(description.metadata)
    if metadata and metadata.config:
        readout = metadata.config.readout
        if readout.picture or readout.detection:
            raise UnsupportedError(
                f"{package.name} gives {description.outputs[0].name}: its PyTorch module ends "
                "before that, in the scores of a small map or of each box",
                "measure it on another --runtime",
            )
        return TorchRecipe(description, metadata.normalization.split()[0], config=metadata.config)
    if baseline := baselines.metadata_of(description.metadata):
        from mobilenet.preprocess import INCEPTION

        return TorchRecipe(description, INCEPTION.split()[0], baseline=baseline)
    raise UnsupportedError(
        f"{package.name} was not made by this tool: there is no PyTorch module for it",
        "measure it on another --runtime",
    )


def _skeleton(recipe: TorchRecipe) -> "nn.Module":
    """The module without numbers."""
    import torch

    if recipe.baseline:
        from bench.baselines.make import skeleton

        return skeleton(recipe.baseline.name)
    from mobilenet.torch_module import MobileNet

    with torch.device("meta"):
        return MobileNet(recipe.config, folded=True)


def _state(recipe: TorchRecipe, function: "Function") -> dict[str, Any]:
    import torch

    from mobilenet.store import state_arrays

    if recipe.config is None:
        from bench.baselines.make import module

        assert recipe.baseline, "a recipe is for one or the other"
        return module(recipe.baseline.name, recipe.baseline.seed).state_dict()
    provenance = Provenance("the package", trained=True)
    layers = layers_of(function, recipe.config)
    stored = Checkpoint(recipe.config, layers, provenance)
    return {name: torch.from_numpy(array) for name, array in state_arrays(stored).items()}
