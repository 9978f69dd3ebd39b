"""`export(model, ...)`: a user's own trained module to a verified package, from Python.

    from export.module import export
    export(model, Path("Flowers.mlpackage"), labels=["daisy", "rose", "tulip"])

Our `MobileNet` goes the way of the command line. Any other module is traced: it must map
normalized images (1, 3, H, W) to logits (1, classes), as it does in training.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from export import pipeline
from export.formats.coreml.build import names
from export.formats.coreml.save import save_reproducibly
from export.formats.coreml.trace import trace
from export.mil.read.model import read
from export.package.metadata import Verified
from export.package.model_files import find
from export.spec import ExportSpec
from export.verify.agreement import probe_pictures, relative_l2, run, tap_of
from export.verify.gates import PRECISION_LIMITS, STRUCTURE_LIMIT, gate
from mobilenet.checkpoint import Checkpoint, Provenance
from mobilenet.common import files
from mobilenet.common.errors import ConfigError
from mobilenet.labels import unique
from mobilenet.preprocess import INCEPTION, STANDARD_CROP, Geometry, Normalization
from mobilenet.torch_module import MobileNet, to_layers


@dataclass(frozen=True)
class ExportedModule:
    """A package of a user's module, whole and on disk."""

    path: Path
    size_bytes: int
    identity: str
    verified: Verified | None


def export(
    model: nn.Module,
    output: Path,
    *,
    labels: Sequence[str] = (),
    resolution: int | None = None,
    normalization: Normalization = INCEPTION,
    geometry: Geometry = STANDARD_CROP,
    source: str = "trained by the user",
    licence: str = "unknown",
    spec: ExportSpec | None = None,
    verify: bool = True,
) -> ExportedModule:
    """Export a trained module to `output`, an .mlpackage; one that is there is replaced whole.

    `labels` are in the order of the outputs and made unique; `resolution` is the side of the
    input in pixels (of a `MobileNet`, its config's unless given); `normalization` and `geometry`
    are those of training. The module is not changed.

    Raises `ConfigError` for options that do not fit, `VerificationError` (and leaves no package)
    when the package does not compute what the module does.
    """
    spec = (spec or ExportSpec()).for_file(output.suffix).resolved()
    labels = unique(labels)
    if spec.outputs == "classifier" and not labels:
        raise ConfigError(
            "a classifier without labels",
            'give labels=[...], or spec=ExportSpec(outputs="probabilities")',
        )
    if isinstance(model, MobileNet):
        checkpoint = Checkpoint(
            model.config, to_layers(model), Provenance(source, trained=True, licence=licence),
            normalization, geometry, labels if spec.outputs == "classifier" else (),
        ).at(resolution or model.config.resolution)  # fmt: skip
        done = pipeline.export_checkpoint(checkpoint, spec, output, verify=verify)
        return ExportedModule(done.path, done.size_bytes, done.identity, done.verified)
    traced = _Traced(model, resolution or 224, normalization, labels)
    return _export_traced(traced, output, spec, verify)


@dataclass(frozen=True)
class _Traced:
    """A module of another kind and all that its package needs."""

    model: nn.Module
    size: int
    normalization: Normalization
    labels: tuple[str, ...]

    def to_core_ml(self, spec: ExportSpec) -> Any:
        return trace(self.model, self.size, spec, self.normalization, self.labels)


def _export_traced(
    traced: _Traced, output: Path, spec: ExportSpec, verify: bool
) -> ExportedModule:
    if spec.compress or spec.sizes or spec.format != "mlprogram":
        raise ConfigError(
            "compression, several resolutions and .mlmodel are for a MobileNet of ours",
            "leave them out for a module of another kind",
        )
    path = pipeline.destination(output, output.name, spec)
    training = traced.model.training
    try:
        traced.model.eval()
        with files.replacing(path) as temporary:
            save_reproducibly(traced.to_core_ml(spec), temporary)
            result = _verify(temporary, traced, spec) if verify else None
    finally:
        traced.model.train(training)
    package = find(path)
    return ExportedModule(path, package.size_bytes, package.identity(), result)


def _verify(path: Path, traced: _Traced, spec: ExportSpec) -> Verified:
    """As `gates` does for our own network: a float32 twin, then the package itself."""
    pictures = probe_pictures(traced.size)
    arrays = [traced.normalization.apply(picture) for picture in pictures]
    with torch.no_grad():
        wanted = np.concatenate([traced.model(torch.from_numpy(x)).numpy() for x in arrays])
    name = names(spec).input
    inputs = [{name: one} for one in (pictures if spec.input == "image" else arrays)]
    with tempfile.TemporaryDirectory() as folder:
        twin = Path(folder) / "twin.mlpackage"
        as_float32 = ExportSpec(precision="fp32", input=spec.input, outputs=spec.outputs)
        traced.to_core_ml(as_float32).save(str(twin))
        tap = tap_of(read(twin).function())
        structure = relative_l2(run(twin, inputs, "float32", tap).logits, wanted)
    gate("structure", structure, STRUCTURE_LIMIT)
    tap = tap_of(read(path).function())
    agreement = relative_l2(run(path, inputs, "declared", tap).logits, wanted)
    gate("precision", agreement, PRECISION_LIMITS[spec.precision or "fp16"])
    return Verified(find(path).identity(), structure, agreement, len(pictures), "portable")
