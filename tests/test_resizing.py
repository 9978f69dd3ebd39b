"""Each way to resize a map, against grids of points as coremltools' documentation has them."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from export.coremltools_import import coremltools
from export.mil.read.model import read
from programs import run_package, save

Array = np.ndarray
MODES = ("DEFAULT", "STRICT_ALIGN_CORNERS", "ALIGN_CORNERS", "UNALIGN_CORNERS", "OFFSET_CORNERS")
SIZES = [((3, 4), (5, 9)), ((6, 7), (3, 2)), ((4, 3), (1, 5)), ((1, 5), (4, 1)), ((5, 5), (5, 5))]


def grid(mode: str, before: int, after: int) -> Array:
    """Points of one axis: the formulas of `resize_bilinear`, transcribed."""
    i = np.arange(after)
    if mode == "ALIGN_CORNERS" and after == 1:
        return np.array([(before - 1) / 2])
    if mode in ("STRICT_ALIGN_CORNERS", "ALIGN_CORNERS"):
        points = i * (before - 1) / max(after - 1, 1)
    elif mode == "DEFAULT":
        points = i * (before - before / after) / max(after - 1, 1)
    elif mode == "OFFSET_CORNERS":
        delta = max(1, before - 1) / after
        points = 0.5 * delta + i * delta
    else:
        points = i * before / after + 0.5 * before / after - 0.5
    return np.clip(points, 0, before - 1)


def resized(x: Array, mode: str, size: tuple[int, int]) -> Array:
    """The last two axes, one after the other."""
    for axis, after in ((-2, size[0]), (-1, size[1])):
        points = grid(mode, x.shape[axis], after)
        low = np.floor(points).astype(int)
        high = np.minimum(low + 1, x.shape[axis] - 1)
        share = (points - low).reshape(-1, *[1] * (-1 - axis))
        x = np.take(x, low, axis) * (1 - share) + np.take(x, high, axis) * share
    return x


def test_the_grids_are_those_of_the_documentation() -> None:
    wanted = {
        ("UNALIGN_CORNERS", 5): [0, 0.1, 0.5, 0.9, 1], ("ALIGN_CORNERS", 5): [0, .25, .5, .75, 1],
        ("DEFAULT", 5): [0, 0.4, 0.8, 1, 1], ("OFFSET_CORNERS", 5): [0.1, 0.3, 0.5, 0.7, 0.9],
    }  # fmt: skip
    for (mode, after), points in wanted.items():
        np.testing.assert_allclose(grid(mode, 2, after), points)


@pytest.mark.parametrize("mode", MODES)
def test_resize_bilinear(mode: str, tmp_path: Path, rng: np.random.Generator) -> None:
    for number, (before, after) in enumerate(SIZES):
        x = rng.normal(size=(1, 2, *before)).astype(np.float32)

        def resize(mb, x, after=after):
            return mb.resize_bilinear(
                x=x, target_size_height=after[0], target_size_width=after[1], sampling_mode=mode
            )

        (got,) = run_package(save(tmp_path / f"{number}.mlpackage", resize, [x]),
                             {"x0": x}).values()  # fmt: skip
        np.testing.assert_allclose(got, resized(x, mode, after), rtol=1e-5, atol=1e-6)


def test_a_map_of_three_axes_and_one_of_five(tmp_path: Path, rng: np.random.Generator) -> None:
    for mode, lead in itertools.product(("ALIGN_CORNERS", "OFFSET_CORNERS"), ((3,), (1, 2, 2))):
        x = rng.normal(size=(*lead, 4, 5)).astype(np.float32)

        def resize(mb, x, mode=mode):
            return mb.resize_bilinear(
                x=x, target_size_height=7, target_size_width=3, sampling_mode=mode
            )

        path = save(tmp_path / f"{mode}{len(lead)}.mlpackage", resize, [x])
        (got,) = run_package(path, {"x0": x}).values()
        np.testing.assert_allclose(got, resized(x, mode, (7, 3)), rtol=1e-5, atol=1e-6)


METHODS = {
    "STRICT_ALIGN_ENDPOINTS_MODE": "STRICT_ALIGN_CORNERS",
    "ALIGN_ENDPOINTS_MODE": "ALIGN_CORNERS",
    "UPSAMPLE_MODE": "DEFAULT",
    "ROI_ALIGN_MODE": "OFFSET_CORNERS",
}


def old_model(path: Path, shape: tuple[int, ...], add) -> Path:
    """An .mlmodel of one layer from x to y."""
    ct = coremltools()
    builder = ct.models.neural_network.NeuralNetworkBuilder(
        [("x", ct.models.datatypes.Array(*shape))], [("y", None)], disable_rank5_shape_mapping=True
    )
    add(builder)
    ct.utils.save_spec(builder.spec, str(path))
    return path


@pytest.mark.parametrize("method", METHODS)
def test_resize_bilinear_of_the_old_format(
    method: str, tmp_path: Path, rng: np.random.Generator
) -> None:
    x = rng.normal(size=(1, 2, 3, 4)).astype(np.float32)
    path = old_model(
        tmp_path / "r.mlmodel", x.shape,
        lambda b: b.add_resize_bilinear("l", "x", "y", 6, 1, mode=method),
    )  # fmt: skip
    got = run_package(path, {"x": x})["y"]
    np.testing.assert_allclose(got, resized(x, METHODS[method], (6, 1)), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("corners", ["DEFAULT", "ALIGN_CORNERS_TRUE", "ALIGN_CORNERS_FALSE"])
def test_upsample_of_the_old_format(
    corners: str, tmp_path: Path, rng: np.random.Generator
) -> None:
    x = rng.normal(size=(1, 2, 3, 4)).astype(np.float32)
    path = old_model(
        tmp_path / "u.mlmodel", x.shape,
        lambda b: b.add_upsample("l", 2, 3, "x", "y", "BILINEAR", linear_upsample_mode=corners),
    )  # fmt: skip
    got = run_package(path, {"x": x})["y"]
    if corners == "DEFAULT":
        wanted = resized(x, "DEFAULT", (6, 12))
    else:
        aligned = corners == "ALIGN_CORNERS_TRUE"
        wanted = F.interpolate(
            torch.from_numpy(x), (6, 12), mode="bilinear", align_corners=aligned
        ).numpy()  # fmt: skip
    np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-6)
    assert all(op.outputs[0].shape == (1, 2, 6, 12) for op in read(path).function().ops)
