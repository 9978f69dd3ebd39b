"""Packages stay byte for byte what they are: digests of a spread of variants, with fixed weights.

`data/identities.json` holds, for each variant, the file's name and a digest of each part:
program (of an .mlmodel, with its weights), weights, description, and the package's file names
and manifest. The tool's version and those of coremltools and torch are left out of them; of a
traced module, all that people read (metadata and the texts of inputs and outputs) is too.

After a change that is meant to change packages:

    python tests/test_identities.py --write

and the difference of the JSON file says what moved.

Weights are bits of PCG64 scaled by exact arithmetic: no libm, no sum in an order that machines
choose. In what export makes of them, the last digit of a float64 may differ from one processor to
another: in bias correction (numpy's `exp`, a matrix product, sums) and in the costs that
`kmeans1d` compares. The results are rounded to float32 or float16, so that it shows only where
one lies at the middle between two floats: with this seed none does. Errors of 1e-11, in the
expected activations and in the values that are clustered, change nothing. What is traced depends
on the version of torch too (`.ci/constraints.txt`).
"""

import hashlib
import json
import math
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch  # before coremltools, which traces only where it finds torch loaded
from torch import nn

from export import pipeline
from export.compression.quantizer import Quantizer
from export.coremltools_import import coremltools
from export.formats.registry import format_of
from export.prepared import prepare_checkpoint
from export.spec import ExportSpec
from mobilenet import __version__
from mobilenet.checkpoint import BatchNorm, Checkpoint, Layer, Provenance
from mobilenet.fold import fold
from mobilenet.networks.v1 import MobileNetConfig, resolution_of
from mobilenet.preprocess import CAFFE, IMAGENET, INCEPTION, STANDARD_CROP, Geometry, Normalization
from mobilenet.torch_module import from_checkpoint

IDENTITIES = Path(__file__).parent / "data" / "identities.json"
SEED = 21
SWIFT = "swift"
PARTS = ("name", "program", "weights", "description", "files")
SMALL = MobileNetConfig(0.25, 32, classes=10)
BGR_WITH_GAIN = Normalization((1 / 64, 1 / 32, 3 / 128), (-1.5, -2.0, -2.75), "BGR")


# The ways into export. Whatever moves there, only these and the imports above follow.


def write_checkpoint(network: "Network", folder: Path) -> Path:
    return pipeline.export(network.checkpoint(), folder, spec=network.spec, verify=False).path


def write_quantized(network: "Network", folder: Path) -> Path:
    """w8a8 with quantizers that are given: calibration would add up float32 in torch."""
    checkpoint = network.checkpoint()
    names = [name for name in checkpoint.layers if name != "conv0"]
    quantizers = {name: Quantizer((64 + i) / 4096) for i, name in enumerate(names)}
    prepared = replace(prepare_checkpoint(checkpoint, network.spec), quantizers=quantizers)
    path = folder / f"{prepared.name}.mlpackage"
    format_of(network.spec).write(prepared, path)
    return path


def write_own_module(network: "Network", folder: Path) -> Path:
    checkpoint = network.checkpoint()
    return pipeline.export(
        from_checkpoint(checkpoint), folder / "Own.mlpackage", labels=checkpoint.labels,
        spec=network.spec, verify=False,
    ).path  # fmt: skip


def write_traced(network: "Network", folder: Path) -> Path:
    return pipeline.export(
        foreign_module(), folder / "Traced.mlpackage", labels=network.labels,
        normalization=network.normalization, resolution=32, spec=network.spec, verify=False,
    ).path  # fmt: skip


# Networks with fixed weights.


class Uniform:
    """Uniform numbers, equal on every machine and for every version of numpy."""

    def __init__(self, seed: int) -> None:
        self.bits = np.random.PCG64(seed)

    def __call__(self, low: float, high: float, *shape: int) -> np.ndarray:
        raw = self.bits.random_raw(math.prod(shape)) >> np.uint64(40)
        unit = raw.astype(np.float64) / 2**24
        return (low + (high - low) * unit).astype(np.float32).reshape(shape)

    def kernel(self, *shape: int) -> np.ndarray:
        """Of variance 2 / fan-in, as He et al. 2015 keep activations alive."""
        bound = math.sqrt(6 / math.prod(shape[1:]))
        return self(-bound, bound, *shape)


@dataclass(frozen=True)
class Network:
    """One variant: what is exported, how, and by which way."""

    config: MobileNetConfig = SMALL
    spec: ExportSpec = field(default_factory=ExportSpec)
    normalization: Normalization = INCEPTION
    geometry: Geometry = STANDARD_CROP
    trained: bool = True
    folded: bool = False
    steps: int = 0  # of folded kernels between 0 and 1; 0: as drawn
    write: Callable[["Network", Path], Path] = write_checkpoint

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(f"class {i}, {'né' * (i % 2)}" for i in range(self.config.classes))

    def checkpoint(self) -> Checkpoint:
        draw = Uniform(SEED)
        layers = {}
        for row in self.config.rows():
            channels = row.out_channels
            kernel = draw.kernel(channels, row.in_channels // row.groups, row.kernel, row.kernel)
            norm = BatchNorm(
                gamma=draw(1, 3, channels), beta=draw(-0.75, 2.75, channels),
                mean=draw(-1, 1, channels), variance=draw(0.5, 8, channels),
            )  # fmt: skip
            layers[row.name] = Layer(kernel, norm=norm)
        classes = self.config.classes
        kernel = draw.kernel(classes, self.config.readout.channels)
        layers["logits"] = Layer(kernel, draw(-1, 1, classes))
        provenance = Provenance(
            "made for a test", self.trained, "CC0 1.0", "https://example.org/weights", "0" * 64,
            70.5, 89.25,
        )  # fmt: skip
        made = Checkpoint(
            self.config, layers, provenance, self.normalization, self.geometry, self.labels
        )
        made = fold(made) if self.folded else made
        return in_steps(made, self.steps) if self.steps else made


def in_steps(checkpoint: Checkpoint, steps: int) -> Checkpoint:
    """With kernels rounded to multiples of 1 / `steps`."""
    layers = {
        name: replace(layer, kernel=np.round(layer.kernel * steps) / np.float32(steps))
        for name, layer in checkpoint.layers.items()
    }
    return replace(checkpoint, layers=layers)


def foreign_module() -> nn.Module:
    """A module that is no MobileNet of ours, with fixed numbers."""
    module = nn.Sequential(
        nn.Conv2d(3, 16, 3, 2, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU6(),
        nn.Conv2d(16, 16, 3, 1, 1, groups=16), nn.Hardswish(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 10),
    )  # fmt: skip
    draw = Uniform(SEED)
    state = {
        name: torch.from_numpy(draw(0.5, 1.5, *value.shape))
        for name, value in module.state_dict().items()
        if value.is_floating_point()
    }
    module.load_state_dict(state, strict=False)
    return module.eval()


def small(**changes: Any) -> MobileNetConfig:
    return replace(SMALL, **changes)


def with_spec(**options: Any) -> Network:
    return Network(spec=ExportSpec(**options))


VARIANTS = {
    "plain": Network(),
    "alpha 1.0": Network(MobileNetConfig(1.0, 224)),
    "alpha 0.35": Network(small(alpha=0.35)),
    "alpha 0.35, keras widths": Network(small(alpha=0.35, width_rule="keras")),
    "alpha 0.35, timm widths": Network(small(alpha=0.35, width_rule="timm")),
    "rho 0.857": Network(small(resolution=resolution_of(0.857))),
    "shallow": Network(small(shallow=True)),
    "same padding, 97 px": Network(small(resolution=97)),
    "keras padding, 97 px": Network(small(resolution=97, padding="keras")),
    "keras padding, 96 px": Network(small(resolution=96, padding="keras")),
    "symmetric padding": Network(small(resolution=96, padding="symmetric", bn_epsilon=1e-5)),
    "relu": Network(small(activation="relu")),
    "untrained": Network(trained=False),
    "caffe normalization": Network(normalization=CAFFE),
    "imagenet normalization": Network(normalization=IMAGENET),
    "BGR, gain per channel": Network(
        normalization=BGR_WITH_GAIN, geometry=Geometry(0.9, "bicubic")
    ),
    "fp32": with_spec(precision="fp32"),
    "ane": with_spec(target="ane"),
    "gpu": with_spec(target="gpu"),
    "cpu": with_spec(target="cpu"),
    "cpu, fp16": with_spec(target="cpu", precision="fp16"),
    "iOS 18": with_spec(min_ios=18),
    "tensor input": with_spec(input="tensor"),
    "tensor input, gain per channel": Network(
        spec=ExportSpec(input="tensor"), normalization=IMAGENET
    ),
    "probabilities": with_spec(outputs="probabilities"),
    "logits": with_spec(outputs="logits"),
    "logits, fp32": with_spec(outputs="logits", precision="fp32"),
    "logits, ane": with_spec(outputs="logits", target="ane"),
    "features": with_spec(outputs="features"),
    "features, ane": with_spec(outputs="features", target="ane"),
    "features of a layer": with_spec(outputs="features", layer="conv5_depthwise"),
    "features of a layer, fp32": with_spec(
        outputs="features", layer="conv5_pointwise", precision="fp32"
    ),
    "int8": Network(small(classes=100), ExportSpec(compress="int8")),
    "int8, ane": Network(small(classes=100), ExportSpec(compress="int8", target="ane")),
    "int8, fp32": with_spec(compress="int8", precision="fp32"),
    "int8, relu": Network(small(activation="relu"), ExportSpec(compress="int8")),
    "int8, folded weights": Network(spec=ExportSpec(compress="int8"), folded=True),
    "int8, gain per channel": Network(
        spec=ExportSpec(compress="int8"), normalization=BGR_WITH_GAIN
    ),
    "int8, shallow": Network(small(shallow=True), ExportSpec(compress="int8")),
    "int4 in blocks": with_spec(compress="int4"),
    "int4, odd widths": Network(
        small(alpha=0.35), ExportSpec(compress="int4", outputs="features", layer="conv8_pointwise")
    ),
    "palette2": with_spec(compress="palette2", outputs="features", layer="conv9_pointwise"),
    "palette4": with_spec(compress="palette4"),
    "palette6": with_spec(compress="palette6", outputs="features", layer="conv8_pointwise"),
    # of kernels as drawn, 256 clusters are so small that their means lie between two halves
    "palette8": Network(spec=ExportSpec(compress="palette8"), folded=True, steps=64),
    "prune50": with_spec(compress="prune50"),
    "prune30, fp32": with_spec(compress="prune30", precision="fp32"),
    "w8a8": Network(spec=ExportSpec(compress="w8a8"), write=write_quantized),
    "w8a8, ane": Network(spec=ExportSpec(compress="w8a8", target="ane"), write=write_quantized),
    "two resolutions": with_spec(resolutions="32,64"),
    "two resolutions, int8": with_spec(
        resolutions="96,64", compress="int8", outputs="features", layer="conv8_pointwise"
    ),
    "mlmodel": with_spec(format="neuralnetwork"),
    "mlmodel, fp32": with_spec(format="neuralnetwork", precision="fp32"),
    "mlmodel, iOS 14, relu": Network(small(activation="relu"), ExportSpec(min_ios=14)),
    "mlmodel, BGR, gain per channel": Network(
        spec=ExportSpec(min_ios=13, outputs="probabilities"), normalization=BGR_WITH_GAIN
    ),
    "mlmodel, logits of a tensor": with_spec(
        format="neuralnetwork", outputs="logits", input="tensor"
    ),
    "mlmodel, features": with_spec(format="neuralnetwork", outputs="features"),
    "own module": Network(write=write_own_module),
    "traced": Network(write=write_traced, normalization=IMAGENET),
    "traced, fp32": Network(spec=ExportSpec(target="cpu", outputs="logits"), write=write_traced),
}


# Digests.


def identity(variant: str, folder: Path) -> dict[str, str]:
    """The file's name, and the digest of each part of the package."""
    network = VARIANTS[variant]
    path = network.write(network, folder)
    model = model_of(path if path.is_file() else path / "Data/com.apple.CoreML/model.mlmodel")
    if network.write is write_traced:
        forget_texts(model.description)
    else:
        forget_tool(model.description.metadata)
    description = serialized(model.description)
    model.ClearField("description")
    forget_versions(model)
    files = sorted(file for file in path.rglob("*") if file.is_file())
    names = [file.relative_to(path).as_posix().encode() for file in files]
    return {
        "name": path.name,
        "program": digest(serialized(model)),
        "weights": digest(*(file.read_bytes() for file in files if file.suffix == ".bin")),
        "description": digest(description),
        "files": digest(*names, *(file.read_bytes() for file in files if file.suffix == ".json")),
    }


def model_of(specification: Path) -> Any:
    coremltools()
    from coremltools.proto import Model_pb2

    content = specification.read_bytes()
    model = Model_pb2.Model.FromString(content)
    assert serialized(model) == content, "maps are not in the order of their keys"
    return model


def serialized(message: Any) -> bytes:
    content: bytes = message.SerializeToString(deterministic=True)
    return content


def digest(*contents: bytes) -> str:
    together = hashlib.sha256()
    for content in contents:
        together.update(hashlib.sha256(content).digest())
    return together.hexdigest()[:32]


def without_tool(text: str) -> str:
    """What we write of our own version, wherever we write it."""
    for before, after in (('"tool":"', '"'), ("mobilenet-coreml ", "")):
        text = text.replace(f"{before}{__version__}{after}", f"{before}VERSION{after}")
    return text


def forget_tool(metadata: Any) -> None:
    assert metadata.versionString == __version__
    metadata.versionString = "VERSION"
    metadata.author = without_tool(metadata.author)
    metadata.userDefined["mobilenet"] = without_tool(metadata.userDefined["mobilenet"])
    metadata.userDefined.pop("com.github.apple.coremltools.version", None)


def forget_texts(description: Any) -> None:
    """Leave names and types alone."""
    description.ClearField("metadata")
    for feature in (*description.input, *description.output):
        feature.ClearField("shortDescription")


def forget_versions(model: Any) -> None:
    """Of coremltools and torch, in the program's build info."""
    if model.WhichOneof("Type") == "mlProgram" and "buildInfo" in model.mlProgram.attributes:
        info = model.mlProgram.attributes["buildInfo"].immediateValue.dictionary
        for pair in info.values:
            pair.value.immediateValue.tensor.strings.values[:] = ["VERSION"]


# Tests.


@pytest.fixture(scope="module")
def kept() -> dict[str, dict[str, str]]:
    content: dict[str, dict[str, str]] = json.loads(IDENTITIES.read_text("utf-8"))
    return content


def test_every_variant_is_kept(kept: dict[str, dict[str, str]]) -> None:
    assert list(kept) == [*VARIANTS, SWIFT]
    programs = [(*identities.values(),)[1:] for identities in kept.values()]
    assert len(set(programs)) == len(programs), "two variants are the same package"


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_package_is_what_it_was(
    kept: dict[str, dict[str, str]], variant: str, tmp_path: Path
) -> None:
    now = identity(variant, tmp_path)
    moved = [part for part in PARTS if now[part] != kept[variant][part]]
    assert not moved, f"{variant}: {' and '.join(moved)} changed"


def swift_identity(folder: Path) -> dict[str, str]:
    """Of the file that `--swift` writes."""
    network = Network(geometry=Geometry(0.9, "bicubic"), trained=False)
    exported = pipeline.export(
        network.checkpoint(), folder, spec=network.spec, verify=False, swift=True
    )
    assert exported.swift is not None
    text = without_tool(exported.swift.read_text("utf-8"))
    return {"name": exported.swift.name, "text": digest(text.encode())}


def test_the_swift_file_is_what_it_was(kept: dict[str, dict[str, str]], tmp_path: Path) -> None:
    now = swift_identity(tmp_path)
    moved = [part for part in now if now[part] != kept[SWIFT][part]]
    assert not moved, f"{SWIFT}: {' and '.join(moved)} changed"


def identities_now() -> Iterator[tuple[str, dict[str, str]]]:
    for variant in VARIANTS:
        with tempfile.TemporaryDirectory() as folder:
            yield variant, identity(variant, Path(folder))
    with tempfile.TemporaryDirectory() as folder:
        yield SWIFT, swift_identity(Path(folder))


if __name__ == "__main__":
    if sys.argv[1:] != ["--write"]:
        sys.exit("python tests/test_identities.py --write: keep the identities of today")
    text = json.dumps(dict(identities_now()), indent=1)
    IDENTITIES.write_text(text + "\n", "utf-8")
