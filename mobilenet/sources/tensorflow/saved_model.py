"""SavedModels: a folder of saved_model.pb and the variables' checkpoint.

tensorflow/core/protobuf/saved_model.proto; TensorFlow's and Keras' own exports of both versions.
"""

from pathlib import Path
from typing import Any

from mobilenet.common.errors import CheckpointError
from mobilenet.sources.tensorflow.called_functions import inlined
from mobilenet.sources.tensorflow.captured_variables import variables
from mobilenet.sources.tensorflow.graph_messages import parse_saved_model
from mobilenet.sources.tensorflow.operations import TfGraph, decoded, operand, operations_of
from mobilenet.sources.tensorflow.variable_bundle import read_bundle

GRAPH_FILE = "saved_model.pb"
MAX_GRAPH_BYTES = 1 << 28
SERVING, TAG = "serving_default", b"serve"
_NOT_FOR_PICTURES = {"__saved_model_init_op", "__saved_model_train_op"}


def read_saved_model(folder: Path) -> TfGraph:
    """The graph that serves, with its variables. Raises `CheckpointError`."""
    path = folder / GRAPH_FILE
    if path.stat().st_size > MAX_GRAPH_BYTES:
        raise CheckpointError(f"{path.name} has {path.stat().st_size:,} bytes", "is it a network?")
    meta = _serving(parse_saved_model(path.read_bytes(), path.name), folder.name)
    operations = operations_of(meta.graph_def.node)
    signature = _signature(meta)
    named = [operand(decoded(output.value.name)) for output in signature.outputs]
    has_variables = (folder / "variables" / "variables.index").exists()
    held = (
        variables(operations, meta.object_graph_def, read_bundle(folder / "variables"))
        if has_variables
        else {}
    )
    plain, outputs = inlined(operations, meta.graph_def.library, named)
    return TfGraph("TensorFlow SavedModel", plain, outputs, held)


def _serving(model: Any, name: str) -> Any:
    serving = [meta for meta in model.meta_graphs if TAG in meta.meta_info_def.tags]
    graphs = serving if len(model.meta_graphs) > 1 else list(model.meta_graphs)
    if len(graphs) != 1:
        raise CheckpointError(
            f"{name} holds {len(graphs)} graphs that serve, not 1", "export the model again"
        )
    return graphs[0]


def _signature(meta: Any) -> Any:
    """What is called to serve: its own name, or the only one there is."""
    by_name = {decoded(named.key): named.value for named in meta.signature_def}
    usable = {name: value for name, value in by_name.items() if name not in _NOT_FOR_PICTURES}
    if SERVING in usable:
        usable = {SERVING: usable[SERVING]}
    if len(usable) != 1:
        raise CheckpointError(
            f"the SavedModel has the signatures {', '.join(usable) or 'none'}",
            f"export it with one signature, {SERVING}",
        )
    return next(iter(usable.values()))
