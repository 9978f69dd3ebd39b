"""Compressed constants of Core AI assets: read as Apple's own runtime computes them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import coreai_networks
from export.coreai import construction
from export.coreai.separate_process import CoreAIProcess
from export.mil.read.model import read

pytest.importorskip("coreai", reason="there is no wheel of coreai-core for this machine")


def blockwise(data: np.ndarray, bits: int, offset: np.ndarray, bias: float) -> Any:
    import coreai.authoring as ca

    scale = np.arange(1, 1 + offset.size, dtype=np.float16).reshape(offset.shape) / 8
    bias = np.full(offset.shape, bias, np.float16)
    packed = (
        construction.packed_constant(name, array, bits)
        for name, array in (("w.weight", data), ("w.offset", offset))
    )
    values = [*packed]
    return ca.blockwise_shift_scale(values[0], scale, values[1], bias)


def palette(indices: np.ndarray, bits: int, blocks: tuple[int, ...], vector: int) -> Any:
    import coreai.authoring as ca

    shape = (*blocks, 2**bits, vector)
    table = np.sqrt(np.arange(np.prod(shape)), dtype=np.float16).reshape(shape)
    stored = construction.packed_constant("w.weight", indices, bits)
    return ca.lut_to_dense(stored, table, np.int16(1))


SIGNED = np.arange(-8, 8, dtype=np.int8).repeat(2).reshape(8, 4)
OTHERS = {
    "int4 with offsets": lambda: blockwise(SIGNED, 4, SIGNED[:4, :2].copy(), 0),
    "uint8 with offsets": lambda: blockwise(
        (SIGNED + 99).astype(np.uint8), 8, np.array([[99], [98]], np.uint8), 0
    ),
    "int8 with a bias": lambda: blockwise(SIGNED, 8, SIGNED[:1, :1].copy(), 0.5),
    "1 bit": lambda: palette((SIGNED > 0).astype(np.uint8), 1, (1, 1), 1),
    "3 bits, a table for two rows": lambda: palette((SIGNED % 8).astype(np.uint8), 3, (4, 1), 1),
    "pairs": lambda: palette((SIGNED % 4).astype(np.uint8)[:, :2].copy(), 2, (1, 1), 2),
}


@pytest.fixture(scope="module")
def process() -> Any:
    with CoreAIProcess() as started:
        yield started


@pytest.mark.parametrize("form", OTHERS)
def test_other_forms_are_read_as_apples_runtime_computes_them(
    process: CoreAIProcess, form: str, tmp_path: Path
) -> None:
    import coreai.authoring as ca

    inputs = {"x": ca.TensorSpec((8, 4), np.float16)}
    path = coreai_networks.write(
        tmp_path / "n.aimodel",
        {"main": (inputs, ("y",), lambda x: (ca.broadcasting_add(x, OTHERS[form]()),))},
    )
    process.load(path, "main")
    expected = process.call({"x": np.zeros((8, 4), np.float16)})["y"]
    (add,) = read(path).function().ops
    (weight,) = add.inputs["y"]
    assert np.array_equal(weight.load(), expected)
