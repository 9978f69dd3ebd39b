"""A baseline as a PyTorch module, and as a package."""

import importlib
from pathlib import Path
from typing import cast

import msgspec
import torch
from torch import nn

from bench.baselines import BASELINES, KEY, SEED, BaselineMetadata
from export import pipeline
from export.source import TrainedModule
from export.spec import ExportSpec
from mobilenet.labels import imagenet_labels


def package_path(name: str, folder: Path) -> Path:
    """Where the package of a baseline lies in `folder`."""
    return folder / f"{name}_{BASELINES[name].size}_untrained.mlpackage"


def export(
    name: str, folder: Path, spec: ExportSpec | None = None, *, verify: bool = False
) -> Path:
    """Export a baseline into `folder` by tracing. Takes some seconds.

    Not verified unless asked for: VGG-16 alone takes a float32 twin of 550 MB. What a launch
    computes is held against the portable runtime in any case.
    """
    spec = (spec or ExportSpec()).resolved()
    about = BaselineMetadata(name, SEED, str(spec.precision))
    source = TrainedModule(
        module(name), imagenet_labels(), BASELINES[name].size,
        source=f"untrained, seed {SEED}", licence="none needed", trained=False, name=name,
        user_defined={KEY: msgspec.json.encode(about).decode()},
    )  # fmt: skip
    return pipeline.export(source, package_path(name, folder), spec=spec, verify=verify).path


def skeleton(name: str) -> nn.Module:
    """The module without numbers, on PyTorch's `meta` device, in eval mode."""
    source, _, function = BASELINES[name].factory.partition(":")
    with torch.device("meta"):
        return cast(nn.Module, getattr(importlib.import_module(source), function)()).eval()


def module(name: str, seed: int = SEED) -> nn.Module:
    """The module with drawn weights, the same for the same seed.

    He initialisation keeps activations at one scale through all layers, so that outputs differ
    between inputs and a runtime that computes something else is found out.
    """
    generator = torch.Generator().manual_seed(seed)
    made = skeleton(name).to_empty(device="cpu")
    for parameter in made.parameters():
        if parameter.dim() > 1:
            deviation = (2 / parameter[0].numel()) ** 0.5
            parameter.data.normal_(0, deviation, generator=generator)
        else:
            parameter.data.zero_()
    for norm in (part for part in made.modules() if isinstance(part, nn.BatchNorm2d)):
        norm.reset_running_stats()
        nn.init.ones_(norm.weight)
    return made.requires_grad_(False)
