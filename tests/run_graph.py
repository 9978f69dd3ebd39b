"""Runs a `mobilenet.graph.FileGraph` with ONNX Runtime."""

from collections.abc import Mapping, Sequence

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

from mobilenet.graph import FileGraph


def model_of(graph: FileGraph, outputs: Sequence[str]) -> onnx.ModelProto:
    """The graph as an ONNX model: opset 17, IR 8."""
    entrance = helper.make_tensor_value_info(
        graph.input.name, onnx.TensorProto.FLOAT, [1, 3, graph.input.height, graph.input.width]
    )
    nodes = [
        helper.make_node(node.op, node.inputs, [node.output], **node.attributes)
        for node in graph.nodes
    ]
    constants = [
        numpy_helper.from_array(constant.load(), name)
        for name, constant in graph.constants.items()
    ]
    results = [helper.make_empty_tensor_value_info(name) for name in outputs]
    made = helper.make_graph(nodes, "graph", [entrance], results, constants)
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def run(
    graph: FileGraph, feeds: Mapping[str, np.ndarray], outputs: Sequence[str] | None = None
) -> dict[str, np.ndarray]:
    """Results by name; `feeds` holds the picture, channels second."""
    names = list(outputs or graph.outputs)
    session = onnxruntime.InferenceSession(
        model_of(graph, names).SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return dict(zip(names, session.run(names, dict(feeds)), strict=True))
