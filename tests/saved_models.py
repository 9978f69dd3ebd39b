"""SavedModels by hand: a table of LevelDB, tensors in shards, functions and their variables."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from tensorflow_graphs import (
    FLOAT,
    STRING,
    TYPES,
    Function,
    Sides,
    Type,
    const,
    conv,
    node,
    picture,
    shape,
)
from weight_files import chunk, integer, varint

RESOURCE = 20  # types.proto
RNG = np.random.default_rng(0)
KERNEL = RNG.standard_normal((3, 3, 3, 4), np.float32)
BIAS = RNG.standard_normal(4).astype(np.float32)


def block(entries: Mapping[bytes, bytes]) -> bytes:
    """A block of a table, and what stands behind it: its type and a checksum."""
    out, before = b"", b""
    for key, value in entries.items():
        pairs = zip(before, key, strict=False)
        shared = next(
            (at for at, (a, b) in enumerate(pairs) if a != b), min(len(before), len(key))
        )
        out += varint(shared) + varint(len(key) - shared) + varint(len(value))
        out, before = out + key[shared:] + value, key
    return out + bytes(4) + (1).to_bytes(4, "little")


def table(entries: Mapping[bytes, bytes], kind: int = 0) -> bytes:
    """A table of one block; `kind` 1 says that it is compressed."""
    data = block(dict(sorted(entries.items())))
    index = block({b"\xff": varint(0) + varint(len(data))})
    end = data + bytes([kind]) + bytes(4) + index + bytes(5)
    place = varint(0) + varint(0) + varint(len(data) + 5) + varint(len(index))
    return end + place.ljust(40, b"\0") + (0xDB4775248B80FB57).to_bytes(8, "little")


def entry(array: np.ndarray | bytes, offset: int, size: int, shard: int = 0) -> bytes:
    """A BundleEntryProto."""
    dtype = STRING if isinstance(array, bytes) else TYPES[array.dtype.name]
    sides = () if isinstance(array, bytes) else array.shape
    return (integer(1, dtype) + chunk(2, shape(sides)) + integer(3, shard)
            + integer(4, offset) + integer(5, size))  # fmt: skip


def checkpoint(folder: Path, tensors: Mapping[str, np.ndarray | bytes]) -> None:
    """The folder "variables" with an index and one shard."""
    variables = folder / "variables"
    variables.mkdir(parents=True)
    data, entries = b"", {b"": integer(1, 1)}
    for key, value in tensors.items():
        if isinstance(value, bytes):
            stored = varint(len(value)) + bytes(4) + value
        else:
            stored = value.tobytes()
        entries[key.encode()] = entry(value, len(data), len(stored))
        data += stored
    (variables / "variables.index").write_bytes(table(entries))
    (variables / "variables.data-00000-of-00001").write_bytes(data)


def signature(key: str, *outputs: str) -> bytes:
    """A signature as a field of a MetaGraphDef."""
    named = b"".join(
        chunk(2, chunk(1, output.encode()) + chunk(2, chunk(1, output.encode())))
        for output in outputs
    )
    return chunk(5, chunk(1, key.encode()) + chunk(2, named))


def write(folder: Path, graph: bytes, *fields: bytes) -> Path:
    """saved_model.pb with one graph."""
    folder.mkdir(exist_ok=True)
    meta = chunk(1, chunk(4, b"serve")) + chunk(2, graph) + b"".join(fields)
    (folder / "saved_model.pb").write_bytes(integer(1, 1) + chunk(2, meta))
    return folder


def of_version_1(folder: Path, slices: str = "") -> Path:
    """Variables that the graph itself restores."""
    names = const("save/names", np.array(["net/bias", "net/kernel", "rate"]))
    graph = [
        picture("images"),
        node("k", "VariableV2", shape=Sides((3, 3, 3, 4)), dtype=Type(FLOAT)),
        node("k/read", "Identity", "k"), conv("conv", "images", "k/read"),
        node("b", "VarHandleOp", shape=Sides((4,)), dtype=Type(FLOAT)),
        node("b/read", "ReadVariableOp", "b", dtype=Type(FLOAT)),
        node("y", "BiasAdd", "conv", "b/read"), node("train", "Frobnicate", "y"),
        names, const("save/slices", np.array([slices, "", ""])),
        node("save/prefix", "Placeholder", dtype=Type(STRING)),
        node("save/RestoreV2", "RestoreV2", "save/prefix", "save/names", "save/slices"),
        node("save/Assign", "Assign", "k", "save/RestoreV2:1"),
        node("save/Identity", "Identity", "save/RestoreV2"),
        node("save/Assign_1", "AssignVariableOp", "b", "save/Identity"),
    ]  # fmt: skip
    tensors = {"net/bias": BIAS, "net/kernel": KERNEL, "rate": np.float32(0.1)}
    checkpoint(folder, tensors)
    return write(folder, b"".join(graph), signature("serving_default", "y:0"))


def function(name: str, arguments: str, nodes: list[bytes], result: str) -> bytes:
    """A function as a field of a library; its one output is called "out"."""
    inputs = b"".join(chunk(2, chunk(1, argument.encode())) for argument in arguments.split())
    body = b"".join(b"\x1a" + field[1:] for field in nodes)  # field 1 of a graph, 3 of a function
    told = chunk(1, chunk(1, name.encode()) + inputs + chunk(3, chunk(1, b"out")))
    return chunk(1, told + body + chunk(4, chunk(1, b"out") + chunk(2, result.encode())))


def child(number: int, name: str) -> bytes:
    """A field of an object: the number of another, and what it is called."""
    return chunk(1, integer(1, number) + chunk(2, name.encode()))


def of_version_2(
    folder: Path, kernel_object: int = 2, inner: str = "inner", stored_as: str = "kernel"
) -> Path:
    """A function that calls another; the kernel is object 2, the bias object 1.

    In the checkpoint, it is the other way around.
    """
    library = [
        function("serve", "x kernel bias", [
            node("call", "StatefulPartitionedCall", "x", "kernel", "bias", f=Function(inner))],
            "call:output:0"),
        function("inner", "x kernel bias", [
            node("k", "ReadVariableOp", "kernel", dtype=Type(FLOAT)),
            conv("conv", "x", "k:value:0"),
            node("b", "ReadVariableOp", "bias", dtype=Type(FLOAT)),
            node("add", "BiasAdd", "conv:output:0", "b:value:0")], "add:output:0"),
    ]  # fmt: skip
    graph = [
        picture("serving_default_x"),
        node("handle", "VarHandleOp", shape=Sides((3, 3, 3, 4)), dtype=Type(FLOAT)),
        node("handle_1", "VarHandleOp", shape=Sides((4,)), dtype=Type(FLOAT)),
        node("Call", "StatefulPartitionedCall", "serving_default_x", "handle", "handle_1",
             f=Function("serve")),
        chunk(2, b"".join(library)),
    ]  # fmt: skip
    bound = chunk(2, varint(kernel_object) + varint(1))
    objects = chunk(1, child(1, "bias") + child(2, "kernel")) + chunk(1, b"") + chunk(1, b"")
    objects += chunk(2, chunk(1, b"serve") + chunk(2, bound))
    stored = chunk(1, child(2, "bias") + child(1, stored_as))
    for key in (b"v/0", b"v/1"):
        stored += chunk(1, chunk(2, chunk(1, b"VARIABLE_VALUE") + chunk(3, key)))
    tensors = {"v/0": KERNEL, "v/1": BIAS, "_CHECKPOINTABLE_OBJECT_GRAPH": stored}
    checkpoint(folder, tensors)
    return write(folder, b"".join(graph), signature("serving_default", "Call:0"),
                 signature("__saved_model_init_op", "NoOp"), chunk(7, objects))  # fmt: skip
