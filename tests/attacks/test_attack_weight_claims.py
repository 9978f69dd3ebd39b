"""Claims: no weight file takes over 1 GB, however much it claims; none is read beyond itself."""

import gzip
import json
import os
import struct
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

from mutated_weights import written
from tensorflow_graphs import const
from weight_files import chunk, varint

LONGEST = 400  # characters of a line
MOST_BYTES = 1_000_000_000
ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


def bomb(path: Path) -> None:
    info = tarfile.TarInfo("a.ckpt")
    info.size = 1 << 40
    path.write_bytes(gzip.compress(info.tobuf()) + gzip.compress(bytes(1 << 20)) * 1100)


def release(path: Path, header: bytes) -> None:
    path.write_bytes(gzip.compress(header + bytes(1 << 16)))


def long_member() -> bytes:
    info = tarfile.TarInfo("x")
    info.size = 1 << 62
    return info.tobuf(tarfile.GNU_FORMAT)


def pax(size: int) -> bytes:
    info = tarfile.TarInfo("x")
    info.type, info.size = tarfile.XHDTYPE, size
    return info.tobuf(tarfile.GNU_FORMAT)


def inflated_h5(path: Path) -> None:
    shape = (3, 3, 3, 1 << 16)
    with kernel_replaced(path) as (file, name):
        file.create_dataset(name, shape, "f4", chunks=shape, compression="gzip")[...] = 0


@contextmanager
def kernel_replaced(path: Path) -> Iterator[tuple[Any, str]]:
    name = "model_weights/conv1/conv1/kernel"
    path.write_bytes(written("keras3"))
    with h5py.File(path, "a") as file:
        del file[name]
        yield file, name


def expanded(path: Path) -> None:
    torch.save({"conv_stem.weight": torch.zeros(1).expand(1 << 20, 1 << 13, 1, 1)}, path)


def pickled_lists(path: Path) -> None:
    path.write_bytes(b"\x80\x02" + b"]" * (1 << 25) + b".")


def empty_nodes(path: Path) -> None:
    path.write_bytes(const("MobilenetV1/x", np.ones(1)) + chunk(1, b"") * (1 << 24))


def packed_numbers(path: Path) -> None:
    layer = chunk(1, b"a") + chunk(106, chunk(3, bytes(1 << 27)))
    path.write_bytes(chunk(1, b"NAME") + chunk(100, layer))


def sparse_file(path: Path) -> None:
    path.write_bytes(struct.pack("<Q", 1 << 40) + b"{")
    os.truncate(path, 1 << 35)


def deep_header(path: Path) -> None:
    text = b'{"a":' * 200_000
    path.write_bytes(struct.pack("<Q", len(text)) + text)


CLAIMS: dict[str, Callable[[Path], object]] = {
    "bomb": bomb,
    "member": lambda path: release(path, long_member()),
    "pax": lambda path: release(path, pax(1 << 40)),
    "pax of digits": lambda path: release(path, pax(1 << 16) + b"7" * (1 << 16)),
    "expanded": expanded,
    "lists": pickled_lists,
    "nodes": empty_nodes,
    "numbers": packed_numbers,
    "sparse": sparse_file,
    "inflated": inflated_h5,
    "deep": deep_header,
    "length": lambda path: path.write_bytes(b"\xa2\x06" + varint((1 << 32) - 1) + bytes(99)),
}


def external_link(path: Path) -> None:
    with kernel_replaced(path) as (file, name):
        file[name] = h5py.ExternalLink("pipe", "/x")


def external_data(path: Path) -> None:
    with kernel_replaced(path) as (file, name):
        file.create_dataset(name, (3, 3, 3, 1), "f4", external=str(path.with_name("pipe")))


def virtual_data(path: Path) -> None:
    layout = h5py.VirtualLayout((3, 3, 3, 1), "f4")
    layout[...] = h5py.VirtualSource("pipe", "x", (3, 3, 3, 1), maxshape=(3, 3, 3, None))
    with kernel_replaced(path) as (file, name):
        file.create_virtual_dataset(name, layout)


# A pipe that nobody writes to holds for ever whoever opens it.
ELSEWHERE = {"link": external_link, "data": external_data, "virtual": virtual_data}
READ_ALL = """
import json, re, sys
from pathlib import Path
from mobilenet.common.errors import CheckpointError
from mobilenet.sources.recognise import read
lines = {}
for path in map(Path, sys.argv[1:]):
    try:
        read(path)
    except CheckpointError as error:
        lines[path.name] = error.message
status = Path("/proc/self/status").read_text()  # getrusage's peak is inherited from the parent
print(json.dumps([lines, int(re.search(r"VmHWM:\\s*(\\d+) kB", status)[1])]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of memory is asked of /proc")
def test_what_claims_terabytes_or_lies_elsewhere(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    cases = CLAIMS | ELSEWHERE
    for name, write in cases.items():
        write(tmp_path / name)
    paths = [str(tmp_path / name) for name in (*cases, "pipe")]
    done = subprocess.run(  # one process, whose memory is counted
        [sys.executable, "-c", READ_ALL, *paths],
        env=ENVIRONMENT, capture_output=True, text=True, timeout=240, check=True,
    )  # fmt: skip
    lines, peak = json.loads(done.stdout)
    assert set(lines) == {*cases, "pipe"}
    assert all(len(line) < LONGEST for line in lines.values())
    assert peak * 1024 < MOST_BYTES
