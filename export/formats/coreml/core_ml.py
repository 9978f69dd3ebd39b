"""Core ML as one of the formats. coremltools is imported once something is written."""

from pathlib import Path
from typing import TYPE_CHECKING

from export.file_kinds import FileFormat
from export.prepared import MAIN, Prepared, TracedModule
from export.spec import ExportSpec
from mobilenet.common.temporary import owned_folder

if TYPE_CHECKING:
    from export.formats.coreml.ml_model import MLModel


class CoreML:
    """ML Programs (.mlpackage), and NeuralNetworks (.mlmodel) for iOS 13 and 14."""

    kinds: tuple[FileFormat, ...] = ("mlprogram", "neuralnetwork")
    runtime = "portable"

    def stand_in(self, function: str, spec: ExportSpec) -> str:  # noqa: ARG002  # a `Format`
        """Itself."""
        return function

    def check(self, spec: ExportSpec) -> None:
        """As `Format`: what it cannot hold is known to `ExportSpec`, since it goes by iOS."""

    def write(self, prepared: Prepared, path: Path) -> None:
        """Convert, describe and save: one function, or several on the same weights."""
        from export.formats.coreml.kinds import KINDS
        from export.formats.coreml.multifunction import merged
        from export.formats.coreml.save import describe, save_reproducibly

        kind = KINDS[prepared.metadata.format]
        models = {name: _model(part) for name, part in prepared.functions.items()}
        for name, part in prepared.functions.items():
            describe(models[name], part)
        if not prepared.parts:
            save_reproducibly(models[MAIN], kind, path)
            return
        with owned_folder() as folder:
            model = merged(models, folder)
            describe(model, prepared)
            save_reproducibly(model, kind, path)


def _model(prepared: Prepared) -> "MLModel":
    """A model of one function, without metadata."""
    if isinstance(prepared.network, TracedModule):
        from export.formats.coreml.trace import trace  # loads PyTorch

        model = trace(prepared.network, prepared.spec, prepared.precision)
        if prepared.compress is None:
            return model
        from export.formats.coreml.trace_compress import with_compressed_weights

        return with_compressed_weights(model, prepared.spec)
    model = _network(prepared)
    if prepared.spec.outputs != "detections":
        return model
    from export.coremltools_import import coremltools
    from export.formats.coreml.suppression import suppressed

    return suppressed(coremltools(torch=False), model, prepared)


def _network(prepared: Prepared) -> "MLModel":
    """One network of ours, alone."""
    if prepared.compress is not None and prepared.compressed is None:
        from export.formats.coreml.compress import compressed

        return compressed(prepared)
    from export.formats.coreml.build import build

    return build(prepared)
