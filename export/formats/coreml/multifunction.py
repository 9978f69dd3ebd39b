"""One package with a function for each resolution, all on the same weights (iOS 18).

MobileNet's weights do not depend on the size of its input, so four resolutions take the space of
one. In an app: `MLModelConfiguration.functionName = "r160"`.
"""

from collections.abc import Mapping
from pathlib import Path

from export.coremltools_import import coremltools
from export.formats.coreml.ml_model import MLModel


def merged(models: Mapping[str, MLModel], folder: Path) -> MLModel:
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
    together: MLModel = ct.models.MLModel(path, skip_model_load=True)
    return together
