"""Small ONNX models by their own library, and what is made of them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import NodeProto, TensorProto, helper, numpy_helper

from mobilenet.sources.onnx_model.onnx_file import graph_of
from run_graph import run

RNG = np.random.default_rng(3)
PICTURE = RNG.standard_normal((1, 3, 6, 8)).astype(np.float32)
FIRST: list[Any] = [1, 3, 6, 8]


def normal(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32)


def node(op: str, inputs: str, output: str = "y", **attributes: Any) -> NodeProto:
    names = ["" if name == "-" else name for name in inputs.split()]
    return helper.make_node(op, names, output.split(), name=f"the {output}", **attributes)


def model(
    nodes: Sequence[NodeProto],
    opset: int = 17,
    sides: Sequence[Any] = FIRST,
    kind: int = TensorProto.FLOAT,
    outputs: Sequence[str] = ("y",),
    **constants: Any,
) -> onnx.ModelProto:
    graph = helper.make_graph(
        list(nodes),
        "g",
        [helper.make_tensor_value_info("x", kind, sides)],
        [helper.make_empty_tensor_value_info(name) for name in outputs],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()],
    )
    imports = [helper.make_opsetid("", opset), helper.make_opsetid("other", 1)]
    return helper.make_model(graph, opset_imports=imports, ir_version=8)


def translated(made: onnx.ModelProto, folder: Path, picture: np.ndarray = PICTURE) -> np.ndarray:
    (folder / "x.onnx").write_bytes(made.SerializeToString())
    graph = graph_of(folder / "x.onnx")
    (value,) = run(graph, {graph.input.name: picture}).values()
    return value


def itself(made: onnx.ModelProto, picture: np.ndarray = PICTURE) -> np.ndarray:
    session = onnxruntime.InferenceSession(
        made.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(None, {"x": picture})[0]
