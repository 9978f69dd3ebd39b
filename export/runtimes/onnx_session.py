"""ONNX Runtime on the CPU, for a model that is a file or bytes."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnxruntime

WEIGHTS = ".weights"  # how the file ends that holds a model's large constants, beside it
LARGE_BYTES = 32 << 20  # of such weights


def open_session(model: str | bytes, threads: int | None = None) -> "onnxruntime.InferenceSession":
    """A session for a path or the bytes of a model; raises as it likes.

    Large weights are used where they lie in the file: the layout that makes convolutions of small
    networks faster is a second copy of them.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or 0
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # fatal: errors are raised, and told once
    if isinstance(model, str) and _bytes_of_weights(Path(model)) > LARGE_BYTES:
        level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
        options.graph_optimization_level = level
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def weights_path(model: Path) -> Path:
    """Where the large constants of `model`, a `.onnx` file, lie if it has any."""
    return model.with_suffix(WEIGHTS)


def _bytes_of_weights(model: Path) -> int:
    path = weights_path(model)
    return path.stat().st_size if path.exists() else 0
