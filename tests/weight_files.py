"""Writes a checkpoint in every family's format, by hand: no code of ours or of the peers.

Field numbers are those of the formats' own schemas, so that a slip in a reader's schema shows.
"""

import json
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import flatbuffers
import h5py
import numpy as np
import torch
import torch.nn.functional as F
from safetensors.numpy import save_file

from mobilenet.checkpoint import BatchNorm, Checkpoint, Layer, Provenance
from mobilenet.networks.base_config import BaseConfig

STRIDES = {1: 1, 2: 2, 3: 1, 4: 2, 5: 1, 6: 2, 7: 1, 8: 1, 9: 1, 10: 1, 11: 1, 12: 2, 13: 1}


def random_checkpoint(config: BaseConfig, seed: int = 0) -> Checkpoint:
    """Random numbers in the right shapes: made in no time, of no use for comparing outputs."""
    rng, layers = np.random.default_rng(seed), {}

    def normal(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape, np.float32)

    for spec in config.rows():
        vectors = [normal(spec.out_channels) for _ in range(4)]
        shape = (spec.out_channels, spec.in_channels // spec.groups, spec.kernel, spec.kernel)
        layers[spec.name] = Layer(normal(*shape), norm=BatchNorm(*vectors[:3], vectors[3] ** 2))
    layers["logits"] = Layer(
        normal(config.classes, config.readout.channels), normal(config.classes)
    )
    return Checkpoint(config, layers, Provenance("random", trained=False))


def blocks(checkpoint: Checkpoint) -> Iterator[tuple[int, Layer, Layer]]:
    """(number, depthwise, pointwise); in the files, a shallow network's numbers have no gap."""
    names = [name for name in checkpoint.layers if name.endswith("depthwise")]
    for number, name in enumerate(names, start=1):
        pointwise = checkpoint.layers[name.replace("depthwise", "pointwise")]
        yield number, checkpoint.layers[name], pointwise


def pads(padding: str, size: int, stride: int) -> tuple[int, int]:
    """What each family's own code puts before and behind a map, for a 3x3 kernel."""
    even = padding == "keras" or (padding == "same" and size % 2 == 0)
    return (0, 1) if stride == 2 and even else (1, 1)


def plain_forward(
    checkpoint: Checkpoint,
    x: np.ndarray,
    *,
    padding: str,
    epsilon: float,
    activation: Callable[[torch.Tensor], torch.Tensor],
) -> np.ndarray:
    """Logits by torch's functions alone, from the table of families rather than from a config."""

    def unit(x: torch.Tensor, layer: Layer, stride: int, padding: str = padding) -> torch.Tensor:
        kernel = torch.from_numpy(layer.kernel)
        if kernel.shape[-1] == 3:
            before, after = pads(padding, x.shape[-1], stride)
            x = F.pad(x, (before, after, before, after))
        groups = kernel.shape[0] if kernel.shape[1] == 1 and kernel.shape[-1] == 3 else 1
        bias = None if layer.bias is None else torch.from_numpy(layer.bias)
        x = F.conv2d(x, kernel, bias, stride, groups=groups)
        if layer.norm is not None:
            n = [torch.from_numpy(v) for v in vars(layer.norm).values()]
            x = F.batch_norm(x, n[2], n[3], n[0], n[1], eps=epsilon)
        return activation(x)

    y = unit(torch.from_numpy(x), checkpoint.layers["conv0"], 2, padding.replace("keras", "same"))
    for name, layer in list(checkpoint.layers.items())[1:-1]:
        number = int(name.removeprefix("conv").split("_")[0])
        y = unit(y, layer, STRIDES[number] if name.endswith("depthwise") else 1)
    head = checkpoint.layers["logits"]
    assert head.bias is not None
    return (y.mean((2, 3)).numpy() @ head.kernel.T + head.bias).astype(np.float32)


# --- protobuf: a field is its number and wire type, then its value


def varint(value: int) -> bytes:
    out = b""
    while value >= 0x80:
        out, value = out + bytes([value & 0x7F | 0x80]), value >> 7
    return out + bytes([value])


def chunk(number: int, data: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(data)) + data


def integer(number: int, value: int) -> bytes:
    return varint(number << 3) + varint(value)


def real(number: int, value: float) -> bytes:
    return varint(number << 3 | 5) + struct.pack("<f", value)


def caffe_layer(
    name: str, kind: str, bottom: str, top: str = "", setting: bytes = b"", *arrays: np.ndarray
) -> bytes:
    """A layer of a caffemodel; it is in place without `top`."""
    blobs = b""
    for array in arrays:
        shape = chunk(7, chunk(1, b"".join(map(varint, array.shape))))
        blobs += chunk(7, shape + chunk(5, array.astype("<f4").tobytes()))
    words = [(1, name), (2, kind), (3, bottom), (4, top or bottom)]
    head = b"".join(chunk(number, word.encode()) for number, word in words if word)
    return chunk(100, head + blobs + setting)


def caffe(checkpoint: Checkpoint, path: Path, *, epsilon: float | None = None) -> Path:
    """A caffemodel as shicai's: Convolution, BatchNorm, Scale, ReLU; fc7 a convolution."""
    sides = (1, 3, checkpoint.config.resolution, checkpoint.config.resolution)
    shape = chunk(1, chunk(1, b"".join(map(varint, sides))))
    out = chunk(1, b"MOBILENET") + caffe_layer("data", "Input", "", "data", chunk(143, shape))
    last = "data"

    def convolution(name: str, kernel: np.ndarray, stride: int, *bias: np.ndarray) -> None:
        nonlocal out, last
        side = kernel.shape[-1]
        group = kernel.shape[0] if kernel.shape[1] == 1 and side == 3 else 1
        numbers = (1, kernel.shape[0]), (2, len(bias)), (3, side // 2), (4, side), (5, group)
        setting = b"".join(integer(*pair) for pair in (*numbers, (6, stride)))
        out += caffe_layer(name, "Convolution", last, name, chunk(106, setting), kernel, *bias)
        last = name

    def unit(name: str, layer: Layer, stride: int) -> None:
        nonlocal out
        convolution(name, layer.kernel, stride)
        assert layer.norm is not None
        factor = np.array([2.0])  # Caffe stores sums and what to divide them by
        setting = b"" if epsilon is None else chunk(139, real(3, epsilon))
        sums = (layer.norm.mean * 2, layer.norm.variance * 2, factor)
        out += caffe_layer(f"{name}/bn", "BatchNorm", name, "", setting, *sums)
        bias = chunk(142, integer(4, 1))
        vectors = (layer.norm.gamma, layer.norm.beta)
        out += caffe_layer(f"{name}/scale", "Scale", name, "", bias, *vectors)
        out += caffe_layer("relu", "ReLU", name)

    unit("conv1", checkpoint.layers["conv0"], 2)
    names = [name for name in checkpoint.layers if name.endswith("depthwise")]
    for (number, depthwise, pointwise), name in zip(blocks(checkpoint), names, strict=True):
        stride = STRIDES[int(name.removeprefix("conv").split("_")[0])]
        unit(f"conv{number}/dw", depthwise, stride)
        unit(f"conv{number}/sep", pointwise, 1)
    head = checkpoint.layers["logits"]
    assert head.bias is not None
    pool = chunk(121, integer(1, 1) + integer(12, 1))
    out += caffe_layer("pool6", "Pooling", last, "pool6", pool)
    last = "pool6"
    convolution("fc7", head.kernel[..., None, None], 1, head.bias)
    path.write_bytes(out)
    return path


def prototxt(checkpoint: Checkpoint) -> str:
    """The text that goes with `caffe`'s file."""
    size, last = checkpoint.config.resolution, "data"
    out = f'input: "data" input_dim: 2 input_dim: 3 input_dim: {size} input_dim: {size}\n'

    def layer(name: str, kind: str, top: str = "", setting: str = "") -> None:
        nonlocal out, last
        blob = top or last
        out += (
            f'layer {{ name: "{name}" type: "{kind}" bottom: "{last}" top: "{blob}" {setting} }}\n'
        )
        last = blob

    def convolution(name: str, kernel: np.ndarray, stride: int, bias: str = "false") -> None:
        groups = kernel.shape[0] if kernel.shape[1] == 1 and kernel.shape[-1] == 3 else 1
        pad = kernel.shape[-1] // 2
        setting = f"num_output: {kernel.shape[0]} kernel_size: {kernel.shape[-1]} pad: {pad}"
        setting += f" stride: {stride} group: {groups} bias_term: {bias}"
        layer(name, "Convolution", name, f"convolution_param {{ {setting} }}")

    def unit(name: str, kernel: np.ndarray, stride: int) -> None:
        convolution(name, kernel, stride)
        layer(f"{name}/bn", "BatchNorm", setting="batch_norm_param { use_global_stats: true }")
        layer(f"{name}/scale", "Scale", setting="scale_param { bias_term: true }")
        layer("relu", "ReLU")

    unit("conv1", checkpoint.layers["conv0"].kernel, 2)
    names = [name for name in checkpoint.layers if name.endswith("depthwise")]
    for (number, depthwise, pointwise), name in zip(blocks(checkpoint), names, strict=True):
        stride = STRIDES[int(name.removeprefix("conv").split("_")[0])]
        unit(f"conv{number}/dw", depthwise.kernel, stride)
        unit(f"conv{number}/sep", pointwise.kernel, 1)
    layer("pool6", "Pooling", "pool6", "pooling_param { pool: AVE global_pooling: true }")
    head = checkpoint.layers["logits"].kernel
    convolution("fc7", head[..., None, None], 1, bias="true")
    return out


# --- HDF5


def keras(checkpoint: Checkpoint, path: Path, style: str) -> Path:
    """Weights alone; `style`: "keras2" (.h5) or "weights.h5"."""
    layers: dict[str, dict[str, np.ndarray]] = {}

    def add(name: str, layer: Layer, kernel: np.ndarray, key: str = "kernel") -> None:
        assert layer.norm is not None
        n = layer.norm
        layers[name] = {key: kernel}
        layers[f"{name}_bn"] = {
            "gamma": n.gamma, "beta": n.beta, "moving_mean": n.mean, "moving_variance": n.variance,
        }  # fmt: skip

    stem = checkpoint.layers["conv0"]
    add("conv1", stem, stem.kernel.transpose(2, 3, 1, 0))
    for number, depthwise, pointwise in blocks(checkpoint):
        key = "depthwise_kernel" if style == "keras2" else "kernel"
        add(f"conv_dw_{number}", depthwise, depthwise.kernel.transpose(2, 3, 0, 1), key)
        add(f"conv_pw_{number}", pointwise, pointwise.kernel.transpose(2, 3, 1, 0))
    head = checkpoint.layers["logits"]
    assert head.bias is not None
    layers["conv_preds"] = {"kernel": head.kernel.T[None, None], "bias": head.bias}
    with h5py.File(path, "w") as file:
        for place, (name, variables) in enumerate(layers.items()):
            for index, (key, value) in enumerate(variables.items()):
                if style == "keras2":
                    file[f"{name}/{name}/{key}:0"] = value
                else:
                    file[f"layers/some_{place}/vars/{index}"] = value
                    file[f"layers/some_{place}/vars"].attrs["name"] = name
    return path


# --- named tensors


def _torch_norm(layer: Layer, prefix: str) -> dict[str, np.ndarray]:
    assert layer.norm is not None
    n = layer.norm
    values = {"weight": n.gamma, "bias": n.beta, "running_mean": n.mean, "running_var": n.variance}
    return {f"{prefix}.{key}": value for key, value in values.items()} | {
        f"{prefix}.num_batches_tracked": np.array(7)
    }


def _classifier(checkpoint: Checkpoint) -> dict[str, np.ndarray]:
    head = checkpoint.layers["logits"]
    assert head.bias is not None
    return {"classifier.weight": head.kernel, "classifier.bias": head.bias}


def timm_state(checkpoint: Checkpoint) -> dict[str, np.ndarray]:
    stem = checkpoint.layers["conv0"]
    state = {"conv_stem.weight": stem.kernel} | _torch_norm(stem, "bn1")
    per_stage = (1, 2, 2, 6, 2) if not checkpoint.config.shallow else (1, 2, 2, 1, 2)
    places = [(stage, block) for stage, count in enumerate(per_stage) for block in range(count)]
    for (stage, block), (_, depthwise, pointwise) in zip(places, blocks(checkpoint), strict=True):
        prefix = f"blocks.{stage}.{block}"
        state[f"{prefix}.conv_dw.weight"] = depthwise.kernel
        state[f"{prefix}.conv_pw.weight"] = pointwise.kernel
        state |= _torch_norm(depthwise, f"{prefix}.bn1") | _torch_norm(pointwise, f"{prefix}.bn2")
    return state | _classifier(checkpoint)


def timm(checkpoint: Checkpoint, path: Path) -> Path:
    save_file({k: np.ascontiguousarray(v) for k, v in timm_state(checkpoint).items()}, path)
    return path


def timm_pth(checkpoint: Checkpoint, path: Path) -> Path:
    state = {key: torch.from_numpy(np.array(v)) for key, v in timm_state(checkpoint).items()}
    torch.save({"state_dict": state, "epoch": 3}, path)
    return path


def transformers(checkpoint: Checkpoint, folder: Path, **config: Any) -> Path:
    """A repository: weights, config.json, preprocessor_config.json."""
    folder.mkdir(exist_ok=True)
    stem, root = checkpoint.layers["conv0"], "mobilenet_v1"
    units = [("conv_stem", stem)]
    for number, depthwise, pointwise in blocks(checkpoint):
        units += [(f"layer.{2 * number - 2}", depthwise), (f"layer.{2 * number - 1}", pointwise)]
    state = _classifier(checkpoint)
    for name, layer in units:
        state[f"{root}.{name}.convolution.weight"] = layer.kernel
        state |= _torch_norm(layer, f"{root}.{name}.normalization")
    save_file({k: np.ascontiguousarray(v) for k, v in state.items()}, folder / "model.safetensors")
    settings = {"model_type": root, "image_size": checkpoint.config.resolution,
                "layer_norm_eps": checkpoint.config.bn_epsilon} | config  # fmt: skip
    (folder / "config.json").write_text(json.dumps(settings))
    processor = {
        "image_mean": [0.5] * 3,
        "image_std": [0.5] * 3,
        "resample": 2,
        "size": {"shortest_edge": 256},
        "crop_size": {"height": 224, "width": 224},
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(processor))
    return folder


# --- flatbuffers: a table is a list of slots, numbered as in schema.fbs


class FlatBuilder:
    def __init__(self) -> None:
        self.builder = flatbuffers.Builder(1 << 20)

    def table(self, slots: int, **values: Any) -> int:
        b = self.builder
        b.StartObject(slots)
        for key, value in values.items():
            kind, slot = key.split("_")
            add = {"i8": b.PrependInt8Slot, "i32": b.PrependInt32Slot,
                   "f32": b.PrependFloat32Slot,
                   "at": b.PrependUOffsetTRelativeSlot}[kind]  # fmt: skip
            add(int(slot), value, 0)
        return int(b.EndObject())

    def array(self, values: np.ndarray) -> int:
        return int(self.builder.CreateNumpyVector(values))

    def tables(self, offsets: list[int]) -> int:
        self.builder.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            self.builder.PrependUOffsetTRelative(offset)
        return int(self.builder.EndVector())


# schema.fbs, BuiltinOperator
CONV, DEPTHWISE, POOL, RESHAPE, SOFTMAX, DEQUANTIZE = 3, 4, 1, 22, 25, 6
KINDS_OF_OPTIONS = {CONV: 1, DEPTHWISE: 2, POOL: 5, RESHAPE: 17, SOFTMAX: 9}


def tflite(folded: Checkpoint, path: Path, kind: str = "float32") -> Path:
    """A `.tflite` of a folded checkpoint; `kind`: float32, float16 (dequantised), uint8."""
    flat, tensors, buffers, operators = FlatBuilder(), [], [], []
    codes = [CONV, DEPTHWISE, POOL, RESHAPE, SOFTMAX, DEQUANTIZE]
    size = folded.config.resolution

    def tensor(shape: tuple[int, ...], array: np.ndarray | None = None, scale: float = 0.0,
               zero: int = 0, dtype: int = 0) -> int:  # fmt: skip
        raw = np.zeros(0, np.uint8) if array is None else np.frombuffer(array.tobytes(), np.uint8)
        buffers.append(flat.table(1, at_0=flat.array(raw)))
        quantization = {}
        if scale:
            scales, zeros = flat.array(np.float32([scale])), flat.array(np.int64([zero]))
            quantization = {"at_4": flat.table(7, at_2=scales, at_3=zeros)}
        name = flat.builder.CreateString(f"tensor {len(tensors)}")
        tensors.append(
            flat.table(
                5,
                at_0=flat.array(np.int32(shape)),
                i8_1=dtype,
                i32_2=len(buffers) - 1,
                at_3=name,
                **quantization,
            )
        )
        return len(tensors) - 1

    def weight(array: np.ndarray) -> int:
        if kind == "float16":
            stored = tensor(array.shape, array.astype(np.float16), dtype=1)
            made = tensor(array.shape)
            operate(DEQUANTIZE, [stored], [made])
            return made
        if kind == "float32":
            return tensor(array.shape, array)
        low, high = min(array.min(), 0), max(array.max(), 0)
        scale = float(high - low) / 255
        zero = round(-float(low) / scale)
        return tensor(array.shape, np.uint8(np.clip(np.rint(array / scale) + zero, 0, 255)),
                      scale, zero, 3)  # fmt: skip

    def bias(array: np.ndarray) -> int:
        if kind != "uint8":
            return tensor(array.shape, array)
        return tensor(array.shape, np.int32(np.rint(array / 1e-5)), 1e-5, 0, 2)

    def operate(code: int, inputs: list[int], outputs: list[int], **options: int) -> None:
        made = {"i8_3": code_type, "at_4": options["table"]} if (
            code_type := KINDS_OF_OPTIONS.get(code, 0)
        ) else {}  # fmt: skip
        ins, outs = flat.array(np.int32(inputs)), flat.array(np.int32(outputs))
        index = codes.index(code)
        operators.append(flat.table(5, i32_0=index, at_1=ins, at_2=outs, **made))

    pixels = {"scale": 1 / 128, "zero": 128, "dtype": 3} if kind == "uint8" else {}
    current = tensor((1, size, size, 3), **pixels)
    for name, layer in folded.layers.items():
        depthwise, head = name.endswith("depthwise"), name == "logits"
        kernel = layer.kernel[..., None, None] if head else layer.kernel
        if head:  # one window over the whole map
            pool = flat.table(6, i8_0=1, i32_1=size, i32_2=size, i32_3=size, i32_4=size)
            pooled = tensor((1, 1, 1, kernel.shape[1]))
            operate(POOL, [current], [pooled], table=pool)
            current, size = pooled, 1
        channels = kernel.shape[0]
        kernel = kernel.transpose((1, 2, 3, 0) if depthwise else (0, 2, 3, 1))
        number = 0 if head else int(name.removeprefix("conv").split("_")[0])
        stride = 2 if name == "conv0" else STRIDES[number] if depthwise else 1
        act = 0 if head else 3  # NONE, RELU6
        after = {"i8_4": act} if depthwise else {"i8_3": act}
        assert layer.bias is not None
        inputs = [current, weight(np.ascontiguousarray(kernel)), bias(layer.bias)]
        options = flat.table(5, i8_0=0, i32_1=stride, i32_2=stride, **after)
        size = -(-size // stride)
        current = tensor((1, size, size, channels))
        operate(DEPTHWISE if depthwise else CONV, inputs, [current], table=options)
    row = flat.array(np.int32([1, folded.config.classes]))
    logits = tensor((1, folded.config.classes))
    operate(RESHAPE, [current], [logits], table=flat.table(1, at_0=row))
    softmax = flat.table(1, f32_0=1.0)
    operate(SOFTMAX, [logits], [tensor((1, folded.config.classes))], table=softmax)
    graph = flat.table(
        5, at_0=flat.tables(tensors), at_1=flat.array(np.int32([0])),
        at_2=flat.array(np.int32([len(tensors) - 1])), at_3=flat.tables(operators),
    )  # fmt: skip
    kinds = flat.tables([flat.table(4, i8_0=code, i32_2=1, i32_3=code) for code in codes])
    graphs = flat.tables([graph])
    model = flat.table(5, i32_0=3, at_1=kinds, at_2=graphs, at_4=flat.tables(buffers))
    flat.builder.Finish(model, b"TFL3")
    path.write_bytes(bytes(flat.builder.Output()))
    return path
