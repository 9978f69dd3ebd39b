"""Assets of Core AI in the form of this package's own, and of any operations.

Written with Apple's library, not with ours: what is read is not what was written here.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from export.coreai import library
from mobilenet import fold
from mobilenet.checkpoint import Checkpoint, Layer, Provenance
from mobilenet.networks.classifier import LOGITS
from mobilenet.networks.rows import IMAGE
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.preprocess import INCEPTION, Normalization

Inputs = Mapping[str, Any]
Compute = Callable[..., Sequence[Any]]
OUTPUTS = ("logits", "probabilities")


def sizes(*values: int) -> np.ndarray[Any, np.dtype[np.uint32]]:
    """Sizes, steps, pads and orders as Core AI takes them."""
    return np.array(values, np.uint32)


def axes(*values: int) -> np.ndarray[Any, np.dtype[np.int32]]:
    """Axes and indices as Core AI takes them."""
    return np.array(values, np.int32)


def write(
    path: Path, functions: Mapping[str, tuple[Inputs, Sequence[str], Compute]], **metadata: Any
) -> Path:
    """An asset of functions: their inputs, names of their outputs, and what these are of those."""
    import coreai.authoring as ca

    module = ca.Module.create()
    with module:
        for name, (inputs, outputs, compute) in functions.items():
            _function(name, inputs, outputs, compute)
    module.verify()
    ca.AIProgram(module).save_asset(path)
    about = path / "metadata.json"
    content = json.loads(about.read_text()) | {"creatorDefinedMetadata": metadata}
    about.write_text(json.dumps(content))
    return path


def _function(name: str, inputs: Inputs, outputs: Sequence[str], compute: Compute) -> None:
    from coreai._compiler.dialects._coreai_ops_gen import OutputOp
    from coreai._compiler.ir import ArrayAttr, DictAttr, FunctionType, StringAttr, TypeAttr
    from coreai.authoring import Value
    from coreai.authoring.graph_builder import GraphOp

    graph = GraphOp(name, [spec._to_mlir_type() for spec in inputs.values()], [], [*inputs], [])
    with graph.block:
        results = [each._to_mlir() for each in compute(*map(Value._from_mlir, graph.arguments))]
        OutputOp(results)
    kinds = FunctionType.get(graph.type.inputs, [result.type for result in results])
    names = [DictAttr.get({"coreai.name": StringAttr.get(output)}) for output in outputs]
    graph.attributes["function_type"] = TypeAttr.get(kinds)
    graph.attributes["res_attrs"] = ArrayAttr.get(names)


def mend_hash(asset: Path) -> None:
    """Write the hash that fits the program as it is."""
    digest = hashlib.sha256((asset / "main.mlirb").read_bytes()).digest()
    (asset / "main.hash").write_bytes(digest)


def folded_network(normalization: Normalization = INCEPTION) -> Checkpoint:
    """A small network whose weights were drawn, without batch norm."""
    config = MobileNetConfig(0.25, 32, classes=10, shallow=True)
    shapes = {row.name: row.kernel_shape for row in config.rows()} | config.readout.kernels
    rng = np.random.default_rng(14)
    layers = {}
    for name, shape in shapes.items():
        deviation = np.sqrt(2 / np.prod(shape[1:]))
        kernel = rng.normal(0, deviation, shape).astype(np.float32)
        layers[name] = Layer(kernel, rng.uniform(0, 1, shape[0]).astype(np.float32))
    labels = tuple(f"class {number}" for number in range(10))
    return Checkpoint(
        config, layers, Provenance("drawn", trained=False), normalization, labels=labels
    )


def classifier(path: Path, checkpoint: Checkpoint, dtype: Any = np.float32) -> Path:
    """A network of ours: `main` takes a BGRA picture, `pixels` the same as an array."""
    import coreai.authoring as ca

    size = checkpoint.config.resolution
    network = Classifier(checkpoint, dtype)
    picture = ca.ImageSpec(library.picture_format("BGRA32"), size, size)
    pixels = ca.TensorSpec((size, size, 4), np.uint8)

    def main(image: Any) -> Sequence[Any]:
        return network(ca.image_to_tensor(image))

    functions = {
        "main": ({"image": picture}, OUTPUTS, main),
        "pixels": ({"image": pixels}, OUTPUTS, network),
    }
    return write(path, functions, labels=list(checkpoint.labels))


class Classifier:
    """Writes a folded network behind (H, W, 4) pixels: its first kernel reads blue first."""

    def __init__(self, checkpoint: Checkpoint, dtype: Any) -> None:
        self.network = fold.fold_input_scaling(fold.fold(checkpoint))
        self.scaling, _ = checkpoint.normalization.split()
        self.dtype = dtype

    def __call__(self, pixels: Any) -> Sequence[Any]:
        """Logits and probabilities."""
        import coreai.authoring as ca

        x = self._scaled(pixels)
        for row in self.network.config.rows():
            if any(row.pads):
                x = ca.pad(x, sizes(0, 0, 0, 0, *row.pads), self.dtype(0))
            x = self._layer(x, row.name, row.stride, row.groups, turned=row.reads == IMAGE)
            x = ca.broadcasting_minimum(ca.broadcasting_maximum(x, self.dtype(0)), self.dtype(6))
        x = self._layer(ca.reduce_mean(x, axes(2, 3)), LOGITS, 1, 1)
        logits = ca.cast(ca.reshape(x, axes(1, -1)), ca.float32)
        return logits, ca.softmax(logits, np.int32(1))

    def _scaled(self, pixels: Any) -> Any:
        import coreai.authoring as ca

        size = self.network.config.resolution
        x = ca.slice_(pixels, axes(0, 0, 0), axes(size, size, 3), axes(1, 1, 1))
        x = ca.reshape(ca.transpose(x, sizes(2, 0, 1)), sizes(1, 3, size, size))
        x = ca.broadcasting_mul(ca.cast(x, ca.float32), np.float32(self.scaling.scale))
        bias = np.array(self.scaling.bias, np.float32)[::-1].reshape(1, 3, 1, 1)
        x = ca.broadcasting_add(x, library.named_constant("image.bias", bias))
        return ca.cast(x, ca.float16) if self.dtype is np.float16 else x

    def _layer(self, x: Any, name: str, stride: int, groups: int, turned: bool = False) -> Any:
        import coreai.authoring as ca

        layer = self.network.layers[name]
        assert layer.bias is not None, "folded"
        kernel = layer.kernel.reshape((*layer.kernel.shape, 1, 1)[:4]).astype(self.dtype)
        kernel = kernel[:, ::-1] if turned else kernel
        weight = library.named_constant(f"{name}.weight", kernel)
        x = ca.conv2d(x, weight, sizes(stride, stride), sizes(1, 1), np.uint32(groups))
        bias = layer.bias.astype(self.dtype).reshape(1, -1, 1, 1)
        return ca.broadcasting_add(x, library.named_constant(f"{name}.bias", bias))
