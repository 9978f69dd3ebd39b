"""Structured mutants of small weight files: one thing that a file says of itself is made untrue.

A family's function takes a source of chance and an empty folder, and writes one file there.
"""

import gzip
import io
import json
import struct
import tarfile
import warnings
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import h5py
import numpy as np
import torch

import keras_networks
import mutated_hdf5
import slim_files
import weight_files
from mobilenet import store
from mobilenet.checkpoint import Checkpoint
from mobilenet.fold import fold
from mobilenet.networks.v1 import MobileNetConfig
from mutations import NUMBERS, TEXTS, cut_or_spliced, json_mutant, message_mutant, patched

TYPES = ("F4", "F8_E4M3", "F8_E8M0", "BF16", "F16", "F64", "C64", "I64", "BOOL", "U8", "X")
PAX = (
    "size", "path", "linkpath", "hdrcharset", "uid", "mtime", "GNU.sparse.map", "GNU.sparse.size",
    "GNU.sparse.major", "GNU.sparse.realsize", "GNU.sparse.numblocks",
)  # fmt: skip
SIGNATURES = (b"PK\3\4", b"PK\1\2", b"PK\5\6")
Family = Callable[[Random, Path], Path]


@cache
def small(rule: str) -> Checkpoint:
    return weight_files.random_checkpoint(MobileNetConfig(0.05, 32, True, 3, width_rule=rule))  # type: ignore[arg-type]


@cache
def written(family: str) -> bytes:
    """A valid file of tens of kilobytes."""
    writers: dict[str, Callable[[Path], Any]] = {
        "ours": lambda path: store.save(small("keras"), path),
        "timm": lambda path: weight_files.timm(small("timm"), path),
        "keras3": lambda path: keras_networks.whole(small("keras"), path),
        "keras": lambda path: keras_networks.whole(small("keras"), path, "keras"),
        "weights.h5": lambda path: weight_files.keras(small("keras"), path, "weights.h5"),
        "tflite": lambda path: weight_files.tflite(fold(small("slim")), path),
        "uint8": lambda path: weight_files.tflite(fold(small("slim")), path, "uint8"),
        "slim": lambda path: slim_files.slim(small("slim"), path),
        "caffe": lambda path: weight_files.caffe(small("keras"), path),
    }
    with TemporaryDirectory() as folder:
        writers[family](Path(folder) / "x")
        return (Path(folder) / "x").read_bytes()


def safetensors(rng: Random, folder: Path, family: str = "timm") -> Path:
    data = written(family)
    end = 8 + struct.unpack_from("<Q", data)[0]
    header = json.loads(data[8:end])
    if "__metadata__" in header and rng.random() < 0.8:
        said = json_mutant(rng, json.loads(header["__metadata__"]["mobilenet"])).decode()
        header["__metadata__"]["mobilenet"] = said
        text = json.dumps(header).encode()
    elif rng.random() < 0.3:
        rng.choice(list(header.values()))["dtype"] = rng.choice(TYPES)
        text = json.dumps(header).encode()
    else:
        text = json_mutant(rng, header)
    data = struct.pack("<Q", len(text)) + text + data[end:]
    return _put(folder, patched(rng, data, 0, 8) if rng.random() < 0.05 else data)


def ours(rng: Random, folder: Path) -> Path:
    return safetensors(rng, folder, "ours")


def beside(rng: Random, folder: Path) -> Path:
    """transformers' JSON beside the weights."""
    weight_files.transformers(small("slim"), folder, id2label={str(n): "x" for n in range(3)})
    path = folder / rng.choice(("config.json", "preprocessor_config.json"))
    path.write_bytes(json_mutant(rng, json.loads(path.read_bytes())))
    return folder


ODD_TENSORS: tuple[Callable[[torch.Tensor], Any], ...] = (
    lambda x: x.to("meta"), lambda x: x.to_sparse(), lambda x: x.to(torch.complex64),
    lambda x: x.to(torch.float8_e4m3fn), lambda x: x.bfloat16(), lambda x: x.half(),
    lambda x: x.double() * 1e300, lambda x: x.long(), lambda x: x > 0, lambda x: x / 0,
    lambda x: x.reshape(-1)[:1].expand(1 << 33), torch._neg_view,
    lambda x: torch.nested.nested_tensor([torch.ones(2), torch.ones(1)]),
    lambda x: x[..., None, None, None],
    lambda x: torch.quantize_per_tensor(x.float(), 0.1, 0, torch.qint8),
    lambda x: x.reshape(-1)[:0],
    lambda x: torch.nn.Parameter(x.float()),
    lambda x: x.mT if x.ndim > 1 else x, lambda x: x.sum(),
    lambda x: [x], lambda x: {"a": x}, lambda x: "x" * 5000, lambda x: None, lambda x: 10**400,
)  # fmt: skip
ODD_NAMES = (*TEXTS, 3, ("a",), None, 1.5)


def pth(rng: Random, folder: Path) -> Path:
    state: dict[Any, Any] = dict(_timm_tensors())
    name, kind = rng.choice(list(state)), rng.random()
    if kind < 0.6:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's, of what is deprecated or a prototype
            state[name] = rng.choice(ODD_TENSORS)(state[name])
    elif kind < 0.7:
        state[rng.choice(ODD_NAMES)] = state.pop(name)
    torch.save(state, folder / "x", _use_new_zipfile_serialization=rng.random() < 0.7)
    if kind < 0.7:
        return folder / "x"
    data = (folder / "x").read_bytes()
    if not zipfile.is_zipfile(folder / "x"):
        return _put(folder, patched(rng, data, rng.randrange(4000), rng.choice((1, 2, 4))))
    if kind < 0.8:
        return _put(folder, _patched_zip(rng, data))
    return _put(folder, _with_member(rng, data, "x/data.pkl"))


@cache
def _timm_tensors() -> dict[str, torch.Tensor]:
    state = weight_files.timm_state(small("timm"))
    return {name: torch.tensor(np.array(value)) for name, value in state.items()}


def _patched_zip(rng: Random, data: bytes) -> bytes:
    """A field of a member's header, of the directory or of its end."""
    sign = rng.choice(SIGNATURES)
    starts = [at for at in range(len(data)) if data.startswith(sign, at)]
    return patched(rng, data, rng.choice(starts) + 2 * rng.randrange(2, 22), rng.choice((2, 4)))


def _with_member(rng: Random, data: bytes, name: str) -> bytes:
    """The zip with one member patched, and its checksum right."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        for info in old.infolist():
            content = old.read(info)
            if info.filename == name:
                content = patched(rng, content, rng.randrange(len(content)), rng.choice((1, 4)))
            new.writestr(info.filename, content)
    return out.getvalue()


def h5(rng: Random, folder: Path) -> Path:
    path = _put(folder, written(rng.choice(("keras3", "weights.h5"))))
    if rng.random() < 0.3:
        data, at = path.read_bytes(), 8 * rng.randrange(400)
        return _put(folder, patched(rng, data, at, rng.choice((1, 2, 4, 8))))
    with h5py.File(path, "a") as file:
        names: list[str] = []
        file.visititems(lambda name, item: names.append(name) if hasattr(item, "dtype") else None)
        mutated_hdf5.replace_dataset(rng, file, rng.choice(names))
        if "model_config" in file.attrs and rng.random() < 0.5:
            text = json_mutant(rng, json.loads(file.attrs["model_config"]))
            del file.attrs["model_config"]
            odd = (text, text.decode()[:60_000].replace("\0", ""), np.arange(9), [b"x"] * 9, 3.5)
            file.attrs["model_config"] = (
                odd[rng.randrange(5)] if len(text) < 60_000 else "[" * 6000
            )
    return path


def keras(rng: Random, folder: Path) -> Path:
    """A `.keras`: a zip of a description and an HDF5 file."""
    with zipfile.ZipFile(io.BytesIO(written("keras"))) as whole:
        described, kept = json.loads(whole.read("config.json")), whole.read("model.weights.h5")
    text = json_mutant(rng, described) if rng.random() < 0.5 else json.dumps(described).encode()
    weights = h5(rng, folder).read_bytes() if rng.random() < 0.2 else kept
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as new:
        new.writestr("config.json", text)
        new.writestr("model.weights.h5", weights)
    return _put(folder, _patched_zip(rng, out.getvalue()))


def tflite(rng: Random, folder: Path) -> Path:
    """Four-byte offsets, lengths and numbers; tables lie before and among the buffers."""
    data = written(rng.choice(("tflite", "uint8")))
    for _ in range(rng.choice((1, 1, 3))):
        data = patched(rng, data, 4 * rng.randrange(len(data) // 4), 4)
    return _put(folder, data)


def slim(rng: Random, folder: Path) -> Path:
    return _put(folder, message_mutant(rng, written("slim")))


def caffe(rng: Random, folder: Path) -> Path:
    return _put(folder, message_mutant(rng, written("caffe")))


def tar(rng: Random, folder: Path) -> Path:
    """A release: its headers, and the records of those that go before a header."""
    out = io.BytesIO()
    records = {rng.choice(PAX): str(rng.choice((*NUMBERS, *TEXTS[:-1]))) for _ in range(3)}
    with tarfile.open(fileobj=out, mode="w", format=rng.choice((0, 1, 2))) as archive:
        for _ in range(rng.choice((1, 1, 1, 1, 50))):
            info = tarfile.TarInfo("a/b_frozen.pb")
            info.size, info.pax_headers = len(written("slim")), records
            archive.addfile(info, io.BytesIO(written("slim")))
    data = bytearray(out.getvalue())
    start = 512 * rng.choice((0, 0, 1, 2))
    at, width = rng.choice(((0, 100), (100, 8), (124, 12), (156, 1), (157, 100), (257, 8)))
    value = rng.choice(
        (b"7" * width, b"L", b"x", b"g", b"S", b"K", b"1", b"../", b"-1", b"\xff" * 12)
    )
    if rng.random() < 0.8:
        data[start + at : start + at + width] = value[:width].ljust(width, b"\0")
    total = sum(data[start : start + 148]) + 8 * 32 + sum(data[start + 156 : start + 512])
    data[start + 148 : start + 156] = b"%06o\0 " % total
    packed = gzip.compress(bytes(data), 1)
    return _put(folder, cut_or_spliced(rng, packed) if rng.random() < 0.1 else packed)


def _put(folder: Path, data: bytes) -> Path:
    (folder / "x").write_bytes(data)
    return folder / "x"


FAMILIES: dict[str, Family] = {
    function.__name__: function
    for function in (safetensors, ours, beside, pth, h5, keras, tflite, slim, caffe, tar)
}
