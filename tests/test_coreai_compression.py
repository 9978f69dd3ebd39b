"""Core AI assets with compressed weights: Core ML's numbers, and what Apple makes of them."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest

from export import pipeline
from export.compression import kernels, weights
from export.compression.forms import LayerForm
from export.compression.kernels import CompressedKernel
from export.compression.stored_kernels import kernels_of
from export.compression.stored_weights import layers_of
from export.formats.registry import format_of
from export.mil import cost
from export.mil.read.model import read
from export.prepared import prepare_checkpoint
from export.source import Loaded
from export.spec import ExportSpec
from export.verify import package_weights
from export.verify.gates import verify_package
from export.verify.limits import STRUCTURE
from learned_networks import learned
from mobilenet import store
from mobilenet.checkpoint import Checkpoint
from mobilenet.common.errors import ConfigError, VerificationError
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.untrained import untrained

pytest.importorskip("coreai", reason="there is no wheel of coreai-core for this machine")
CLASSES = 200
STORED = {
    "int8": ("int8", 1), "int4": ("int4", 2), "palette2": ("2-bit palette", 4),
    "palette6": ("6-bit palette", 8 / 6),
}  # fmt: skip


@pytest.fixture(scope="module")
def small() -> Checkpoint:
    """Nine of its layers are large enough."""
    checkpoint = untrained(MobileNetConfig(0.25, 33, classes=CLASSES), seed=1)
    return replace(checkpoint, labels=tuple(f"class {i}" for i in range(CLASSES)))


def written(checkpoint: Checkpoint, path: Path, **options: Any) -> Path:
    spec = ExportSpec(**options)
    format_of(spec).write(Loaded(checkpoint).prepare(spec.resolved()), path)
    return path


@pytest.mark.parametrize("method", STORED)
def test_a_compressed_network_agrees_and_holds_core_mls_numbers(
    small: Checkpoint, method: str, tmp_path: Path
) -> None:
    spec = ExportSpec(format="coreai", compress=method)
    exported = pipeline.export(small, tmp_path, spec=spec)
    assert exported.verified is not None
    assert exported.verified.structure <= STRUCTURE.usual
    assert exported.verified.agreement < exported.verified.loss
    function = read(exported.path).function()
    package = written(small, tmp_path / "n.mlpackage", compress=method)
    expected = layers_of(read(package).function(), small.config)
    for name, layer in layers_of(function, small.config).items():
        assert np.array_equal(layer.kernel, expected[name].kernel), name
        assert np.array_equal(layer.bias, expected[name].bias), name
    words, divisor = STORED[method]
    prepared = prepare_checkpoint(small, spec)
    touched = weights.compressed_layers(prepared.folded, spec)
    stored = {op.name: function.argument(op, "weight") for op in function.ops if op.type == "conv"}
    assert [n for n, w in stored.items() if cost.stored_as(w) == words] == touched
    for name in touched:
        size = prepared.folded.layers[name].kernel.size / divisor
        assert size < stored[name].size_bytes < 1.15 * size


AGAIN = """
from pathlib import Path
import test_coreai_compression as test
from mobilenet import store
for identity in test.identities(store.load(Path("w.safetensors")), Path()):
    print(identity)
"""


def identities(network: Checkpoint, folder: Path) -> list[str]:
    return [
        pipeline.export(
            network, folder / f"{method}.aimodel", verify=False,
            spec=ExportSpec(format="coreai", compress=method),
        ).identity
        for method in ("int4", "palette2")
    ]  # fmt: skip


def test_the_same_bytes_from_another_process(small: Checkpoint, tmp_path: Path) -> None:
    store.save(small, tmp_path / "w.safetensors")
    path = os.pathsep.join((str(Path(pipeline.__file__).parents[1]), str(Path(__file__).parent)))
    done = subprocess.run(
        [sys.executable, "-c", AGAIN], cwd=tmp_path, capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip
    stored = store.load(tmp_path / "w.safetensors")
    assert done.stdout.split() == identities(stored, tmp_path)


def test_several_resolutions_share_compressed_weights(small: Checkpoint, tmp_path: Path) -> None:
    single, several = (
        written(small, tmp_path / f"{name}.aimodel", format="coreai", compress="int4", **options)
        for name, options in {"one": {}, "two": {"resolutions": "33,50"}}.items()
    )
    assert read(several).functions.keys() == {"r33", "r33_pixels", "r50", "r50_pixels"}
    sizes = [(path / "main.mlirb").stat().st_size for path in (single, several)]
    assert sizes[0] <= sizes[1] < 1.1 * sizes[0]


def one_scale_too_large(kernel: CompressedKernel) -> None:
    kernel.operands["scale"][0] *= 2


def one_index_too_high(kernel: CompressedKernel) -> None:
    kernel.operands["indices"].flat[5] ^= 1


def a_column_turned(kernel: CompressedKernel) -> None:
    data = kernel.operands["data"]
    data[:, [0, 1]] = data[:, [1, 0]]


@pytest.mark.parametrize(
    ("method", "fault"),
    [
        ("int8", one_scale_too_large),
        ("int4", one_scale_too_large),
        ("int4", a_column_turned),
        ("palette4", one_index_too_high),
    ],
)
def test_the_weights_gate_rejects(
    small: Checkpoint, method: str, fault: Any, tmp_path: Path
) -> None:
    right = kernels.compressed

    def wrong(*given: Any) -> CompressedKernel:
        kernel = right(*given)
        fault(kernel)
        return kernel

    options = {"format": "coreai", "compress": method}
    with mock.patch.object(kernels, "compressed", wrong):
        path = written(small, tmp_path / "n.aimodel", **options)
    prepared = prepare_checkpoint(small, ExportSpec(**options))
    with pytest.raises(VerificationError, match="kernel of the package is off"):
        package_weights.stored_network(read(path).function(), prepared)


def test_a_network_too_small_to_compress(tmp_path: Path) -> None:
    checkpoint = replace(untrained(MobileNetConfig(0.05, 32, classes=2)), labels=("a", "b"))
    with pytest.raises(ConfigError, match="no layer has more than"):
        written(checkpoint, tmp_path / "n.aimodel", format="coreai", compress="int8")


FORMS = {
    "conv7_pointwise": LayerForm("int4", 32), "conv9_pointwise": LayerForm("palette4", 16),
    "conv10_pointwise": LayerForm("int8", 16), "logits": LayerForm("palette6"),
}  # fmt: skip


def test_what_was_learned_is_what_core_ml_holds(small: Checkpoint, tmp_path: Path) -> None:
    """Grouped tables as well: Apple's runtime makes of them what they say."""
    stored = []
    for name, options in {"n.aimodel": {"format": "coreai"}, "n.mlpackage": {}}.items():
        prepared = learned(
            prepare_checkpoint(small, ExportSpec(compress="int4", **options)), FORMS
        )
        format_of(prepared.spec).write(prepared, tmp_path / name)
        assert verify_package(tmp_path / name, prepared).structure <= STRUCTURE.usual
        stored.append(kernels_of(read(tmp_path / name).function(), small.config))
    for layer, form in FORMS.items():
        first, second = (kernels[layer] for kernels in stored)
        assert first.layer_form == second.layer_form == form
        assert np.array_equal(first.dense().ravel(), second.dense().ravel())


def test_core_ai_has_no_sparse_form(small: Checkpoint, tmp_path: Path) -> None:
    spec = ExportSpec(compress="int4", format="coreai")
    prepared = learned(prepare_checkpoint(small, spec), {"logits": LayerForm("prune50")})
    with pytest.raises(ConfigError, match="as prune50 with format coreai"):
        format_of(prepared.spec).write(prepared, tmp_path / "n.aimodel")
