"""Resizing of the last two dimensions."""

import numpy as np

from export.mil.ops.operation import Call, lowers

# MIL's sampling modes that are one of ONNX's coordinate transformations
SAMPLING = {
    "STRICT_ALIGN_CORNERS": "align_corners",
    "ALIGN_CORNERS": "align_corners",
    "UNALIGN_CORNERS": "half_pixel",
    "DEFAULT": "asymmetric",
}


@lowers("upsample_nearest_neighbor")
def upsample_nearest_neighbor(call: Call) -> str:
    return _resize(call, mode="nearest", nearest_mode="floor", transformation="asymmetric")


@lowers("resize_nearest_neighbor")
def resize_nearest_neighbor(call: Call) -> str:
    return _resize(call, mode="nearest", nearest_mode="floor", transformation="asymmetric")


@lowers("upsample_bilinear")
def upsample_bilinear(call: Call) -> str:
    aligned = call.flag("align_corners", True)
    transformation = "align_corners" if aligned else "half_pixel"
    return _resize(call, mode="linear", transformation=transformation)


@lowers("resize_bilinear", "resize")
def resize_bilinear(call: Call) -> str:
    mode = call.text("sampling_mode", "DEFAULT")
    centred = mode == "ALIGN_CORNERS" and 1 in call.op.outputs[0].shape[-2:]
    if mode not in SAMPLING or centred:
        raise call.unsupported(f"sampling_mode {mode!r}")
    method = call.text("interpolation_mode", "LINEAR").lower()
    if method == "nearest_neighbor":
        raise call.unsupported("interpolation_mode 'NEAREST_NEIGHBOR'")
    return _resize(call, mode="linear", transformation=SAMPLING[mode])


def _resize(call: Call, mode: str, transformation: str, **options: str) -> str:
    """To the size that MIL declares, which also fixes the scale."""
    sizes = call.constant([*call.shape()[:-2], *call.op.outputs[0].shape[-2:]], np.int64)
    return call.emit(
        "Resize", call["x"], None, None, sizes, mode=mode,
        coordinate_transformation_mode=transformation, **options,
    )  # fmt: skip
