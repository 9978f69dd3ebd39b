"""TensorFlowOpLayer: how TensorFlow 2.0 to 2.3 kept functions between layers, as their nodes."""

from collections.abc import Mapping
from typing import Annotated

import msgspec
from msgspec import Raw

from mobilenet.common.text import one_line
from mobilenet.sources.keras.activation_layers import FUNCTIONS
from mobilenet.sources.keras.graph_draft import KerasValue, plain_numbers
from mobilenet.sources.keras.layer_call import CommonSettings, LayerCall
from mobilenet.sources.keras.model_tree import MAX_NAME
from mobilenet.sources.keras.operation_layers import binary

Place = Annotated[int, msgspec.Meta(ge=0, le=1)]
BINARY = {"RealDiv": "Div", "Sub": "Sub", "Mul": "Mul", "Add": "Add", "AddV2": "Add",
          "BiasAdd": "Add"}  # fmt: skip
UNARY = {"Relu": "relu", "Relu6": "relu6", "Sigmoid": "sigmoid", "Tanh": "tanh"}
# attributes, and the only values they are read with; "TkhXQw==" is NHWC
ATTRIBUTES: Mapping[str, tuple[object, ...]] = {
    "T": ({"type": "DT_FLOAT"},),
    "_cloned": ({"b": True},),
    "data_format": ({"s": "TkhXQw=="},),
}


class OperationNode(msgspec.Struct, forbid_unknown_fields=True):
    """A NodeDef as JSON."""

    op: str
    name: str
    input: list[str]
    attr: dict[str, Raw]
    device: str = ""


class NodeSettings(CommonSettings, kw_only=True):
    """Of TensorFlowOpLayer; constants are by the place among the inputs."""

    node_def: OperationNode
    constants: dict[Place, Raw] = msgspec.field(default_factory=dict)


def tensorflow_operation(layer: LayerCall) -> KerasValue:
    """A node of TensorFlow with numbers for what is no value."""
    settings = layer.settings(NodeSettings)
    node = settings.node_def
    for name, raw in node.attr.items():
        value: object = msgspec.json.decode(raw)
        if value not in ATTRIBUTES.get(name, ()):
            raise layer.refusal(f"has {one_line(f'{name} {value}', MAX_NAME)}")
    items: list[object] = list(layer.inputs)
    for place, raw in sorted(settings.constants.items()):
        items.insert(place, plain_numbers(msgspec.json.decode(raw)))
    if node.op in BINARY and len(items) == 2:
        return binary(layer, BINARY[node.op], *items)
    if node.op in UNARY and len(items) == 1:
        return FUNCTIONS[UNARY[node.op]](layer, layer.input)
    raise layer.refusal(f"computes {one_line(node.op, MAX_NAME)} of {len(items)} values")
