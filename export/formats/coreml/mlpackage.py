"""The format since iOS 15, ML Program: a folder .mlpackage.

Every value has a type: float16 is what is computed in, on the Neural Engine and the GPU.
"""

import json
import uuid
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from export.formats.coreml.ml_model import MLModel


class MLProgram:
    """How it is written."""

    convert_to = "mlprogram"
    is_typed = True

    def relu6(self, mb: Any, x: Any, name: str) -> Any:
        """The operation of that name."""
        return mb.relu6(x=x, name=name)

    def finished(
        self,
        ct: ModuleType,  # noqa: ARG002  # a `Kind`
        model: MLModel,
        outputs: Sequence[str],  # noqa: ARG002
        half: bool,  # noqa: ARG002
    ) -> MLModel:
        """As coremltools leaves it."""
        return model

    def save(self, model: MLModel, message: bytes, path: Path) -> None:
        """coremltools draws random identifiers for the manifest: they are fixed here."""
        model.save(str(path))
        (path / "Data" / "com.apple.CoreML" / "model.mlmodel").write_bytes(message)
        _fix_manifest(path / "Manifest.json")


def _fix_manifest(path: Path) -> None:
    manifest = json.loads(path.read_bytes())
    entries = manifest["itemInfoEntries"]
    fixed = {
        old: str(uuid.uuid5(uuid.NAMESPACE_URL, item["path"])) for old, item in entries.items()
    }
    manifest["itemInfoEntries"] = {fixed[old]: item for old, item in entries.items()}
    manifest["rootModelIdentifier"] = fixed[manifest["rootModelIdentifier"]]
    path.write_text(json.dumps(manifest, indent=4, sort_keys=True) + "\n")
