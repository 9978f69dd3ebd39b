"""One package with a function for each resolution, all on the same weights (iOS 18).

MobileNet's weights do not depend on the size of its input, so four resolutions take the space of
one. In an app: `MLModelConfiguration.functionName = "r160"`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from export.formats.coreml.coremltools_import import coremltools
from export.spec import ExportSpec


def function_name(resolution: int) -> str:
    return f"r{resolution}"


def functions(spec: ExportSpec, resolution: int) -> dict[str, int]:
    """Name and resolution of each function; a package without several has "main"."""
    sizes = {function_name(size): size for size in spec.sizes}
    return sizes or {"main": resolution}


def merged(models: Mapping[str, Any], folder: Path) -> Any:
    """One `MLModel` of all; the last one's function is the default. Files stay in `folder`.

    coremltools stores equal weights once, keeps what each function says of its inputs and
    outputs, and drops all other metadata.
    """
    ct = coremltools(torch=False)
    descriptor = ct.utils.MultiFunctionDescriptor()
    for name, model in models.items():
        path = str(folder / f"{name}.mlpackage")
        model.save(path)
        descriptor.add_function(path, src_function_name="main", target_function_name=name)
        descriptor.default_function_name = name
    path = str(folder / "merged.mlpackage")
    ct.utils.save_multifunction(descriptor, path)
    return ct.models.MLModel(path, skip_model_load=True)
