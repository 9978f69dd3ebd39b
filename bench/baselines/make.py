"""A baseline as a PyTorch module, and as a package."""

import importlib
from pathlib import Path
from typing import cast

import msgspec
import torch
from torch import nn

from bench.baselines import BASELINES, KEY, SEED, BaselineFacts
from export.formats.coreml.save import save_reproducibly
from export.formats.coreml.trace import trace
from export.spec import ExportSpec
from mobilenet.common import files
from mobilenet.labels import imagenet_labels
from mobilenet.preprocess import INCEPTION


def package_path(name: str, folder: Path) -> Path:
    """Where the package of a baseline lies in `folder`."""
    return folder / f"{name}_{BASELINES[name].size}_untrained.mlpackage"


def export(name: str, folder: Path, spec: ExportSpec | None = None) -> Path:
    """Export a baseline into `folder` by tracing. Takes some seconds."""
    spec = (spec or ExportSpec()).resolved()
    size, path = BASELINES[name].size, package_path(name, folder)
    files.check_package(path)
    model = trace(module(name), size, spec, INCEPTION, imagenet_labels())
    model.short_description = f"{name}, {size} x {size}; UNTRAINED: its answers mean nothing"
    facts = BaselineFacts(name, SEED, str(spec.precision))
    model.user_defined_metadata[KEY] = msgspec.json.encode(facts).decode()
    with files.replacing(path) as temporary:
        save_reproducibly(model, temporary)
    return path


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
