"""PyTorch as a runtime computes what the package computes, whatever the package is."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bench.runtimes.torch_runtime import MpsRuntime, TorchRuntime
from bench.session.model_facts import model_of
from bench.workers import made_inputs
from bench.workers.outputs import vector
from export.formats.registry import format_of
from export.pipeline import export
from export.prepared import prepare_checkpoint
from export.runtimes.portable import PortableRuntime
from export.spec import ExportSpec
from made_detector import detector
from made_segmenter import segmenter
from mobilenet.checkpoint import Checkpoint
from mobilenet.common.errors import PackageError, UnsupportedError
from mobilenet.preprocess import CAFFE


def outputs(runtime: object, package: Path, folder: Path) -> dict[str, object]:
    session = runtime.load(runtime.compile(package, folder), "CPU")  # type: ignore[attr-defined]
    return session.predict(made_inputs.make(session.description))


@pytest.mark.parametrize(
    "spec",
    [
        ExportSpec(),
        ExportSpec(target="ane", outputs="probabilities"),
        ExportSpec(input="tensor", outputs="logits"),
        ExportSpec(outputs="features", precision="fp32"),
    ],
)
def test_it_agrees_with_the_portable_runtime(
    hot: Checkpoint, spec: ExportSpec, tmp_path: Path
) -> None:
    package = export(hot, tmp_path, spec=spec, verify=False).path
    ours = outputs(TorchRuntime(threads=1), package, tmp_path)
    reference = outputs(PortableRuntime(threads=1), package, tmp_path)
    assert ours.keys() == reference.keys()
    assert ours.get("classLabel") == reference.get("classLabel")
    np.testing.assert_allclose(vector(ours), vector(reference), rtol=1e-3, atol=1e-4)


def test_the_order_of_colours_is_the_packages(hot: Checkpoint, tmp_path: Path) -> None:
    from dataclasses import replace

    package = export(
        replace(hot, normalization=CAFFE),
        tmp_path,
        spec=ExportSpec(outputs="logits"),
        verify=False,
    ).path
    ours = outputs(TorchRuntime(threads=1), package, tmp_path)
    reference = outputs(PortableRuntime(threads=1), package, tmp_path)
    np.testing.assert_allclose(ours["logits"], reference["logits"], rtol=1e-3, atol=1e-3)


def test_a_foreign_package_has_no_module(tmp_path: Path, hot: Checkpoint) -> None:
    from export.formats.coreml.build import build
    from export.formats.coreml.kinds import KINDS
    from export.formats.coreml.save import save_reproducibly

    path = tmp_path / "foreign.mlpackage"
    save_reproducibly(build(prepare_checkpoint(hot, ExportSpec())), KINDS["mlprogram"], path)
    with pytest.raises(UnsupportedError, match="was not made by this tool"):
        TorchRuntime().compile(path, tmp_path)
    model = model_of(path)
    assert (model.name, model.trained, model.macs) == ("foreign", None, None)


@pytest.mark.parametrize(
    ("make", "outputs_of"), [(segmenter, "mask"), (segmenter, "logits"), (detector, "boxes")]
)
def test_what_stands_behind_the_module_of_a_segmenter_or_detector_is_told(
    make: Callable[[], Checkpoint], outputs_of: str, tmp_path: Path
) -> None:
    """Not refused after every launch, as a runtime that computes something else is."""
    spec = ExportSpec(outputs=outputs_of)
    package = export(make(), tmp_path, spec=spec, verify=False).path
    with pytest.raises(UnsupportedError, match=f"gives {outputs_of}: its PyTorch module ends"):
        TorchRuntime().compile(package, tmp_path)


def test_a_package_whose_metadata_lie_is_refused(tmp_path: Path, hot: Checkpoint) -> None:
    from dataclasses import replace

    prepared, path = prepare_checkpoint(hot, ExportSpec()), tmp_path / "lie.mlpackage"
    config = replace(hot.config, shallow=True)
    lying = replace(prepared, metadata=replace(prepared.metadata, config=config))
    format_of(prepared.spec).write(lying, path)
    with pytest.raises(PackageError, match="has a layer conv7_depthwise"):
        TorchRuntime().compile(path, tmp_path)


def test_metal_is_absent_with_a_reason_or_there() -> None:
    import torch

    reason = MpsRuntime().unavailable()
    assert (reason is None) == torch.backends.mps.is_available()
