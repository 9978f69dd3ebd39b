"""Pictures looked at between their pixels, against PyTorch's grid_sample, against the definitions
point by point, and against numbers that coremltools' own tests have from Core ML."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from mobilenet.common.errors import UnsupportedError
from op_cases import OpCase, ramp
from op_checks import check, groups
from programs import run_package, save

Array = np.ndarray
CASES: list[OpCase] = []
PICTURE = ramp(2, 3, 4, 6)
POINTS = ramp(2, 5, 3, 2, low=-1.87, high=1.93)
SQUARE = np.arange(1, 17, dtype=np.float32).reshape(1, 1, 4, 4)


def case(kind: str, note: str, build, oracle, *inputs: Array, opset: str = "iOS17") -> None:
    CASES.append(OpCase(kind, build, inputs, oracle, f"{note} {opset}", opset))


def looked_up(x: torch.Tensor, points: torch.Tensor, sampling: str, padding: str, mode: str,
              aligned: bool, value: float) -> Array:  # fmt: skip
    """`resample` by its definition, point by point."""
    extent = np.array(x.shape[:1:-1], float)
    places = points.double().numpy()
    if mode != "unnormalized":
        places = places if mode == "normalized_zero_to_one" else (places + 1) / 2
        places = places * (extent - 1) if aligned else places * extent - 0.5
    result = np.zeros((*x.shape[:2], *places.shape[1:3]))
    for batch, row, column in np.ndindex(places.shape[:3]):
        place = places[batch, row, column]
        if padding != "constant":
            place = [inwards(*pair, padding) for pair in zip(place, extent, strict=True)]
        across, down = place
        if sampling == "nearest":
            across, down = np.round(across), np.round(down)
        sums: Any = 0.0
        for dx, dy in itertools.product((0, 1), (0, 1)):
            left, top = int(np.floor(across)) + dx, int(np.floor(down)) + dy
            share = (1 - abs(across - left)) * (1 - abs(down - top))
            inside = 0 <= left < extent[0] and 0 <= top < extent[1]
            sums = sums + share * (x[batch, :, top, left].numpy() if inside else value)
        result[batch, :, row, column] = sums
    return result


def inwards(place: float, size: float, padding: str) -> float:
    """A place outside brought to where the pixel that stands for it is."""
    if padding != "border":
        edge = 0.0 if padding == "reflection" else -0.5
        length = size - 1 - 2 * edge
        rest = abs(place - edge) % (2 * length)
        place = min(rest, 2 * length - rest) + edge
    return float(np.clip(place, 0, size - 1))


for sampling, padding, mode, aligned in itertools.product(
    ("bilinear", "nearest"), ("constant", "border", "reflection", "symmetric"),
    ("unnormalized", "normalized_minus_one_to_one", "normalized_zero_to_one"), (True, False),
):  # fmt: skip
    case("resample", f"{sampling} {padding} {mode} {aligned}",
         lambda mb, x, p, s=sampling, q=padding, m=mode, a=aligned: mb.resample(
             x=x, coordinates=p, sampling_mode=s, padding_mode=q, padding_value=6.5,
             coordinates_mode=m, align_corners=a),
         lambda x, p, s=sampling, q=padding, m=mode, a=aligned: looked_up(x, p, s, q, m, a, 6.5),
         PICTURE, POINTS * (4 if mode == "unnormalized" else 1))  # fmt: skip
for sampling, padding, aligned in itertools.product(
    ("bilinear", "nearest"), ("constant", "border", "reflection"), (True, False)
):
    mirrored = "symmetric" if padding == "reflection" and not aligned else padding
    case("resample", f"as torch, {sampling} {padding} {aligned}",
         lambda mb, x, p, s=sampling, q=mirrored, a=aligned: mb.resample(
             x=x, coordinates=p, sampling_mode=s, padding_mode=q, padding_value=0.0,
             coordinates_mode="normalized_minus_one_to_one", align_corners=a),
         lambda x, p, s=sampling, q=padding, a=aligned: F.grid_sample(
             x, p, s, q.replace("constant", "zeros"), a),
         PICTURE, POINTS)  # fmt: skip
case("resample", "integers",
     lambda mb, x, p: mb.resample(
         x=x, coordinates=mb.cast(x=p, dtype="int8"), sampling_mode="nearest",
         padding_mode="border", padding_value=0.0, coordinates_mode="unnormalized",
         align_corners=False),
     lambda x, p: x[:, :, 1:2, :1], PICTURE, np.full((2, 1, 1, 2), [-3, 1], np.int32))  # fmt: skip
case("resample", "between two pixels, as coremltools' own test has it",
     lambda mb, x, p: mb.resample(
         x=x, coordinates=p, sampling_mode="nearest", padding_mode="symmetric",
         padding_value=0.0, coordinates_mode="normalized_zero_to_one", align_corners=False),
     lambda x, p: np.float32([[[[22, 33], [11, 33]]]]),
     np.float32([[[[11, 22], [33, 44]]]]),
     np.float32([-1, -2, -3.7, -1, 0, 0, 3.5, 1.2]).reshape(1, 2, 2, 2))  # fmt: skip
for matrices in (1, 2):
    case("affine", f"{matrices} matrices",
         lambda mb, x, m: mb.affine(
             x=x, transform_matrix=m, output_height=5, output_width=3, sampling_mode="bilinear",
             padding_mode="constant", padding_value=0.0, align_corners=True,
             coordinates_mode="normalized_minus_one_to_one"),
         lambda x, m: F.grid_sample(
             x, F.affine_grid(m.view(-1, 2, 3).expand(2, -1, -1), [2, 3, 5, 3], True),
             align_corners=True),
         PICTURE, ramp(matrices, 6))  # fmt: skip
case("affine", "a number of Core ML's",
     lambda mb, x, m: mb.affine(
         x=x, transform_matrix=m, output_height=2, output_width=5, sampling_mode="bilinear",
         padding_mode="constant", padding_value=0.0, align_corners=True,
         coordinates_mode="normalized_minus_one_to_one"),
     lambda x, m: np.float32([[[[10.7525, 5.94, 2.5025, 0.44, 0], [0] * 5]]]),
     np.float32([[[[11, 22], [33, 44]]]]),
     np.float32([[-1, -2, -3.7, -1, 3.5, 1.2]]))  # fmt: skip


def interval(start: float, end: float, points: int, mode: str) -> Array:
    """Points of a box along one axis: `SamplingMode` of NeuralNetwork.proto."""
    if mode == "ALIGN_CORNERS" and points == 1:
        return np.array([(start + end) / 2])
    if mode.endswith("ALIGN_CORNERS"):
        return np.linspace(start, end, points)
    size = end - start + 1
    if mode == "DEFAULT":
        grid = np.linspace(0, size - size / points, points)
    else:
        spacing = max(1, size - 1) / points
        grid = 0.5 * spacing + np.arange(points) * spacing
    return start + np.minimum(size - 1, grid)


def cropped(x: Array, box: Array, size: tuple[int, int], mode: str, value: float) -> Array:
    """One picture (C, H, W) in a box (top, left, bottom, right), in pixels."""
    grids = (interval(box[i], box[i + 2], size[i], mode) for i in (0, 1))
    result = np.zeros((len(x), *size))
    for (i, down), (j, across) in itertools.product(*(list(enumerate(g)) for g in grids)):
        inside = 0 <= down <= x.shape[1] - 1 and 0 <= across <= x.shape[2] - 1
        point = torch.tensor([[[[across, down]]]])
        source = torch.tensor(x[None])
        result[:, i, j] = (
            looked_up(source, point, "bilinear", "border", "unnormalized", False, 0)[0, :, 0, 0]
            if inside else value
        )  # fmt: skip
    return result


CORNERS = np.float32([[0, 1, 2.5, 4], [1, 0.5, 3, 5.25], [0.5, 2, 1.25, 2.5], [-1, 2, 2, 6]])
CENTRES = np.concatenate([(CORNERS[:, :2] + CORNERS[:, 2:]) / 2, CORNERS[:, 2:] - CORNERS[:, :2]],
                         1)  # fmt: skip
SWAPPED = [1, 0, 3, 2]
ALL_BOXES = {
    "CORNERS_HEIGHT_FIRST": CORNERS, "CORNERS_WIDTH_FIRST": CORNERS[:, SWAPPED],
    "CENTER_SIZE_HEIGHT_FIRST": CENTRES, "CENTER_SIZE_WIDTH_FIRST": CENTRES[:, SWAPPED],
}  # fmt: skip
WHICH = np.int32([1, 0, 1, 0])


def crops(x: torch.Tensor, size: tuple[int, int], mode: str, value: float) -> Array:
    pairs = zip(WHICH, CORNERS, strict=True)
    return np.stack([cropped(x[which].numpy(), box, size, mode, value) for which, box in pairs])


for boxes, sampling in itertools.product(
    ALL_BOXES, ("ALIGN_CORNERS", "STRICT_ALIGN_CORNERS", "DEFAULT", "OFFSET_CORNERS")
):
    case("crop_resize", f"{boxes} {sampling}",
         lambda mb, x, b, w, m=boxes, s=sampling: [mb.crop_resize(
             x=x, boxes=b, box_indices=w, target_height=size[0], target_width=size[1],
             box_coordinate_mode=m, sampling_mode=s, pad_value=7.0)
             for size in ((3, 4), (1, 1))],
         lambda x, b, w, s=sampling: [crops(x, size, s, 7.0) for size in ((3, 4), (1, 1))],
         PICTURE, ALL_BOXES[boxes].copy(), WHICH)  # fmt: skip
case("crop_resize", "relative, scaled, a box for each",
     lambda mb, x, b: mb.crop_resize(
         x=x, boxes=b, target_height=2, target_width=3, normalized_coordinates=True,
         spatial_scale=0.5, sampling_mode="ALIGN_CORNERS"),
     lambda x, b: np.stack([
         cropped(x[i].numpy(), b[i].numpy() * np.tile([3, 5], 2) / 2, (2, 3), "ALIGN_CORNERS", 0)
         for i in (0, 1)]),
     PICTURE, np.float32([[0, 0.5, 1, 2], [1, 1.5, 2, 0]]))  # fmt: skip
case("crop_resize", "every box in every picture",
     lambda mb, x, b: mb.crop_resize(
         x=x, roi=mb.reshape(x=b, shape=[4, 1, 4, 1, 1]), target_height=2, target_width=2,
         sampling_mode="ALIGN_CORNERS"),
     lambda x, b: np.stack([[cropped(one, box, (2, 2), "ALIGN_CORNERS", 0) for one in x.numpy()]
                            for box in b.numpy()]),
     PICTURE, CORNERS, opset="iOS15")  # fmt: skip
case("crop_resize", "numbers of Core ML's",
     lambda mb, x, b: mb.crop_resize(
         x=x, roi=mb.reshape(x=b, shape=[3, 1, 5, 1, 1]), target_height=2, target_width=2,
         normalized_coordinates=True, sampling_mode="ALIGN_CORNERS", pad_value=10.0),
     lambda x, b: np.float32([3.1, 5.2, 10, 10, 10, 7.9, 10, 13.9, 2.2, 3.1, 9.4, 10.3])
     .reshape(3, 1, 1, 2, 2),
     SQUARE, np.float32([[0, 0.1, 0.3, 1.3, 1], [0, 0.5, 1.8, 1, 0.3], [0, 0, 0.4, 0.6, 0.7]]),
     opset="iOS16")  # fmt: skip
UPSAMPLED = {
    (True, False): [1, 1.2, 1.4, 1.6, 1.8, 2],
    (False, True): [1, 1, 4 / 3, 5 / 3, 2, 2],
    (False, False): [1, 4 / 3, 5 / 3, 2, 2, 2],
}
for (aligned, centred), row in UPSAMPLED.items():
    case("upsample_bilinear", f"aligned {aligned}, centred {centred}",
         lambda mb, x, a=aligned, c=centred: mb.upsample_bilinear(
             x=x, scale_factor_height=2, scale_factor_width=3, align_corners=a,
             half_pixel_centers=c),
         lambda _, row=row: np.float32([[[row, row]]]), np.float32([[[[1, 2]]]]),
         opset="iOS16")  # fmt: skip
ANSWERS = {
    "NEAREST_NEIGHBOR": [[-6.25] * 2, [9.5] * 2, [9.5] * 2],
    "LINEAR": [[1, 1], [7, 7], [10, 10]],
}
for method, rows in ANSWERS.items():
    x = np.float32([[[[-6.25], [9.5]]]]) if method != "LINEAR" else np.float32([[[[1], [10]]]])
    case("resize", method,
         lambda mb, x, m=method: mb.resize(
             x=x, shape=[3, 2], resized_dims=np.uint32(2), interpolation_mode=m),
         lambda _, r=rows: np.float32([[r]]), x)  # fmt: skip
    case("resize", f"{method}, run-time shape",
         lambda mb, x, s, m=method: mb.resize(
             x=x, shape=s, resized_dims=np.uint32(2), interpolation_mode=m),
         lambda _, s, r=rows: np.float32([[r]]), x, np.int32([3, 2]))  # fmt: skip
for factor, columns in ((0.67, [0, 1]), (1.12, [0, 1, 2]), (2.5, [0, 0, 0, 1, 1, 2, 2])):
    case("upsample_nearest_neighbor", f"{factor}",
         lambda mb, x, f=factor: mb.upsample_nearest_neighbor(
             x=x, scale_factor_height=1.0, scale_factor_width=f),
         lambda x, c=columns: x[..., c], np.float32([[[[1.5, -2.5, 3.5]]]]))  # fmt: skip


@pytest.mark.parametrize("cases", groups(CASES))
def test_operation(cases: list[OpCase], tmp_path: Path) -> None:
    check(cases, tmp_path)


def test_a_grid_that_no_document_tells_is_refused(tmp_path: Path) -> None:
    def build(mb, x):
        return mb.crop_resize(x=x, boxes=CORNERS[:1], sampling_mode="UNALIGN_CORNERS",
                              box_indices=[0])  # fmt: skip

    path = save(tmp_path / "c.mlpackage", build, [SQUARE])
    with pytest.raises(UnsupportedError, match="sampling_mode 'UNALIGN_CORNERS'"):
        run_package(path, {"x0": SQUARE})
