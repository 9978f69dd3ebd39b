"""Caffe's messages, of a caffemodel and of a prototxt, as far as they are read.

BVLC/caffe, src/caffe/proto/caffe.proto: names and numbers are its own, so that a prototxt is
read by them. A field that is not declared here is refused.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mobilenet.common.decoding import decoding
from mobilenet.common.errors import CheckpointError
from mobilenet.sources import protobuf
from mobilenet.sources.graph_writer import NOT_READ
from mobilenet.sources.protobuf import text

MAX_PROTOTXT_BYTES = 1 << 20
_ENGINE = "DEFAULT|CAFFE|CUDNN"
_PHASE = "TRAIN|TEST"
_MESSAGES: dict[str, protobuf.Fields] = {
    "NetParameter": {
        "name": (1, "bytes"), "layers": (2, "*V1Layer"), "input": (3, "*bytes"),
        "input_dim": (4, "*int32"), "force_backward": (5, "bool"), "debug_info": (7, "bool"),
        "input_shape": (8, "*BlobShape"), "layer": (100, "*LayerParameter"),
    },
    "V1Layer": {"name": (4, "bytes")},
    "LayerParameter": {
        "name": (1, "bytes"), "type": (2, "bytes"), "bottom": (3, "*bytes"), "top": (4, "*bytes"),
        "loss_weight": (5, "*float"), "param": (6, "*ParamSpec"), "blobs": (7, "*BlobProto"),
        "include": (8, "*NetStateRule"), "exclude": (9, "*NetStateRule"), "phase": (10, _PHASE),
        "propagate_down": (11, "*bool"), "transform_param": (100, "Transformation"),
        "loss_param": (101, "Ignored"), "accuracy_param": (102, "Ignored"),
        "concat_param": (104, "Concat"), "convolution_param": (106, "Convolution"),
        "data_param": (107, "Ignored"), "dropout_param": (108, "Dropout"),
        "eltwise_param": (110, "Eltwise"), "image_data_param": (115, "Ignored"),
        "inner_product_param": (117, "InnerProduct"), "pooling_param": (121, "Pooling"),
        "relu_param": (123, "ReLU"), "sigmoid_param": (124, "Engine"),
        "softmax_param": (125, "Softmax"), "reshape_param": (133, "Reshape"),
        "flatten_param": (135, "Flatten"), "batch_norm_param": (139, "BatchNorm"),
        "scale_param": (142, "Scale"), "input_param": (143, "Input"),
    },
    "ParamSpec": {
        "name": (1, "bytes"), "share_mode": (2, "STRICT|PERMISSIVE"), "lr_mult": (3, "float"),
        "decay_mult": (4, "float"),
    },
    "NetStateRule": {
        "phase": (1, _PHASE), "min_level": (2, "int32"), "max_level": (3, "int32"),
        "stage": (4, "*bytes"), "not_stage": (5, "*bytes"),
    },
    "BlobProto": {
        "num": (1, "int32"), "channels": (2, "int32"), "height": (3, "int32"),
        "width": (4, "int32"), "data": (5, "*bytes"), "shape": (7, "BlobShape"),
    },
    "BlobShape": {"dim": (1, "*int64")},
    "Transformation": {
        "scale": (1, "float"), "mirror": (2, "bool"), "crop_size": (3, "uint32"),
        "mean_file": (4, "bytes"), "mean_value": (5, "*float"), "force_color": (6, "bool"),
    },
    "Filler": {
        "type": (1, "bytes"), "value": (2, "float"), "min": (3, "float"), "max": (4, "float"),
        "mean": (5, "float"), "std": (6, "float"), "sparse": (7, "int32"),
        "variance_norm": (8, "FAN_IN|FAN_OUT|AVERAGE"),
    },
    "Concat": {"concat_dim": (1, "uint32"), "axis": (2, "int32")},
    "Convolution": {
        "num_output": (1, "uint32"), "bias_term": (2, "bool"), "pad": (3, "*uint32"),
        "kernel_size": (4, "*uint32"), "group": (5, "uint32"), "stride": (6, "*uint32"),
        "weight_filler": (7, "Filler"), "bias_filler": (8, "Filler"), "pad_h": (9, "uint32"),
        "pad_w": (10, "uint32"), "kernel_h": (11, "uint32"), "kernel_w": (12, "uint32"),
        "stride_h": (13, "uint32"), "stride_w": (14, "uint32"), "engine": (15, _ENGINE),
        "axis": (16, "int32"), "force_nd_im2col": (17, "bool"), "dilation": (18, "*uint32"),
    },
    "Dropout": {"dropout_ratio": (1, "float"), "scale_train": (2, "bool")},
    "Eltwise": {
        "operation": (1, "PROD|SUM|MAX"), "coeff": (2, "*float"), "stable_prod_grad": (3, "bool"),
    },
    "InnerProduct": {
        "num_output": (1, "uint32"), "bias_term": (2, "bool"), "weight_filler": (3, "Filler"),
        "bias_filler": (4, "Filler"), "axis": (5, "int32"), "transpose": (6, "bool"),
    },
    "Pooling": {
        "pool": (1, "MAX|AVE|STOCHASTIC"), "kernel_size": (2, "uint32"), "stride": (3, "uint32"),
        "pad": (4, "uint32"), "kernel_h": (5, "uint32"), "kernel_w": (6, "uint32"),
        "stride_h": (7, "uint32"), "stride_w": (8, "uint32"), "pad_h": (9, "uint32"),
        "pad_w": (10, "uint32"), "engine": (11, _ENGINE), "global_pooling": (12, "bool"),
        "round_mode": (13, "CEIL|FLOOR"),
    },
    "ReLU": {"negative_slope": (1, "float"), "engine": (2, _ENGINE)},
    "Engine": {"engine": (1, _ENGINE)},
    "Softmax": {"engine": (1, _ENGINE), "axis": (2, "int32")},
    "Reshape": {"shape": (1, "BlobShape"), "axis": (2, "int32"), "num_axes": (3, "int32")},
    "Flatten": {"axis": (1, "int32"), "end_axis": (2, "int32")},
    "BatchNorm": {
        "use_global_stats": (1, "bool"), "moving_average_fraction": (2, "float"),
        "eps": (3, "float"),
    },
    "Scale": {
        "axis": (1, "int32"), "num_axes": (2, "int32"), "filler": (3, "Filler"),
        "bias_term": (4, "bool"), "bias_filler": (5, "Filler"),
    },
    "Input": {"shape": (1, "*BlobShape")},
    # of layers that are left out, or make pictures: names alone count, for a prototxt
    "Ignored": {
        "top_k": (1, "uint32"), "source": (1001, "bytes"), "batch_size": (1004, "uint32"),
        "backend": (1008, "LEVELDB|LMDB"), "new_height": (1009, "uint32"),
        "new_width": (1010, "uint32"), "shuffle": (1011, "bool"), "root_folder": (1012, "bytes"),
        "normalize": (1013, "bool"), "ignore_label": (1014, "int32"), "is_color": (1015, "bool"),
    },
}  # fmt: skip
TRAINING = {"Accuracy", "SoftmaxWithLoss", "SigmoidCrossEntropyLoss", "Silence"}


def parse_model(data: bytes, name: str) -> Any:
    """The `NetParameter` of a caffemodel. Raises `CheckpointError` for one that is damaged."""
    return _without_old_layers(protobuf.parse("caffe", _MESSAGES, data, name), name)


def beside(path: Path) -> Path | None:
    """The prototxt of a caffemodel: of its name, or the one for deployment in its folder.

    Raises `CheckpointError` where several would do.
    """
    for candidate in (path.with_suffix(".prototxt"), path.with_name("deploy.prototxt")):
        if candidate.is_file():
            return candidate
    paths = sorted(path.parent.glob("*deploy*.prototxt"))
    if len(paths) > 1:
        raise CheckpointError(
            f"{paths[0].name} and {paths[1].name} may both describe {path.name}",
            f"name the right one {path.stem}.prototxt",
        )
    return paths[0] if paths else None


def parse_prototxt(path: Path) -> Any:
    """The `NetParameter` of a prototxt. Raises `CheckpointError` naming what is not known."""
    from google.protobuf import text_format

    with path.open("rb") as file:
        data = file.read(MAX_PROTOTXT_BYTES + 1)
    if len(data) > MAX_PROTOTXT_BYTES:
        raise CheckpointError(f"{path.name} has over {MAX_PROTOTXT_BYTES:,} bytes", NOT_READ)
    with decoding(path.name, NOT_READ):
        net = protobuf.message_classes("caffe", _MESSAGES)["NetParameter"]()
        text_format.Parse(data, net)
    return _without_old_layers(net, path.name)


def _without_old_layers(net: Any, name: str) -> Any:
    if net.layers:
        raise CheckpointError(
            f"{name} has layers of Caffe's first format (V1LayerParameter)",
            "convert it with Caffe's upgrade_net_proto_text and upgrade_net_proto_binary",
        )
    return net


def settings(layer: Any, kind: str, title: str) -> dict[str, Any]:
    """The fields of the message `kind` of a layer. Raises for any other that is set."""
    values: dict[str, Any] = {}
    for field, value in _fields(layer, title):
        if field.name == kind:
            values = {inner.name: _plain(inner, part) for inner, part in _fields(value, title)}
        elif field.name.endswith("_param") and field.name != "transform_param":
            raise CheckpointError(f"{title} has a {field.name}, which is not its own", NOT_READ)
        elif field.name == "param" and any(spec.name for spec in value):
            raise CheckpointError(f"{title} shares its weights by name", NOT_READ)
    return values


def _fields(message: Any, title: str) -> Iterator[tuple[Any, Any]]:
    from google.protobuf.unknown_fields import UnknownFieldSet

    for unknown in UnknownFieldSet(message):
        raise CheckpointError(
            f"{title} has a setting number {unknown.field_number}, which is not read here",
            NOT_READ,
        )
    yield from message.ListFields()


def _plain(field: Any, value: Any) -> Any:
    if field.enum_type is not None:
        return field.enum_type.values_by_number[value].name
    if isinstance(value, bytes):
        return text(value)
    if field.message_type is not None or isinstance(value, bool | int | float):
        return value
    return tuple(value)
