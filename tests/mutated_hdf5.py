"""HDF5 files in which something stands where a dataset stood."""

from random import Random
from typing import Any

import h5py
import numpy as np


def replace_dataset(rng: Random, file: Any, name: str) -> None:
    """In place of a dataset, one that is something else, or lies somewhere else."""
    value, kinds = file[name][()], ("i8", "f2", ">f8", "g", "c8", "?", "S3", "V4")
    del file[name]
    layout = h5py.VirtualLayout(value.shape, "f4")
    layout[...] = h5py.VirtualSource("elsewhere.h5", "x", value.shape)
    outside = [("elsewhere.bin", 0, h5py.h5f.UNLIMITED)]
    rng.choice((
        lambda: file.create_dataset(name, value.shape, rng.choice(kinds)),
        lambda: file.create_dataset(name, data="x" * 100),
        lambda: file.create_dataset(name, value.shape, h5py.string_dtype()),
        lambda: file.create_dataset(name, value.shape, h5py.vlen_dtype(np.float32)),
        lambda: file.create_dataset(name, value.shape, h5py.ref_dtype),
        lambda: file.create_dataset(name, value.shape, np.dtype([("a", "f4"), ("b", "S9")])),
        lambda: file.create_dataset(name, data=h5py.Empty("f4")),
        lambda: file.create_dataset(name, (1 << 40, *value.shape), "f4", chunks=True),
        lambda: file.create_dataset(name, data=value * np.float32("nan")),
        lambda: file.create_dataset(name, data=np.atleast_1d(value), compression="gzip"),
        lambda: file.create_dataset(name, value.shape, "f4", external=outside),
        lambda: file.create_virtual_dataset(name, layout),
        lambda: file.__setitem__(name, h5py.ExternalLink("elsewhere.h5", "/x")),
        lambda: file.__setitem__(name, h5py.SoftLink("/nowhere")),
        lambda: file.__setitem__(name, file["/"]),
    ))()  # fmt: skip
