"""TensorFlow's messages, as far as a graph for inference needs them.

tensorflow/core/framework/{graph,function,op_def,node_def,attr_value,tensor,tensor_shape}.proto
and tensorflow/core/protobuf/{saved_model,meta_graph,saved_object_graph,tensor_bundle,
trackable_object_graph}.proto.
"""

from typing import Any

from mobilenet.sources import protobuf

_SHAPE: dict[str, protobuf.Fields] = {
    "Shape": {"dim": (2, "*Dim"), "unknown_rank": (3, "bool")},
    "Dim": {"size": (1, "int64")},
}
_GRAPH: dict[str, protobuf.Fields] = {
    "GraphDef": {"node": (1, "*NodeDef"), "library": (2, "Library")},
    "Library": {"function": (1, "*Function")},
    "Function": {"signature": (1, "Signature"), "node_def": (3, "*NodeDef"), "ret": (4, "*Ret")},
    "Signature": {
        "name": (1, "bytes"), "input_arg": (2, "*Argument"), "output_arg": (3, "*Argument"),
    },
    "Argument": {"name": (1, "bytes")},
    "Ret": {"key": (1, "bytes"), "value": (2, "bytes")},
    "NodeDef": {
        "name": (1, "bytes"), "op": (2, "bytes"), "input": (3, "*bytes"), "attr": (5, "*Attr"),
    },
    "Attr": {"key": (1, "bytes"), "value": (2, "AttrValue")},
    "AttrValue": {
        "list": (1, "ListValue"), "s": (2, "bytes"), "i": (3, "int64"), "f": (4, "float"),
        "b": (5, "bool"), "type": (6, "int32"), "shape": (7, "Shape"), "tensor": (8, "Tensor"),
        "func": (10, "NamedFunction"),
    },
    "ListValue": {
        "s": (2, "*bytes"), "i": (3, "*int64"), "f": (4, "*float"), "b": (5, "*bool"),
        "type": (6, "*int32"),
    },
    "NamedFunction": {"name": (1, "bytes")},
    "Tensor": {
        "dtype": (1, "int32"), "tensor_shape": (2, "Shape"), "tensor_content": (4, "bytes"),
        "float_val": (5, "*float"), "int_val": (7, "*int32"), "string_val": (8, "*bytes"),
        "int64_val": (10, "*int64"), "bool_val": (11, "*bool"),
    },
    **_SHAPE,
}  # fmt: skip
_SAVED_MODEL: dict[str, protobuf.Fields] = {
    "SavedModel": {"meta_graphs": (2, "*MetaGraph")},
    "MetaGraph": {
        "meta_info_def": (1, "MetaInfo"), "graph_def": (2, "GraphDef"),
        "signature_def": (5, "*NamedSignature"), "object_graph_def": (7, "ObjectGraph"),
    },
    "MetaInfo": {"tags": (4, "*bytes")},
    "NamedSignature": {"key": (1, "bytes"), "value": (2, "ServingSignature")},
    "ServingSignature": {"inputs": (1, "*NamedTensor"), "outputs": (2, "*NamedTensor")},
    "NamedTensor": {"key": (1, "bytes"), "value": (2, "TensorInfo")},
    "TensorInfo": {"name": (1, "bytes")},
    "ObjectGraph": {"nodes": (1, "*SavedObject"), "concrete_functions": (2, "*NamedConcrete")},
    "SavedObject": {"children": (1, "*Child")},
    "Child": {"node_id": (1, "int32"), "local_name": (2, "bytes")},
    "NamedConcrete": {"key": (1, "bytes"), "value": (2, "Concrete")},
    "Concrete": {"bound_inputs": (2, "*int32")},
}  # fmt: skip
_BUNDLE_ENTRY: dict[str, protobuf.Fields] = {
    "BundleEntry": {
        "dtype": (1, "int32"), "shape": (2, "Shape"), "shard_id": (3, "int32"),
        "offset": (4, "int64"), "size": (5, "int64"), "slices": (7, "*Slice"),
    },
    "Slice": {},
}  # fmt: skip
_BUNDLE_HEADER: dict[str, protobuf.Fields] = {
    "BundleHeader": {"num_shards": (1, "int32"), "endianness": (2, "int32")}
}
_OBJECTS: dict[str, protobuf.Fields] = {
    "TrackableObjectGraph": {"nodes": (1, "*TrackableObject")},
    "TrackableObject": {"children": (1, "*Child"), "attributes": (2, "*SerializedTensor")},
    "Child": {"node_id": (1, "int32"), "local_name": (2, "bytes")},
    "SerializedTensor": {"name": (1, "bytes"), "checkpoint_key": (3, "bytes")},
}  # fmt: skip


def parse_graph(data: bytes, what: str) -> Any:
    """A `GraphDef`. Raises `CheckpointError`."""
    return protobuf.parse("tensorflow_graph", _GRAPH, data, what)


def parse_saved_model(data: bytes, what: str) -> Any:
    """A `SavedModel`. Raises `CheckpointError`."""
    return protobuf.parse("saved_model", _SAVED_MODEL | _GRAPH, data, what)


def parse_bundle_header(data: bytes, what: str) -> Any:
    """A `BundleHeaderProto`. Raises `CheckpointError`."""
    return protobuf.parse("bundle_header", _BUNDLE_HEADER, data, what)


def bundle_entry_class() -> type[Any]:
    """The class of `BundleEntryProto`: a checkpoint has one for each tensor."""
    return protobuf.message_classes("bundle_entry", _BUNDLE_ENTRY | _SHAPE)["BundleEntry"]


def parse_objects(data: bytes, what: str) -> Any:
    """A `TrackableObjectGraph`. Raises `CheckpointError`."""
    return protobuf.parse("objects", _OBJECTS, data, what)
